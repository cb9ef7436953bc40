use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A request and its outcome. Times are microseconds from the start of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The number of the call, from 0.
    pub number: u64,
    /// When it was to be sent.
    pub intended_us: u64,
    /// When it was sent; the intended time if it was not.
    pub sent_us: u64,
    /// When its outcome was known.
    pub answered_us: u64,
    /// What was sent.
    pub request: Request,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What was sent. An order is named by the number of its arrival, which is also in its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Request {
    /// The first request for an order.
    Order {
        /// The order.
        order: u64,
        /// Its customer.
        customer: usize,
        /// Its lines.
        lines: Vec<OrderLine>,
    },
    /// The same request again, as part of the traffic.
    Replay {
        /// The order.
        order: u64,
    },
    /// The same request again, because its outcome was unknown.
    AskAgain {
        /// The order.
        order: u64,
    },
    /// `GET /orders/{id}`.
    ReadOrder {
        /// The order.
        order: u64,
    },
    /// `GET /orders`.
    ListOrders {
        /// The customer.
        customer: usize,
    },
    /// `GET /products/{id}`.
    ReadProduct {
        /// The product.
        product: usize,
    },
    /// `PATCH /orders/{id}/cancel`, by the customer.
    Cancel {
        /// The order.
        order: u64,
    },
    /// `PATCH /orders/{id}/status` to `shipped`, by staff.
    Ship {
        /// The order.
        order: u64,
    },
    /// `PUT /products/{id}` with more stock, by staff.
    Restock {
        /// The product.
        product: usize,
        /// The pieces added.
        pieces: i64,
    },
}

/// A line of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// The product, by its place in the run's list.
    pub product: usize,
    /// How many.
    pub quantity: i64,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// 201: the order exists.
    Placed {
        /// Its id.
        id: Uuid,
        /// Whether the answer repeats an earlier one.
        replayed: bool,
        /// The answer's body.
        body: String,
    },
    /// Any other success.
    Done,
    /// An answer that says that nothing was changed.
    Refused {
        /// The status code.
        status: u16,
        /// The code of the problem, or `http-<status>`.
        reason: String,
        /// What was left of products of which there was not enough.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        available: Vec<Available>,
    },
    /// 429.
    Throttled,
    /// No answer, or one that leaves open what happened.
    Unknown {
        /// What is known, such as `timeout` or `http-503`.
        why: String,
    },
    /// Not sent: too many requests were in flight.
    Unsent,
    /// Not sent: the order that it is about was not placed yet, or the product was being changed.
    Skipped,
}

/// How much of a product was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Available {
    /// The product.
    pub product: usize,
    /// The pieces left.
    pub pieces: i64,
}

impl Request {
    /// The order that is placed by this request, if it places one.
    #[must_use]
    pub fn places(&self) -> Option<u64> {
        match self {
            Self::Order { order, .. } | Self::Replay { order } | Self::AskAgain { order } => {
                Some(*order)
            }
            _ => None,
        }
    }
}

impl Outcome {
    /// Whether the request was sent.
    #[must_use]
    pub fn was_sent(&self) -> bool {
        !matches!(self, Self::Unsent | Self::Skipped)
    }
}
