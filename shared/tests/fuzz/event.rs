//! Gateway events, made from client requests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// A client's request, and the authorizer's claims.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) id: Option<String>,
    /// As in the URL.
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Vec<u8>>,
    /// The gateway decides by the media type whether a body is text. Invalid UTF-8 can't be.
    pub(crate) as_base64: bool,
    pub(crate) claims: Option<Vec<(String, String)>>,
    pub(crate) method: &'static str,
}

/// The claims of a token with every scope, valid for a hundred years.
pub(crate) fn good_claims() -> Vec<(String, String)> {
    [("sub", "ada"), ("exp", "4900000000"), ("scope", "orders/read orders/write orders/staff")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

impl Sent {
    /// The event, in payload format 2.0.
    pub(crate) fn event(&self) -> Value {
        let path = format!("/orders/{}", self.id.as_deref().unwrap_or_default());
        let headers: Map<_, _> =
            self.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let text = self.body.as_ref().and_then(|body| String::from_utf8(body.clone()).ok());
        let (body, is_base64) = match (&self.body, text) {
            (Some(_), Some(text)) if !self.as_base64 => (Some(text), false),
            (Some(body), _) => (Some(STANDARD.encode(body)), true),
            (None, _) => (None, false),
        };
        let mut context = json!({
            "accountId": "000000000000",
            "apiId": "api",
            "domainName": "api.execute-api.eu-central-1.amazonaws.com",
            "http": {
                "method": self.method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "fuzz",
            },
            "requestId": "request",
            "routeKey": "$default",
            "stage": "$default",
            "time": "21/Feb/2026:12:00:00 +0000",
            "timeEpoch": 1_771_675_200_000_i64,
        });
        if let Some(claims) = &self.claims {
            let claims: Map<_, _> =
                claims.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            context["authorizer"] = json!({ "jwt": { "claims": claims, "scopes": null } });
        }
        let mut event = json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": self.query,
            "headers": headers,
            "requestContext": context,
            "isBase64Encoded": is_base64,
        });
        if let Some(body) = body {
            event["body"] = json!(body);
        }
        if let Some(id) = &self.id {
            event["pathParameters"] = json!({ "id": id });
        }
        event
    }
}
