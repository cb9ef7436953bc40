//! One connection, opened before the first request and mended when it breaks.
//!
//! A Lambda environment handles one request at a time, so that a pool would hold one connection: a
//! client of `tokio_postgres` is that, and pipelines if it is ever asked for more.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

use super::connector::Connector;
use super::error::{is_connection_lost, unavailable};
use crate::config::{DatabaseConfig, Timing};
use crate::{BoxError, Error};

/// How long a request waits for a new connection when the one from the start is gone.
const RECONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a statement may take before its connection counts as lost.
const QUERY_TIMEOUT: Duration = Duration::from_secs(5);

/// A statement is planned once for a connection, whatever its arguments. Left to itself the server
/// would go on planning anew for the arguments of each call, which takes several times as long as
/// the statement itself; see decision 3.
const PLAN_ONCE: &str = "SET plan_cache_mode = force_generic_plan";

/// How long closing may take: AWS gives a process half a second after SIGTERM.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(300);

/// A connection to Postgres with its statements prepared.
pub struct Database {
    connector: Connector,
    statements: &'static [&'static str],
    timing: Timing,
    session: Mutex<Option<Arc<Session>>>,
}

struct Session {
    client: Client,
    /// Few enough to look through: that tells two apart by their length, where a hash reads all of
    /// both.
    prepared: Vec<(&'static str, Statement)>,
    driver: JoinHandle<()>,
}

impl Database {
    /// Connects and prepares `statements`, so that each costs one round trip from then on. A
    /// database that is not up yet is tried again, with backoff, for `connect_timeout`.
    ///
    /// If it is still not up then, this is logged, and every request tries anew: a function
    /// that answers 503 tells its callers more than one that does not start.
    ///
    /// # Errors
    /// If the connection string makes no sense.
    pub async fn connect(
        config: &DatabaseConfig,
        statements: &'static [&'static str],
    ) -> Result<Arc<Self>, BoxError> {
        let database = Self {
            connector: Connector::new(&config.url)?,
            statements,
            timing: config.timing,
            session: Mutex::new(None),
        };
        if let Err(error) = database.session(config.connect_timeout).await {
            tracing::error!(
                error = error.chain(),
                server = database.connector.server(),
                waited_seconds = config.connect_timeout.as_secs(),
                "Postgres can't be reached; requests will try again"
            );
        }
        Ok(Arc::new(database))
    }

    pub(super) fn timing(&self) -> Timing {
        self.timing
    }

    /// Whether Postgres answers.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    pub async fn check(&self) -> Result<(), Error> {
        self.query("SELECT 1", &[]).await.map(drop).map_err(Error::from)
    }

    /// Says good-bye, so that the server need not find out by itself.
    pub async fn close(self: Arc<Self>) {
        let session = self.session.lock().await.take();
        if let Some(Session { client, driver, .. }) = session.and_then(Arc::into_inner) {
            drop(client);
            let _ = tokio::time::timeout(CLOSE_TIMEOUT, driver).await;
        }
    }

    /// Runs one of the prepared statements. A connection that was lost meanwhile, as sockets are
    /// while an environment is frozen, is opened anew and the statement sent once more: it must be
    /// one that is safe to repeat, as all of the service's are.
    pub(super) async fn query(
        &self,
        sql: &'static str,
        arguments: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, QueryError> {
        self.query_or_repeat(sql, arguments).await.map(|(rows, _)| rows)
    }

    /// As [`query`](Self::query), and says whether the statement was sent twice: then what it found
    /// may be its own doing.
    pub(super) async fn query_or_repeat(
        &self,
        sql: &'static str,
        arguments: &[&(dyn ToSql + Sync)],
    ) -> Result<(Vec<Row>, bool), QueryError> {
        match self.query_once(sql, arguments).await {
            Err(QueryError::Lost(error)) => {
                tracing::warn!(error = crate::error::chain(&*error), "the connection was lost");
                self.query_once(sql, arguments).await.map(|rows| (rows, true))
            }
            result => result.map(|rows| (rows, false)),
        }
    }

    async fn query_once(
        &self,
        sql: &'static str,
        arguments: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, QueryError> {
        let session = self.session(RECONNECT_TIMEOUT).await.map_err(QueryError::NoConnection)?;
        let answer = tokio::time::timeout(QUERY_TIMEOUT, session.query(sql, arguments)).await;
        let error: BoxError = match answer {
            Ok(Ok(rows)) => return Ok(rows),
            Ok(Err(error)) if !is_connection_lost(&error) => return Err(error.into()),
            Ok(Err(error)) => error.into(),
            Err(elapsed) => {
                // It may still be running. Asking once more would only queue behind it.
                self.forget(&session).await;
                return Err(QueryError::NoConnection(unavailable(elapsed)));
            }
        };
        self.forget(&session).await;
        Err(QueryError::Lost(error))
    }

    /// The present connection, or a new one within `timeout`.
    async fn session(&self, timeout: Duration) -> Result<Arc<Session>, Error> {
        let mut session = self.session.lock().await;
        if let Some(session) = session.as_ref().filter(|session| !session.client.is_closed()) {
            return Ok(Arc::clone(session));
        }
        let (client, driver) = self.connector.connect_within(timeout).await?;
        let opened = Session::prepare(client, driver, self.statements).await;
        let opened = Arc::new(opened.map_err(unavailable)?);
        *session = Some(Arc::clone(&opened));
        Ok(opened)
    }

    async fn forget(&self, lost: &Arc<Session>) {
        let mut session = self.session.lock().await;
        if session.as_ref().is_some_and(|session| Arc::ptr_eq(session, lost)) {
            *session = None;
        }
    }
}

impl Session {
    async fn prepare(
        client: Client,
        driver: JoinHandle<()>,
        statements: &'static [&'static str],
    ) -> Result<Self, tokio_postgres::Error> {
        // Pipelined: all of them together are one more round trip.
        let prepare = statements.iter().map(async |&sql| Ok((sql, client.prepare(sql).await?)));
        let ((), prepared) = futures_util::try_join!(
            client.batch_execute(PLAN_ONCE),
            futures_util::future::try_join_all(prepare)
        )?;
        Ok(Self { client, prepared, driver })
    }

    async fn query(
        &self,
        sql: &'static str,
        arguments: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        match self.prepared.iter().find(|(known, _)| *known == sql) {
            Some((_, statement)) => self.client.query(statement, arguments).await,
            None => self.client.query(sql, arguments).await,
        }
    }
}

/// Why a statement has no answer.
pub(super) enum QueryError {
    /// There is no connection to be had, or the answer took too long.
    NoConnection(Error),
    /// The connection broke. Whether the statement took place is unknown.
    Lost(BoxError),
    /// Postgres refused it.
    Refused(tokio_postgres::Error),
}

impl From<tokio_postgres::Error> for QueryError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Refused(error)
    }
}
