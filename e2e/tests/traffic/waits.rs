//! The service's waits, made short where it has a setting: what takes minutes on a deployed stack happens
//! within a test.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::client::Waiters as _;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::Environment as Variables;
use e2e::{PATIENCE, Stack};

/// How long an idempotency key is kept: longer than a test replays an order or asks for it again.
pub(crate) const KEPT: Duration = Duration::from_mins(1);

/// The settings of [`FUNCTIONS`], in seconds.
const SETTINGS: [(&str, &str); 6] = [
    ("DATABASE_CONNECT_TIMEOUT_SECONDS", "1"),
    ("JOB_GRACE_SECONDS", "3"),
    ("OUTBOX_LEASE_SECONDS", "3"),
    ("OUTBOX_RETRY_MIN_SECONDS", "1"),
    ("OUTBOX_RETRY_MAX_SECONDS", "4"),
    ("IDEMPOTENCY_RETENTION_SECONDS", "60"),
];

/// The functions that send from the outbox or keep keys.
const FUNCTIONS: [&str; 5] =
    ["create-order", "cancel-order", "update-order-status", "fulfill-order", "relay-outbox"];

/// How long a received job stays invisible, in seconds: longer than fulfill-order tries to reach Postgres.
const INVISIBLE: &str = "8";

/// How often the relay runs. Schedules on AWS, and of the emulator, come once a minute at most.
const RELAY_EVERY: Duration = Duration::from_secs(4);

/// Short waits, until [`restore`](Self::restore).
pub(crate) struct ShortWaits {
    stack: Stack,
    lambda: Client,
    variables: Vec<HashMap<String, String>>,
    invisible: String,
}

impl ShortWaits {
    /// Makes the waits short.
    pub(crate) async fn set(stack: &Stack) -> Self {
        let lambda = Client::new(&testkit::sdk::config().await);
        let invisible = stack.visibility_timeout().await;
        stack.set_visibility_timeout(INVISIBLE).await;
        let mut short = Self { stack: stack.clone(), lambda, variables: Vec::new(), invisible };
        for function in FUNCTIONS {
            let call = short.lambda.get_function_configuration();
            let found = call.function_name(short.name(function)).send().await.unwrap();
            let before = found.environment.and_then(|it| it.variables).unwrap();
            let mut variables = before.clone();
            variables.extend(SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())));
            short.configure(function, variables).await;
            short.variables.push(before);
        }
        short
    }

    /// Runs the relay every few seconds, until it is dropped.
    pub(crate) async fn keep_relaying(&self) {
        loop {
            tokio::time::sleep(RELAY_EVERY).await;
            self.relay().await;
        }
    }

    /// Runs the relay once. It may fail during a fault.
    pub(crate) async fn relay(&self) {
        let call = self.lambda.invoke().function_name(self.name("relay-outbox"));
        let _ = call.payload(Blob::new(*b"{}")).send().await;
    }

    /// Makes the waits as long as they were.
    pub(crate) async fn restore(self) {
        self.stack.set_visibility_timeout(&self.invisible).await;
        for (function, variables) in FUNCTIONS.into_iter().zip(&self.variables) {
            self.configure(function, variables.clone()).await;
        }
    }

    async fn configure(&self, function: &str, variables: HashMap<String, String>) {
        let variables = Variables::builder().set_variables(Some(variables)).build();
        let call = self.lambda.update_function_configuration().environment(variables);
        let name = self.name(function);
        call.function_name(&name).send().await.unwrap();
        let updated = self.lambda.wait_until_function_updated_v2().function_name(&name);
        updated.wait(PATIENCE).await.unwrap();
    }

    fn name(&self, function: &str) -> String {
        format!("{}-{function}", self.stack.environment.stack_name)
    }
}
