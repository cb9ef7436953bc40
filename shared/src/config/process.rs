//! The configuration of every process.

use tracing::Level;

use super::environment::{Config, ConfigError};
use crate::trace::Rate;

impl Config {
    /// Checks that the platform has set what AWS's runtime panics without.
    ///
    /// # Errors
    /// Names the variable that is missing: this is no Lambda platform.
    pub fn check_platform(&self) -> Result<(), ConfigError> {
        for (variable, expected) in [
            ("AWS_LAMBDA_RUNTIME_API", "the address of the Lambda platform"),
            ("AWS_LAMBDA_FUNCTION_NAME", "the name of the function"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "the version of the function"),
        ] {
            self.required(variable, expected)?;
        }
        let variable = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE";
        self.count(variable, 0)?;
        self.required(variable, "the function's memory in MB").map(drop)
    }

    /// How many invocations this process handles at once (`AWS_LAMBDA_MAX_CONCURRENCY`, which Lambda
    /// Managed Instances set). One if it is not a number: AWS's runtimes read it this way.
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

    /// The share of invocations that write a trace (`TRACE_SAMPLE_RATE`); 0 by default.
    ///
    /// # Errors
    /// Names the variable if it is wrong.
    pub fn trace_rate(&self) -> Result<Rate, ConfigError> {
        let variable = "TRACE_SAMPLE_RATE";
        let Some(value) = self.optional(variable) else { return Ok(Rate::default()) };
        value.parse().ok().and_then(Rate::new).ok_or(ConfigError::Invalid {
            variable,
            value,
            expected: "a number from 0 to 1",
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

    #[test]
    fn nothing_is_traced_unless_a_rate_says_so() {
        let rate = |lookup| Config { lookup }.trace_rate();
        assert_eq!(rate(|_| None), Ok(Rate::default()));
        assert_eq!(rate(|_| Some("0.05".to_owned())).ok(), Rate::new(0.05));
        for lookup in [|_: &str| Some("2".to_owned()), |_: &str| Some("all".to_owned())] {
            let error = rate(lookup).unwrap_err().to_string();
            assert!(error.starts_with("TRACE_SAMPLE_RATE is ") && error.ends_with("from 0 to 1"));
        }
    }
}
