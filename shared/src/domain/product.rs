//! Products.

use jiff::Timestamp;

use super::ids::ProductId;
use super::money::Money;
use super::stock::{Buckets, Stock};
use super::text;
use super::version::Version;

/// A product as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// Its name.
    pub name: String,
    /// Its unit price.
    pub price: Money,
    /// How many can be sold. A cached value may be as old as the cache allows.
    pub stock: Stock,
    /// In how many buckets the stock is.
    pub buckets: Buckets,
    /// Whether it can be ordered.
    pub active: bool,
    /// Counts changes by staff; the higher version is the newer.
    pub version: Version,
    /// When staff last changed it.
    pub updated_at: Timestamp,
}

/// A product as staff put it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewProduct {
    /// Its name.
    pub name: ProductName,
    /// Its unit price.
    pub price: Money,
    /// How many can be sold.
    pub stock: Stock,
    /// In how many buckets the stock is to be; none to leave that as it is.
    pub buckets: Option<Buckets>,
    /// Whether it can be ordered.
    pub active: bool,
}

impl NewProduct {
    /// Whether `product` is the same apart from its stock, which orders change too.
    #[must_use]
    pub fn describes(&self, product: &Product) -> bool {
        self.name.as_str() == product.name
            && self.price == product.price
            && self.active == product.active
            && self.buckets.is_none_or(|buckets| buckets == product.buckets)
    }
}

/// The name of a product: 1 to 200 characters, no control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductName(String);

impl ProductName {
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

/// What an editor of a product saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The version.
    pub version: Version,
    /// The stock; none to set the stock without comparing.
    pub stock: Option<Stock>,
}
