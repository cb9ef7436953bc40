//! The values of a fault's parameters, as a request gives them.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::catalog::Fault;
use crate::parameters::{DELAY_MS, EVERY_MS, FOR_S, FUNCTION, Parameter};

/// The values of all parameters of a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Values(Map<String, Value>);

impl Values {
    /// Reads the body of a request. `functions` are those that exist.
    ///
    /// # Errors
    /// A sentence that names what is wrong and what would be right.
    pub(crate) fn read(fault: &Fault, body: &[u8], functions: &[String]) -> Result<Self, String> {
        let example = r#"a JSON object, such as {"for_s":10}"#;
        if body.is_empty() {
            return Err(format!("The body is empty. Send {example}."));
        }
        let body: Value = serde_json::from_slice(body)
            .map_err(|error| format!("The body is not JSON: {error}. Send {example}."))?;
        let Value::Object(given) = body else {
            return Err(format!("The body is {body}. Send {example}."));
        };
        let known: Vec<&str> = fault.parameters().iter().map(|it| it.name()).collect();
        if let Some(unknown) = given.keys().find(|name| !known.contains(&name.as_str())) {
            let (name, known) = (fault.name, known.join(", "));
            return Err(format!("{name} has no parameter {unknown:?}. It has: {known}."));
        }
        let value = |parameter: &Parameter| {
            let name = parameter.name();
            Ok((name.to_owned(), parameter.value(given.get(name), functions)?))
        };
        fault.parameters().iter().map(value).collect::<Result<_, _>>().map(Self)
    }

    /// All of them, by name.
    pub(crate) fn all(&self) -> &Map<String, Value> {
        &self.0
    }

    /// How long the fault lasts.
    pub(crate) fn lasts(&self) -> Duration {
        Duration::from_secs(self.number(FOR_S))
    }

    /// How late a slow server is.
    pub(crate) fn delay(&self) -> Duration {
        Duration::from_millis(self.number(DELAY_MS))
    }

    /// The time between two killings.
    pub(crate) fn every(&self) -> Duration {
        Duration::from_millis(self.number(EVERY_MS))
    }

    /// Whose processes are killed.
    pub(crate) fn function(&self) -> &str {
        self.0.get(FUNCTION.name()).and_then(Value::as_str).unwrap_or_default()
    }

    fn number(&self, parameter: Parameter) -> u64 {
        self.0.get(parameter.name()).and_then(Value::as_u64).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fault: &str, body: &str) -> Result<Values, String> {
        let functions = ["create-order".to_owned(), "get-order".to_owned()];
        Values::read(Fault::named(fault).unwrap(), body.as_bytes(), &functions)
    }

    #[test]
    fn an_empty_object_gives_the_defaults() {
        let slow = read("sqs-slow", "{}").unwrap();
        assert_eq!(slow.lasts(), Duration::from_secs(10));
        assert_eq!(slow.delay(), Duration::from_millis(500));
        let killed = read("function-killed", "{}").unwrap();
        assert_eq!((killed.function(), killed.every()), ("create-order", Duration::from_secs(1)));
    }

    #[test]
    fn what_is_given_is_kept() {
        let slow = read("postgres-slow", r#"{"for_s":600,"delay_ms":1}"#).unwrap();
        assert_eq!(slow.lasts(), Duration::from_mins(10));
        assert_eq!(slow.delay(), Duration::from_millis(1));
        let killed = read("function-killed", r#"{"function":"get-order"}"#).unwrap();
        assert_eq!(killed.function(), "get-order");
    }

    #[test]
    fn an_error_names_what_is_wrong_and_what_would_be_right() {
        for (fault, body, expected) in [
            ("sqs-deaf", "", "empty"),
            ("sqs-deaf", "{", "not JSON"),
            ("sqs-deaf", "[]", "The body is []"),
            ("sqs-deaf", r#"{"for_s":0}"#, "for_s is 0. It must be a whole number, 1 to 600."),
            ("sqs-deaf", r#"{"for_s":601}"#, "for_s is 601"),
            ("sqs-deaf", r#"{"for_s":1.5}"#, "for_s is 1.5"),
            ("sqs-deaf", r#"{"for_s":null}"#, "for_s is null"),
            ("sqs-deaf", r#"{"delay_ms":5}"#, r#"sqs-deaf has no parameter "delay_ms""#),
            ("sqs-slow", r#"{"delay_ms":"5"}"#, r#"delay_ms is "5""#),
            ("function-killed", r#"{"function":"init"}"#, "one of: create-order, get-order."),
            ("function-killed", r#"{"every_ms":1}"#, "every_ms is 1"),
        ] {
            let error = read(fault, body).unwrap_err();
            assert!(error.contains(expected), "{body}: {error}");
        }
    }
}
