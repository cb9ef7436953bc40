//! The errors of use cases. HTTP and SQS each map them exhaustively.

use std::sync::Arc;

use crate::BoxError;
use crate::domain::{AmountOutOfRange, ProductId, Status, Stock, Version};

/// Why a use case failed. Unless a variant says otherwise, nothing was stored.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The request is malformed; every violation is listed.
    #[error("the request is not valid")]
    Invalid(Vec<Violation>),
    /// The order does not exist, or is not the caller's.
    #[error("there is no order with this id, or it belongs to someone else")]
    OrderNotFound,
    /// The product does not exist.
    #[error("there is no product with this id")]
    ProductNotFound,
    /// The order names products that do not exist or are not for sale.
    #[error("the order names products that do not exist or are not for sale")]
    UnknownProducts(Vec<ProductId>),
    /// The order asks for more than is in stock.
    #[error("the order asks for more than is in stock")]
    InsufficientStock(Vec<Shortage>),
    /// The lines have different currencies.
    #[error("all lines of an order must have the same currency")]
    MixedCurrencies,
    /// The order can't change to this status.
    #[error("a {} order can't become {}", from.as_str(), to.as_str())]
    IllegalTransition {
        /// Its status.
        from: Status,
        /// The status that was asked for.
        to: Status,
    },
    /// The order or product has changed since the caller read it.
    #[error("it has changed since it was read")]
    VersionMismatch {
        /// Its current version.
        current: Version,
    },
    /// The product to create already exists.
    #[error("a product with this id already exists")]
    ProductExists {
        /// Its version; none if it was created concurrently.
        current: Option<Version>,
    },
    /// The product to replace does not exist.
    #[error("there is no product with this id to replace")]
    ProductMissing,
    /// The stock has changed since the caller read it, so that the new stock would be negative or
    /// overflow.
    #[error("the stock has changed")]
    StockTaken {
        /// The version of the product, which the caller saw.
        version: Version,
        /// The current stock.
        stock: Stock,
    },
    /// The idempotency key was used for another request.
    #[error("this idempotency key was already used for another request")]
    KeyReused,
    /// A request with the same idempotency key is in progress.
    #[error("a request with this idempotency key is still in progress")]
    KeyInFlight,
    /// The owner is at a limit of orders.
    #[error("{0}")]
    TooManyOrders(OwnerLimit),
    /// The total of the order overflows 64 bits.
    #[error(transparent)]
    AmountOutOfRange(#[from] AmountOutOfRange),
    /// A dependency did not respond. Whether a write took place is unknown.
    #[error("{dependency} is unavailable")]
    Unavailable {
        /// The dependency, such as `Postgres`.
        dependency: &'static str,
        /// The cause.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// A bug in the service.
    #[error("internal error")]
    Internal(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// [`Unavailable`](Self::Unavailable) with this cause.
    pub fn unavailable(dependency: &'static str, cause: impl Into<BoxError>) -> Self {
        Self::Unavailable { dependency, source: cause.into().into() }
    }

    /// [`Internal`](Self::Internal) with this cause.
    pub fn internal(cause: impl Into<BoxError>) -> Self {
        Self::Internal(cause.into().into())
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::KeyInFlight | Self::TooManyOrders(_) => true,
            Self::Invalid(_)
            | Self::OrderNotFound
            | Self::ProductNotFound
            | Self::UnknownProducts(_)
            | Self::InsufficientStock(_)
            | Self::MixedCurrencies
            | Self::IllegalTransition { .. }
            | Self::VersionMismatch { .. }
            | Self::ProductExists { .. }
            | Self::ProductMissing
            | Self::StockTaken { .. }
            | Self::KeyReused
            | Self::AmountOutOfRange(_)
            | Self::Internal(_) => false,
        }
    }

    /// The error and its causes in one line, for the log.
    #[must_use]
    pub fn chain(&self) -> String {
        chain(self)
    }
}

/// An error and its causes in one line, for the log.
#[must_use]
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}

/// One error in a request.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Violation {
    /// The place: a JSON pointer (RFC 6901) into the body, or the name of a parameter or header.
    pub pointer: String,
    /// What is wrong there; continues a sentence that begins with the place.
    pub detail: String,
}

/// A limit on the orders of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OwnerLimit {
    /// The most pending orders.
    #[error("this customer may have at most {0} pending orders")]
    Pending(i32),
    /// The most orders in a minute.
    #[error("this customer may place at most {0} orders a minute")]
    PerMinute(i32),
}

/// A product whose stock is too small for the order.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Shortage {
    /// The product.
    pub product_id: ProductId,
    /// Its name.
    pub name: String,
    /// How many all lines ask for together.
    pub requested: i32,
    /// How many are in stock.
    pub available: i32,
}
