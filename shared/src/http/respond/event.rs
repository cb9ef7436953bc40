//! A response as API Gateway takes it, in its payload format 2.0:
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use serde::{Serialize, Serializer};

use super::response::Response;

/// A response as API Gateway takes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct ResponseEvent {
    status_code: u16,
    headers: Headers,
    #[serde(skip_serializing_if = "String::is_empty")]
    body: String,
    is_base64_encoded: bool,
    /// Always empty, as are the cookies: `cargo lambda watch` takes no response without them.
    multi_value_headers: Headers,
    cookies: [String; 0],
}

/// The headers, each of which occurs once.
struct Headers(HeaderMap);

impl ResponseEvent {
    /// The event of a response.
    pub(in crate::http) fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let (body, is_base64_encoded) = match String::from_utf8(body) {
            Ok(text) => (text, false),
            Err(error) => (STANDARD.encode(error.into_bytes()), true),
        };
        let (status_code, headers) = (parts.status.as_u16(), Headers(parts.headers));
        let (multi_value_headers, cookies) = (Headers(HeaderMap::new()), []);
        Self { status_code, headers, body, is_base64_encoded, multi_value_headers, cookies }
    }
}

impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let headers = self.0.iter();
        serializer.collect_map(
            headers.map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()))),
        )
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
    use serde_json::json;

    use super::*;

    fn event(body: &[u8]) -> serde_json::Value {
        let response = http::Response::builder().status(409).header("etag", "\"2\"");
        let response = response.body(body.to_vec());
        serde_json::to_value(ResponseEvent::of(response.unwrap())).unwrap()
    }

    #[test]
    fn text_is_sent_as_it_is_and_bytes_in_base64() {
        for (body, text, is_base64_encoded) in [
            (&b"{}"[..], json!("{}"), false),
            (&[0xff, 0], json!("/wA="), true),
            (b"", json!(null), false),
        ] {
            let event = event(body);
            assert_eq!(event["statusCode"], 409);
            assert_eq!(event["headers"], json!({ "etag": "\"2\"" }));
            assert_eq!(
                (&event["body"], &event["isBase64Encoded"]),
                (&text, &json!(is_base64_encoded))
            );
        }
    }

    #[test]
    fn a_response_is_one_to_readers_that_want_every_field() {
        for body in [&b"{}"[..], b""] {
            let read: ApiGatewayV2httpResponse = serde_json::from_value(event(body)).unwrap();
            assert_eq!((read.status_code, &read.headers["etag"]), (409, &"\"2\"".parse().unwrap()));
        }
    }
}
