//! The parameters of a query string: every breach of their form is listed, not the first alone.

use std::collections::BTreeSet;

use lambda_http::aws_lambda_events::query_map::QueryMap;

use super::Problem;
use crate::Error;
use crate::error::Violation;

/// The parameters that a request came with, as far as its route knows them, and what is wrong.
pub(super) struct Parameters<'a> {
    /// Name and value, in the order in which the route names them.
    given: Vec<(&'static str, &'a str)>,
    violations: Vec<Violation>,
}

impl<'a> Parameters<'a> {
    /// Reads those in `known`. One that is not among them is a misspelling more often than a wish,
    /// and one that is there twice has no value, so that both are violations.
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

    /// The value of a parameter as it came.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.given.iter().find(|(given, _)| *given == name).map(|(_, value)| *value)
    }

    /// The parameters that are there and not in `except`, as they came.
    pub(super) fn except(&self, except: &[&str]) -> Vec<(&'static str, &'a str)> {
        self.given.iter().filter(|(name, _)| !except.contains(name)).copied().collect()
    }

    /// The value of a parameter as `parse` reads it; none if it is not there, or not of its form.
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

    /// Keeps that something is wrong with a parameter.
    pub(super) fn refuse(&mut self, name: &str, detail: impl Into<String>) {
        self.violations.push(Violation { pointer: name.to_owned(), detail: detail.into() });
    }

    /// Goes on only if nothing is wrong.
    ///
    /// # Errors
    /// Everything that is.
    pub(super) fn check(&mut self) -> Result<(), Problem> {
        if self.violations.is_empty() {
            Ok(())
        } else {
            Err(Error::Invalid(std::mem::take(&mut self.violations)).into())
        }
    }
}
