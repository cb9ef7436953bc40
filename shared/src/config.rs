//! Configuration from the environment, which is read only here.

#[cfg(feature = "aws")]
mod aws;
mod mail;
#[cfg(feature = "warehouse")]
mod warehouse;

use std::time::Duration;

use tracing::Level;

use crate::app::Backoff;
use crate::domain::{Caller, Owner, Scope};

#[cfg(feature = "aws")]
pub use aws::{AwsConfig, AwsEndpoints};
#[cfg(all(test, feature = "warehouse"))]
pub(crate) use warehouse::READ_TIMEOUT;
#[cfg(feature = "warehouse")]
pub use warehouse::WarehouseConfig;

/// The default of `DATABASE_CONNECT_TIMEOUT_SECONDS`: how long a start waits for Postgres. Together
/// with one request (5 s, and up to 1.5 s to give up) it stays below ten seconds: the limit of the init
/// phase on AWS, and the timeout of an invocation on emulators that count the start as part of it.
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The default of `DATABASE_CONNECTIONS`: the most connections of a process. More would gain little,
/// since Postgres runs no more statements at once than it has processors.
const DEFAULT_CONNECTIONS: i32 = 8;

/// The longest time that can be configured.
const MAX_SECONDS: u64 = 30 * 24 * 60 * 60;

/// The environment of a function. Only the variables that it asks for must be set.
pub struct Config {
    lookup: fn(&str) -> Option<String>,
}

/// How to reach Postgres. Has no `Debug`, since it holds a password.
#[derive(Clone)]
pub struct DatabaseConfig {
    /// A connection string (`postgres://…`). TLS is verified unless it says `sslmode=disable`.
    pub url: String,
    /// How long a start tries to connect.
    pub connect_timeout: Duration,
    /// The most connections of the process.
    pub connections: usize,
    /// Leases, retries and retention.
    pub timing: Timing,
    /// How many orders one owner may place.
    pub owner_limits: OwnerLimits,
}

/// How many orders one owner may place, so that no customer takes all capacity or holds all stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnerLimits {
    /// The most pending orders (`OWNER_PENDING_LIMIT`).
    pub pending: i32,
    /// The most orders in a minute (`OWNER_ORDERS_PER_MINUTE`).
    pub per_minute: i32,
}

impl Default for OwnerLimits {
    fn default() -> Self {
        Self { pending: 100, per_minute: 60 }
    }
}

impl OwnerLimits {
    /// No limits in practice.
    pub const NONE: Self = Self { pending: i32::MAX, per_minute: i32::MAX };
}

/// Leases, retries and retention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long a new order's job has to reach fulfillment before the relay sends it again
    /// (`JOB_GRACE_SECONDS`).
    pub job_grace: Duration,
    /// The lease of a relay on the messages it claimed (`OUTBOX_LEASE_SECONDS`).
    pub outbox_lease: Duration,
    /// The wait after the first failed send of a message. It doubles with each further one
    /// (`OUTBOX_RETRY_MIN_SECONDS`).
    pub outbox_retry_min: Duration,
    /// The limit of the doubling (`OUTBOX_RETRY_MAX_SECONDS`).
    pub outbox_retry_max: Duration,
    /// The lease on a notification: longer than an invocation of notify-customer
    /// (`MAIL_LEASE_SECONDS`).
    pub mail_lease: Duration,
    /// How long an idempotency key is kept (`IDEMPOTENCY_RETENTION_SECONDS`).
    pub idempotency_retention: Duration,
}

impl Timing {
    /// The waits of the outbox.
    #[must_use]
    pub fn backoff(&self) -> Backoff {
        Backoff { min: self.outbox_retry_min, max: self.outbox_retry_max }
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            job_grace: Duration::from_mins(1),
            outbox_lease: Duration::from_mins(1),
            outbox_retry_min: Duration::from_mins(1),
            outbox_retry_max: Duration::from_hours(1),
            mail_lease: Duration::from_mins(1),
            idempotency_retention: Duration::from_hours(24),
        }
    }
}

