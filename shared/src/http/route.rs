//! What a route is.

use crate::domain::Scope;
use crate::http::respond::Problem;

/// A route of the API.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The operation id in the description.
    pub operation: &'static str,
    /// The method.
    pub method: Method,
    /// The path, with its parameters in braces.
    pub path: &'static str,
    /// The scopes, one of which a caller needs. Empty for a public route.
    pub any_of: &'static [Scope],
    /// The names of the query parameters. Others are refused.
    pub parameters: &'static [&'static str],
}

/// The method of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `PATCH`
    Patch,
    /// `POST`
    Post,
    /// `PUT`
    Put,
}

impl Method {
    /// The method as in a request.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Patch => "PATCH",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
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
