//! The configuration of Postgres.

use std::time::Duration;

use super::engine::DatabaseEngine;
use super::environment::{Config, ConfigError};
use super::keys::AwsKeys;
use crate::app::Backoff;

/// The default of `DATABASE_CONNECT_TIMEOUT_SECONDS`: how long a start waits for Postgres. Together
/// with one request (5 s, and up to 1.5 s to give up) it stays below ten seconds: the limit of the init
/// phase on AWS, and the timeout of an invocation on emulators that count the start as part of it.
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The default of `DATABASE_CONNECTIONS`: the most connections of a process. More would gain little,
/// since Postgres runs no more statements at once than it has processors.
const DEFAULT_CONNECTIONS: i32 = 8;

/// How to reach Postgres. Has no `Debug`, since it holds secrets.
#[derive(Clone)]
pub struct DatabaseConfig {
    /// A connection string (`postgres://…`). TLS is verified unless it says `sslmode=disable`.
    pub url: String,
    /// The engine that answers there.
    pub engine: DatabaseEngine,
    /// What signs the tokens of IAM, for a connection string without a password.
    pub keys: Option<AwsKeys>,
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

impl Config {
    /// How to reach Postgres.
    ///
    /// # Errors
    /// Names the variable that is missing or wrong.
    pub fn database(&self) -> Result<DatabaseConfig, ConfigError> {
        let url = self.required("DATABASE_URL", "a connection string, postgres://user@host/db")?;
        let keys = self.aws_keys();
        let connect_timeout =
            self.seconds("DATABASE_CONNECT_TIMEOUT_SECONDS", DEFAULT_CONNECT_TIMEOUT)?;
        let engine = self.engine()?;
        let connections = self.concurrency().min(self.max_connections()?);
        let (timing, owner_limits) = (self.timing()?, self.owner_limits()?);
        Ok(DatabaseConfig { url, engine, keys, connect_timeout, connections, timing, owner_limits })
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_string_is_needed() {
        let error = Config { lookup: |_| None }.database().err().unwrap().to_string();
        assert!(error.starts_with("DATABASE_URL is not set"), "{error}");
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