/// The secret that seals the cursors of lists: at least 32 bytes. Has no `Debug`.
#[derive(Clone)]
pub struct CursorSecret(String);

impl CursorSecret {
    /// The shortest secret: the output length of HMAC-SHA256 (RFC 2104, 3).
    pub const MIN_BYTES: usize = 32;

    /// A secret, if it is long enough.
    #[must_use]
    pub fn new(text: String) -> Option<Self> {
        (text.len() >= Self::MIN_BYTES).then_some(Self(text))
    }

    /// The secret itself.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
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

    /// How to reach Postgres.
    ///
    /// # Errors
    /// Names the variable that is missing or wrong.
    pub fn database(&self) -> Result<DatabaseConfig, ConfigError> {
        let url = self.required("DATABASE_URL", "a connection string, postgres://user@host/db")?;
        let connect_timeout =
            self.seconds("DATABASE_CONNECT_TIMEOUT_SECONDS", DEFAULT_CONNECT_TIMEOUT)?;
        let connections = self.concurrency().min(self.max_connections()?);
        let (timing, owner_limits) = (self.timing()?, self.owner_limits()?);
        Ok(DatabaseConfig { url, connect_timeout, connections, timing, owner_limits })
    }

    /// How many invocations this process handles at once (`AWS_LAMBDA_MAX_CONCURRENCY`, which Lambda
    /// Managed Instances set). One if it is not a number: the Lambda runtime reads it this way.
    #[must_use]
    pub fn concurrency(&self) -> usize {
        let concurrency = self.optional("AWS_LAMBDA_MAX_CONCURRENCY");
        concurrency.and_then(|value| value.parse().ok()).unwrap_or(1).max(1)
    }

    fn max_connections(&self) -> Result<usize, ConfigError> {
        let connections = self.count("DATABASE_CONNECTIONS", DEFAULT_CONNECTIONS)?;
        Ok(usize::try_from(connections).unwrap_or(1))
    }

    fn owner_limits(&self) -> Result<OwnerLimits, ConfigError> {
        let default = OwnerLimits::default();
        Ok(OwnerLimits {
            pending: self.count("OWNER_PENDING_LIMIT", default.pending)?,
            per_minute: self.count("OWNER_ORDERS_PER_MINUTE", default.per_minute)?,
        })
    }

    fn count(&self, variable: &'static str, default: i32) -> Result<i32, ConfigError> {
        let Some(value) = self.optional(variable) else { return Ok(default) };
        value.parse().ok().filter(|count| *count > 0).ok_or(ConfigError::Invalid {
            variable,
            value,
            expected: "a whole number from 1 to 2147483647",
        })
    }

    fn timing(&self) -> Result<Timing, ConfigError> {
        let default = Timing::default();
        let timing = Timing {
            job_grace: self.seconds("JOB_GRACE_SECONDS", default.job_grace)?,
            outbox_lease: self.seconds("OUTBOX_LEASE_SECONDS", default.outbox_lease)?,
            outbox_retry_min: self.seconds("OUTBOX_RETRY_MIN_SECONDS", default.outbox_retry_min)?,
            outbox_retry_max: self.seconds("OUTBOX_RETRY_MAX_SECONDS", default.outbox_retry_max)?,
            mail_lease: self.seconds("MAIL_LEASE_SECONDS", default.mail_lease)?,
            idempotency_retention: self
                .seconds("IDEMPOTENCY_RETENTION_SECONDS", default.idempotency_retention)?,
        };
        if timing.outbox_retry_min > timing.outbox_retry_max {
            return Err(ConfigError::Invalid {
                variable: "OUTBOX_RETRY_MIN_SECONDS",
                value: timing.outbox_retry_min.as_secs().to_string(),
                expected: "no more than OUTBOX_RETRY_MAX_SECONDS",
            });
        }
        Ok(timing)
    }

