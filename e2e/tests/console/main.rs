//! The console against a deployed stack: over HTTP, and in Chromium.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

mod breaking;
mod browser;
mod guard;
mod pages;
mod redrives;
mod tabs;

use std::sync::Arc;

use console::Console;
use console::address::Address;
use e2e::Stack;
use testkit::unused_address;
use tokio::net::TcpListener;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};
use tokio::task::JoinHandle;
use waybill_ops::config::Config;
use waybill_ops::env_file::EnvFile;

/// Who uses the stack. Tests share it, except one that breaks it.
static USERS: std::sync::LazyLock<Arc<RwLock<()>>> = std::sync::LazyLock::new(Arc::default);

/// A console of the test's own.
struct Served {
    console: Arc<Console>,
    address: Address,
    serving: JoinHandle<()>,
    _users: Users,
}

/// The right to use the stack.
enum Users {
    Many(#[expect(dead_code, reason = "held")] OwnedRwLockReadGuard<()>),
    One(#[expect(dead_code, reason = "held")] OwnedRwLockWriteGuard<()>),
}

impl Served {
    /// A console of the stack.
    async fn of(stack: &Stack) -> Self {
        Self::with(stack, &[]).await
    }

    /// A console of the stack with other variables.
    async fn with(stack: &Stack, variables: &[(&str, &str)]) -> Self {
        let users = Users::Many(Arc::clone(&USERS).read_owned().await);
        Self::start(stack, variables, users).await
    }

    /// The same, while no other test of this program uses the stack.
    async fn alone_with(stack: &Stack, variables: &[(&str, &str)]) -> Self {
        let users = Users::One(Arc::clone(&USERS).write_owned().await);
        Self::start(stack, variables, users).await
    }

    async fn start(stack: &Stack, variables: &[(&str, &str)], users: Users) -> Self {
        let environment = &stack.environment;
        let own = [
            ("API_URL", environment.api_url.as_str()),
            ("STAFF_TOKEN", &environment.staff_token),
            ("NOTIFICATION_QUEUE_URL", &environment.notification_queue_url),
            ("NOTIFICATION_DLQ_URL", &environment.notification_dlq_url),
        ];
        let variables = environment.variables(&[&own, variables].concat());
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        let address = Address::new(unused_address().port());
        let config = Config::from_environment().unwrap();
        let env = EnvFile(variables.collect());
        let console = Console::of_stack(&config, address.clone(), env).await.unwrap();
        let console = Arc::new(console);
        let listener = TcpListener::bind(console.socket()).await.unwrap();
        let served = Arc::clone(&console);
        let serving = tokio::spawn(async { console::serve(listener, served).await.unwrap() });
        Self { console, address, serving, _users: users }
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
