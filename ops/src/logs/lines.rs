//! The kinds of lines in a log group.

/// The beginnings of lines that the platform writes.
const PLATFORM: [&str; 4] = ["INIT_START ", "START RequestId", "END RequestId", "REPORT RequestId"];
/// How a line with spans begins.
const TRACE: &str = r#"{"resourceSpans":"#;

/// Whether a line is one of a function.
pub(super) fn is_of_a_function(line: &str) -> bool {
    !line.trim().is_empty() && !PLATFORM.iter().any(|prefix| line.starts_with(prefix))
}

/// Whether a line of a function holds spans.
#[must_use]
pub fn is_trace(line: &str) -> bool {
    line.starts_with(TRACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_of_functions_are_shown() {
        assert!(is_of_a_function(r#"{"level":"info"}"#));
        assert!(is_of_a_function("thread 'main' panicked at src/main.rs:1:1:"));
        assert!(!is_of_a_function("START RequestId: 1 Version: $LATEST"));
        assert!(!is_of_a_function("REPORT RequestId: 1\tDuration: 2 ms"));
        assert!(!is_of_a_function(""));
    }
}
