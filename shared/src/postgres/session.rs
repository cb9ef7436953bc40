//! One connection with its statements prepared.

use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

use super::connector::{Connector, Driver};
use super::error::{Fault, fault};
use crate::BoxError;

/// How long canceling a statement may take, its last answer included.
const CANCEL_TIMEOUT: Duration = Duration::from_millis(800);

/// How long closing may take: AWS gives a process half a second after SIGTERM.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(300);

/// A connection and what it has prepared.
pub(super) struct Session {
    client: Client,
    /// Few enough to look through: that tells two apart by their length, where a hash reads all of
    /// both.
    prepared: Vec<(&'static str, Statement)>,
    driver: Driver,
}

/// Why a session has no answer to a statement.
pub(super) enum Failure {
    /// What the server or the socket said.
    Said(Fault, tokio_postgres::Error),
    /// Nothing came in time, not even after the statement was canceled.
    Silent(BoxError),
}

impl Session {
    /// Prepares `statements` on a new connection.
    pub(super) async fn prepare(
        (client, driver): (Client, Driver),
        statements: &'static [&'static str],
    ) -> Result<Self, tokio_postgres::Error> {
        // Pipelined: all of them together are one round trip.
        let prepare = statements.iter().map(async |&sql| Ok((sql, client.prepare(sql).await?)));
        let prepared = futures_util::future::try_join_all(prepare).await?;
        Ok(Self { client, prepared, driver })
    }

    /// Runs a statement. One that has no answer at the `deadline` is canceled, and what the server
    /// says then counts: it may have been done by that moment.
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
                        // Its own time limit ends the statement then.
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
        match self.prepared.iter().find(|(known, _)| *known == sql) {
            Some((_, statement)) => self.client.query(statement, arguments).await,
            None => self.client.query(sql, arguments).await,
        }
    }

    /// Asks the server to end whatever it still does for this session, over a connection of its own.
    pub(super) async fn cancel(&self, connector: &Connector) -> Result<(), BoxError> {
        let cancel = connector.cancel(self.client.cancel_token());
        Ok(timeout(CANCEL_TIMEOUT, cancel).await??)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Says good-bye, so that the server need not find out by itself.
    pub(super) async fn close(self) {
        drop(self.client);
        let _ = timeout(CLOSE_TIMEOUT, self.driver.ended()).await;
    }
}
