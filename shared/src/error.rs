//! What can go wrong in a use case. Knows nothing of HTTP or SQS; each has one exhaustive mapping.

use crate::BoxError;
use crate::domain::{AmountOutOfRange, ProductId, Status};

/// Why a use case did not do what was asked. Unless a variant says otherwise, nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request breaks the rules of its form; every breach is listed.
    #[error("the request is not valid")]
    Invalid(Vec<Violation>),
    /// No such order, or not the caller's.
    #[error("there is no order with this id, or it belongs to someone else")]
    OrderNotFound,
    /// No such product.
    #[error("there is no product with this id")]
    ProductNotFound,
    /// The order names products that are not for sale.
    #[error("the order names products that do not exist or are not for sale")]
    UnknownProducts(Vec<ProductId>),
    /// The order asks for more than is left.
    #[error("the order asks for more than is in stock")]
    InsufficientStock(Vec<Shortage>),
    /// The lines of the order are priced in different currencies.
    #[error("all lines of an order must have the same currency")]
    MixedCurrencies,
    /// The order can't go from the one status to the other.
    #[error("a {} order can't become {}", from.as_str(), to.as_str())]
    IllegalTransition {
        /// What the order is.
        from: Status,
        /// What it was to become.
        to: Status,
    },
    /// The order or product was changed since the caller read it.
    #[error("it has changed since it was read")]
    VersionMismatch {
        /// Its version now.
        current: i64,
    },
    /// The product was to be created, and exists.
    #[error("a product with this id already exists")]
    ProductExists {
        /// Its version; none if it was created at the same time.
        current: Option<i64>,
    },
    /// The product was to be replaced, and does not exist.
    #[error("there is no product with this id to replace")]
    ProductMissing,
    /// Since the caller read it, more of the product was sold than the change leaves, or more was
    /// given back than can be counted.
    #[error("the stock has changed")]
    StockTaken {
        /// The product's version, which the caller saw.
        version: i64,
        /// How many are left now.
        stock: i32,
    },
    /// The idempotency key was used before, with another request.
    #[error("this idempotency key was already used for another request")]
    KeyReused,
    /// A request with the same idempotency key is at work.
    #[error("a request with this idempotency key is still in progress")]
    KeyInFlight,
    /// The caller has placed as many orders as one owner may.
    #[error("{0}")]
    TooManyOrders(OwnerLimit),
    /// The order's total does not fit 64 bits.
    #[error(transparent)]
    AmountOutOfRange(#[from] AmountOutOfRange),
    /// Something that the service depends on did not answer. Whether a write took place is unknown.
    #[error("{dependency} is unavailable")]
    Unavailable {
        /// What did not answer, such as `Postgres`.
        dependency: &'static str,
        /// What it said.
        source: BoxError,
    },
    /// A mistake in the service itself.
    #[error("internal error")]
    Internal(#[source] BoxError),
}

impl Error {
    /// Whether the same request may succeed later without a change to it.
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

    /// The same for somebody else who waited for it, its causes in words alone.
    #[must_use]
    pub(crate) fn shared(&self) -> Self {
        match self {
            Self::Unavailable { dependency, source } => {
                Self::Unavailable { dependency, source: chain(&**source).into() }
            }
            Self::Internal(source) => Self::Internal(chain(&**source).into()),
            // No store answers a read so.
            other => Self::Internal(other.chain().into()),
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

/// One breach of a request's form.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Violation {
    /// Where: a JSON pointer (RFC 6901) into the body, or the name of a parameter.
    pub pointer: String,
    /// What is wrong there, as a sentence that goes on from its name.
    pub detail: String,
}

/// A limit on the orders of one owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OwnerLimit {
    /// How many may be pending.
    #[error("this customer may have at most {0} pending orders")]
    Pending(i32),
    /// How many may be placed in a minute.
    #[error("this customer may place at most {0} orders a minute")]
    PerMinute(i32),
}

/// A product of which less is left than was asked for.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Shortage {
    /// Which.
    pub product_id: ProductId,
    /// Its name.
    pub name: String,
    /// How many were asked for, in all lines together.
    pub requested: i32,
    /// How many are left.
    pub available: i32,
}
