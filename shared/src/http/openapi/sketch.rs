//! A builder of routes, which starts with what all routes share.

use serde_json::{Value, json};
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, Parameter};
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Required, ResponseBuilder};

use super::super::Kind;
use super::parts::{JSON, gateway_message, header, json_body, problems};
use super::schemas::text;
use crate::domain::Scope;

/// One route.
pub(super) struct Route {
    pub(super) path: &'static str,
    pub(super) method: HttpMethod,
    pub(super) operation: Operation,
}

/// A builder of a route.
pub(super) struct Sketch {
    operation: OperationBuilder,
    scopes: &'static [Scope],
    kinds: Vec<Kind>,
}

impl Sketch {
    pub(super) fn new(operation_id: &str, tag: &str, summary: &str) -> Self {
        let operation = OperationBuilder::new()
            .operation_id(Some(operation_id))
            .tag(tag)
            .summary(Some(summary));
        let trail = header(
            "X-Correlation-Id",
            "Identifies the request in responses, logs, jobs and events: 1 to 128 of A-Z a-z 0-9 . \
             _ -. Generated if missing or invalid.",
            text(),
        )
        .example(Some(json!("checkout-42")));
        let kinds = vec![
            Kind::InvalidRequest,
            Kind::BodyTooLarge,
            Kind::QueryTooLong,
            Kind::HeadersTooLarge,
            Kind::Internal,
            Kind::Unavailable,
        ];
        Self { operation, scopes: &[], kinds }.parameter(trail)
    }

    pub(super) fn description(mut self, description: &str) -> Self {
        self.operation = self.operation.description(Some(description));
        self
    }

    /// A token needs one of these scopes.
    pub(super) fn scopes(mut self, any_of: &'static [Scope]) -> Self {
        self.scopes = any_of;
        self.problems(&[Kind::Unauthorized, Kind::Forbidden])
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

    pub(super) fn at(self, method: HttpMethod, path: &'static str) -> Route {
        let mut operation = self.operation;
        let throttled = ResponseBuilder::new()
            .description("Too many requests; sent by API Gateway.")
            .content(JSON, gateway_message())
            .build();
        if self.scopes.is_empty() {
            // Explicit: no token is required.
            operation = operation.securities(Some([]));
        }
        for scope in self.scopes {
            operation = operation.security(SecurityRequirement::new("Tokens", [scope.as_str()]));
        }
        let mut operation = operation.build();
        for (status, response) in problems(&self.kinds) {
            // A response that the route itself describes wins.
            operation.responses.responses.entry(status).or_insert_with(|| response.into());
        }
        operation.responses.responses.entry("429".to_owned()).or_insert_with(|| throttled.into());
        Route { path, method, operation }
    }
}
