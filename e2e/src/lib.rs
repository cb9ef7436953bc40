//! A deployed stack, seen through its API, its database, its queues and its logs.
#![expect(
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod api;
mod aws;
mod database;
mod environment;
mod tokens;

use std::sync::Arc;

pub use api::{Answer, order_for};
pub use aws::job;
pub use environment::{Environment, engine_name};
pub use testkit::{PATIENCE, eventually, unique};
pub use tokens::{CUSTOMER_SCOPES, Tokens};

/// A deployed stack. Clones share its connections.
#[derive(Clone)]
pub struct Stack {
    /// Where its parts are.
    pub environment: Arc<Environment>,
    /// The database of the stack.
    pub database: Arc<tokio_postgres::Client>,
    /// The queues of the stack.
    pub sqs: aws_sdk_sqs::Client,
    /// The cache of the stack.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The event bus of the stack, which has the name of the stack.
    pub eventbridge: aws_sdk_eventbridge::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    http: reqwest::Client,
    /// The token of the caller.
    token: Option<String>,
}

impl Stack {
    /// Connects to the stack of the environment, as its customer.
    pub async fn connect() -> Self {
        let environment = Environment::read();
        let aws = testkit::sdk::config().await;
        Self {
            database: database::connect(&environment.direct_database_url.parse().unwrap())
                .await
                .into(),
            sqs: aws_sdk_sqs::Client::new(&aws),
            dynamodb: aws_sdk_dynamodb::Client::new(&aws),
            eventbridge: aws_sdk_eventbridge::Client::new(&aws),
            logs: aws_sdk_cloudwatchlogs::Client::new(&aws),
            http: reqwest::Client::new(),
            token: Some(environment.token.clone()),
            environment: environment.into(),
        }
    }
}

/// Connects to any database.
pub async fn connect_to(database: &tokio_postgres::Config) -> tokio_postgres::Client {
    database::connect(database).await
}
