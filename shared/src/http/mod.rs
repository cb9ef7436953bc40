//! From a request to a use case and back: JSON bodies, problems, correlation ids.

mod access;
mod body;
mod conditional;
mod problem;
mod render;
mod request;
mod server;

pub use access::Anyone;
pub use body::{read_new_order, read_new_product, read_new_status};
pub use problem::Problem;
pub use render::{OrderList, ProductList};
pub use request::{Incoming, PageSize};
pub use server::{Reply, serve, serve_public};

/// Re-exported, so that a function's tests build requests of the same types.
pub use lambda_http::http::StatusCode;
