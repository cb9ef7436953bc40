//! Errors of Postgres, classified by SQLSTATE and constraint, never by message.

use tokio_postgres::error::SqlState;

use crate::domain::AmountOutOfRange;
use crate::{BoxError, Error};

/// Another order has the same id.
pub(super) const ORDERS_PKEY: &str = "orders_pkey";
/// Another order has the same number.
pub(super) const ORDERS_NUMBER_KEY: &str = "orders_number_key";

/// Why a statement failed.
pub(super) enum QueryError {
    /// No connection, a timeout, or too many conflicts. Nothing is known to be written.
    Unavailable(Error),
    /// Postgres refused the statement.
    Refused(tokio_postgres::Error),
}

impl QueryError {
    /// Whether one of `constraints` was violated.
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
            QueryError::Refused(error) => Self::internal(error),
        }
    }
}

/// What an error means for the statement and its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection broke. Whether the statement took effect is unknown.
    Lost,
    /// This connection can't run the statement, but another may: the server has become read-only,
    /// or a prepared statement is gone or stale. Nothing was written.
    Unfit,
    /// A conflict with another statement. Nothing was written.
    Conflict,
    /// A timeout of a lock or the statement. Nothing was written.
    Timeout,
    /// Any other error. Nothing was written.
    Refused,
}

/// Classifies errors. Class 08 is a broken connection;
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html> lists all codes.
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

/// A row does not have the expected form.
pub(super) fn unexpected(what: impl Into<BoxError>) -> Error {
    Error::internal(what)
}

pub(super) fn unavailable(source: impl Into<BoxError>) -> Error {
    Error::unavailable("Postgres", source)
}

/// Whether another attempt to connect may succeed. A wrong password, a missing database or a
/// certificate of somebody else is permanent. 53300 is too many connections; DSQL says 53400 when there were more than a hundred new
/// ones in a second
/// (<https://docs.aws.amazon.com/aurora-dsql/latest/userguide/CHAP_quotas.html>).
pub(super) fn is_worth_another_try(error: &tokio_postgres::Error) -> bool {
    const FULL: [SqlState; 2] =
        [SqlState::TOO_MANY_CONNECTIONS, SqlState::CONFIGURATION_LIMIT_EXCEEDED];
    let may_pass =
        error.code().is_some_and(|code| FULL.contains(code)) || fault(error) == Fault::Lost;
    may_pass && !is_about_the_certificate(error)
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    io_errors(error).next().is_some()
}

fn is_about_the_certificate(error: &tokio_postgres::Error) -> bool {
    io_errors(error).any(|error| {
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
        matches!(cause, Some(rustls::Error::InvalidCertificate(_)))
    })
}

/// The causes that are errors of the socket; rustls hides its own in these.
fn io_errors(error: &tokio_postgres::Error) -> impl Iterator<Item = &std::io::Error> {
    let first = std::error::Error::source(error);
    std::iter::successors(first, |error| error.source()).filter_map(|error| error.downcast_ref())
}
