//! The roles of IAM that functions run as.

use super::environment::{Config, ConfigError};

/// The ARN of a role or a user of IAM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleArn(String);

impl RoleArn {
    /// An ARN such as `arn:aws:iam::123456789012:role/waybill-CreateOrderRole`. The letters are those
    /// that IAM allows in names and paths, so none ends a text in SQL.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("arn:")?;
        let (partition, rest) = rest.split_once(":iam::")?;
        let (account, name) = rest.split_once(':')?;
        let (kind, name) = name.split_once('/')?;
        let partition_fits =
            partition.strip_prefix("aws").is_some_and(|it| it.chars().all(is_lowercase_or_dash));
        let account_fits = account.len() == 12 && account.chars().all(|c| c.is_ascii_digit());
        let name_fits = !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "+=,.@-_/".contains(c));
        (partition_fits && account_fits && ["role", "user"].contains(&kind) && name_fits)
            .then(|| Self(text.to_owned()))
    }

    /// The ARN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_lowercase_or_dash(character: char) -> bool {
    character.is_ascii_lowercase() || character == '-'
}

impl Config {
    /// The functions with a role in the database, and the role of IAM that each runs as
    /// (`DATABASE_ROLES`): pairs such as `create-order=arn:aws:iam::…`, separated by spaces. None if
    /// all functions use the same connection string.
    ///
    /// # Errors
    /// Names the variable if it is wrong.
    pub fn database_roles(&self) -> Result<Vec<(String, RoleArn)>, ConfigError> {
        let variable = "DATABASE_ROLES";
        let text = self.optional(variable).unwrap_or_default();
        let pair = |pair: &str| {
            let (function, arn) = pair.split_once('=')?;
            Some((function.to_owned(), RoleArn::parse(arn)?))
        };
        text.split_whitespace().map(pair).collect::<Option<_>>().ok_or(ConfigError::Invalid {
            variable,
            value: text,
            expected: "pairs such as create-order=arn:aws:iam::123456789012:role/name",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_of_a_role_or_a_user_is_taken_and_nothing_that_ends_a_text_in_sql() {
        for arn in [
            "arn:aws:iam::123456789012:role/waybill-CreateOrderRole-1ABC",
            "arn:aws-us-gov:iam::123456789012:role/team/a+b=c,d.e@f_g",
            "arn:aws:iam::123456789012:user/ada",
        ] {
            assert_eq!(RoleArn::parse(arn).unwrap().as_str(), arn);
        }
        for arn in [
            "",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role/a'b",
            "arn:aws:iam::123456789012:role/a b",
            "arn:aws:iam::1234:role/a",
            "arn:aws':iam::123456789012:role/a",
            "arn:aws:iam::123456789012:group/a",
            "arn:aws:sts::123456789012:assumed-role/a/b",
        ] {
            assert_eq!(RoleArn::parse(arn), None, "{arn}");
        }
    }

    #[test]
    fn roles_are_pairs_of_a_function_and_an_arn() {
        let roles = |lookup| Config { lookup }.database_roles();
        assert_eq!(roles(|_| None), Ok(Vec::new()));
        let found = roles(|_| {
            Some(
                "get-order=arn:aws:iam::123456789012:role/a \
                 health=arn:aws:iam::123456789012:role/b"
                    .to_owned(),
            )
        });
        let found = found.unwrap();
        assert_eq!((found[0].0.as_str(), found[1].0.as_str()), ("get-order", "health"));
        let error = roles(|_| Some("get-order".to_owned())).unwrap_err().to_string();
        assert!(error.starts_with("DATABASE_ROLES is \"get-order\""), "{error}");
    }
}
