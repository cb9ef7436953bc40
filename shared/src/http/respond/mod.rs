//! Responses: replies of handlers, and problems.

mod error;
mod health;
mod kind;
mod order;
mod problem;
mod product;
mod reply;
mod response;

pub use health::{Check, Checks, Health, HealthStatus, LatestHealth};
pub use kind::Kind;
pub use problem::Problem;
pub use reply::Reply;
pub use response::Response;

pub(super) use reply::NextPage;
pub(super) use response::{CORRELATION_ID, Rendered};

#[cfg(feature = "openapi")]
pub(super) use order::{OrderBody, OrderList};
#[cfg(feature = "openapi")]
pub(super) use problem::ProblemBody;
#[cfg(all(test, feature = "openapi"))]
pub(super) use product::product_tag;
#[cfg(feature = "openapi")]
pub(super) use product::{ProductBody, ProductList};
