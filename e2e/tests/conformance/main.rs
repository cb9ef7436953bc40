//! Tests what the service needs of an AWS endpoint.
//!
//! They need no stack and no Postgres. Each test makes its own queues, tables and buses, and deletes
//! them at the end.
//!
//! ```sh
//! AWS_ENDPOINT_URL=http://127.0.0.1:4566 AWS_REGION=eu-central-1 \
//!   AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test cargo test -p e2e --test conformance -- --nocapture
//! ```
//!
//! What the endpoint does not have is printed as `not available`. What it does wrongly fails the test.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

mod dynamodb;
mod endpoint;
mod eventbridge;
mod lambda;
mod sqs;
