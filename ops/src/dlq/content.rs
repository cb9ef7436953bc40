//! What a dead letter says: its order, and its event.

use serde_json::Value;
use uuid::Uuid;

/// The most characters of an event's name.
const LONGEST_EVENT: usize = 40;

/// The order of a fulfillment job or of an event, and the name of the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The id of the order.
    pub order_id: String,
    /// The number of the order.
    pub number: String,
    /// The event; none for a job.
    pub event: Option<String>,
}

impl Content {
    /// Whether `name` is the number or the id of the order.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.number.eq_ignore_ascii_case(name) || self.order_id.eq_ignore_ascii_case(name)
    }

    /// Parses a job, or an event, whose detail has the same fields. Anything but a valid id and
    /// number is refused, since both are printed.
    pub(super) fn parse(body: &str) -> Option<Self> {
        let body: Value = serde_json::from_str(body).ok()?;
        let content = body.get("detail").unwrap_or(&body);
        let event = body.get("detail-type").and_then(Value::as_str).filter(|name| is_event(name));
        let text = |name: &str| content.get(name).and_then(Value::as_str);
        let version = content.get("v").and_then(Value::as_u64);
        let order_id = text("order_id")?.parse::<Uuid>().ok()?.to_string();
        let number = text("number").filter(|number| is_number(number))?.to_owned();
        (version == Some(1)).then(|| Self { order_id, number, event: event.map(str::to_owned) })
    }
}

/// Whether it is like `OrderPlaced`.
fn is_event(text: &str) -> bool {
    (1..=LONGEST_EVENT).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_alphanumeric())
}

/// Whether it is like `ORD-20260221-A9JW0-0Z5SN-T190N`, or the older `ORD-20260221-6BA0A415`.
fn is_number(text: &str) -> bool {
    let is = |part: &str, length: usize, allowed: fn(&u8) -> bool| {
        part.len() == length && part.as_bytes().iter().all(allowed)
    };
    match *text.split('-').collect::<Vec<_>>() {
        ["ORD", day, ref rest @ ..] if is(day, 8, u8::is_ascii_digit) => match *rest {
            [tail] => is(tail, 8, u8::is_ascii_hexdigit),
            [_, _, _] => rest.iter().all(|part| is(part, 5, u8::is_ascii_alphanumeric)),
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn good() -> Value {
        json!({
            "v": 1,
            "order_id": Uuid::from_u128(7),
            "number": "ORD-20260221-6BA0A415",
            "items": []
        })
    }

    #[test]
    fn a_job_names_its_order() {
        let order = Content::parse(&good().to_string()).unwrap();
        assert_eq!(order.number, "ORD-20260221-6BA0A415");
        assert_eq!(order.order_id, "00000000-0000-0000-0000-000000000007");
        assert!(order.is_named("ord-20260221-6ba0a415") && order.is_named(&order.order_id));
        assert!(!order.is_named("ORD-20260221-6BA0A416"));
    }

    #[test]
    fn an_event_names_its_order_in_its_detail() {
        let event = json!({"detail-type": "OrderShipped", "detail": good()}).to_string();
        assert_eq!(Content::parse(&event).unwrap().number, "ORD-20260221-6BA0A415");
    }

    #[test]
    fn a_body_that_is_not_a_job_is_refused() {
        let with = |name: &str, value: Value| {
            let mut body = good();
            body[name] = value;
            body.to_string()
        };
        for body in [
            String::new(),
            "{".to_owned(),
            "null".to_owned(),
            "[1]".to_owned(),
            with("v", json!(2)),
            with("v", json!("1")),
            with("order_id", json!("ada@example.com")),
            with("number", json!("Ada Lovelace")),
            with("number", json!("ORD-20260221-6BA0A415\u{1b}[2J")),
            with("number", json!("ORD-20260221-6BA0A415-1")),
            with("number", json!(7)),
        ] {
            assert_eq!(Content::parse(&body), None, "{body}");
        }
    }
}
