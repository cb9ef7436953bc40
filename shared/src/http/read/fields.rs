//! Reads the fields of a JSON value. Every error is listed with its JSON pointer.

use std::fmt::{Display, Write};

use serde_json::{Map, Value};

use super::json::escape;
use crate::error::Violation;

/// Walks through a JSON value and collects its errors.
#[derive(Default)]
pub(super) struct Reader {
    /// The JSON pointer of the current value.
    pointer: String,
    violations: Vec<Violation>,
}

impl Reader {
    /// Reads `body` with `read`.
    ///
    /// # Errors
    /// All violations.
    pub(super) fn read<T>(
        body: &Value,
        read: impl FnOnce(&mut Self, &Value) -> Option<T>,
    ) -> Result<T, Vec<Violation>> {
        let mut reader = Self::default();
        match read(&mut reader, body) {
            Some(value) if reader.violations.is_empty() => Ok(value),
            _ => Err(reader.violations),
        }
    }

    /// Reads a whole number from zero to `max`.
    pub(super) fn number(&mut self, value: &Value, max: i64) -> Option<i64> {
        match value.as_i64().filter(|number| (0..=max).contains(number)) {
            Some(number) => Some(number),
            None => self.refuse(format!("must be a whole number from 0 to {max}")),
        }
    }

    pub(super) fn flag(&mut self, value: &Value) -> Option<bool> {
        match value.as_bool() {
            Some(flag) => Some(flag),
            None => self.refuse("must be true or false"),
        }
    }

    pub(super) fn text<T>(
        &mut self,
        value: &Value,
        parse: fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let Value::String(text) = value else {
            return self.refuse("must be a string");
        };
        parse(text).map_or_else(|detail| self.refuse(detail), Some)
    }

    /// Reads an object that has only the fields in `known`.
    pub(super) fn object<T>(
        &mut self,
        value: &Value,
        known: &[&str],
        read: impl FnOnce(&mut Self, &Map<String, Value>) -> Option<T>,
    ) -> Option<T> {
        let Value::Object(fields) = value else {
            return self.refuse("must be an object");
        };
        for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
            self.at(escape(name), |reader| reader.refuse::<()>("is not a known field"));
        }
        read(self, fields)
    }

    pub(super) fn field<T>(
        &mut self,
        object: &Map<String, Value>,
        name: &str,
        read: impl FnOnce(&mut Self, &Value) -> Option<T>,
    ) -> Option<T> {
        self.at(name, |reader| match object.get(name) {
            Some(value) => read(reader, value),
            None => reader.refuse("is missing"),
        })
    }

    /// Reads one level down.
    pub(super) fn at<T>(&mut self, step: impl Display, read: impl FnOnce(&mut Self) -> T) -> T {
        let above = self.pointer.len();
        let _ = write!(self.pointer, "/{step}");
        let result = read(self);
        self.pointer.truncate(above);
        result
    }

    pub(super) fn refuse<T>(&mut self, detail: impl Into<String>) -> Option<T> {
        self.violations.push(Violation { pointer: self.pointer.clone(), detail: detail.into() });
        None
    }
}
