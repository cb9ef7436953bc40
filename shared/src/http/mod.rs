//! The HTTP layer between a request and a use case.
//!
//! It has three doors: `read` has what a handler takes from a request, `serve` takes a request from
//! the event to the response, and `respond` makes responses. `serve` knows the other two, `read`
//! knows `respond`, and `respond` knows neither.

#[cfg(feature = "openapi")]
pub mod openapi;
mod read;
mod respond;
mod route;
pub mod routes;
mod serve;

pub use read::{
    Anyone, CursorKey, Incoming, List, read_event, read_new_order, read_new_product,
    read_new_status, read_order_list, read_product_list,
};
pub use respond::{
    Check, Checks, Health, HealthStatus, Kind, LatestHealth, Problem, Reply, Response,
};
pub use route::{FindRoute, Method, Route};
pub use serve::{Callers, REQUEST_TIME, answer, answer_anyone, runtime};
