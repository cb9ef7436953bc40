//! The order that a customer asks for.

use std::fmt;

use super::ids::ProductId;
use super::text;

/// The most lines of a request.
pub const MAX_LINES: usize = 100;

/// An order to place.
#[derive(Clone, Debug)]
pub struct NewOrder {
    /// The name of the customer.
    pub customer_name: CustomerName,
    /// The email address of the customer.
    pub customer_email: CustomerEmail,
    lines: Vec<OrderLine>,
}

/// A product and its quantity in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderLine {
    /// The product.
    pub product_id: ProductId,
    /// The quantity: at most [`MAX_LINES`] × [`Quantity::MAX`].
    pub quantity: i32,
}

impl NewOrder {
    /// Adds up the quantities of a product that is listed more than once; its first line decides
    /// its place.
    ///
    /// # Errors
    /// A message for the client if there are no lines or more than [`MAX_LINES`].
    pub fn new(
        customer_name: CustomerName,
        customer_email: CustomerEmail,
        requested: &[(ProductId, Quantity)],
    ) -> Result<Self, String> {
        if !(1..=MAX_LINES).contains(&requested.len()) {
            return Err(format!("must have 1 to {MAX_LINES} items"));
        }
        let mut lines = Vec::<OrderLine>::with_capacity(requested.len());
        for &(product_id, Quantity(quantity)) in requested {
            match lines.iter_mut().find(|line| line.product_id == product_id) {
                Some(line) => line.quantity += quantity,
                None => lines.push(OrderLine { product_id, quantity }),
            }
        }
        Ok(Self { customer_name, customer_email, lines })
    }

    /// The lines, one for each product.
    #[must_use]
    pub fn lines(&self) -> &[OrderLine] {
        &self.lines
    }
}

/// The quantity of one line of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantity(i32);

impl Quantity {
    /// The largest quantity.
    pub const MAX: i32 = 10_000;

    /// Accepts 1 to [`MAX`](Self::MAX).
    ///
    /// # Errors
    /// A message for the client if `pieces` is out of range.
    pub fn parse(pieces: i64) -> Result<Self, String> {
        i32::try_from(pieces)
            .ok()
            .filter(|pieces| (1..=Self::MAX).contains(pieces))
            .map(Self)
            .ok_or_else(|| format!("must be from 1 to {}", Self::MAX))
    }
}

/// The name of a customer: 1 to 200 characters, no control characters.
#[derive(Clone)]
pub struct CustomerName(String);

impl CustomerName {
    /// Parses a name; surrounding white space is removed.
    ///
    /// # Errors
    /// A message for the client if it is empty, too long, or has control characters.
    pub fn parse(text: &str) -> Result<Self, String> {
        text::name(text).map(Self)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An email address. Only its form is checked.
#[derive(Clone, PartialEq, Eq)]
pub struct CustomerEmail(String);

impl CustomerEmail {
    /// Parses `local@domain`: a dot-string of RFC 5321, and a host name with at least one dot, in
    /// at most 254 octets (RFC 5321, 4.5.3.1.3).
    ///
    /// # Errors
    /// A message for the client if `text` has another form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let malformed = || "must be an email address, such as ada@example.com".to_owned();
        let (local, domain) = text.rsplit_once('@').ok_or_else(malformed)?;
        let local_ok = local.len() <= 64
            && local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atom_byte));
        let domain_ok = domain.contains('.')
            && domain.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            });
        if text.len() <= 254 && local_ok && domain_ok {
            Ok(Self(text.to_owned()))
        } else {
            Err(malformed())
        }
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `atext` of RFC 5322, 3.2.3.
fn is_atom_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

/// Shows only the type, since the value is personal data.
impl fmt::Debug for CustomerName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CustomerName(…)")
    }
}

/// Shows only the type, since the value is personal data.
impl fmt::Debug for CustomerEmail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CustomerEmail(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn order(requested: &[(ProductId, Quantity)]) -> Result<NewOrder, String> {
        NewOrder::new(
            CustomerName::parse("Ada Lovelace").unwrap(),
            CustomerEmail::parse("ada@example.com").unwrap(),
            requested,
        )
    }

    fn product(number: u128) -> ProductId {
        ProductId::from(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn repeated_products_are_added_up_where_they_first_stood() {
        let order = order(&[
            (product(2), Quantity(3)),
            (product(1), Quantity(1)),
            (product(2), Quantity(4)),
        ])
        .unwrap();
        assert_eq!(
            order.lines(),
            [
                OrderLine { product_id: product(2), quantity: 7 },
                OrderLine { product_id: product(1), quantity: 1 },
            ]
        );
    }

    #[test]
    fn an_order_has_1_to_100_lines() {
        assert!(order(&[]).is_err());
        assert!(order(&[(product(1), Quantity(10_000)); 100]).is_ok());
        assert!(order(&[(product(1), Quantity(1)); 101]).is_err());
    }

    #[test]
    fn a_quantity_is_1_to_10000() {
        for pieces in [1, 10_000] {
            assert!(Quantity::parse(pieces).is_ok());
        }
        for pieces in [i64::MIN, -1, 0, 10_001, i64::MAX] {
            assert!(Quantity::parse(pieces).is_err());
        }
    }

    #[test]
    fn an_email_has_one_form() {
        for text in ["ada@example.com", "a.b+c@d-e.example.org", "o'hara@example.net"] {
            assert!(CustomerEmail::parse(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "@",
            "ada",
            "ada@",
            "@example.com",
            "ada@example",
            "ada@@example.com",
            "a b@example.com",
            ".ada@example.com",
            "ada.@example.com",
            "a..b@example.com",
            "ada@-example.com",
            "ada@example..com",
            "ada@exämple.com",
            "ada@example.com\r\nBcc: x@example.com",
            &format!("{}@example.com", "a".repeat(65)),
            &format!("a@{}.com", "b.".repeat(130)),
        ] {
            assert!(CustomerEmail::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_is_trimmed_and_has_no_control_characters() {
        assert_eq!(CustomerName::parse("  Đặng Thị Hà ").unwrap().as_str(), "Đặng Thị Hà");
        for text in ["", "   ", "a\0b", "a\nb", &"x".repeat(201)] {
            assert!(CustomerName::parse(text).is_err());
        }
    }

    #[test]
    fn personal_data_does_not_print() {
        let printed = format!("{:?}", order(&[(product(1), Quantity(1))]).unwrap());
        assert!(!printed.contains("Ada") && !printed.contains("example"), "{printed}");
    }

    proptest! {
        #[test]
        fn adding_up_loses_no_piece(quantities in prop::collection::vec((0u128..5, 1i64..=10_000), 1..=100)) {
            let requested: Vec<_> = quantities
                .iter()
                .map(|&(id, pieces)| (product(id), Quantity::parse(pieces).unwrap()))
                .collect();
            let order = order(&requested).unwrap();
            let asked: i64 = quantities.iter().map(|(_, pieces)| pieces).sum();
            let kept: i64 = order.lines().iter().map(|line| i64::from(line.quantity)).sum();
            prop_assert_eq!(asked, kept);
        }

        #[test]
        fn no_input_makes_a_parser_panic(text in "\\PC*") {
            let _ = CustomerName::parse(&text);
            let _ = CustomerEmail::parse(&text);
            let _ = ProductId::parse(&text);
            let _ = super::super::CorrelationId::parse(&text);
        }
    }
}
