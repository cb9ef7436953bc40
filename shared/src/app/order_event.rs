//! An event of an order, as `EventBridge` delivers it.

use serde::Deserialize;

use crate::domain::{CorrelationId, OrderId, Status};

/// The version of events that this code reads.
const VERSION: u32 = 1;

/// What a subscriber needs of an event. `docs/events` describes all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderEvent {
    /// The order.
    pub order_id: OrderId,
    /// The status that it changed to.
    pub status: Status,
    /// The correlation id of the request that changed it.
    pub correlation_id: CorrelationId,
    /// The `traceparent` of that request, if it was traced.
    pub traceparent: Option<String>,
}

/// Why a message is not an event of an order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEvent {
    /// The body is not JSON, or lacks the fields of an event.
    #[error("malformed at line {line}, column {column}")]
    Malformed {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// The version is unknown.
    #[error("version {0} is not supported; expected version {VERSION}")]
    Version(u32),
    /// The `detail-type` is not the name of an event.
    #[error("the detail-type is unknown")]
    Name,
    /// The correlation id has another form.
    #[error("the correlation id is malformed")]
    CorrelationId,
}

impl OrderEvent {
    /// Parses the body of a message. Unknown fields are ignored.
    ///
    /// # Errors
    /// [`InvalidEvent`], which repeats nothing of the body: it may name a customer.
    pub fn parse(body: &str) -> Result<Self, InvalidEvent> {
        #[derive(Deserialize)]
        #[serde(rename_all = "kebab-case")]
        struct Event {
            detail_type: String,
            detail: Detail,
        }
        #[derive(Deserialize)]
        struct Detail {
            v: u32,
            order_id: OrderId,
            correlation_id: String,
            traceparent: Option<String>,
        }

        let Event { detail_type, detail } = serde_json::from_str(body).map_err(|error| {
            InvalidEvent::Malformed { line: error.line(), column: error.column() }
        })?;
        if detail.v != VERSION {
            return Err(InvalidEvent::Version(detail.v));
        }
        Ok(Self {
            order_id: detail.order_id,
            status: Status::of_event(&detail_type).ok_or(InvalidEvent::Name)?,
            correlation_id: CorrelationId::parse(&detail.correlation_id)
                .ok_or(InvalidEvent::CorrelationId)?,
            traceparent: detail.traceparent,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const SAMPLE: &str = include_str!("../../../docs/events/samples/OrderPlaced.json");

    fn with(pointer: &str, value: Value) -> Result<OrderEvent, InvalidEvent> {
        let mut event: Value = serde_json::from_str(SAMPLE).unwrap();
        *event.pointer_mut(pointer).unwrap() = value;
        OrderEvent::parse(&event.to_string())
    }

    #[test]
    fn the_samples_are_events() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/events/samples");
        for status in Status::ALL {
            let sample = format!("{folder}/{}.json", status.event());
            let event = OrderEvent::parse(&std::fs::read_to_string(sample).unwrap()).unwrap();
            assert_eq!(event.status, status);
        }
    }

    #[test]
    fn each_field_must_make_sense() {
        assert_eq!(with("/detail/v", json!(2)), Err(InvalidEvent::Version(2)));
        assert_eq!(with("/detail-type", json!("OrderLost")), Err(InvalidEvent::Name));
        let id = with("/detail/correlation_id", json!("a\nb"));
        assert_eq!(id, Err(InvalidEvent::CorrelationId));
        for pointer in ["/detail", "/detail/v", "/detail/order_id", "/detail-type"] {
            assert!(with(pointer, json!(null)).is_err(), "{pointer}");
        }
    }

    #[test]
    fn an_error_repeats_nothing_of_the_body() {
        let error = with("/detail/order_id", json!("ada@example.com")).unwrap_err();
        assert!(!error.to_string().contains("ada"), "{error}");
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in "\\PC*") {
            let _ = OrderEvent::parse(&body);
        }
    }
}
