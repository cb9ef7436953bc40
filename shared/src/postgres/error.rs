//! What Postgres says, told apart by SQLSTATE and by constraint, never by message.

use tokio_postgres::error::SqlState;

use super::connection::QueryError;
use crate::domain::AmountOutOfRange;
use crate::{BoxError, Error};

/// A second order under the same id: the first attempt went through after all.
pub(super) const ORDERS_PKEY: &str = "orders_pkey";
/// A second order of the same number.
pub(super) const ORDERS_NUMBER_KEY: &str = "orders_number_key";

impl QueryError {
    /// Whether `constraint` stood in the way.
    pub(super) fn violates(&self, constraint: &str) -> bool {
        let Self::Refused(error) = self else {
            return false;
        };
        error.as_db_error().is_some_and(|error| error.constraint() == Some(constraint))
    }
}

impl From<QueryError> for Error {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::NoConnection(error) => error,
            QueryError::Lost(source) => unavailable(source),
            QueryError::Refused(error) => match error.code() {
                Some(&SqlState::NUMERIC_VALUE_OUT_OF_RANGE) => AmountOutOfRange.into(),
                // Nothing was written, and the next attempt meets another order of things.
                Some(&SqlState::T_R_DEADLOCK_DETECTED | &SqlState::T_R_SERIALIZATION_FAILURE) => {
                    unavailable(error)
                }
                _ => Self::Internal(error.into()),
            },
        }
    }
}

/// What a row holds is not what the statement promises.
pub(super) fn unexpected(what: impl Into<BoxError>) -> Error {
    Error::Internal(what.into())
}

pub(super) fn unavailable(source: impl Into<BoxError>) -> Error {
    Error::Unavailable { dependency: "Postgres", source: source.into() }
}

/// Whether the connection is of no more use: the socket is gone, or the server is going (class 57
/// is operator intervention, class 08 a broken connection).
pub(super) fn is_connection_lost(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        Some(state) => {
            [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW]
                .contains(state)
                || state.code().starts_with("08")
        }
        None => is_io(error) || error.is_closed(),
    }
}

/// Whether a failed attempt to connect may go better later. A wrong password, or a database that
/// does not exist, stays wrong.
pub(super) fn is_worth_another_try(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::TOO_MANY_CONNECTIONS) || is_connection_lost(error)
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
