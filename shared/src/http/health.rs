//! How the service is, as clients see it.

use serde::Serialize;

/// Whether the service answers and, if that was asked, what it depends on.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    /// Of the whole.
    pub status: HealthStatus,
    /// There with `?deep=true` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub dependencies: Option<Checks>,
}

/// What the service depends on.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Checks {
    /// Without it no order is taken.
    pub postgres: Check,
    /// Without it reads are slower.
    pub product_cache: Check,
    /// Without it fulfilment waits.
    pub fulfillment_queue: Check,
}

/// What came of asking for one dependency.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Check {
    /// Whether it answered.
    pub status: HealthStatus,
    /// How long that took, in milliseconds.
    pub duration_ms: f64,
}

/// How something is.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// As it should be.
    Ok,
    /// Orders are taken, slower or later than usual.
    Degraded,
    /// No order is taken.
    Down,
}
