//! Connections to a server that takes tokens of IAM and ends old connections.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};
use testkit::postgres::FakePostgres;

use super::*;
use crate::config::{AwsKeys, DatabaseEngine};

const HOST: &str = "abc.dsql.eu-west-1.on.aws";

fn config(server: &FakePostgres) -> DatabaseConfig {
    config_at(server.port())
}

fn config_at(port: u16) -> DatabaseConfig {
    DatabaseConfig {
        // The name is for TLS and for the token, the address for the connection.
        url: format!("host={HOST} hostaddr=127.0.0.1 port={port} user=admin"),
        engine: DatabaseEngine::Postgres,
        keys: Some(AwsKeys {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "secret".to_owned(),
            session_token: Some("temporary".to_owned()),
        }),
        connect_timeout: Duration::from_secs(10),
        connections: 1,
        timing: Timing::default(),
        owner_limits: OwnerLimits::default(),
    }
}

/// A process that logs in to the fake with tokens, without the TLS that the fake doesn't speak.
fn process(server: &FakePostgres, clock: fn() -> SystemTime) -> Database {
    let config = config(server);
    with(Connector::without_tls(&config.url, config.keys.as_ref(), clock).unwrap(), &config)
}

fn with(connector: Connector, config: &DatabaseConfig) -> Database {
    Database {
        connector,
        engine: config.engine,
        statements: &[],
        timing: config.timing,
        owner_limits: config.owner_limits,
        permits: Semaphore::new(config.connections),
        idle: Mutex::default(),
        bucketed: Bucketed::default(),
    }
}

/// Runs a statement, and returns the number of the connection that answered.
async fn answered_by(database: &Database) -> i32 {
    let rows = database.query("SELECT 1", &[]).await;
    rows.ok().unwrap().first().unwrap().get(0)
}

#[tokio::test]
async fn a_connection_is_replaced_before_the_server_ends_it() {
    static MINUTES: AtomicU64 = AtomicU64::new(0);
    let clock = || SystemTime::UNIX_EPOCH + Duration::from_mins(MINUTES.load(Ordering::Relaxed));
    let server = FakePostgres::start().await;
    let database = process(&server, clock);
    assert_eq!(answered_by(&database).await, 1);
    MINUTES.store(44, Ordering::Relaxed);
    assert_eq!(answered_by(&database).await, 1);
    MINUTES.store(55, Ordering::Relaxed);
    assert_eq!(answered_by(&database).await, 2);
    server.hears_good_bye_of(1).await;
    assert_eq!(answered_by(&database).await, 2);
}

#[tokio::test]
async fn a_statement_under_way_keeps_its_connection_however_old_it_grows() {
    static MINUTES: AtomicU64 = AtomicU64::new(0);
    let clock = || SystemTime::UNIX_EPOCH + Duration::from_mins(MINUTES.load(Ordering::Relaxed));
    let server = FakePostgres::start().await;
    let database = process(&server, clock);
    assert_eq!(answered_by(&database).await, 1);
    server.hold();
    let later = async {
        server.holds_a_statement().await;
        MINUTES.store(59, Ordering::Relaxed);
        server.release();
    };
    let (answer, ()) = tokio::join!(answered_by(&database), later);
    assert_eq!(answer, 1);
    assert_eq!(answered_by(&database).await, 2);
}

#[tokio::test]
async fn an_old_connection_serves_on_if_no_other_opens() {
    static MINUTES: AtomicU64 = AtomicU64::new(0);
    let clock = || SystemTime::UNIX_EPOCH + Duration::from_mins(MINUTES.load(Ordering::Relaxed));
    let server = FakePostgres::start().await;
    let database = process(&server, clock);
    assert_eq!(answered_by(&database).await, 1);
    // Access denied, which isn't tried again.
    server.refuse("28000", 1);
    MINUTES.store(55, Ordering::Relaxed);
    assert_eq!(answered_by(&database).await, 1);
    assert_eq!(server.passwords().len(), 2);
    // Not for every statement: again after a minute.
    assert_eq!(answered_by(&database).await, 1);
    assert_eq!(server.passwords().len(), 2);
    MINUTES.store(56, Ordering::Relaxed);
    assert_eq!(answered_by(&database).await, 3);
}

