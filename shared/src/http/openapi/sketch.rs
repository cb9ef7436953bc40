//! A builder of operations. It adds what the route says and what all routes share.

use serde_json::{Value, json};
use utoipa::openapi::path::{Operation, OperationBuilder, Parameter};
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Required, ResponseBuilder};

use super::parts::{JSON, gateway_message, header, json_body, problems};
use super::schemas::text;
use crate::http::respond::Kind;
use crate::http::route::Route;

/// A builder of the operation of a route.
pub(super) struct Sketch {
    route: Route,
    operation: OperationBuilder,
    kinds: Vec<Kind>,
}

impl Sketch {
    pub(super) fn new(route: Route, tag: &str, summary: &str) -> Self {
        let mut operation = OperationBuilder::new()
            .operation_id(Some(route.operation))
            .tag(tag)
            .summary(Some(summary));
        let trail = header(
            "X-Correlation-Id",
            "Identifies the request in responses, logs, jobs and events: 1 to 128 of A-Z a-z 0-9 . \
             _ -. Generated if missing or invalid.",
            text(),
        )
        .example(Some(json!("checkout-42")));
        let mut kinds = vec![
            Kind::InvalidRequest,
            Kind::BodyTooLarge,
            Kind::QueryTooLong,
            Kind::HeadersTooLarge,
            Kind::Internal,
            Kind::Unavailable,
        ];
        if route.any_of.is_empty() {
            // Explicit: no token is required.
            operation = operation.securities(Some([]));
        } else {
            kinds.extend([Kind::Unauthorized, Kind::Forbidden]);
        }
        for scope in route.any_of {
            operation = operation.security(SecurityRequirement::new("Tokens", [scope.as_str()]));
        }
        Self { route, operation, kinds }.parameter(trail)
    }

    pub(super) fn description(mut self, description: &str) -> Self {
        self.operation = self.operation.description(Some(description));
        self
    }

    pub(super) fn parameter(mut self, parameter: impl Into<Parameter>) -> Self {
        self.operation = self.operation.parameter(parameter.into());
        self
    }

    pub(super) fn parameters(self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        parameters.into_iter().fold(self, Self::parameter)
    }

    pub(super) fn body(self, schema: &str, example: Value) -> Self {
        self.body_of(json_body(schema, example, Required::True))
    }

    /// An optional body without fields.
    pub(super) fn no_fields(self) -> Self {
        self.body_of(json_body("NoFields", json!({}), Required::False))
    }

    fn body_of(mut self, body: RequestBody) -> Self {
        self.operation = self.operation.request_body(Some(body));
        self.problems(&[Kind::UnsupportedMediaType])
    }

    pub(super) fn response(mut self, status: &str, response: ResponseBuilder) -> Self {
        self.operation = self.operation.response(status, response.build());
        self
    }

    pub(super) fn problems(mut self, kinds: &[Kind]) -> Self {
        self.kinds.extend(kinds);
        self
    }

    pub(super) fn build(self) -> (Route, Operation) {
        let throttled = ResponseBuilder::new()
            .description("Too many requests; sent by API Gateway.")
            .content(JSON, gateway_message())
            .build();
        let mut operation = self.operation.build();
        for (status, response) in problems(&self.kinds) {
            // A response that the route itself describes wins.
            operation.responses.responses.entry(status).or_insert_with(|| response.into());
        }
        operation.responses.responses.entry("429".to_owned()).or_insert_with(|| throttled.into());
        (self.route, operation)
    }
}
