//! A bounded number of connections, replaced when they break.
//!
//! A Lambda environment that handles one request at a time has one connection, and opens it before the
//! first request. One that handles several at once has several. Each runs one statement at a time,
//! because a statement that waits for a lock would delay those behind it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::bucketed::Bucketed;
use super::connector::Connector;
use super::error::{Fault, QueryError, unavailable};
use super::session::{Failure, Session};
use super::traced;
use crate::config::{DatabaseConfig, DatabaseEngine, OwnerLimits, Timing};
use crate::{BoxError, Error, deadline};

/// How long a request waits for a new connection in place of a lost one.
const RECONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a request waits for a new connection in place of an old one, which still serves.
const RENEW_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a statement and all its attempts may take outside of an invocation.
const STATEMENT_TIME: Duration = Duration::from_secs(5);

/// The longest wait before a statement is sent again after its first conflict. It doubles with each
/// conflict. The actual wait is a random part of it ("full jitter"), so that two statements don't
/// conflict again and again.
const MIN_CONFLICT_DELAY: Duration = Duration::from_millis(4);

/// The limit of the doubling.
const MAX_CONFLICT_DELAY: Duration = Duration::from_millis(250);

/// Connections to Postgres with their statements prepared.
pub struct Database {
    connector: Connector,
    engine: DatabaseEngine,
    statements: &'static [&'static str],
    timing: Timing,
    owner_limits: OwnerLimits,
    bucketed: Bucketed,
    /// One permit per connection.
    permits: Semaphore,
    /// The open connections that run no statement.
    idle: Mutex<Vec<Session>>,
}

/// The right to use one connection, and the connection once it is open. When dropped, it returns the
/// connection.
struct Lease<'a> {
    database: &'a Database,
    session: Option<Session>,
    _permit: SemaphorePermit<'a>,
}

/// The answer to a statement.
pub(super) struct Answer {
    pub(super) rows: Vec<Row>,
    /// Whether the answer to an earlier attempt was lost: that attempt may have caused what this
    /// one found.
    pub(super) repeated: bool,
}

impl Database {
    /// Connects and prepares `statements`, so that each takes one round trip from then on; any other
    /// is prepared when it is first run. Tries again with backoff for `connect_timeout`.
    ///
    /// If the database is not up by then, this is logged, and every request tries again: callers
    /// learn more from a 503 than from a function that doesn't start.
    ///
    /// # Errors
    /// If the connection string can't be read.
    pub async fn connect(
        config: &DatabaseConfig,
        statements: &'static [&'static str],
    ) -> Result<Self, BoxError> {
        let database = Self {
            connector: Connector::new(&config.url, config.keys.as_ref())?,
            engine: config.engine,
            statements,
            timing: config.timing,
            owner_limits: config.owner_limits,
            bucketed: Bucketed::default(),
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

    pub(super) fn bucketed(&self) -> &Bucketed {
        &self.bucketed
    }

    /// Checks that Postgres answers.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`].
    pub async fn check(&self) -> Result<(), Error> {
        self.query("SELECT 1", &[]).await.map(drop).map_err(Error::from)
    }

    /// Closes the idle connections, so that the server frees them at once.
    pub async fn close(&self) {
        let idle = std::mem::take(&mut *self.idle());
        join_all(idle.into_iter().map(Session::close)).await;
    }

    /// Runs a statement. See [`run`](Self::run).
    pub(super) async fn query(
        &self,
        sql: &'static str,
        arguments: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, QueryError> {
        self.run(sql, arguments).await.map(|answer| answer.rows)
    }

    /// Runs a statement. Repeats it within the deadline of the invocation: once
    /// on a new connection if the old one was lost or is unusable, and as often as time allows
    /// after a conflict. So every statement must be safe to repeat.
    ///
    /// A connection may be lost while its environment is frozen. The server is then asked to end
    /// the statement of the lost connection, while a new one is opened.
    pub(super) async fn run(
        &self,
        sql: &'static str,
        arguments: &[&(dyn ToSql + Sync)],
    ) -> Result<Answer, QueryError> {
        let deadline = deadline::current(STATEMENT_TIME);
        let mut delay = MIN_CONFLICT_DELAY;
        let (mut replaced, mut repeated) = (false, false);
        let mut lease = self.lease(deadline).await.map_err(QueryError::Unavailable)?;
        lease.renew(deadline).await;
        loop {
            let session = lease.session(reconnect_by(deadline));
            let session = session.await.map_err(QueryError::Unavailable)?;
            let span = traced::attempt(sql);
            let answer = session.query(sql, arguments, deadline, &self.connector).await;
            traced::end(&span, &answer);
            let (fault, error) = match answer {
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
                            // The next turn reports if the new connection failed.
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

    /// Waits until a connection is free.
    async fn lease(&self, deadline: Instant) -> Result<Lease<'_>, Error> {
        let permit = timeout_at(deadline, self.permits.acquire()).await.map_err(unavailable)?;
        let permit = permit.map_err(unavailable)?;
        // The one that was used last has the warmest caches.
        Ok(Lease { database: self, session: self.idle().pop(), _permit: permit })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn open(&self, deadline: Instant) -> Result<Session, Error> {
        let connection = self.connector.connect_by(deadline).await?;
        let lifetime = self.connector.lifetime();
        Session::prepare(connection, self.engine, self.statements, lifetime)
            .await
            .map_err(unavailable)
    }
}

impl Lease<'_> {
    /// Replaces a connection that its server is about to end, before a statement and never under one.
    /// If no new one opens, the old one serves on.
    async fn renew(&mut self, deadline: Instant) {
        let Some(old) = self.session.as_mut().filter(|session| session.is_old()) else { return };
        let by = deadline.min(Instant::now() + RENEW_TIMEOUT);
        // Boxed, as in `session`.
        let open = Box::pin(self.database.open(by));
        match timeout_at(by, open).await.map_err(unavailable).flatten() {
            Ok(new) => {
                let old = std::mem::replace(old, new);
                // In parallel with the statement: nothing depends on it.
                tokio::spawn(old.close());
            }
            Err(error) => {
                old.postpone_end();
                let error = error.chain();
                tracing::warn!(error, "failed to replace an old database connection; it serves on");
            }
        }
    }

    /// The connection. Opens a new one by the `deadline` if there is none.
    async fn session(&mut self, deadline: Instant) -> Result<&Session, Error> {
        let session = match self.session.take().filter(|session| !session.is_closed()) {
            Some(session) => session,
            None => {
                // Boxed, because it is large and rare, and would enlarge the future of every request.
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

/// By when a request with this `deadline` must have a new connection.
fn reconnect_by(deadline: Instant) -> Instant {
    deadline.min(Instant::now() + RECONNECT_TIMEOUT)
}

#[cfg(test)]
mod tests;