#[tokio::test]
async fn each_connection_gets_a_token_of_its_own_time() {
    static MINUTES: AtomicU64 = AtomicU64::new(0);
    let clock = || SystemTime::UNIX_EPOCH + Duration::from_mins(MINUTES.load(Ordering::Relaxed));
    let server = FakePostgres::start().await;
    let database = process(&server, clock);
    assert_eq!(answered_by(&database).await, 1);
    // The first token has ended, and so has its connection.
    MINUTES.store(16, Ordering::Relaxed);
    server.end_connections();
    assert_eq!(answered_by(&database).await, 2);
    let passwords = server.passwords();
    let begins = |password: &String| {
        assert!(password.starts_with(&format!("{HOST}/?Action=DbConnectAdmin&")), "{password}");
        assert!(password.contains("&X-Amz-Expires=900&"), "{password}");
        password.split("X-Amz-Date=").nth(1).unwrap().split('&').next().unwrap().to_owned()
    };
    let times: Vec<_> = passwords.iter().map(begins).collect();
    assert_eq!(times, ["19700101T000000Z", "19700101T001600Z"]);
}

#[tokio::test]
async fn a_server_without_tls_is_refused_and_gets_no_token() {
    let server = FakePostgres::start().await;
    let database = Database::connect(&config(&server), &[]).await.unwrap();
    let error = database.check().await.unwrap_err();
    assert!(error.chain().contains("TLS"), "{}", error.chain());
    assert!(server.asked_for_tls() > 0);
    assert_eq!(server.passwords(), Vec::<String>::new());
}

/// A server with a certificate for `name`, and what its one client sends after the handshake.
struct TlsServer {
    port: u16,
    certificate: CertificateDer<'static>,
    heard: JoinHandle<Result<Vec<u8>, std::io::Error>>,
}

impl TlsServer {
    fn named(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let certificate = made.cert.der().clone();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key.into())
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = thread::spawn(move || {
            let (mut stream, _) = listener.accept()?;
            // The request for TLS, which has no body.
            stream.read_exact(&mut [0; 8])?;
            stream.write_all(b"S")?;
            let mut tls = ServerConnection::new(Arc::new(config)).map_err(std::io::Error::other)?;
            let mut startup = vec![0; 1024];
            let length = Stream::new(&mut tls, &mut stream).read(&mut startup)?;
            startup.truncate(length);
            Ok(startup)
        });
        Self { port, certificate, heard }
    }
}

#[tokio::test]
async fn a_server_whose_certificate_is_not_from_amazon_learns_nothing() {
    let server = TlsServer::named(HOST);
    let config = config_at(server.port);
    let connector = Connector::new(&config.url, config.keys.as_ref()).unwrap();
    // The test would hang if it were tried again.
    let later = Instant::now() + Duration::from_hours(1);
    let error = connector.connect_by(later).await.err().unwrap().chain();
    assert!(error.contains("certificate"), "{error}");
    assert!(server.heard.join().unwrap().is_err());
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    for (name, is_refused) in [(HOST, false), ("abd.dsql.eu-west-1.on.aws", true)] {
        let server = TlsServer::named(name);
        let config = config_at(server.port);
        let trusted = server.certificate.clone();
        let connector = Connector::trusting(&config.url, config.keys.as_ref(), trusted).unwrap();
        let soon = Instant::now() + Duration::from_millis(500);
        let error = connector.connect_by(soon).await.err().unwrap().chain();
        assert_eq!(error.contains("certificate"), is_refused, "{name}: {error}");
        match server.heard.join().unwrap() {
            Ok(startup) => assert!(startup.windows(5).any(|it| it == b"admin"), "{startup:?}"),
            Err(error) => assert!(is_refused, "{name}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_cluster_with_too_many_new_connections_is_asked_again_after_growing_waits() {
    let server = FakePostgres::start().await;
    let database = process(&server, SystemTime::now);
    server.refuse("53400", 3);
    let before = Instant::now();
    assert_eq!(answered_by(&database).await, 4);
    let waited = before.elapsed();
    assert!(waited >= Duration::from_millis(50 + 100 + 200), "{waited:?}");
}
