//! A notification: the mail about one event of an order.

use std::collections::HashMap;

use uuid::Uuid;

use crate::domain::{CustomerEmail, Money, OrderId, OrderNumber, Status};
use crate::{BoxError, Error};

/// The mail about one event of an order. Sorted by order, then in the order of an order's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Notification {
    /// The order.
    pub order_id: OrderId,
    /// The status that the event says it changed to.
    pub status: Status,
}

/// Whom mail about an order goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// The address that the token proved when the order was placed.
    Proven,
    /// The address in the order, which may be anyone's.
    Ordered,
}

/// The part of an order that a mail needs. Has no `Debug`, since it is personal data.
pub struct MailOrder {
    /// Its number, for people.
    pub number: OrderNumber,
    /// The name of the customer.
    pub customer_name: String,
    /// The address in the order. None if it is malformed.
    pub customer_email: Option<CustomerEmail>,
    /// The address that the token proved.
    pub proven_email: Option<CustomerEmail>,
    /// Its lines.
    pub lines: Vec<MailLine>,
    /// The total.
    pub total: Money,
}

/// A line of an order.
pub struct MailLine {
    /// The name of the product.
    pub name: String,
    /// The quantity.
    pub quantity: i32,
    /// The price of all pieces.
    pub price: Money,
}

impl MailOrder {
    /// The address that mail may go to.
    #[must_use]
    pub fn address(&self, recipient: Recipient) -> Option<&CustomerEmail> {
        match recipient {
            Recipient::Proven => self.proven_email.as_ref(),
            Recipient::Ordered => self.customer_email.as_ref(),
        }
    }
}

/// The answer to a claim of a notification.
pub enum Claimed {
    /// It is the claimer's to send.
    Yours(Box<MailOrder>),
    /// Another process is sending it, or was until it died.
    Busy,
    /// Its outcome is known.
    Settled,
}

/// The outcome of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Sent, with this id of the mail service.
    Sent(String),
    /// Refused for good, with this code.
    Refused(String),
    /// There is no address that it may go to.
    NoAddress,
}

/// Claims notifications and keeps their outcomes.
pub trait KeepNotifications: Sync {
    /// Claims `wanted` for a lease, under the id `claim`. An order that does not exist is not in the
    /// result.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`]; none is known to be claimed then.
    fn claim(
        &self,
        claim: Uuid,
        wanted: &[Notification],
    ) -> impl Future<Output = Result<HashMap<Notification, Claimed>, Error>> + Send;

    /// Records an outcome, unless there is one.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    fn settle(
        &self,
        notification: Notification,
        settlement: &Settlement,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// A mail in both forms. Has no `Debug`, since it is personal data.
pub struct Mail {
    subject: String,
    text: String,
    html: String,
}

impl Mail {
    /// A mail with this subject and these bodies.
    ///
    /// # Errors
    /// If the subject has control characters, which could add headers.
    pub fn new(subject: String, text: String, html: String) -> Result<Self, BoxError> {
        if subject.chars().any(char::is_control) {
            return Err("the subject of the mail has control characters".into());
        }
        Ok(Self { subject, text, html })
    }

    /// The subject.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The plain text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same as HTML.
    #[must_use]
    pub fn html(&self) -> &str {
        &self.html
    }
}

/// Writes mails.
pub trait WriteMail: Sync {
    /// Writes the mail that says that `order` has changed to `status`. What takes too long is given
    /// up, and tried again when the event is delivered again.
    ///
    /// # Errors
    /// If it can't be written. The error must not repeat the order.
    fn write(
        &self,
        status: Status,
        order: &MailOrder,
    ) -> impl Future<Output = Result<Mail, BoxError>> + Send;
}

/// Sends mails.
pub trait SendMail: Sync {
    /// Sends a mail once, and returns the id that the service gave it.
    ///
    /// # Errors
    /// [`MailError`], without the address and the mail.
    fn send(
        &self,
        to: &CustomerEmail,
        mail: &Mail,
    ) -> impl Future<Output = Result<String, MailError>> + Send;
}

/// Why a mail was not sent, as far as is known.
#[derive(Debug)]
pub enum MailError {
    /// The service refused this mail for good, with this code.
    Refused(String),
    /// It may be sent later. Whether it was sent now is unknown.
    Failed(BoxError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_one_line() {
        let mail = |subject: &str| Mail::new(subject.to_owned(), String::new(), String::new());
        assert!(mail("Order ORD-20260221-6BA0A415: shipped").is_ok());
        for subject in ["a\r\nBcc: eve@example.com", "a\nb", "a\0", "a\u{85}b"] {
            assert!(mail(subject).is_err(), "{subject:?}");
        }
    }
}
