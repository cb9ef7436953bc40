//! The routes of the API. Functions, the description and the test of `template.yaml` read them here.

use super::route::{Method, Route};
use crate::domain::Scope;

/// All routes, in the order of the description.
pub const ALL: &[&Route] = &[
    &CREATE_ORDER,
    &LIST_ORDERS,
    &GET_ORDER,
    &CANCEL_ORDER,
    &UPDATE_ORDER_STATUS,
    &LIST_PRODUCTS,
    &GET_PRODUCT,
    &PUT_PRODUCT,
    &HEALTH,
    &DESCRIBE,
    &DOCS,
    &DESCRIBE_PROBLEM,
];

/// Places an order.
pub const CREATE_ORDER: Route = Route {
    operation: "createOrder",
    method: Method::Post,
    path: "/orders",
    any_of: &[Scope::Write],
    parameters: &[],
};

/// Lists orders.
pub const LIST_ORDERS: Route = Route {
    operation: "listOrders",
    method: Method::Get,
    path: "/orders",
    any_of: &[Scope::Read, Scope::Staff],
    parameters: &["limit", "cursor", "number", "status", "email", "placed_after", "placed_before"],
};

/// Gets an order.
pub const GET_ORDER: Route = Route {
    operation: "getOrder",
    method: Method::Get,
    path: "/orders/{id}",
    any_of: &[Scope::Read, Scope::Staff],
    parameters: &[],
};

/// Cancels an order.
pub const CANCEL_ORDER: Route = Route {
    operation: "cancelOrder",
    method: Method::Patch,
    path: "/orders/{id}/cancel",
    any_of: &[Scope::Write, Scope::Staff],
    parameters: &[],
};

/// Changes the status of an order.
pub const UPDATE_ORDER_STATUS: Route = Route {
    operation: "updateOrderStatus",
    method: Method::Patch,
    path: "/orders/{id}/status",
    any_of: &[Scope::Staff],
    parameters: &[],
};

/// Lists products.
pub const LIST_PRODUCTS: Route = Route {
    operation: "listProducts",
    method: Method::Get,
    path: "/products",
    any_of: &[Scope::Read, Scope::Staff],
    parameters: &["limit", "cursor", "q"],
};

/// Gets a product.
pub const GET_PRODUCT: Route = Route {
    operation: "getProduct",
    method: Method::Get,
    path: "/products/{id}",
    any_of: &[Scope::Read, Scope::Staff],
    parameters: &[],
};

/// Creates or replaces a product.
pub const PUT_PRODUCT: Route = Route {
    operation: "putProduct",
    method: Method::Put,
    path: "/products/{id}",
    any_of: &[Scope::Staff],
    parameters: &[],
};

/// Checks the health of the service.
pub const HEALTH: Route = Route {
    operation: "health",
    method: Method::Get,
    path: "/health",
    any_of: &[],
    parameters: &["deep"],
};

/// Gets the description of the API.
pub const DESCRIBE: Route = Route {
    operation: "describe",
    method: Method::Get,
    path: "/openapi.json",
    any_of: &[],
    parameters: &[],
};

/// Gets the description as a page.
pub const DOCS: Route =
    Route { operation: "docs", method: Method::Get, path: "/docs", any_of: &[], parameters: &[] };

/// Gets the page of a problem.
pub const DESCRIBE_PROBLEM: Route = Route {
    operation: "describeProblem",
    method: Method::Get,
    path: "/problems/{code}",
    any_of: &[],
    parameters: &[],
};
