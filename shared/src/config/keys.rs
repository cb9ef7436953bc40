//! The keys that requests to AWS are signed with.

use super::environment::Config;

/// An access key. Has no `Debug`, since it holds a secret.
#[derive(Clone)]
pub struct AwsKeys {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: String,
    /// `AWS_SESSION_TOKEN`; Lambda always sets it.
    pub session_token: Option<String>,
}

impl Config {
    /// The keys in the variables that AWS tools use, if they are set. Lambda sets them for every
    /// function.
    pub(super) fn aws_keys(&self) -> Option<AwsKeys> {
        Some(AwsKeys {
            access_key_id: self.optional("AWS_ACCESS_KEY_ID")?,
            secret_access_key: self.optional("AWS_SECRET_ACCESS_KEY")?,
            session_token: self.optional("AWS_SESSION_TOKEN"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_there_if_both_halves_are() {
        let keys = |lookup| Config { lookup }.aws_keys();
        assert!(keys(|_| None).is_none());
        assert!(keys(|name| (name == "AWS_ACCESS_KEY_ID").then(|| "AKID".to_owned())).is_none());
        let temporary = keys(|name| Some(name.to_owned())).unwrap();
        assert_eq!(temporary.access_key_id, "AWS_ACCESS_KEY_ID");
        assert_eq!(temporary.session_token.as_deref(), Some("AWS_SESSION_TOKEN"));
    }
}
