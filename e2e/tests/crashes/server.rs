//! A Postgres server that a test may stop or crash.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use local_cloud::error::Result;
use local_cloud::postgres::Postgres;
use uuid::Uuid;

/// A Postgres server with production durability.
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
        // An interrupted run may have left one.
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

    /// Its log since the last start.
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

/// A port that stays free while the server is down: below the range of outgoing connections, and chosen
/// at random.
fn free_port() -> u16 {
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let somewhere = 15_000 + u16::try_from(Uuid::new_v4().as_u128() % 10_000).unwrap();
    (somewhere..30_000).find(is_free).unwrap()
}
