//! The configuration of mail to customers.

use super::environment::{Config, ConfigError};
use crate::app::Recipient;
use crate::domain::CustomerEmail;

impl Config {
    /// Who gets mail about an order (`MAIL_RECIPIENT`). None if nobody does.
    ///
    /// # Errors
    /// Names the variable if it is wrong.
    pub fn mail_recipient(&self) -> Result<Option<Recipient>, ConfigError> {
        let variable = "MAIL_RECIPIENT";
        match self.optional(variable).as_deref() {
            None | Some("none") => Ok(None),
            Some("token") => Ok(Some(Recipient::Proven)),
            Some("order") => Ok(Some(Recipient::Ordered)),
            Some(value) => Err(ConfigError::Invalid {
                variable,
                value: value.to_owned(),
                expected: "none, token or order",
            }),
        }
    }

    /// The same where there must be one.
    ///
    /// # Errors
    /// Names the variable if it is missing or wrong.
    pub fn required_mail_recipient(&self) -> Result<Recipient, ConfigError> {
        self.mail_recipient()?
            .ok_or(ConfigError::Missing { variable: "MAIL_RECIPIENT", expected: "token or order" })
    }

    /// The address that mail is sent from (`MAIL_SENDER`).
    ///
    /// # Errors
    /// Names the variable if it is missing or wrong.
    pub fn mail_sender(&self) -> Result<String, ConfigError> {
        let (variable, expected) = ("MAIL_SENDER", "an email address, such as orders@example.com");
        let value = self.required(variable, expected)?;
        match CustomerEmail::parse(&value) {
            Ok(_) => Ok(value),
            Err(_) => Err(ConfigError::Invalid { variable, value, expected }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gets_mail_unless_the_variable_says_who() {
        let recipient = |lookup| Config { lookup }.mail_recipient();
        for lookup in
            [|_: &str| None, |_: &str| Some(String::new()), |_: &str| Some("none".to_owned())]
        {
            assert_eq!(recipient(lookup), Ok(None));
            assert!(Config { lookup }.required_mail_recipient().is_err());
        }
        assert_eq!(recipient(|_| Some("token".to_owned())), Ok(Some(Recipient::Proven)));
        assert_eq!(recipient(|_| Some("order".to_owned())), Ok(Some(Recipient::Ordered)));
        let error = recipient(|_| Some("everyone".to_owned())).unwrap_err().to_string();
        assert!(error.contains("MAIL_RECIPIENT") && error.contains("everyone"), "{error}");
    }

    #[test]
    fn the_sender_is_an_address() {
        let sender = |lookup| Config { lookup }.mail_sender();
        assert_eq!(sender(|_| Some("a@example.com".to_owned())).as_deref(), Ok("a@example.com"));
        let error = sender(|_| Some("a@example.com, b@example.com".to_owned())).unwrap_err();
        assert!(error.to_string().contains("MAIL_SENDER"), "{error}");
        assert!(sender(|_| None).is_err());
    }
}
