//! Opens connections, with verified TLS unless the connection string says `sslmode=disable`.

use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{CancelToken, Client, Config, Connection, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::connection_string;
use super::error::{is_worth_another_try, unavailable};
use crate::{BoxError, Error};

const RDS_ROOTS: &[u8] = include_bytes!("rds-roots.pem");

/// How long one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long sent bytes may stay unacknowledged before the socket counts as dead. The first statement
/// notices a socket that died while its environment was frozen. The rest of the request's deadline
/// (5 s) must be enough to connect and send it again.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection string with its TLS configuration.
pub(super) struct Connector {
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

/// The task that runs a connection. Dropping it ends the connection.
pub(super) struct Driver(JoinHandle<()>);

impl Driver {
    /// Waits until the connection has ended.
    pub(super) async fn ended(mut self) {
        let _ = (&mut self.0).await;
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Connector {
    pub(super) fn new(url: &str) -> Result<Self, BoxError> {
        let mut config = connection_string::parse(url)?;
        config
            .application_name("waybill")
            .connect_timeout(ATTEMPT_TIMEOUT)
            .tcp_user_timeout(TCP_USER_TIMEOUT);
        if config.get_ssl_mode() == SslMode::Disable {
            return Ok(Self { config, tls: None });
        }
        // `prefer`, the default, would fall back to plaintext.
        config.ssl_mode(SslMode::Require);
        // RDS Proxy uses a public root, RDS its own roots.
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

    /// The host and port, for logs.
    pub(super) fn server(&self) -> String {
        let host = match self.config.get_hosts().first() {
            Some(Host::Tcp(host)) => host.clone(),
            Some(Host::Unix(path)) => path.display().to_string(),
            None => "localhost".to_owned(),
        };
        format!("{host}:{}", self.config.get_ports().first().unwrap_or(&5432))
    }

    /// Connects. Tries again with backoff until the `deadline` if the server may be starting or out
    /// of connections.
    pub(super) async fn connect_by(&self, deadline: Instant) -> Result<(Client, Driver), Error> {
        let backoff = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_secs(1))
            .with_jitter()
            .without_max_times();
        let mut last = None;
        let connect =
            (|| self.connect()).retry(backoff).when(is_worth_another_try).notify(|error, delay| {
                let (error, delay_ms) = (crate::error::chain(error), delay.as_millis());
                tracing::warn!(error, delay_ms, "failed to connect to Postgres; retrying");
                last = Some(error);
            });
        let connected = timeout_at(deadline, connect).await;
        match connected {
            Ok(connected) => connected.map_err(unavailable),
            // The error of the last try says more than a timeout.
            Err(elapsed) => Err(last.map_or_else(|| unavailable(elapsed), unavailable)),
        }
    }

    /// Asks the server to cancel the statement of another connection.
    pub(super) async fn cancel(&self, token: CancelToken) -> Result<(), tokio_postgres::Error> {
        match &self.tls {
            None => token.cancel_query(NoTls).await,
            Some(tls) => token.cancel_query(tls.clone()).await,
        }
    }

    async fn connect(&self) -> Result<(Client, Driver), tokio_postgres::Error> {
        match &self.tls {
            None => self.config.connect(NoTls).await.map(drive),
            Some(tls) => self.config.connect(tls.clone()).await.map(drive),
        }
    }
}

/// Runs the connection in a task.
fn drive<S, T>((client, connection): (Client, Connection<S, T>)) -> (Client, Driver)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let driver = tokio::spawn(async move {
        // Pending statements get this error too; this line is for an idle connection.
        if let Err(error) = connection.await {
            tracing::debug!(error = crate::error::chain(&error), "database connection closed");
        }
    });
    (client, Driver(driver))
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
        assert!(has_tls("postgres://u@db.example.com/waybill?sslmode=verify-full"));
        assert!(!has_tls("postgres://u@127.0.0.1/waybill?sslmode=disable"));
    }

    #[test]
    fn the_server_is_named_without_user_and_password() {
        let connector = Connector::new("postgres://u:secret@db.example.com:6432/waybill").unwrap();
        assert_eq!(connector.server(), "db.example.com:6432");
    }
}
