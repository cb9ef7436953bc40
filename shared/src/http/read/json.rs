//! A JSON parser that refuses duplicate fields, and reads `2.0` as the integer 2.
//!
//! Parsers differ in which of two duplicate fields they use (RFC 8259, 4). So a proxy could check one
//! value, and the service act on the other.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::error::Violation;

/// How many duplicate fields are reported at most.
const MAX_VIOLATIONS: usize = 100;

/// Parses `text` as JSON.
///
/// # Errors
/// A violation for each duplicate field, or one for the whole text if it is not JSON.
pub(super) fn parse(text: &[u8]) -> Result<Value, Vec<Violation>> {
    if is_empty(text) {
        return Err(vec![Violation { pointer: String::new(), detail: "is empty".to_owned() }]);
    }
    let mut seen = Twice::default();
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = Strict(&mut seen)
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value));
    match value {
        Ok(value) if seen.pointers.is_empty() => Ok(value),
        Ok(_) => {
            let detail = "must be given once".to_owned();
            let pointers = seen.pointers.into_iter();
            Err(pointers.map(|pointer| Violation { pointer, detail: detail.clone() }).collect())
        }
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            let detail = format!("is not JSON: see line {line}, column {column}");
            Err(vec![Violation { pointer: String::new(), detail }])
        }
    }
}

/// Whether `text` has only the four whitespace characters of JSON (RFC 8259, 2).
pub(super) fn is_empty(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
}

/// A name as part of a JSON pointer (RFC 6901, 3), cut after 64 characters.
pub(super) fn escape(name: &str) -> String {
    let name: String = name.chars().take(64).collect();
    name.replace('~', "~0").replace('/', "~1")
}

/// The position of the parser, and the duplicate fields so far.
#[derive(Default)]
struct Twice {
    pointer: String,
    pointers: BTreeSet<String>,
}

impl Twice {
    /// Reads one level down.
    fn at<T>(&mut self, step: impl fmt::Display, read: impl FnOnce(&mut Self) -> T) -> T {
        let above = self.pointer.len();
        let _ = fmt::Write::write_fmt(&mut self.pointer, format_args!("/{step}"));
        let result = read(self);
        self.pointer.truncate(above);
        result
    }
}

struct Strict<'a>(&'a mut Twice);

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    /// `2.0` is the integer 2 (RFC 8259, 6, and JSON Schema), as far as a float is exact.
    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if number.fract() == 0.0 && number.abs() < EXACT {
            #[expect(clippy::cast_possible_truncation, reason = "it is whole, and below 2^53")]
            return Ok(Value::from(number as i64));
        }
        Number::from_f64(number).map(Value::Number).ok_or_else(|| E::custom("no number"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        loop {
            let next = self.0.at(values.len(), |seen| sequence.next_element_seed(Strict(seen)));
            match next? {
                Some(value) => values.push(value),
                None => return Ok(Value::Array(values)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let value = self.0.at(escape(&name), |seen| {
                if object.contains_key(&name) && seen.pointers.len() < MAX_VIOLATIONS {
                    seen.pointers.insert(seen.pointer.clone());
                }
                fields.next_value_seed(Strict(seen))
            });
            object.insert(name, value?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pointers(text: &str) -> Vec<String> {
        let violations = parse(text.as_bytes()).unwrap_err();
        violations.into_iter().map(|violation| violation.pointer).collect()
    }

    #[test]
    fn every_field_that_stands_twice_is_named_once() {
        let text =
            r#"{"a": 1, "b": [0, {"c/d": {}, "c/d": []}], "a": 2, "\u0061": 3, "e": {"a": 1}}"#;
        assert_eq!(pointers(text), ["/a", "/b/1/c~1d"]);
        assert_eq!(pointers(r#"{"a": {"b": 1, "b": 1}, "a": 1}"#), ["/a", "/a/b"]);
    }

    #[test]
    fn what_is_not_json_is_refused_as_a_whole() {
        for text in ["", "{", "{\"a\":1,\"a\":2", "1 2", "nul", "{\"a\":1e999}", "\"\\ud800\""] {
            assert_eq!(pointers(text), [""], "{text}");
        }
        for bytes in [&b"\"\xff\""[..], b"{\"\xc3\x28\": 1}", b"\xef\xbb\xbf{}"] {
            assert_eq!(parse(bytes).unwrap_err().len(), 1);
        }
        assert_eq!(pointers(&"[".repeat(30_000)), [""]);
    }

    #[test]
    fn an_empty_body_is_called_empty_and_not_wrong_at_column_0() {
        for (text, detail) in [
            ("", "is empty"),
            (" \r\n\t", "is empty"),
            ("{", "is not JSON: see line 1, column 1"),
            ("\u{a0}", "is not JSON: see line 1, column 1"),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap_err()[0].detail, detail, "{text:?}");
        }
    }

    #[test]
    fn a_whole_number_is_one_however_it_is_written() {
        for (text, whole) in [("2.0", 2), ("2e1", 20), ("-0", 0), ("-3.00", -3), ("7", 7)] {
            assert_eq!(parse(text.as_bytes()), Ok(Value::from(whole)), "{text}");
        }
        for text in ["1.5", "1e30", "9007199254740992.0", "-1e-9"] {
            assert!(parse(text.as_bytes()).unwrap().is_f64(), "{text}");
        }
    }

    #[test]
    fn an_answer_does_not_grow_with_the_request() {
        let fields: Vec<_> = (0..999).map(|name| format!("\"{}\": 0", name / 2)).collect();
        let text = format!("{{{}}}", fields.join(","));
        assert_eq!(pointers(&text).len(), MAX_VIOLATIONS);
    }

    proptest! {
        #[test]
        fn anything_is_read_as_by_everybody_else_unless_a_field_stands_twice(text in "[\\[\\]{}\",:0-9a-c.e\\\\ -]{0,40}|\\PC*") {
            if let Ok(value) = parse(text.as_bytes()) {
                let expected = serde_json::from_str::<Value>(&text).unwrap();
                prop_assert!(text.contains(['.', 'e', '-']) || value == expected, "{value}");
            } else if let Ok(value) = serde_json::from_str::<Value>(&text) {
                prop_assert_ne!(pointers(&text), [""]);
                prop_assert!(value.is_object() || value.is_array());
            }
        }
    }
}
