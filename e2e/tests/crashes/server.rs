//! A database server that a test may stop or crash.

use std::path::{Path, PathBuf};

use e2e::engine_name;
use local_cloud::error::Result;
use local_cloud::postgres::Postgres;
use local_cloud::standin::{Programs, StandIn};
use testkit::{engine, unused_address};

/// A database server with production durability.
pub(crate) struct Server {
    database: Database,
    dir: PathBuf,
    port: u16,
    /// The port of the Postgres behind a stand-in.
    behind: u16,
}

enum Database {
    Postgres(Postgres),
    StandIn(StandIn),
}

impl Server {
    pub(crate) async fn start(name: &str, max_connections: u16) -> Self {
        // Both databases are tested at the same time.
        let name = format!("{name}-{}", engine_name());
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let database = if engine::is_stand_in() {
            Database::StandIn(StandIn::in_dir(&dir))
        } else {
            Database::Postgres(Postgres::in_dir(&dir).with_max_connections(max_connections))
        };
        // They stay free while the server is down.
        let [port, behind] = [unused_address(), unused_address()].map(|address| address.port());
        let server = Self { database, dir, port, behind };
        // An interrupted run may have left one.
        server.delete().unwrap();
        std::fs::create_dir_all(&server.dir).unwrap();
        server.go_on().await;
        server
    }

    pub(crate) async fn go_on(&self) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let (tools, scripts) = (root.join(".local/tools"), root.join("localstack"));
        let started = match &self.database {
            Database::Postgres(postgres) => postgres.start(&tools, self.port, true).await,
            Database::StandIn(stand_in) => {
                let programs = Programs { tools: &tools, scripts: &scripts };
                stand_in.start(programs, self.port, self.behind, true).await
            }
        };
        started.unwrap_or_else(|error| panic!("{error} {:?}", error.causes()));
    }

    /// The Postgres itself.
    pub(crate) fn postgres(&self) -> &Postgres {
        match &self.database {
            Database::Postgres(postgres) => postgres,
            Database::StandIn(stand_in) => stand_in.postgres(),
        }
    }

    /// The URL for the service.
    pub(crate) fn url(&self) -> String {
        self.postgres().url(self.port).unwrap()
    }

    /// The URL for tests.
    pub(crate) fn direct_url(&self) -> String {
        match &self.database {
            Database::Postgres(_) => self.url(),
            Database::StandIn(stand_in) => stand_in.url_behind().unwrap(),
        }
    }

    /// Its log since the last start.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("postgres.log")).unwrap()
    }

    fn delete(&self) -> Result<()> {
        match &self.database {
            Database::Postgres(postgres) => postgres.stop()?,
            Database::StandIn(stand_in) => stand_in.stop()?,
        }
        let _ = std::fs::remove_dir_all(&self.dir);
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.delete();
    }
}
