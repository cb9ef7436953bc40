//! The configuration of every process.

use tracing::Level;

use super::environment::{Config, ConfigError};

impl Config {
    /// How many invocations this process handles at once (`AWS_LAMBDA_MAX_CONCURRENCY`, which Lambda
    /// Managed Instances set). One if it is not a number: the Lambda runtime reads it this way.
    #[must_use]
    pub fn concurrency(&self) -> usize {
        let concurrency = self.optional("AWS_LAMBDA_MAX_CONCURRENCY");
        concurrency.and_then(|value| value.parse().ok()).unwrap_or(1).max(1)
    }

    /// Whether work is done before the answer instead of after it (`WORK_BEFORE_ANSWER=true`).
    ///
    /// # Errors
    /// Names the variable if it is wrong.
    pub fn work_before_answer(&self) -> Result<bool, ConfigError> {
        let variable = "WORK_BEFORE_ANSWER";
        let value = self.optional(variable).unwrap_or_else(|| "false".to_owned());
        value.parse().map_err(|_| ConfigError::Invalid {
            variable,
            value,
            expected: "true or false",
        })
    }

    /// The lowest level that is logged.
    ///
    /// # Errors
    /// Names the variable if it is wrong.
    pub fn log_level(&self) -> Result<Level, ConfigError> {
        let variable = "LOG_LEVEL";
        match self.optional(variable) {
            None => Ok(Level::INFO),
            Some(value) => value.parse().map_err(|_| ConfigError::Invalid {
                variable,
                value,
                expected: "error, warn, info, debug or trace",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_variable_and_what_it_should_hold() {
        let config = Config { lookup: |_| Some("soon".to_owned()) };
        assert_eq!(
            config.log_level().unwrap_err().to_string(),
            "LOG_LEVEL is \"soon\"; it should hold error, warn, info, debug or trace"
        );
    }

    #[test]
    fn what_is_empty_is_as_good_as_not_set() {
        let config = Config { lookup: |_| Some(String::new()) };
        assert_eq!(config.log_level(), Ok(Level::INFO));
    }
}
