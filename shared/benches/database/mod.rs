//! A database of a benchmark's own.

use std::time::Duration;

use tokio_postgres::{Client, NoTls};
use uuid::Uuid;
use waybill::config::{DatabaseConfig, DatabaseEngine, OwnerLimits, Timing};
use waybill::postgres::migrations;

/// Makes a database with the schema on the server of `TEST_DATABASE_URL`. Returns how to reach it, and a
/// client of it.
pub(crate) async fn open() -> (DatabaseConfig, Client) {
    let server = variable("TEST_DATABASE_URL");
    let name = format!("bench_{}", Uuid::new_v4().simple());
    connect(&server).await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    let (before, parameters) = server.split_once('?').unwrap();
    let config = DatabaseConfig {
        url: format!("{}/{name}?{parameters}", before.rsplit_once('/').unwrap().0),
        engine: DatabaseEngine::Postgres,
        keys: None,
        connect_timeout: Duration::from_secs(5),
        connections: 1,
        timing: Timing::default(),
        owner_limits: OwnerLimits::default(),
    };
    // Before the migrations, which limit the time of every later session's statements.
    let sql = connect(&config.url).await;
    migrations::migrate(&config).await.unwrap();
    (config, sql)
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

#[expect(clippy::disallowed_methods, reason = "the benchmark reads its environment here only")]
pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; `make bench` sets it"))
}
