//! The HTTP layer between a request and a use case: bodies, problems, lists, cursors and
//! correlation ids.

mod access;
mod body;
mod conditional;
mod cursor;
mod event;
mod health;
mod json;
mod kind;
mod limits;
mod lists;
#[cfg(feature = "openapi")]
pub mod openapi;
mod parameters;
mod problem;
mod render;
mod reply;
mod request;
mod response;
mod route;
pub mod routes;
mod server;

pub use access::{Anyone, Callers};
pub use body::{read_new_order, read_new_product, read_new_status};
pub use cursor::CursorKey;
pub use event::read_event;
pub use health::{Check, Checks, Health, HealthStatus, LatestHealth};
pub use kind::Kind;
pub use lists::{List, read_order_list, read_product_list};
pub use problem::Problem;
pub use reply::Reply;
pub use request::Incoming;
pub use route::{FindRoute, Method, Route};
pub use server::{REQUEST_TIME, answer, answer_anyone, serve, serve_public};

/// Re-exported for the tests of functions.
pub use lambda_http::http::StatusCode;
