//! What a route asks of a request before its handler sees it.

use super::Problem;
use crate::domain::Scope;

/// Who may use a route, and the query parameters that it takes. Its handler reads no others.
#[derive(Clone, Copy, Debug, Default)]
pub struct Route {
    /// A caller's token must have one of them. A public route has none.
    pub any_of: &'static [Scope],
    /// The names of the query parameters. Any other is refused.
    pub parameters: &'static [&'static str],
}

/// Finds the route of a public request.
pub trait FindRoute {
    /// The route that serves `method` on `path`.
    ///
    /// # Errors
    /// A problem where no route does.
    fn find(&self, method: &str, path: &str) -> Result<Route, Problem>;
}

impl FindRoute for Route {
    /// A function with one route is sent no other request.
    fn find(&self, _: &str, _: &str) -> Result<Route, Problem> {
        Ok(*self)
    }
}
