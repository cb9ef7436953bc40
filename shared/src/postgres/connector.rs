//! How a connection is opened: with verified TLS, unless the connection string says
//! `sslmode=disable`.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config, Connection, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::{is_worth_another_try, unavailable};
use crate::{BoxError, Error};

const RDS_ROOTS: &[u8] = include_bytes!("rds-roots.pem");

/// How long one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long sent bytes may stay unacknowledged before the socket counts as dead.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection string, and the TLS that goes with it.
pub(super) struct Connector {
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

impl Connector {
    pub(super) fn new(url: &str) -> Result<Self, BoxError> {
        // What the parser says can hold pieces of the string, and so of the password.
        let mut config = Config::from_str(url)
            .map_err(|_| "DATABASE_URL should hold a connection string, postgres://user@host/db")?;
        config
            .application_name("waybill")
            .connect_timeout(ATTEMPT_TIMEOUT)
            .tcp_user_timeout(TCP_USER_TIMEOUT);
        if config.get_ssl_mode() == SslMode::Disable {
            return Ok(Self { config, tls: None });
        }
        // `prefer`, the default, would fall back to plaintext.
        config.ssl_mode(SslMode::Require);
        // RDS Proxy chains to a public root, RDS itself to roots of its own.
        let mut roots: RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        for root in CertificateDer::pem_slice_iter(RDS_ROOTS) {
            roots.add(root?)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { config, tls: Some(MakeRustlsConnect::new(tls)) })
    }

    /// The server, for the log.
    pub(super) fn server(&self) -> String {
        let host = match self.config.get_hosts().first() {
            Some(Host::Tcp(host)) => host.clone(),
            Some(Host::Unix(path)) => path.display().to_string(),
            None => "localhost".to_owned(),
        };
        format!("{host}:{}", self.config.get_ports().first().unwrap_or(&5432))
    }

    /// Connects, trying again with backoff while the server may just not be up yet.
    pub(super) async fn connect_within(
        &self,
        timeout: Duration,
    ) -> Result<(Client, JoinHandle<()>), Error> {
        let backoff = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_secs(1))
            .with_jitter()
            .without_max_times();
        let mut last = None;
        let connect =
            (|| self.connect()).retry(backoff).when(is_worth_another_try).notify(|error, delay| {
                let (error, delay_ms) = (crate::error::chain(error), delay.as_millis());
                tracing::warn!(error, delay_ms, "Postgres can't be reached yet");
                last = Some(error);
            });
        let connected = tokio::time::timeout(timeout, connect).await;
        match connected {
            Ok(connected) => connected.map_err(unavailable),
            // What the last try said tells more than that time is up.
            Err(elapsed) => Err(last.map_or_else(|| unavailable(elapsed), unavailable)),
        }
    }

    async fn connect(&self) -> Result<(Client, JoinHandle<()>), tokio_postgres::Error> {
        match &self.tls {
            None => self.config.connect(NoTls).await.map(drive),
            Some(tls) => self.config.connect(tls.clone()).await.map(drive),
        }
    }
}

/// Lets the connection run beside its client.
fn drive<S, T>((client, connection): (Client, Connection<S, T>)) -> (Client, JoinHandle<()>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let driver = tokio::spawn(async move {
        // Whoever waits for an answer is told as well; this is for a connection that broke idle.
        if let Err(error) = connection.await {
            tracing::debug!(error = crate::error::chain(&error), "the connection ended");
        }
    });
    (client, driver)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_explicit_disable_does_without_tls() {
        let has_tls = |url: &str| Connector::new(url).unwrap().tls.is_some();
        assert!(has_tls("postgres://u@db.example.com/waybill"));
        assert!(has_tls("postgres://u@db.example.com/waybill?sslmode=prefer"));
        assert!(has_tls("postgres://u@db.example.com/waybill?sslmode=require"));
        assert!(!has_tls("postgres://u@127.0.0.1/waybill?sslmode=disable"));
    }

    #[test]
    fn a_bad_connection_string_is_not_repeated() {
        let error = Connector::new("postgres://u:secret@[/waybill").err().unwrap().to_string();
        assert!(error.contains("DATABASE_URL") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn the_server_is_named_without_user_and_password() {
        let connector = Connector::new("postgres://u:secret@db.example.com:6432/waybill").unwrap();
        assert_eq!(connector.server(), "db.example.com:6432");
    }
}
