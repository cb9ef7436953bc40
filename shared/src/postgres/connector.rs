//! Opens connections, with verified TLS unless the connection string says `sslmode=disable`.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use backon::{ExponentialBuilder, Retryable};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{CancelToken, Client, Config, Connection, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::{is_worth_another_try, unavailable};
use super::lifetime::{Clock, Lifetime};
use super::login::Login;
use super::{connection_string, tls};
use crate::config::AwsKeys;
use crate::{BoxError, Error};

/// How long one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long sent bytes may stay unacknowledged before the socket counts as dead. The first statement
/// notices a socket that died while its environment was frozen. The rest of the request's deadline
/// (5 s) must be enough to connect and send it again.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection string with its TLS configuration, and how a connection logs in.
pub(super) struct Connector {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    login: Login,
    clock: Clock,
}

/// Why a connection didn't open.
#[derive(Debug, thiserror::Error)]
enum ConnectError {
    #[error("failed to make a token of IAM")]
    Token(#[source] BoxError),
    #[error(transparent)]
    Postgres(#[from] tokio_postgres::Error),
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
    pub(super) fn new(url: &str, keys: Option<&AwsKeys>) -> Result<Self, BoxError> {
        let mut config = connection_string::parse(url)?;
        config
            .application_name("waybill")
            .connect_timeout(ATTEMPT_TIMEOUT)
            .tcp_user_timeout(TCP_USER_TIMEOUT);
        let (login, clock) = (Login::of(&config, keys)?, SystemTime::now);
        if config.get_ssl_mode() == SslMode::Disable {
            return Ok(Self { config, tls: None, login, clock });
        }
        // `prefer`, the default, would fall back to plaintext.
        config.ssl_mode(SslMode::Require);
        let tls = tls::connector(&login)?;
        Ok(Self { config, tls: Some(tls), login, clock })
    }

    /// For a fake that speaks no TLS.
    #[cfg(test)]
    pub(super) fn without_tls(
        url: &str,
        keys: Option<&AwsKeys>,
        clock: Clock,
    ) -> Result<Self, BoxError> {
        let mut connector = Self::new(url, keys)?;
        connector.config.ssl_mode(SslMode::Disable);
        Ok(Self { tls: None, clock, ..connector })
    }

    /// For a server with this certificate.
    #[cfg(test)]
    pub(super) fn trusting(
        url: &str,
        keys: Option<&AwsKeys>,
        certificate: rustls::pki_types::CertificateDer<'static>,
    ) -> Result<Self, BoxError> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate)?;
        Ok(Self { tls: Some(tls::trusting(roots)?), ..Self::new(url, keys)? })
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

    /// How long a connection that opens now may serve; none if the server doesn't end connections.
    pub(super) fn lifetime(&self) -> Option<Lifetime> {
        matches!(self.login, Login::Dsql(_)).then(|| Lifetime::of_dsql(self.clock))
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
        let connect = (|| self.connect()).retry(backoff).when(may_pass).notify(|error, delay| {
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

    async fn connect(&self) -> Result<(Client, Driver), ConnectError> {
        let config = self.with_password().map_err(ConnectError::Token)?;
        Ok(match &self.tls {
            None => drive(config.connect(NoTls).await?),
            Some(tls) => drive(config.connect(tls.clone()).await?),
        })
    }

    /// The connection string with its password, or with a new token: each opens one connection.
    fn with_password(&self) -> Result<Cow<'_, Config>, BoxError> {
        let Some(signer) = self.login.signer() else { return Ok(Cow::Borrowed(&self.config)) };
        let mut config = self.config.clone();
        config.password(signer.token((self.clock)())?.as_str());
        Ok(Cow::Owned(config))
    }
}

/// Whether another attempt may succeed.
fn may_pass(error: &ConnectError) -> bool {
    match error {
        ConnectError::Token(_) => false,
        ConnectError::Postgres(error) => is_worth_another_try(error),
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
        let has_tls = |url: &str| Connector::new(url, None).unwrap().tls.is_some();
        assert!(has_tls("postgres://u:p@db.example.com/waybill"));
        assert!(has_tls("postgres://u:p@db.example.com/waybill?sslmode=prefer"));
        assert!(has_tls("postgres://u:p@db.example.com/waybill?sslmode=require"));
        assert!(has_tls("postgres://u:p@db.example.com/waybill?sslmode=verify-full"));
        assert!(!has_tls("postgres://u@127.0.0.1/waybill?sslmode=disable"));
    }

    #[test]
    fn the_server_is_named_without_user_and_password() {
        let url = "postgres://u:secret@db.example.com:6432/waybill";
        let connector = Connector::new(url, None).unwrap();
        assert_eq!(connector.server(), "db.example.com:6432");
    }
}
