//! The configuration of the HTTP API.

use super::environment::{Config, ConfigError};
use crate::domain::{Caller, Owner, Scope};

/// The secret that seals the cursors of lists: at least 32 bytes. Has no `Debug`.
#[derive(Clone)]
pub struct CursorSecret(String);

impl CursorSecret {
    /// The shortest secret: the output length of HMAC-SHA256 (RFC 2104, 3).
    pub const MIN_BYTES: usize = 32;

    /// A secret, if it is long enough.
    #[must_use]
    pub fn new(text: String) -> Option<Self> {
        (text.len() >= Self::MIN_BYTES).then_some(Self(text))
    }

    /// The secret itself.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Config {
    /// The caller of requests without an authorizer, which only `make watch` has:
    /// `WAYBILL_WATCH_CALLER`, a subject and its scopes, separated by spaces. The template never sets
    /// it. Without it, such a request is refused.
    ///
    /// # Errors
    /// Names the variable if it is wrong.
    pub fn watch_caller(&self) -> Result<Option<Caller>, ConfigError> {
        let variable = "WAYBILL_WATCH_CALLER";
        let Some(value) = self.optional(variable) else { return Ok(None) };
        let mut words = value.split_whitespace();
        let subject = words.next().and_then(Owner::parse);
        let scopes: Option<Vec<_>> = words.map(Scope::parse).collect();
        match subject.zip(scopes) {
            Some((subject, scopes)) => Ok(Some(Caller::new(subject, scopes))),
            None => Err(ConfigError::Invalid {
                variable,
                value,
                expected: "a subject and scopes, such as: ada orders/read orders/write",
            }),
        }
    }

    /// The issuer whose subjects own orders by their `sub` alone (`FIRST_JWT_ISSUER`). None if there
    /// has been only one issuer.
    #[must_use]
    pub fn first_issuer(&self) -> Option<String> {
        self.optional("FIRST_JWT_ISSUER")
    }

    /// The issuer whose tokens are accepted (`JWT_ISSUER`). None without an authorizer.
    #[must_use]
    pub fn issuer(&self) -> Option<String> {
        self.optional("JWT_ISSUER")
    }

    /// The secret that seals the cursors of lists.
    ///
    /// # Errors
    /// Names the variable that is missing or too short.
    pub fn cursor_secret(&self) -> Result<CursorSecret, ConfigError> {
        let variable = "CURSOR_SECRET";
        let expected = "a secret of at least 32 bytes";
        CursorSecret::new(self.required(variable, expected)?)
            .ok_or(ConfigError::Unfit { variable, expected })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_named_by_its_subject_and_known_scopes_or_not_at_all() {
        let config = Config { lookup: |_| None };
        assert_eq!(config.watch_caller(), Ok(None));
        let config = Config { lookup: |_| Some(" ada  orders/read orders/write".to_owned()) };
        let caller = config.watch_caller().unwrap().unwrap();
        assert_eq!(caller.subject().as_str(), "ada");
        assert!(caller.has_any(&[Scope::Write]) && !caller.has_any(&[Scope::Staff]));
        for lookup in [|_: &str| Some(" ".to_owned()), |_: &str| Some("ada orders/all".to_owned())]
        {
            assert!(Config { lookup }.watch_caller().is_err());
        }
    }

    #[test]
    fn a_cursor_secret_has_32_bytes_and_is_not_shown() {
        let config = Config { lookup: |_| Some("x".repeat(32)) };
        assert_eq!(config.cursor_secret().ok().unwrap().as_bytes(), [b'x'; 32]);
        let config = Config { lookup: |_| Some("too short a secret".to_owned()) };
        let error = config.cursor_secret().err().unwrap().to_string();
        assert!(error.contains("CURSOR_SECRET") && error.contains("32 bytes"), "{error}");
        assert!(!error.contains("too short"), "{error}");
        assert!(Config { lookup: |_| None }.cursor_secret().is_err());
    }
}
