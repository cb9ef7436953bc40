//! Figures as people read them.

use jiff::Timestamp;

/// Currencies without the usual two decimals (ISO 4217).
const DECIMALS: [(&str, usize); 24] = [
    ("BHD", 3),
    ("BIF", 0),
    ("CLP", 0),
    ("DJF", 0),
    ("GNF", 0),
    ("IQD", 3),
    ("ISK", 0),
    ("JOD", 3),
    ("JPY", 0),
    ("KMF", 0),
    ("KRW", 0),
    ("KWD", 3),
    ("LYD", 3),
    ("OMR", 3),
    ("PYG", 0),
    ("RWF", 0),
    ("TND", 3),
    ("UGX", 0),
    ("UYI", 0),
    ("VND", 0),
    ("VUV", 0),
    ("XAF", 0),
    ("XOF", 0),
    ("XPF", 0),
];

/// A duration in the unit that fits.
pub(crate) fn millis(ms: f64) -> String {
    match ms {
        ms if ms < 9.95 => format!("{ms:.1} ms"),
        ms if ms < 999.5 => format!("{ms:.0} ms"),
        ms if ms < 9_950.0 => format!("{:.1} s", ms / 1_000.0),
        ms => age(ms / 1_000.0),
    }
}

/// An age in the largest unit that gives at least two.
pub(crate) fn age(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.0} h", s / 3_600.0),
        s => format!("{:.0} d", s / 86_400.0),
    }
}

/// An amount of memory.
pub(crate) fn memory(kib: u64) -> String {
    let tenths = kib * 10 / 1024;
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

/// A time of day in UTC.
pub(crate) fn clock(at_ms: i64) -> String {
    strftime(at_ms, "%H:%M:%S%.3f")
}

/// A date and a time of day in UTC.
pub(crate) fn date(at_ms: i64) -> String {
    strftime(at_ms, "%Y-%m-%d %H:%M:%S")
}

fn strftime(at_ms: i64, form: &str) -> String {
    Timestamp::from_millisecond(at_ms)
        .map_or_else(|_| "?".to_owned(), |at| at.strftime(form).to_string())
}

/// The current time, in milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// An amount with its currency.
pub(crate) fn money(minor: i64, currency: &str) -> String {
    let decimals = DECIMALS.iter().find(|(code, _)| *code == currency).map_or(2, |(_, it)| *it);
    let digits = format!("{:0>width$}", minor.unsigned_abs(), width = decimals + 1);
    let (whole, part) = digits.split_at(digits.len() - decimals);
    let sign = if minor < 0 { "-" } else { "" };
    let point = if decimals > 0 { "." } else { "" };
    format!("{sign}{whole}{point}{part} {currency}")
}

/// A count with thin spaces between thousands.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A count of things.
pub(crate) fn plural(number: u64, thing: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {thing}{s}", count(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_fitting_unit() {
        for (ms, text) in [
            (0.467, "0.5 ms"),
            (9.94, "9.9 ms"),
            (9.96, "10 ms"),
            (999.4, "999 ms"),
            (999.6, "1.0 s"),
            (9_960.0, "10 s"),
            (150_000.0, "2 min"),
            (7_200_000.0, "2 h"),
        ] {
            assert_eq!(millis(ms), text);
        }
        assert_eq!(age(172_800.0), "2 d");
    }

    #[test]
    fn money_has_the_decimals_of_its_currency() {
        for (minor, currency, text) in [
            (2900, "EUR", "29.00 EUR"),
            (5, "EUR", "0.05 EUR"),
            (2900, "JPY", "2900 JPY"),
            (5, "KWD", "0.005 KWD"),
            (-150, "USD", "-1.50 USD"),
            (0, "JPY", "0 JPY"),
        ] {
            assert_eq!(money(minor, currency), text);
        }
    }

    #[test]
    fn counts_memory_and_times_are_readable() {
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(count(999), "999");
        assert_eq!((plural(1, "line"), plural(0, "line")), ("1 line".into(), "0 lines".into()));
        assert_eq!(memory(3_584), "3.5 MiB");
        assert_eq!(clock(1_771_675_200_500), "12:00:00.500");
        assert_eq!(date(1_771_675_200_500), "2026-02-21 12:00:00");
        assert_eq!(clock(i64::MAX), "?");
    }
}
