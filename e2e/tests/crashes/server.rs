//! A Postgres server that a test may do anything with.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use local_cloud::error::Result;
use local_cloud::postgres::Postgres;
use uuid::Uuid;

/// A Postgres server of the test's own, as durable as one in production.
pub(crate) struct Server {
    pub(crate) postgres: Arc<Postgres>,
    dir: PathBuf,
    port: u16,
}

impl Server {
    pub(crate) async fn start(name: &str, max_connections: u16) -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let postgres = Postgres::in_dir(&dir).with_max_connections(max_connections);
        let server = Self { postgres: Arc::new(postgres), dir, port: free_port() };
        // What a run that was interrupted may have left.
        server.delete().unwrap();
        std::fs::create_dir_all(&server.dir).unwrap();
        server.go_on().await;
        server
    }

    pub(crate) async fn go_on(&self) {
        let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.local/tools");
        let started = self.postgres.start(&tools, self.port, true).await;
        started.unwrap_or_else(|error| panic!("{error} {:?}", error.causes()));
    }

    pub(crate) fn url(&self) -> String {
        self.postgres.url(self.port).unwrap()
    }

    /// What it said since it was started.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("postgres.log")).unwrap()
    }

    fn delete(&self) -> Result<()> {
        self.postgres.stop()?;
        let _ = std::fs::remove_dir_all(&self.dir);
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.delete();
    }
}

/// One that nobody else is given while the server is down: below those of outgoing connections, and
/// not where another test begins to look.
fn free_port() -> u16 {
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let somewhere = 15_000 + u16::try_from(Uuid::new_v4().as_u128() % 10_000).unwrap();
    (somewhere..30_000).find(is_free).unwrap()
}
