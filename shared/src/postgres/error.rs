//! What Postgres says, told apart by SQLSTATE and by constraint, never by message.

use tokio_postgres::error::SqlState;

use crate::domain::AmountOutOfRange;
use crate::{BoxError, Error};

/// A second order under the same id.
pub(super) const ORDERS_PKEY: &str = "orders_pkey";
/// A second order of the same number.
pub(super) const ORDERS_NUMBER_KEY: &str = "orders_number_key";

/// Why a statement has no answer.
pub(super) enum QueryError {
    /// Nothing was written, as far as is known: no connection, no time, or no peace from others.
    Unavailable(Error),
    /// Postgres refused it.
    Refused(tokio_postgres::Error),
}

impl QueryError {
    /// Whether one of `constraints` stood in the way.
    pub(super) fn violates(&self, constraints: &[&str]) -> bool {
        let Self::Refused(error) = self else {
            return false;
        };
        let constraint = error.as_db_error().and_then(|error| error.constraint());
        constraint.is_some_and(|constraint| constraints.contains(&constraint))
    }
}

impl From<QueryError> for Error {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Unavailable(error) => error,
            QueryError::Refused(error)
                if error.code() == Some(&SqlState::NUMERIC_VALUE_OUT_OF_RANGE) =>
            {
                AmountOutOfRange.into()
            }
            QueryError::Refused(error) => Self::Internal(error.into()),
        }
    }
}

/// What an error of the server or of the socket says about the statement and its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection broke. Whether the statement took place is unknown.
    Lost,
    /// This connection can't run the statement, and another one may: it leads to a server that has
    /// become read-only, or what it prepared is gone or out of date. Nothing was written.
    Unfit,
    /// The statement got in the way of another one. Nothing was written.
    Conflict,
    /// It waited too long for a lock, or took too long in all. Nothing was written.
    Timeout,
    /// Anything else. Nothing was written.
    Refused,
}

/// Tells errors apart. Class 08 is a broken connection; <https://www.postgresql.org/docs/current/errcodes-appendix.html>
/// has all codes.
pub(super) fn fault(error: &tokio_postgres::Error) -> Fault {
    const LOST: [SqlState; 4] = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::IDLE_SESSION_TIMEOUT,
    ];
    const UNFIT: [SqlState; 3] = [
        SqlState::READ_ONLY_SQL_TRANSACTION,
        SqlState::INVALID_SQL_STATEMENT_NAME,
        // "cached plan must not change result type"
        SqlState::FEATURE_NOT_SUPPORTED,
    ];
    const CONFLICT: [SqlState; 2] =
        [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED];
    const TIMEOUT: [SqlState; 2] = [SqlState::LOCK_NOT_AVAILABLE, SqlState::QUERY_CANCELED];
    match error.code() {
        Some(code) if LOST.contains(code) || code.code().starts_with("08") => Fault::Lost,
        Some(code) if UNFIT.contains(code) => Fault::Unfit,
        Some(code) if CONFLICT.contains(code) => Fault::Conflict,
        Some(code) if TIMEOUT.contains(code) => Fault::Timeout,
        None if is_io(error) || error.is_closed() => Fault::Lost,
        Some(_) | None => Fault::Refused,
    }
}

/// What a row holds is not what the statement promises.
pub(super) fn unexpected(what: impl Into<BoxError>) -> Error {
    Error::Internal(what.into())
}

pub(super) fn unavailable(source: impl Into<BoxError>) -> Error {
    Error::Unavailable { dependency: "Postgres", source: source.into() }
}

/// Whether a failed attempt to connect may go better later. A wrong password, or a database that
/// does not exist, stays wrong.
pub(super) fn is_worth_another_try(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::TOO_MANY_CONNECTIONS) || fault(error) == Fault::Lost
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if error.is::<std::io::Error>() {
            return true;
        }
        cause = error.source();
    }
    false
}
