//! What the service relies on, asked of any AWS endpoint.
//!
//! Nothing of Waybill is needed, no stack and no Postgres: each test makes the queues, tables and
//! buses that it needs, and deletes them in the end.
//!
//! ```sh
//! AWS_ENDPOINT_URL=http://127.0.0.1:4566 AWS_REGION=eu-central-1 \
//!   AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test cargo test -p e2e --test conformance -- --nocapture
//! ```
//!
//! What an endpoint says that it does not have is reported as `not available`; what it has and does
//! wrongly fails.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what goes wrong in here is a test that fails"
)]

mod dynamodb;
mod endpoint;
mod eventbridge;
mod lambda;
mod sqs;
