//! One connection, opened before the first request and replaced when it breaks.
//!
//! A Lambda environment handles one request at a time, so that a pool would hold one connection: a
//! client of `tokio_postgres` is that, and pipelines if it is ever asked for more.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::connector::Connector;
use super::error::{Fault, QueryError, unavailable};
use super::session::{Failure, Session};
use crate::config::{DatabaseConfig, OwnerLimits, Timing};
use crate::{BoxError, Error, deadline};

/// How long a request waits for a new connection when the one from the start is gone.
const RECONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a statement and all its attempts may take, where no invocation says so.
const STATEMENT_TIME: Duration = Duration::from_secs(5);

/// The longest wait before a statement that conflicted is sent again for the first time. It doubles
/// each time, and the wait is a random part of it ("full jitter"), so that two that met once need
/// not meet again.
const MIN_CONFLICT_DELAY: Duration = Duration::from_millis(4);

/// The most that doubling leads to.
const MAX_CONFLICT_DELAY: Duration = Duration::from_millis(250);

/// A connection to Postgres with its statements prepared.
pub struct Database {
    connector: Connector,
    statements: &'static [&'static str],
    timing: Timing,
    owner_limits: OwnerLimits,
    session: Mutex<Option<Arc<Session>>>,
}

/// What a statement answered.
pub(super) struct Answer {
    pub(super) rows: Vec<Row>,
    /// Whether the statement was sent before and that answer was lost: what this one found may be
    /// its own doing.
    pub(super) repeated: bool,
}

impl Database {
    /// Connects and prepares `statements`, so that each costs one round trip from then on. A
    /// database that is not up yet is tried again, with backoff, for `connect_timeout`.
    ///
    /// If it is still not up then, this is logged, and every request tries anew: a function
    /// that answers 503 tells its callers more than one that does not start.
    ///
    /// # Errors
    /// If the connection string can't be read.
    pub async fn connect(
        config: &DatabaseConfig,
        statements: &'static [&'static str],
    ) -> Result<Arc<Self>, BoxError> {
        let database = Self {
            connector: Connector::new(&config.url)?,
            statements,
            timing: config.timing,
            owner_limits: config.owner_limits,
            session: Mutex::new(None),
        };
        if let Err(error) = database.session(Instant::now() + config.connect_timeout).await {
            tracing::error!(
                error = error.chain(),
                server = database.connector.server(),
                waited_seconds = config.connect_timeout.as_secs(),
                "failed to connect to Postgres; requests will try again"
            );
        }
        Ok(Arc::new(database))
    }

    pub(super) fn timing(&self) -> Timing {
        self.timing
    }

    pub(super) fn owner_limits(&self) -> OwnerLimits {
        self.owner_limits
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
        if let Some(session) = self.session.lock().await.take().and_then(Arc::into_inner) {
            session.close().await;
        }
    }

    /// Runs one of the prepared statements. See [`run`](Self::run).
    pub(super) async fn query(
        &self,
        sql: &'static str,
        arguments: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, QueryError> {
        self.run(sql, arguments).await.map(|answer| answer.rows)
    }

    /// Runs one of the prepared statements, and repeats it within the deadline of the invocation
    /// where that helps: once on a new connection, if the old one was lost or can't serve any more,
    /// and as often as there is time for if it conflicts with others. So a statement must be one
    /// that is safe to repeat, as all of the service's are.
    ///
    /// A connection is lost now and then while its environment is frozen. Then the server is asked
    /// to end what the lost one may still be doing, while a new one is opened.
    pub(super) async fn run(
        &self,
        sql: &'static str,
        arguments: &[&(dyn ToSql + Sync)],
    ) -> Result<Answer, QueryError> {
        let deadline = deadline::current(STATEMENT_TIME);
        let mut delay = MIN_CONFLICT_DELAY;
        let (mut replaced, mut repeated) = (false, false);
        loop {
            let session = self.session_by(deadline).await.map_err(QueryError::Unavailable)?;
            let (fault, error) =
                match session.query(sql, arguments, deadline, &self.connector).await {
                    Ok(rows) => return Ok(Answer { rows, repeated }),
                    Err(Failure::Silent(error)) => {
                        self.forget(&session).await;
                        return Err(QueryError::Unavailable(unavailable(error)));
                    }
                    Err(Failure::Said(fault, error)) => (fault, error),
                };
            match fault {
                Fault::Refused => return Err(QueryError::Refused(error)),
                Fault::Timeout => {}
                Fault::Conflict => {
                    let again = Instant::now() + delay.mul_f64(fastrand::f64());
                    if again < deadline {
                        tokio::time::sleep_until(again).await;
                        delay = (delay * 2).min(MAX_CONFLICT_DELAY);
                        continue;
                    }
                }
                Fault::Lost | Fault::Unfit => {
                    self.forget(&session).await;
                    if !replaced {
                        let error = crate::error::chain(&error);
                        tracing::warn!(error, "database connection is unusable; reconnecting");
                        if fault == Fault::Lost {
                            repeated = true;
                            // What the new connection comes to, the next turn finds out.
                            let _ = tokio::join!(
                                Box::pin(session.cancel(&self.connector)),
                                self.session_by(deadline)
                            );
                        }
                        replaced = true;
                        continue;
                    }
                }
            }
            return Err(QueryError::Unavailable(unavailable(error)));
        }
    }

    /// The present connection, or a new one as far as a request with this `deadline` has time for it.
    async fn session_by(&self, deadline: Instant) -> Result<Arc<Session>, Error> {
        self.session(deadline.min(Instant::now() + RECONNECT_TIMEOUT)).await
    }

    /// The present connection, or a new one by the `deadline`, prepared.
    async fn session(&self, deadline: Instant) -> Result<Arc<Session>, Error> {
        let session = async {
            let mut session = self.session.lock().await;
            if let Some(session) = session.as_ref().filter(|session| !session.is_closed()) {
                return Ok(Arc::clone(session));
            }
            // Boxed, since it is large and rare: otherwise each request would carry room for it.
            let opened = Arc::new(Box::pin(self.open(deadline)).await?);
            *session = Some(Arc::clone(&opened));
            Ok(opened)
        };
        timeout_at(deadline, session).await.map_err(unavailable)?
    }

    async fn open(&self, deadline: Instant) -> Result<Session, Error> {
        let connection = self.connector.connect_by(deadline).await?;
        Session::prepare(connection, self.statements).await.map_err(unavailable)
    }

    async fn forget(&self, lost: &Arc<Session>) {
        let mut session = self.session.lock().await;
        if session.as_ref().is_some_and(|session| Arc::ptr_eq(session, lost)) {
            *session = None;
        }
    }
}
