use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, Url};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Environment, Stack, eventually};

/// An answer of the API.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The URL of the request.
    pub url: Url,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, or null if it is not JSON.
    pub body: Value,
}

impl Answer {
    /// Sends `request` and reads the whole answer.
    pub async fn to(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let (url, headers) = (response.url().clone(), response.headers().clone());
        let body = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default();
        Self { status, url, headers, body }
    }

    /// A header's value; empty if there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The URL that a reference in the answer points to.
    #[must_use]
    pub fn resolve(&self, reference: &str) -> Url {
        self.url.join(reference).unwrap()
    }

    /// The text at a JSON pointer into the body.
    #[must_use]
    pub fn text(&self, pointer: &str) -> &str {
        let value = self.body.pointer(pointer).and_then(Value::as_str);
        value.unwrap_or_else(|| panic!("no text at {pointer} of {self:?}"))
    }

    /// The places in a problem's `errors`.
    #[must_use]
    pub fn wrong_places(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().map_or(&[][..], Vec::as_slice);
        errors.iter().filter_map(|error| error["pointer"].as_str()).collect()
    }

    /// Asserts that the answer is a problem with this status and code.
    pub fn assert_problem(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        assert_eq!(self.text("/type"), format!("/problems/{code}"), "{self:?}");
        assert_eq!(self.body["status"], status, "{self:?}");
        assert!(!self.text("/title").is_empty() && !self.text("/detail").is_empty(), "{self:?}");
        assert_eq!(self.text("/correlation_id"), self.header("x-correlation-id"), "{self:?}");
    }
}

/// The body of a valid order for `lines`.
#[must_use]
pub fn order_for(lines: &[(Uuid, i64)]) -> Value {
    let items: Vec<_> = lines
        .iter()
        .map(|(product_id, quantity)| json!({ "product_id": product_id, "quantity": quantity }))
        .collect();
    json!({ "customer_name": "Ada Lovelace", "customer_email": "ada@example.com", "items": items })
}

impl Stack {
    /// A request to a path of the API with the caller's token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.authorized(self.http.request(method, format!("{}{path}", self.environment.api_url)))
    }

    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// `GET path`.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::GET, path)).await
    }

    /// `GET url`, with the caller's token.
    pub async fn follow(&self, url: Url) -> Answer {
        Answer::to(self.authorized(self.http.get(url))).await
    }

    /// `POST /orders` with this body.
    pub async fn post_order(&self, order: &Value) -> Answer {
        Answer::to(self.request(Method::POST, "/orders").json(order)).await
    }

    /// `POST /orders` with this body and a correlation id.
    pub async fn post_order_as(&self, correlation_id: &str, order: &Value) -> Answer {
        let request = self.request(Method::POST, "/orders").json(order);
        Answer::to(request.header("x-correlation-id", correlation_id)).await
    }

    /// Invokes a function of the stack with an empty event.
    pub async fn invoke(&self, function: &str) -> Answer {
        let Environment { aws_endpoint_url, stack_name, .. } = &*self.environment;
        let path = format!("/2015-03-31/functions/{stack_name}-{function}/invocations");
        let answer =
            Answer::to(self.http.post(format!("{aws_endpoint_url}{path}")).json(&json!({}))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    /// Places an order for `lines` and returns it.
    pub async fn place(&self, lines: &[(Uuid, i64)]) -> Value {
        let answer = self.post_order(&order_for(lines)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.body
    }

    /// Waits until the order is confirmed, and returns it.
    pub async fn confirmed(&self, id: &str) -> Value {
        eventually(&format!("order {id} is confirmed"), async || {
            let order = self.get(&format!("/orders/{id}")).await.body;
            (order["status"] == "confirmed").then_some(order)
        })
        .await
    }
}
