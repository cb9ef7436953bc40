//! The database that tests run on: Postgres, or the stand-in for Aurora DSQL.

use crate::left_out::leave_out;
use crate::variable;

/// The variable that names the database: `postgres` or `dsql`.
pub const ENGINE: &str = "DATABASE_ENGINE";

/// Whether tests run on the stand-in.
#[must_use]
pub fn is_stand_in() -> bool {
    variable(ENGINE).is_some_and(|name| name == "dsql")
}

/// Whether to leave the running test out, because it is about what only Postgres has.
#[must_use]
pub fn left_out(reason: &str) -> bool {
    let is_left_out = is_stand_in();
    if is_left_out {
        leave_out(&format!("on the stand-in, because {reason}"));
    }
    is_left_out
}
