//! Query parameters. Every violation is listed, not just the first.

use std::collections::BTreeSet;

use lambda_http::aws_lambda_events::query_map::QueryMap;

use crate::Error;
use crate::error::Violation;
use crate::http::respond::Problem;

/// The known parameters of a request, and the violations.
pub(in crate::http) struct Parameters<'a> {
    /// Names and values, in the order of the route's list.
    given: Vec<(&'static str, &'a str)>,
    violations: Vec<Violation>,
}

impl<'a> Parameters<'a> {
    /// Reads the `known` parameters. An unknown or repeated parameter is a violation.
    pub(super) fn read(query: Option<&'a QueryMap>, known: &[&'static str]) -> Self {
        let mut parameters = Self { given: Vec::new(), violations: Vec::new() };
        let Some(query) = query else { return parameters };
        for &name in known {
            match query.all(name).as_deref() {
                None | Some([]) => {}
                Some(&[value]) => parameters.given.push((name, value)),
                Some(_) => parameters.refuse(name, "must be given once"),
            }
        }
        let names: BTreeSet<&str> = query.iter().map(|(name, _)| name).collect();
        for name in names.into_iter().filter(|name| !known.contains(name)) {
            parameters.refuse(name, "is not a parameter of this route");
        }
        parameters
    }

    /// The raw value of a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.given.iter().find(|(given, _)| *given == name).map(|(_, value)| *value)
    }

    /// The raw parameters that are not in `except`.
    pub(super) fn except(&self, except: &[&str]) -> Vec<(&'static str, &'a str)> {
        self.given.iter().filter(|(name, _)| !except.contains(name)).copied().collect()
    }

    /// The parsed value of a parameter; none if it is absent or malformed.
    pub(super) fn parse<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        match parse(self.get(name)?) {
            Ok(value) => Some(value),
            Err(detail) => {
                self.refuse(name, detail);
                None
            }
        }
    }

    /// Adds a violation of a parameter.
    pub(super) fn refuse(&mut self, name: &str, detail: impl Into<String>) {
        self.violations.push(Violation { pointer: name.to_owned(), detail: detail.into() });
    }

    /// Checks that there are no violations.
    ///
    /// # Errors
    /// All violations.
    pub(in crate::http) fn check(&mut self) -> Result<(), Problem> {
        if self.violations.is_empty() {
            Ok(())
        } else {
            Err(Error::Invalid(std::mem::take(&mut self.violations)).into())
        }
    }
}
