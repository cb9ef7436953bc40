//! Connections, each opened when it is first needed, and replaced when it breaks.
//!
//! A Lambda environment handles one request at a time, and so has one connection, which it opens before
//! the first request. One that handles several at once has several; each runs one statement at a time,
//! since a statement that waits for a lock would hold up those behind it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{Semaphore, SemaphorePermit};
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

/// Connections to Postgres with their statements prepared.
pub struct Database {
    connector: Connector,
    statements: &'static [&'static str],
    timing: Timing,
    owner_limits: OwnerLimits,
    /// One permit for each connection that there may be.
    permits: Semaphore,
    /// The connections that run no statement.
    idle: Mutex<Vec<Session>>,
}

/// The right to one connection, and the connection once it is open. Dropped, it leaves an open one to
/// the next.
struct Lease<'a> {
    database: &'a Database,
    session: Option<Session>,
    _permit: SemaphorePermit<'a>,
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
    ) -> Result<Self, BoxError> {
        let database = Self {
            connector: Connector::new(&config.url)?,
            statements,
            timing: config.timing,
            owner_limits: config.owner_limits,
            permits: Semaphore::new(config.connections),
            idle: Mutex::default(),
        };
        let opened = async {
            let deadline = Instant::now() + config.connect_timeout;
            database.lease(deadline).await?.session(deadline).await.map(drop)
        };
        if let Err(error) = opened.await {
            tracing::error!(
                error = error.chain(),
                server = database.connector.server(),
                waited_seconds = config.connect_timeout.as_secs(),
                "failed to connect to Postgres; requests will try again"
            );
        }
        Ok(database)
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
    pub async fn close(&self) {
        let idle = std::mem::take(&mut *self.idle());
        join_all(idle.into_iter().map(Session::close)).await;
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
        let mut lease = self.lease(deadline).await.map_err(QueryError::Unavailable)?;
        loop {
            let session = lease.session(reconnect_by(deadline));
            let session = session.await.map_err(QueryError::Unavailable)?;
            let (fault, error) =
                match session.query(sql, arguments, deadline, &self.connector).await {
                    Ok(rows) => return Ok(Answer { rows, repeated }),
                    Err(Failure::Silent(error)) => {
                        lease.session = None;
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
                    let lost = lease.session.take();
                    if !replaced {
                        let error = crate::error::chain(&error);
                        tracing::warn!(error, "database connection is unusable; reconnecting");
                        if let Some(lost) = lost.filter(|_| fault == Fault::Lost) {
                            repeated = true;
                            // What the new connection comes to, the next turn finds out.
                            let _ = tokio::join!(
                                Box::pin(lost.cancel(&self.connector)),
                                lease.session(reconnect_by(deadline))
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

    /// The right to a connection, once there is one to be had.
    async fn lease(&self, deadline: Instant) -> Result<Lease<'_>, Error> {
        let permit = timeout_at(deadline, self.permits.acquire()).await.map_err(unavailable)?;
        let permit = permit.map_err(unavailable)?;
        // The one that was used last, whose memory and whose server's are the warmest.
        Ok(Lease { database: self, session: self.idle().pop(), _permit: permit })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn open(&self, deadline: Instant) -> Result<Session, Error> {
        let connection = self.connector.connect_by(deadline).await?;
        Session::prepare(connection, self.statements).await.map_err(unavailable)
    }
}

impl Lease<'_> {
    /// The connection, or a new one by the `deadline`, prepared.
    async fn session(&mut self, deadline: Instant) -> Result<&Session, Error> {
        let session = match self.session.take().filter(|session| !session.is_closed()) {
            Some(session) => session,
            None => {
                // Boxed, since it is large and rare: otherwise each request would carry room for it.
                let open = Box::pin(self.database.open(deadline));
                timeout_at(deadline, open).await.map_err(unavailable)??
            }
        };
        Ok(self.session.insert(session))
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.database.idle().extend(self.session.take());
    }
}

/// When a request with this `deadline` must have a connection in place of one that is gone.
fn reconnect_by(deadline: Instant) -> Instant {
    deadline.min(Instant::now() + RECONNECT_TIMEOUT)
}
