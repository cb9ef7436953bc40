//! A deployed stack as its callers, its database and its logs see it, for the tests in `tests/`.
#![expect(
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "what goes wrong in here is a test that fails, and a panic says so best"
)]

mod api;
mod aws;
mod database;
mod environment;
mod tokens;

use std::sync::Arc;
use std::time::{Duration, Instant};

pub use api::{Answer, order_for};
pub use aws::{aws_config, job};
pub use environment::Environment;
pub use testkit::{PATIENCE, unique};
pub use tokens::{CUSTOMER_SCOPES, Tokens};

/// A deployed stack and the connections to all of its sides. A clone shares them.
#[derive(Clone)]
pub struct Stack {
    /// Where everything is.
    pub environment: Arc<Environment>,
    /// The database of the stack.
    pub database: Arc<tokio_postgres::Client>,
    /// The queues of the stack.
    pub sqs: aws_sdk_sqs::Client,
    /// The cache of the stack.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The bus of the stack, called what the stack is called.
    pub eventbridge: aws_sdk_eventbridge::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    http: reqwest::Client,
    /// Who calls.
    token: Option<String>,
}

impl Stack {
    /// Connects to the stack that the environment names, as the customer of its `TOKEN`.
    pub async fn connect() -> Self {
        let environment = Environment::read();
        let aws = aws_config().await;
        Self {
            database: database::connect(&environment.database_url.parse().unwrap()).await.into(),
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

/// Connects to another database than the stack's own.
pub async fn connect_to(database: &tokio_postgres::Config) -> tokio_postgres::Client {
    database::connect(database).await
}

/// Asks `probe` until it answers, for at most [`PATIENCE`].
pub async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = probe().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
