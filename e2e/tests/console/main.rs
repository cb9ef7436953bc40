//! The console against a deployed stack: over HTTP, and in Chromium.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

mod browser;
mod guard;
mod pages;

use console::Console;
use console::address::Address;
use e2e::Stack;
use testkit::unused_address;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use waybill_ops::config::Config;
use waybill_ops::env_file::EnvFile;

/// A console of the test's own.
struct Served {
    address: Address,
    serving: JoinHandle<()>,
}

impl Served {
    /// A console of the stack with this dead-letter queue.
    async fn with_dead_letters(stack: &Stack, dlq_url: &str) -> Self {
        let own = [
            ("API_URL", stack.environment.api_url.as_str()),
            ("STAFF_TOKEN", &stack.environment.staff_token),
            ("FULFILLMENT_DLQ_URL", dlq_url),
        ];
        let variables = stack.environment.variables(&own);
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        let address = Address::new(unused_address().port());
        let config = Config::from_environment().unwrap();
        let env = EnvFile(variables.collect());
        let console = Console::of_stack(&config, address.clone(), env).await.unwrap();
        let listener = TcpListener::bind(console.socket()).await.unwrap();
        let serving = tokio::spawn(async { console::serve(listener, console).await.unwrap() });
        Self { address, serving }
    }

    /// A console of the stack.
    async fn of(stack: &Stack) -> Self {
        Self::with_dead_letters(stack, &stack.environment.fulfillment_dlq_url).await
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.address.port)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
