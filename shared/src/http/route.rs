//! Routes: what a request must have before its handler runs.

use super::Problem;
use crate::domain::Scope;

/// The scopes and query parameters of a route.
#[derive(Clone, Copy, Debug, Default)]
pub struct Route {
    /// The scopes, one of which a caller needs. Empty for a public route.
    pub any_of: &'static [Scope],
    /// The names of the query parameters. Others are refused.
    pub parameters: &'static [&'static str],
}

/// Finds the route of a public request.
pub trait FindRoute {
    /// The route for `method` and `path`.
    ///
    /// # Errors
    /// A problem if there is no such route.
    fn find(&self, method: &str, path: &str) -> Result<Route, Problem>;
}

impl FindRoute for Route {
    /// A function with one route gets no other request.
    fn find(&self, _: &str, _: &str) -> Result<Route, Problem> {
        Ok(*self)
    }
}
