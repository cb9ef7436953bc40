//! What an answer means.

use serde_json::Value;
use uuid::Uuid;

use crate::client::Answer;
use crate::history::{Available, Outcome, Product};

/// Which try of an order a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Try {
    /// The first request with the key.
    First,
    /// A later one.
    Again,
}

/// The outcome of a request that places an order of these products.
#[must_use]
pub fn of_order(answer: Result<Answer, &str>, which: Try, products: &[Product]) -> Outcome {
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => return unknown(why),
    };
    if answer.status == 201 {
        let body: Option<Value> = serde_json::from_str(&answer.body).ok();
        let id = body.as_ref().and_then(|body| body.get("id")).and_then(Value::as_str);
        return match id.and_then(|id| id.parse().ok()) {
            Some(id) => {
                let replayed = answer.header("idempotent-replayed") == Some("true");
                Outcome::Placed { id, replayed, body: answer.body }
            }
            None => unknown("no-id"),
        };
    }
    let code = problem(&answer);
    // A throttle of the gateway says nothing about an earlier request.
    if answer.status == 429 && which == Try::Again && code.is_none() {
        return unknown("throttled");
    }
    of_failure(&answer, code.as_deref(), products)
}

/// The outcome of any other request.
#[must_use]
pub fn of_other(answer: &Result<Answer, &str>) -> Outcome {
    match answer {
        Err(why) => unknown(why),
        Ok(answer) if answer.is_success() => Outcome::Done,
        Ok(answer) => of_failure(answer, problem(answer).as_deref(), &[]),
    }
}

/// The code of the problem that an answer is.
#[must_use]
pub fn problem(answer: &Answer) -> Option<String> {
    let body: Value = serde_json::from_str(&answer.body).ok()?;
    body.get("type")?.as_str()?.strip_prefix("/problems/").map(str::to_owned)
}

fn of_failure(answer: &Answer, code: Option<&str>, products: &[Product]) -> Outcome {
    let status = answer.status;
    match code {
        Some("idempotency-key-in-flight") => unknown("in-flight"),
        _ if status == 429 => Outcome::Throttled,
        _ if (400..500).contains(&status) => Outcome::Refused {
            status,
            reason: code.map_or_else(|| format!("http-{status}"), str::to_owned),
            available: available(&answer.body, products),
        },
        Some(code) => unknown(code),
        None => unknown(&format!("http-{status}")),
    }
}

/// What was left of the products that the problem names.
fn available(body: &str, products: &[Product]) -> Vec<Available> {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let shortages = body.get("shortages").and_then(Value::as_array);
    let one = |shortage: &Value| {
        let id: Uuid = shortage.get("product_id")?.as_str()?.parse().ok()?;
        let product = products.iter().position(|product| product.id == id)?;
        Some(Available { product, pieces: shortage.get("available")?.as_i64()? })
    };
    shortages.into_iter().flatten().filter_map(one).collect()
}

fn unknown(why: &str) -> Outcome {
    Outcome::Unknown { why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, body: &Value) -> Answer {
        Answer { status, headers: reqwest::header::HeaderMap::new(), body: body.to_string() }
    }

    fn order(status: u16, body: &Value, which: Try) -> Outcome {
        let products = [Product { id: Uuid::from_u128(7), name: "Pen".to_owned(), stock: 1 }];
        of_order(Ok(answer(status, body)), which, &products)
    }

    #[test]
    fn an_order_is_placed_refused_throttled_or_unknown() {
        let id = Uuid::from_u128(1);
        let placed = order(201, &json!({ "id": id }), Try::First);
        assert!(
            matches!(placed, Outcome::Placed { id: found, replayed: false, .. } if found == id)
        );
        let short = json!({
            "type": "/problems/insufficient-stock",
            "shortages": [{ "product_id": Uuid::from_u128(7), "available": 3, "requested": 4 }],
        });
        let refused = Outcome::Refused {
            status: 409,
            reason: "insufficient-stock".to_owned(),
            available: vec![Available { product: 0, pieces: 3 }],
        };
        assert_eq!(order(409, &short, Try::First), refused);
        let busy = json!({ "type": "/problems/too-many-orders" });
        assert_eq!(order(429, &busy, Try::Again), Outcome::Throttled);
        for (status, code, why) in
            [(503, "unavailable", "unavailable"), (409, "idempotency-key-in-flight", "in-flight")]
        {
            let body = json!({ "type": format!("/problems/{code}") });
            assert_eq!(order(status, &body, Try::First), unknown(why));
        }
        assert_eq!(order(502, &json!({}), Try::First), unknown("http-502"));
        assert_eq!(of_order(Err("timeout"), Try::First, &[]), unknown("timeout"));
        assert_eq!(order(201, &json!({}), Try::First), unknown("no-id"));
    }

    #[test]
    fn a_throttle_of_the_gateway_tells_nothing_about_an_earlier_request() {
        let gateway = json!({ "message": "Too Many Requests" });
        assert_eq!(order(429, &gateway, Try::First), Outcome::Throttled);
        assert_eq!(order(429, &gateway, Try::Again), unknown("throttled"));
    }

    #[test]
    fn other_requests_are_done_or_refused() {
        assert_eq!(of_other(&Ok(answer(200, &json!({})))), Outcome::Done);
        let gone = of_other(&Ok(answer(404, &json!({ "type": "/problems/order-not-found" }))));
        assert!(matches!(gone, Outcome::Refused { status: 404, .. }), "{gone:?}");
        assert_eq!(of_other(&Err("connect")), unknown("connect"));
    }
}
