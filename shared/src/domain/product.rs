//! What is for sale.

use jiff::Timestamp;

use super::{Money, ProductId, text};

/// A product as the shop describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Its identity.
    pub id: ProductId,
    /// What it is called.
    pub name: String,
    /// What one piece costs.
    pub price: Money,
    /// How many can still be sold. From the cache this is up to the cache's lifetime old.
    pub stock: i32,
    /// Whether it can be ordered.
    pub active: bool,
    /// Counts changes by staff; of two copies the one with the higher version is the newer.
    pub version: i64,
    /// When staff last changed it.
    pub updated_at: Timestamp,
}

/// A product as staff want it to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewProduct {
    /// What it is called.
    pub name: ProductName,
    /// What one piece costs; not below zero.
    pub price: Money,
    /// How many can be sold; not below zero.
    pub stock: i32,
    /// Whether it can be ordered.
    pub active: bool,
}

impl NewProduct {
    /// Whether `product` says the same, apart from its stock, which orders change as well.
    #[must_use]
    pub fn describes(&self, product: &Product) -> bool {
        self.name.as_str() == product.name
            && self.price == product.price
            && self.active == product.active
    }
}

/// What a product is called: 1 to 200 characters, none of them a control character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductName(String);

impl ProductName {
    /// Takes a name, without the white space around it.
    ///
    /// # Errors
    /// A sentence for the sender, if nothing or too much is left.
    pub fn parse(text: &str) -> Result<Self, String> {
        text::name(text).map(Self)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What somebody who edits a product saw of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its version.
    pub version: i64,
    /// How many were left; none if the editor counted anew and does not care.
    pub stock: Option<i32>,
}
