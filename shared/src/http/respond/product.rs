//! Replies with products.

use http::StatusCode;
use http::header::{CACHE_CONTROL, ETAG};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::reply::{NextPage, Reply};
use crate::domain::{Buckets, Currency, Product, ProductId};

impl Reply {
    /// A reply with a product and its `ETag`. Clients may cache it as long as the memory of this
    /// service does.
    #[must_use]
    pub fn product(status: StatusCode, product: &Product) -> Self {
        Self::json(status, &ProductBody::from(product))
            .with(ETAG, product_tag(product))
            .with(CACHE_CONTROL, "private, max-age=3".to_owned())
    }

    /// A reply with a page of products.
    pub(in crate::http) fn products(products: &[Product], next: Option<&NextPage>) -> Self {
        Self::list(&ProductList::new(products, next.map(|next| next.cursor.as_str())), next)
    }
}

/// The `ETag` of a product: its version and its stock, `"7-41"`, since orders change the stock but not
/// the version.
pub(in crate::http) fn product_tag(product: &Product) -> String {
    format!("\"{}-{}\"", product.version, product.stock)
}

/// A product.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Product))]
pub(in crate::http) struct ProductBody<'a> {
    /// Its id.
    id: ProductId,
    /// Its name.
    name: &'a str,
    /// The currency of the price.
    currency: Currency,
    /// The price in the minor unit of the currency: 1450 for 14.50 €.
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    price_minor: i64,
    /// How many are in stock; may be up to five minutes old.
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    stock: i32,
    /// In how many buckets the stock is, if in more than one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 2, maximum = 64, nullable = false))]
    stock_buckets: Option<i32>,
    /// Whether it can be ordered.
    active: bool,
    /// Rises by one with every change by staff.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    version: i64,
    /// When staff last changed it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    updated_at: Timestamp,
}

/// A page of products.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ProductList))]
pub(in crate::http) struct ProductList<'a> {
    /// The products, by id.
    #[serde(serialize_with = "products")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<ProductBody<'static>>))]
    products: &'a [Product],
    /// The cursor of the next page; null on the last page.
    #[cfg_attr(feature = "openapi", schema(required))]
    next_cursor: Option<&'a str>,
}

impl<'a> ProductList<'a> {
    /// Renders a page.
    pub(in crate::http) fn new(products: &'a [Product], next_cursor: Option<&'a str>) -> Self {
        Self { products, next_cursor }
    }
}

/// Serializes the products one by one.
fn products<S: Serializer>(products: &[Product], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(products.iter().map(ProductBody::from))
}

impl<'a> From<&'a Product> for ProductBody<'a> {
    fn from(product: &'a Product) -> Self {
        Self {
            id: product.id,
            name: &product.name,
            currency: product.price.currency(),
            price_minor: product.price.minor(),
            stock: product.stock.get(),
            stock_buckets: (product.buckets != Buckets::ONE).then(|| product.buckets.get()),
            active: product.active,
            version: product.version.get(),
            updated_at: product.updated_at,
        }
    }
}
