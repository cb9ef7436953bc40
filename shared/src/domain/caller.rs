//! Callers, what they may do, and the orders that they may see.

use super::ids::Owner;
use super::new_order::CustomerEmail;

/// A scope of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Read one's own orders; read products.
    Read,
    /// Place orders; cancel one's own.
    Write,
    /// Read, list and change everyone's orders; put products.
    Staff,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Staff];

    /// The scope as in a token.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "orders/read",
            Self::Write => "orders/write",
            Self::Staff => "orders/staff",
        }
    }

    /// The scope of this name, if it is one of this service's. Tokens may have others.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }
}

/// A caller whose token was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    subject: Owner,
    scopes: Vec<Scope>,
    proven_email: Option<CustomerEmail>,
}

impl Caller {
    /// A caller with this subject and these scopes.
    #[must_use]
    pub fn new(subject: Owner, scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self { subject, scopes: scopes.into_iter().collect(), proven_email: None }
    }

    /// The same caller with the email address that its token proves.
    #[must_use]
    pub fn proving(self, email: Option<CustomerEmail>) -> Self {
        Self { proven_email: email, ..self }
    }

    /// The owner whose orders are the caller's own.
    #[must_use]
    pub fn subject(&self) -> &Owner {
        &self.subject
    }

    /// The email address that the token proves to be the caller's.
    #[must_use]
    pub fn proven_email(&self) -> Option<&CustomerEmail> {
        self.proven_email.as_ref()
    }

    /// Whether the caller has at least one of these scopes.
    #[must_use]
    pub fn has_any(&self, scopes: &[Scope]) -> bool {
        self.scopes.iter().any(|scope| scopes.contains(scope))
    }
}

/// The orders that a query may read or change.
#[derive(Clone, Copy, Debug)]
pub enum Visible<'a> {
    /// Those of one owner.
    Of(&'a Owner),
    /// All, for staff.
    All,
}

impl<'a> Visible<'a> {
    /// The orders of `caller`: all for staff, else its own.
    #[must_use]
    pub fn to(caller: &'a Caller) -> Self {
        if caller.has_any(&[Scope::Staff]) { Self::All } else { Self::Of(caller.subject()) }
    }

    /// The owner, or none for all.
    #[must_use]
    pub fn owner(self) -> Option<&'a Owner> {
        match self {
            Self::Of(owner) => Some(owner),
            Self::All => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_read_as_it_is_written_and_no_other_way() {
        for scope in Scope::ALL {
            assert_eq!(Scope::parse(scope.as_str()), Some(scope));
        }
        for text in ["", "orders", "orders/", "orders/admin", "Orders/Staff", "staff"] {
            assert_eq!(Scope::parse(text), None, "{text}");
        }
    }

    #[test]
    fn one_of_several_scopes_is_enough_and_none_is_not() {
        let subject = Owner::parse("ada").unwrap();
        let caller = Caller::new(subject.clone(), [Scope::Read]);
        assert!(caller.has_any(&[Scope::Read, Scope::Staff]));
        assert!(!caller.has_any(&[Scope::Write]));
        assert!(!caller.has_any(&[]));
        assert!(!Caller::new(subject, []).has_any(&Scope::ALL));
    }
}
