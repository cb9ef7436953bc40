//! One connection with its statements prepared.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

use super::connector::{Connector, Driver};
use super::error::{Fault, fault};
use super::lifetime::Lifetime;
use super::settings;
use crate::BoxError;
use crate::config::DatabaseEngine;

/// How long canceling a statement may take, including its last answer.
const CANCEL_TIMEOUT: Duration = Duration::from_millis(800);

/// How long closing may take: AWS kills a process half a second after SIGTERM.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(300);

/// A connection with its prepared statements.
pub(super) struct Session {
    client: Client,
    /// A list, because it is short: most texts differ in length, and a hash would read all of each.
    prepared: Mutex<Vec<(&'static str, Statement)>>,
    driver: Driver,
    /// None if the server doesn't end connections.
    lifetime: Option<Lifetime>,
}

/// Why a statement failed.
pub(super) enum Failure {
    /// An error of the server or of the connection.
    Said(Fault, tokio_postgres::Error),
    /// No answer in time, even after the statement was canceled.
    Silent(BoxError),
}

impl Session {
    /// Prepares `statements` on a new connection.
    pub(super) async fn prepare(
        (client, driver): (Client, Driver),
        engine: DatabaseEngine,
        statements: &'static [&'static str],
        lifetime: Option<Lifetime>,
    ) -> Result<Self, tokio_postgres::Error> {
        // Pipelined: one round trip for all.
        let prepare = statements.iter().map(async |&sql| Ok((sql, client.prepare(sql).await?)));
        let prepare = futures_util::future::try_join_all(prepare);
        let ((), prepared) = tokio::try_join!(settings::prepare(&client, engine), prepare)?;
        Ok(Self { client, prepared: Mutex::new(prepared), driver, lifetime })
    }

    /// Runs a statement. One without an answer at the `deadline` is canceled. The server's answer to
    /// that decides: the statement may just have been committed.
    pub(super) async fn query(
        &self,
        sql: &'static str,
        arguments: &[&(dyn ToSql + Sync)],
        deadline: Instant,
        connector: &Connector,
    ) -> Result<Vec<Row>, Failure> {
        let mut query = std::pin::pin!(self.send(sql, arguments));
        let answer = match timeout_at(deadline, &mut query).await {
            Ok(answer) => answer,
            Err(_) => {
                let canceled = async {
                    if let Err(error) = Box::pin(self.cancel(connector)).await {
                        let error = crate::error::chain(&*error);
                        // The server's time limit ends the statement then.
                        tracing::warn!(error, "failed to cancel a statement");
                    }
                    query.await
                };
                let last = timeout(CANCEL_TIMEOUT, canceled).await;
                last.map_err(|elapsed| Failure::Silent(elapsed.into()))?
            }
        };
        answer.map_err(|error| Failure::Said(fault(&error), error))
    }

    async fn send(
        &self,
        sql: &'static str,
        arguments: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let known = self.prepared().iter().find(|(known, _)| *known == sql).cloned();
        let statement = match known {
            Some((_, statement)) => statement,
            None => {
                let statement = self.client.prepare(sql).await?;
                self.prepared().push((sql, statement.clone()));
                statement
            }
        };
        self.client.query(&statement, arguments).await
    }

    fn prepared(&self) -> MutexGuard<'_, Vec<(&'static str, Statement)>> {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the server to end the statement of this session, over a separate connection.
    pub(super) async fn cancel(&self, connector: &Connector) -> Result<(), BoxError> {
        let cancel = connector.cancel(self.client.cancel_token());
        Ok(timeout(CANCEL_TIMEOUT, cancel).await??)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Whether the connection is to be replaced before its next statement.
    pub(super) fn is_old(&self) -> bool {
        self.lifetime.as_ref().is_some_and(Lifetime::is_over)
    }

    /// Lets an old connection serve for a while.
    pub(super) fn postpone_end(&mut self) {
        if let Some(lifetime) = &mut self.lifetime {
            lifetime.postpone();
        }
    }

    /// Closes the connection, so that the server frees it at once.
    pub(super) async fn close(self) {
        drop(self.client);
        let _ = timeout(CLOSE_TIMEOUT, self.driver.ended()).await;
    }
}
