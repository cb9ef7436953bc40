//! Parses the connection string in `DATABASE_URL`.

use std::str::FromStr;

use tokio_postgres::Config;

/// Unsupported parameters of libpq, and what to use instead.
const UNSUPPORTED: [(&str, &str); 6] = [
    ("sslrootcert", ROOTS),
    ("sslcrl", ROOTS),
    ("sslcert", "client certificates are not supported; use a password"),
    ("sslkey", "client certificates are not supported; use a password"),
    ("passfile", "functions have no such file; use a password"),
    ("service", "functions have no such file; name the host"),
];
const ROOTS: &str = "the roots of RDS and the public ones are built in";

/// Parses a URL, `postgres://user:password@host/database?sslmode=verify-full`, or key-value pairs,
/// `host=… user=…`. All values of `sslmode` but `disable` are the same: certificates and host names
/// are always verified.
///
/// # Errors
/// Names the unsupported parameter. Nothing else is repeated, since the string can hold a password,
/// and a password with a `?` or a space looks like parameters.
pub(super) fn parse(text: &str) -> Result<Config, String> {
    // The parser does not know these two.
    let mut text = text.to_owned();
    for mode in ["sslmode=verify-full", "sslmode=verify-ca", "sslmode=allow"] {
        if let Some(start) = parameter(&text, mode) {
            text.replace_range(start..start + mode.len(), "sslmode=require");
        }
    }
    Config::from_str(&text).map_err(|_| {
        for (name, instead) in UNSUPPORTED {
            if parameter(&text, &format!("{name}=")).is_some() {
                return format!(
                    "DATABASE_URL has the parameter {name}, which is not supported: {instead}. \
                     Remove it."
                );
            }
        }
        if parameter(&text, "sslmode=").is_some()
            && !["require", "prefer", "disable"]
                .iter()
                .any(|mode| parameter(&text, &format!("sslmode={mode}")).is_some())
        {
            return "DATABASE_URL has an unknown sslmode; it must be verify-full, or disable for no TLS"
                .to_owned();
        }
        "DATABASE_URL must be a connection string, \
         postgres://user:password@host/database?sslmode=verify-full"
            .to_owned()
    })
}

/// Where a parameter begins: `name=`, or `name=value` if only that value counts.
fn parameter(text: &str, wanted: &str) -> Option<usize> {
    let is_url = text.contains("://");
    let first = if is_url { text.find('?')? } else { 0 };
    text.match_indices(wanted).map(|(start, _)| start).find(|&start| {
        let before = text.get(..start).and_then(|text| text.chars().next_back());
        let after = text.get(start + wanted.len()..).and_then(|text| text.chars().next());
        let begins = match before {
            Some('?' | '&') => is_url && start > first,
            Some(before) => !is_url && before.is_whitespace(),
            None => !is_url,
        };
        let ends = wanted.ends_with('=')
            || after.is_none_or(|after| after == '&' || after.is_whitespace());
        begins && ends
    })
}

#[cfg(test)]
mod tests {
    use tokio_postgres::config::SslMode;

    use super::*;

    #[test]
    fn every_sslmode_of_libpq_is_taken_in_either_form() {
        for mode in ["verify-full", "verify-ca", "require", "prefer", "allow"] {
            for text in [
                format!("postgres://u:p@db.example.com:5432/waybill?sslmode={mode}"),
                format!("postgres://u@h/db?connect_timeout=3&sslmode={mode}&keepalives=1"),
                format!("host=db.example.com user=u sslmode={mode} dbname=waybill"),
                format!("sslmode={mode} host=h user=u"),
            ] {
                let config = parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
                assert_ne!(config.get_ssl_mode(), SslMode::Disable, "{text}");
            }
        }
        let config = parse("postgres://u@127.0.0.1/waybill?sslmode=disable").unwrap();
        assert_eq!(config.get_ssl_mode(), SslMode::Disable);
    }

    #[test]
    fn what_is_not_supported_is_named() {
        let error = |text: &str| parse(text).err().unwrap();
        let rds = "host=h user=u password=secret sslmode=verify-full sslrootcert=/certs/rds.pem";
        for text in [rds, "postgres://u:secret@h/db?sslmode=verify-full&sslrootcert=rds.pem"] {
            let error = error(text);
            assert!(
                error.contains("parameter sslrootcert") && !error.contains("secret"),
                "{error}"
            );
        }
        let error = error("postgres://u:secret@h/db?sslmode=verify_full");
        assert!(error.contains("sslmode") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn nothing_of_a_bad_connection_string_is_repeated() {
        for text in ["postgres://u:secret@[/waybill", "secret", "host=h pass word=secret"] {
            let error = parse(text).err().unwrap_or_else(|| panic!("{text} is taken"));
            assert!(error.contains("DATABASE_URL") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_password_is_left_as_it_is() {
        let text = "postgres://u:sslmode=verify-full@h/db?sslmode=verify-full";
        assert_eq!(parse(text).unwrap().get_password(), Some(&b"sslmode=verify-full"[..]));
        let text = "postgres://u:a?sslrootcert=b@h/db?sslmode=verify-full";
        assert_eq!(parse(text).unwrap().get_password(), Some(&b"a?sslrootcert=b"[..]));
    }
}
