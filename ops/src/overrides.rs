//! The parameters in `--parameter-overrides`.

/// The last value of a parameter, in either form that `sam` accepts.
pub(crate) fn value(overrides: &str, name: &str) -> Option<String> {
    let short = format!("{name}=");
    let long = format!("ParameterKey={name},ParameterValue=");
    let words = overrides.split_whitespace().map(|word| word.trim_start_matches(QUOTES));
    let mut values =
        words.filter_map(|word| word.strip_prefix(&short).or(word.strip_prefix(&long)));
    values.next_back().map(|value| value.trim_matches(QUOTES).to_owned())
}

/// Characters that may surround a word on a command line or in `samconfig.toml`.
const QUOTES: [char; 6] = ['"', '\'', '\\', ',', '[', ']'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_found_in_either_form_and_the_last_one_counts() {
        let overrides = "A=1 ParameterKey=B,ParameterValue=2 A=3 \"C=\" D='{{resolve:x:y}}'";
        let found = ["A", "B", "C", "D", "E"].map(|name| value(overrides, name));
        let expected = [Some("3"), Some("2"), Some(""), Some("{{resolve:x:y}}"), None];
        assert_eq!(found.each_ref().map(Option::as_deref), expected);
    }
}
