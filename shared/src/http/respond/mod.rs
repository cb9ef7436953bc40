//! Responses: replies of handlers, and problems.

mod health;
mod kind;
mod problem;
mod render;
mod reply;
mod response;

pub use health::{Check, Checks, Health, HealthStatus, LatestHealth};
pub use kind::Kind;
pub use problem::Problem;
pub use reply::Reply;

#[cfg(feature = "openapi")]
pub(super) use problem::ProblemBody;
#[cfg(feature = "openapi")]
pub(super) use render::{OrderBody, ProductBody};
pub(super) use render::{OrderList, ProductList};
pub(super) use response::CORRELATION_ID;
