//! How far back to read.

use std::time::Duration;

use jiff::SignedDuration;

/// Reads a time such as `90s`, `2m`, `1h30m` or `10`, which is in minutes.
///
/// # Errors
/// If it is none, or not above zero.
pub fn parse_since(text: &str) -> Result<Duration, String> {
    let expected = || format!("{text:?} is not a time; write 90s, 2m, 1h, or a number of minutes");
    let text = text.trim();
    if let Ok(minutes) = text.parse::<u32>() {
        return Ok(Duration::from_secs(u64::from(minutes) * 60));
    }
    let time: SignedDuration = text.parse().map_err(|_| expected())?;
    Duration::try_from(time).ok().filter(|time| !time.is_zero()).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit_or_is_in_minutes() {
        for (text, seconds) in
            [("90s", 90), ("2m", 120), ("1h", 3600), ("1h30m", 5400), (" 10 ", 600), ("0", 0)]
        {
            assert_eq!(parse_since(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused_with_examples() {
        for text in ["", "soon", "-2m", "0s", "5 apples", "99999999999"] {
            let error = parse_since(text).unwrap_err();
            assert!(error.contains("90s, 2m, 1h"), "{error}");
        }
    }
}
