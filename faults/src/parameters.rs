//! The parameters that faults have: how long they last, and how hard they strike.

use serde_json::{Value, json};

/// A parameter with its default and its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parameter {
    Number { name: &'static str, default: u64, min: u64, max: u64 },
    Function { name: &'static str, default: &'static str },
}

/// How many seconds a fault lasts.
pub(crate) const FOR_S: Parameter =
    Parameter::Number { name: "for_s", default: 10, min: 1, max: 600 };
/// How many milliseconds a slow server is late.
pub(crate) const DELAY_MS: Parameter =
    Parameter::Number { name: "delay_ms", default: 500, min: 1, max: 60_000 };
/// How many milliseconds pass between two killings.
pub(crate) const EVERY_MS: Parameter =
    Parameter::Number { name: "every_ms", default: 1000, min: 100, max: 60_000 };
/// Whose processes are killed.
pub(crate) const FUNCTION: Parameter =
    Parameter::Function { name: "function", default: "create-order" };

impl Parameter {
    /// What a client needs to ask for a value.
    pub(crate) fn describe(self, functions: &[String]) -> Value {
        match self {
            Self::Number { name, default, min, max } => {
                json!({ "name": name, "default": default, "min": min, "max": max })
            }
            Self::Function { name, default } => {
                json!({ "name": name, "default": default, "one_of": functions })
            }
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Number { name, .. } | Self::Function { name, .. } => name,
        }
    }

    /// The given value, or the default.
    ///
    /// # Errors
    /// A sentence that names what is wrong and what would be right.
    pub(crate) fn value(
        self,
        given: Option<&Value>,
        functions: &[String],
    ) -> Result<Value, String> {
        match self {
            Self::Number { name, default, min, max } => match given {
                None => Ok(json!(default)),
                Some(value) if value.as_u64().is_some_and(|it| (min..=max).contains(&it)) => {
                    Ok(value.clone())
                }
                Some(value) => {
                    Err(format!("{name} is {value}. It must be a whole number, {min} to {max}."))
                }
            },
            Self::Function { name, default } => {
                let wanted = given.cloned().unwrap_or_else(|| json!(default));
                if functions.iter().any(|function| wanted == function.as_str()) {
                    return Ok(wanted);
                }
                let functions = functions.join(", ");
                Err(format!("{name} is {wanted}. It must be one of: {functions}."))
            }
        }
    }
}
