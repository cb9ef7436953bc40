//! The health of the service.

use std::time::Duration;

use http::StatusCode;
use http::header::RETRY_AFTER;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::problem::RETRY_AFTER_SECONDS;
use super::reply::Reply;

/// How long a check of the dependencies is reused. The route is public, so this bounds how often a
/// process calls them.
const LIFETIME: Duration = Duration::from_secs(5);

/// The health of the service and, if asked for, of its dependencies.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    /// The overall status.
    pub status: HealthStatus,
    /// When the dependencies were checked, up to five seconds ago. Only with `?deep=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime, required = false))]
    pub checked_at: Option<Timestamp>,
    /// The dependencies. Only with `?deep=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub dependencies: Option<Checks>,
}

/// The dependencies of the service.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Checks {
    /// Without it no orders are accepted.
    pub postgres: Check,
    /// Without it reads are slower.
    pub product_cache: Check,
    /// Without it fulfillment waits.
    pub fulfillment_queue: Check,
}

/// The check of one dependency.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Check {
    /// `ok` if it responded, else `down`.
    pub status: HealthStatus,
    /// How long the check took, in milliseconds.
    pub duration_ms: f64,
}

/// A health status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// Everything works.
    Ok,
    /// Orders are accepted, but reads are slower or fulfillment waits.
    Degraded,
    /// No orders are accepted, or the dependency is down.
    Down,
}

impl Reply {
    /// A reply with the health: 503 if orders can't be accepted.
    #[must_use]
    pub fn health(health: &Health) -> Self {
        match health.status {
            HealthStatus::Down => Self::json(StatusCode::SERVICE_UNAVAILABLE, health)
                .with(RETRY_AFTER, RETRY_AFTER_SECONDS.to_string()),
            HealthStatus::Ok | HealthStatus::Degraded => Self::json(StatusCode::OK, health),
        }
    }
}

impl Health {
    /// The health without its dependencies.
    #[must_use]
    pub fn shallow() -> Self {
        Self { status: HealthStatus::Ok, checked_at: None, dependencies: None }
    }

    /// The health with its dependencies: down only without Postgres, since orders need nothing else.
    #[must_use]
    pub fn deep(checks: Checks, checked_at: Timestamp) -> Self {
        let is_down = |check: &Check| check.status == HealthStatus::Down;
        let status = if is_down(&checks.postgres) {
            HealthStatus::Down
        } else if is_down(&checks.product_cache) || is_down(&checks.fulfillment_queue) {
            HealthStatus::Degraded
        } else {
            HealthStatus::Ok
        };
        Self { status, checked_at: Some(checked_at), dependencies: Some(checks) }
    }
}

/// The latest check of this process, which requests share for five seconds.
#[derive(Default)]
pub struct LatestHealth(Mutex<Option<(Instant, Health)>>);

impl LatestHealth {
    /// The latest check if it is recent, else a new one. Callers wait for a check that is running; if
    /// it is dropped, one of them runs its own.
    ///
    /// # Errors
    /// The error of `check`, which is not kept.
    pub async fn get<E>(
        &self,
        check: impl Future<Output = Result<Checks, E>>,
    ) -> Result<Health, E> {
        let mut latest = self.0.lock().await;
        if let Some((at, health)) = &*latest
            && is_recent(*at, health.checked_at)
        {
            return Ok(health.clone());
        }
        let health = Health::deep(check.await?, Timestamp::now());
        *latest = Some((Instant::now(), health.clone()));
        Ok(health)
    }
}

/// Whether a check is recent by both clocks: the monotonic one may stop while the process is frozen,
/// and the wall clock may be set back.
fn is_recent(at: Instant, checked_at: Option<Timestamp>) -> bool {
    let age = checked_at.map_or(SignedDuration::ZERO, |at| Timestamp::now().duration_since(at));
    at.elapsed() < LIFETIME && age.unsigned_abs() < LIFETIME
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;

    use tokio::time::{advance, sleep};

    use super::*;

    fn checks(postgres: HealthStatus, cache: HealthStatus, queue: HealthStatus) -> Checks {
        let check = |status| Check { status, duration_ms: 1.0 };
        Checks {
            postgres: check(postgres),
            product_cache: check(cache),
            fulfillment_queue: check(queue),
        }
    }

    fn well() -> Checks {
        checks(HealthStatus::Ok, HealthStatus::Ok, HealthStatus::Ok)
    }

    #[test]
    fn only_without_postgres_is_it_down() {
        use HealthStatus::{Degraded, Down, Ok};
        for (postgres, cache, queue, status) in [
            (Ok, Ok, Ok, Ok),
            (Ok, Down, Ok, Degraded),
            (Ok, Ok, Down, Degraded),
            (Down, Ok, Ok, Down),
            (Down, Down, Down, Down),
        ] {
            let health = Health::deep(checks(postgres, cache, queue), Timestamp::UNIX_EPOCH);
            assert_eq!(health.status, status);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_ask_within_five_seconds_the_dependencies_are_asked_once() {
        let (latest, asked) = (LatestHealth::default(), Cell::new(0));
        let ask = || {
            latest.get(async {
                asked.set(asked.get() + 1);
                sleep(Duration::from_secs(3)).await;
                Ok::<_, Infallible>(well())
            })
        };
        // Concurrently, then one after another.
        let first = futures_util::future::join_all((0..50).map(|_| ask())).await;
        assert_eq!(asked.get(), 1);
        let first: Vec<_> = first.iter().map(|it| it.as_ref().unwrap().checked_at).collect();
        assert!(first[0].is_some() && first.iter().all(|at| *at == first[0]), "{first:?}");
        for _ in 0..4 {
            advance(Duration::from_millis(1200)).await;
            assert_eq!(ask().await.unwrap().checked_at, first[0]);
        }
        assert_eq!(asked.get(), 1);
        advance(Duration::from_millis(200)).await;
        assert!(ask().await.unwrap().checked_at > first[0]);
        assert_eq!(asked.get(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_from_before_a_freeze_is_not_recent_though_the_clock_stood_still() {
        let now = Timestamp::now();
        assert!(is_recent(Instant::now(), Some(now)));
        for seconds in [-6, 6, 3600] {
            let then = now - SignedDuration::from_secs(seconds);
            assert!(!is_recent(Instant::now(), Some(then)), "{seconds}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_was_given_up_or_failed_is_not_kept() {
        let latest = LatestHealth::default();
        let never = latest.get::<Infallible>(std::future::pending());
        assert!(tokio::time::timeout(Duration::from_secs(1), never).await.is_err());
        assert!(latest.get(async { Err::<Checks, _>("no configuration") }).await.is_err());
        let health = latest.get(async { Ok::<_, Infallible>(well()) }).await.unwrap();
        assert_eq!(health.status, HealthStatus::Ok);
    }
}
