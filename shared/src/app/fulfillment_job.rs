//! The fulfillment job: the message that asks for an order to be fulfilled.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::context::Context;
use crate::domain::{CorrelationId, Order, OrderId, OrderNumber, ProductId};

/// The version that this code writes and reads.
const VERSION: u32 = 1;

/// The job of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FulfillmentJob {
    v: u32,
    /// The order.
    pub order_id: OrderId,
    /// Its number, for people.
    pub number: OrderNumber,
    /// The items to pack.
    pub items: Vec<JobItem>,
    /// The correlation id of the request that placed the order.
    #[serde(deserialize_with = "sane_correlation_id")]
    pub correlation_id: CorrelationId,
    /// The W3C trace context of that request.
    #[serde(default)]
    pub traceparent: Option<String>,
    /// When the order was placed.
    pub placed_at: Timestamp,
}

/// An item to pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobItem {
    /// The product.
    pub product_id: ProductId,
    /// The quantity.
    pub quantity: i32,
}

impl FulfillmentJob {
    /// The job of a new order.
    #[must_use]
    pub fn new(order: &Order, context: &Context) -> Self {
        Self {
            v: VERSION,
            order_id: order.summary.id,
            number: order.summary.number.clone(),
            items: order
                .items
                .iter()
                .map(|item| JobItem { product_id: item.product_id, quantity: item.quantity })
                .collect(),
            correlation_id: context.correlation_id.clone(),
            traceparent: context.traceparent.clone(),
            placed_at: order.summary.created_at,
        }
    }

    /// Parses a message body. Unknown fields are ignored.
    ///
    /// # Errors
    /// [`InvalidJob`], which repeats nothing of the body.
    pub fn parse(body: &str) -> Result<Self, InvalidJob> {
        let job: Self = serde_json::from_str(body).map_err(|error| InvalidJob::Malformed {
            line: error.line(),
            column: error.column(),
        })?;
        if job.v == VERSION { Ok(job) } else { Err(InvalidJob::Version(job.v)) }
    }

    /// The span for log lines about this job.
    pub(super) fn span(&self) -> tracing::Span {
        let order_id = self.order_id.to_string();
        tracing::info_span!("job", correlation_id = %self.correlation_id, order_id)
    }

    /// The message body.
    ///
    /// # Errors
    /// None in practice: every field can be serialized.
    pub fn to_body(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }
}

/// Why a message is not a job.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidJob {
    /// The body is not JSON, or lacks the fields of a job.
    #[error("malformed at line {line}, column {column}")]
    Malformed {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// The version of the job is unknown.
    #[error("version {0} is not supported; expected version {VERSION}")]
    Version(u32),
}

fn sane_correlation_id<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<CorrelationId, D::Error> {
    let text = String::deserialize(deserializer)?;
    CorrelationId::parse(&text).ok_or_else(|| serde::de::Error::custom("not a correlation id"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn valid() -> Value {
        json!({
            "v": 1,
            "order_id": "019c8019-aa00-7a31-9c40-1f2e6ba0a415",
            "number": "ORD-20260221-6BA0A415",
            "items": [{ "product_id": "019c8019-aa00-7a31-9c40-000000000001", "quantity": 2 }],
            "correlation_id": "abc",
            "traceparent": null,
            "placed_at": "2026-02-21T12:00:00Z",
        })
    }

    #[test]
    fn a_job_survives_the_queue() {
        let job = FulfillmentJob::parse(&valid().to_string()).unwrap();
        assert_eq!(FulfillmentJob::parse(&job.to_body().unwrap()), Ok(job));
    }

    #[test]
    fn another_version_is_refused_by_its_number() {
        let mut job = valid();
        job["v"] = json!(2);
        assert_eq!(FulfillmentJob::parse(&job.to_string()), Err(InvalidJob::Version(2)));
    }

    #[test]
    fn each_field_is_needed_and_must_make_sense() {
        for field in ["v", "order_id", "number", "items", "correlation_id", "placed_at"] {
            let mut job = valid();
            job.as_object_mut().unwrap().remove(field);
            assert!(FulfillmentJob::parse(&job.to_string()).is_err(), "without {field}");
        }
        for (field, value) in
            [("order_id", json!("1")), ("number", json!("1")), ("correlation_id", json!("a\nb"))]
        {
            let mut job = valid();
            job[field] = value;
            assert!(FulfillmentJob::parse(&job.to_string()).is_err(), "with a bad {field}");
        }
    }

    #[test]
    fn an_error_repeats_nothing_of_the_body() {
        let error = FulfillmentJob::parse(r#"{"v":1,"order_id":"ada@example.com"}"#).unwrap_err();
        assert!(!error.to_string().contains("ada"), "{error}");
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in "\\PC*") {
            let _ = FulfillmentJob::parse(&body);
        }
    }
}