    fn seconds(&self, variable: &'static str, default: Duration) -> Result<Duration, ConfigError> {
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

    /// The URL of the fulfillment queue.
    ///
    /// # Errors
    /// Names the variable that is missing.
    pub fn fulfillment_queue_url(&self) -> Result<String, ConfigError> {
        self.required("FULFILLMENT_QUEUE_URL", "the URL of an SQS queue")
    }

    /// The name of the event bus.
    ///
    /// # Errors
    /// Names the variable that is missing.
    pub fn event_bus_name(&self) -> Result<String, ConfigError> {
        self.required("EVENT_BUS_NAME", "the name of an EventBridge bus")
    }

    /// The name of the product cache's table.
    ///
    /// # Errors
    /// Names the variable that is missing.
    pub fn product_cache_table(&self) -> Result<String, ConfigError> {
        self.required("PRODUCT_CACHE_TABLE", "the name of a DynamoDB table")
    }

    /// The caller of requests without an authorizer, which only `make watch` has:
    /// `WAYBILL_WATCH_CALLER`, a subject and its scopes, separated by spaces. The template never sets
    /// it. Without it, such a request is refused.
    ///
    /// # Errors
    /// Names the variable if it is wrong.
    pub fn watch_caller(&self) -> Result<Option<Caller>, ConfigError> {
        let variable = "WAYBILL_WATCH_CALLER";
        let Some(value) = self.optional(variable) else { return Ok(None) };
        let mut words = value.split_whitespace();
        let subject = words.next().and_then(Owner::parse);
        let scopes: Option<Vec<_>> = words.map(Scope::parse).collect();
        match subject.zip(scopes) {
            Some((subject, scopes)) => Ok(Some(Caller::new(subject, scopes))),
            None => Err(ConfigError::Invalid {
                variable,
                value,
                expected: "a subject and scopes, such as: ada orders/read orders/write",
            }),
        }
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

    /// The issuer whose subjects own orders by their `sub` alone (`FIRST_JWT_ISSUER`). None if there
    /// has been only one issuer.
    #[must_use]
    pub fn first_issuer(&self) -> Option<String> {
        self.optional("FIRST_JWT_ISSUER")
    }

    /// The issuer whose tokens are accepted (`JWT_ISSUER`). None without an authorizer.
    #[must_use]
    pub fn issuer(&self) -> Option<String> {
        self.optional("JWT_ISSUER")
    }

    /// The secret that seals the cursors of lists.
    ///
    /// # Errors
    /// Names the variable that is missing or too short.
    pub fn cursor_secret(&self) -> Result<CursorSecret, ConfigError> {
        let variable = "CURSOR_SECRET";
        let expected = "a secret of at least 32 bytes";
        CursorSecret::new(self.required(variable, expected)?)
            .ok_or(ConfigError::Unfit { variable, expected })
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

    fn optional(&self, variable: &'static str) -> Option<String> {
        (self.lookup)(variable).filter(|value| !value.is_empty())
    }

    fn required(
        &self,
        variable: &'static str,
        expected: &'static str,
    ) -> Result<String, ConfigError> {
        self.optional(variable).ok_or(ConfigError::Missing { variable, expected })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_variable_and_what_it_should_hold() {
        let config = Config { lookup: |_| None };
        assert_eq!(
            config.fulfillment_queue_url().unwrap_err().to_string(),
            "FULFILLMENT_QUEUE_URL is not set; it should hold the URL of an SQS queue"
        );
        let config = Config { lookup: |_| Some("soon".to_owned()) };
        assert_eq!(
            config.log_level().unwrap_err().to_string(),
            "LOG_LEVEL is \"soon\"; it should hold error, warn, info, debug or trace"
        );
        assert!(config.database().is_err());
    }

    #[test]
    fn what_is_empty_is_as_good_as_not_set() {
        let config = Config { lookup: |_| Some(String::new()) };
        assert!(config.product_cache_table().is_err());
        assert_eq!(config.log_level(), Ok(Level::INFO));
    }

    #[test]
    fn a_caller_is_named_by_its_subject_and_known_scopes_or_not_at_all() {
        let config = Config { lookup: |_| None };
        assert_eq!(config.watch_caller(), Ok(None));
        let config = Config { lookup: |_| Some(" ada  orders/read orders/write".to_owned()) };
        let caller = config.watch_caller().unwrap().unwrap();
        assert_eq!(caller.subject().as_str(), "ada");
        assert!(caller.has_any(&[Scope::Write]) && !caller.has_any(&[Scope::Staff]));
        for lookup in [|_: &str| Some(" ".to_owned()), |_: &str| Some("ada orders/all".to_owned())]
        {
            assert!(Config { lookup }.watch_caller().is_err());
        }
    }

    #[test]
    fn a_cursor_secret_has_32_bytes_and_is_not_shown() {
        let config = Config { lookup: |_| Some("x".repeat(32)) };
        assert_eq!(config.cursor_secret().ok().unwrap().as_bytes(), [b'x'; 32]);
        let config = Config { lookup: |_| Some("too short a secret".to_owned()) };
        let error = config.cursor_secret().err().unwrap().to_string();
        assert!(error.contains("CURSOR_SECRET") && error.contains("32 bytes"), "{error}");
        assert!(!error.contains("too short"), "{error}");
        assert!(Config { lookup: |_| None }.cursor_secret().is_err());
    }

    #[test]
    fn the_limits_of_an_owner_are_positive_numbers() {
        let limits = |lookup| Config { lookup }.owner_limits();
        assert_eq!(limits(|_| None), Ok(OwnerLimits { pending: 100, per_minute: 60 }));
        assert_eq!(limits(|_| Some("7".to_owned())), Ok(OwnerLimits { pending: 7, per_minute: 7 }));
        for lookup in [|_: &str| Some("0".to_owned()), |_: &str| Some("many".to_owned())] {
            let error = limits(lookup).unwrap_err().to_string();
            assert!(error.contains("OWNER_PENDING_LIMIT"), "{error}");
        }
    }

    #[test]
    fn a_process_has_a_connection_for_each_invocation_up_to_a_bound() {
        fn lookup(name: &str, concurrency: Option<&str>, bound: Option<&str>) -> Option<String> {
            let value = match name {
                "DATABASE_URL" => Some("postgres://localhost/waybill"),
                "AWS_LAMBDA_MAX_CONCURRENCY" => concurrency,
                "DATABASE_CONNECTIONS" => bound,
                _ => None,
            };
            value.map(str::to_owned)
        }
        let connections = |lookup| Config { lookup }.database().ok().unwrap().connections;
        assert_eq!(connections(|name| lookup(name, None, None)), 1);
        assert_eq!(connections(|name| lookup(name, None, Some("5"))), 1);
        assert_eq!(connections(|name| lookup(name, Some("many"), None)), 1);
        assert_eq!(connections(|name| lookup(name, Some("4"), None)), 4);
        assert_eq!(connections(|name| lookup(name, Some("64"), None)), 8);
        assert_eq!(connections(|name| lookup(name, Some("64"), Some("20"))), 20);
        let refused = Config { lookup: |name| lookup(name, None, Some("0")) }.database().err();
        assert!(refused.unwrap().to_string().contains("DATABASE_CONNECTIONS"));
    }

    #[test]
    fn a_start_waits_three_seconds_for_postgres_unless_told_otherwise() {
        let config = Config {
            lookup: |name| {
                (name == "DATABASE_URL").then(|| "postgres://localhost/waybill".to_owned())
            },
        };
        assert_eq!(config.database().ok().unwrap().connect_timeout, Duration::from_secs(3));
    }
}
