//! Says `ok`, or asks everything that the service depends on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;
use waybill::cache::DynamoDbCache;
use waybill::config::Config;
use waybill::http::{
    Anyone, Check, Checks, Health, HealthStatus as Status, Incoming, Problem, Reply, Route,
    StatusCode,
};
use waybill::postgres::Database;
use waybill::queue::FulfillmentQueue;
use waybill::{BoxError, Error, aws};

/// Whether to ask the dependencies.
const DEEP: &str = "deep";

pub(crate) const ROUTE: Route = Route { any_of: &[], parameters: &[DEEP] };

/// How long a dependency has for its answer.
const CHECK_TIMEOUT: Duration = Duration::from_secs(3);

pub(crate) struct Dependencies {
    database: Arc<Database>,
    cache: DynamoDbCache,
    queue: FulfillmentQueue,
}

/// 503 only where no order can be taken: without the cache reads are slower, and without the queue
/// fulfilment waits.
pub(crate) async fn health(
    request: Incoming<Anyone>,
    config: &Config,
    dependencies: &OnceCell<Dependencies>,
) -> Result<Reply, Problem> {
    if !request.flag(DEEP)? {
        return Ok(Reply::json(StatusCode::OK, &Health { status: Status::Ok, dependencies: None }));
    }
    let dependencies = dependencies
        .get_or_try_init(|| Dependencies::connect(config))
        .await
        .map_err(Error::Internal)?;
    let checks = Box::pin(dependencies.check()).await;
    let (code, status) = match &checks {
        Checks { postgres, .. } if postgres.status == Status::Down => {
            (StatusCode::SERVICE_UNAVAILABLE, Status::Down)
        }
        Checks { product_cache, fulfillment_queue, .. }
            if [product_cache, fulfillment_queue].iter().any(|it| it.status == Status::Down) =>
        {
            (StatusCode::OK, Status::Degraded)
        }
        _ => (StatusCode::OK, Status::Ok),
    };
    Ok(Reply::json(code, &Health { status, dependencies: Some(checks) }))
}

impl Dependencies {
    async fn connect(config: &Config) -> Result<Self, BoxError> {
        let mut database = config.database()?;
        database.connect_timeout = CHECK_TIMEOUT;
        let table = config.product_cache_table()?;
        let queue = config.fulfillment_queue_url()?;
        let aws = aws::sdk_config().await;
        let (database, cache, queue) = tokio::join!(
            Database::connect(&database, &[]),
            DynamoDbCache::connect(&aws, table),
            FulfillmentQueue::connect(&aws, queue),
        );
        Ok(Self { database: database?, cache, queue })
    }

    async fn check(&self) -> Checks {
        let postgres = async { self.database.check().await.map_err(BoxError::from) };
        let (postgres, product_cache, fulfillment_queue) = tokio::join!(
            check("Postgres", postgres),
            check("the product cache", self.cache.check()),
            check("the fulfilment queue", self.queue.check()),
        );
        Checks { postgres, product_cache, fulfillment_queue }
    }
}

async fn check(name: &str, answer: impl Future<Output = Result<(), BoxError>>) -> Check {
    let started = Instant::now();
    let answer = tokio::time::timeout(CHECK_TIMEOUT, answer).await;
    let error = match answer {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error),
        Err(elapsed) => Some(elapsed.into()),
    };
    let status = if error.is_none() { Status::Ok } else { Status::Down };
    if let Some(error) = error {
        tracing::warn!(dependency = name, error = waybill::error::chain(&*error), "is down");
    }
    Check { status, duration_ms: started.elapsed().as_secs_f64() * 1e3 }
}
