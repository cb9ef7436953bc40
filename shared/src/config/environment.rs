//! The environment, which is read only here.

use std::time::Duration;

/// The longest time that can be configured.
const MAX_SECONDS: u64 = 30 * 24 * 60 * 60;

/// The environment of a function. Only the variables that it asks for must be set.
pub struct Config {
    pub(super) lookup: fn(&str) -> Option<String>,
}

/// A variable that is missing or invalid.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not set, or empty.
    #[error("{variable} is not set; it should hold {expected}")]
    Missing {
        /// The variable.
        variable: &'static str,
        /// The expected value.
        expected: &'static str,
    },
    /// Invalid.
    #[error("{variable} is {value:?}; it should hold {expected}")]
    Invalid {
        /// The variable.
        variable: &'static str,
        /// The value.
        value: String,
        /// The expected value.
        expected: &'static str,
    },
    /// Invalid. The value may be a secret.
    #[error("{variable} is unfit; it should hold {expected}")]
    Unfit {
        /// The variable.
        variable: &'static str,
        /// The expected value.
        expected: &'static str,
    },
}

impl Config {
    /// The configuration of this process.
    #[must_use]
    pub fn from_env() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads them")]
        let lookup = |name: &str| std::env::var(name).ok();
        Self { lookup }
    }

    pub(super) fn optional(&self, variable: &'static str) -> Option<String> {
        (self.lookup)(variable).filter(|value| !value.is_empty())
    }

    pub(super) fn required(
        &self,
        variable: &'static str,
        expected: &'static str,
    ) -> Result<String, ConfigError> {
        self.optional(variable).ok_or(ConfigError::Missing { variable, expected })
    }

    pub(super) fn count(&self, variable: &'static str, default: i32) -> Result<i32, ConfigError> {
        let Some(value) = self.optional(variable) else { return Ok(default) };
        value.parse().ok().filter(|count| *count > 0).ok_or(ConfigError::Invalid {
            variable,
            value,
            expected: "a whole number from 1 to 2147483647",
        })
    }

    pub(super) fn seconds(
        &self,
        variable: &'static str,
        default: Duration,
    ) -> Result<Duration, ConfigError> {
        match self.optional(variable) {
            None => Ok(default),
            Some(value) => value
                .parse()
                .ok()
                .filter(|seconds| (1..=MAX_SECONDS).contains(seconds))
                .map(Duration::from_secs)
                .ok_or(ConfigError::Invalid {
                    variable,
                    value,
                    expected: "a whole number of seconds, from 1 to 2592000 (30 days)",
                }),
        }
    }
}
