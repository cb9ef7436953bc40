//! Checks the health of the service, and with `deep` that of its dependencies.

use std::time::{Duration, Instant};

use tokio::sync::OnceCell;
use waybill::aws;
use waybill::cache::{self, DynamoDbCache};
use waybill::config::Config;
use waybill::http::{
    Anyone, Check, Checks, Health, HealthStatus as Status, Incoming, LatestHealth, Problem, Reply,
};
use waybill::postgres::{Database, functions::HEALTH};
use waybill::queue::{self, FulfillmentQueue};
use waybill::{BoxError, Error};

/// The timeout of a check.
const CHECK_TIMEOUT: Duration = Duration::from_secs(3);

/// The clients for a deep check, made on first use: a shallow check must work when everything is
/// down.
#[derive(Default)]
pub(crate) struct Deep {
    dependencies: OnceCell<Dependencies>,
    latest: LatestHealth,
}

struct Dependencies {
    database: Database,
    cache: DynamoDbCache,
    queue: FulfillmentQueue,
}

pub(crate) async fn health(
    request: Incoming<Anyone>,
    config: &Config,
    deep: &Deep,
) -> Result<Reply, Problem> {
    if !request.flag("deep")? {
        return Ok(Reply::health(&Health::shallow()));
    }
    let check = async {
        // Boxed, as each holds the futures of three clients.
        let connect = || Box::pin(Dependencies::connect(config));
        let dependencies = deep.dependencies.get_or_try_init(connect).await;
        Ok::<_, Error>(Box::pin(dependencies.map_err(Error::internal)?.check()).await)
    };
    Ok(Reply::health(&deep.latest.get(check).await?))
}

impl Dependencies {
    async fn connect(config: &Config) -> Result<Self, BoxError> {
        let mut database = config.database()?;
        database.connect_timeout = CHECK_TIMEOUT;
        let table = config.product_cache_table()?;
        let queue = config.fulfillment_queue_url()?;
        let aws = aws::load(config).await?;
        let dynamodb = aws_sdk_dynamodb::Client::from_conf(cache::settings(&aws));
        let sqs = aws_sdk_sqs::Client::from_conf(queue::settings(&aws));
        let (cache, queue) =
            (DynamoDbCache::new(dynamodb, table), FulfillmentQueue::new(sqs, queue));
        let database = Database::connect(&database, HEALTH.statements).await?;
        Ok(Self { database, cache, queue })
    }

    async fn check(&self) -> Checks {
        let postgres = async { self.database.check().await.map_err(BoxError::from) };
        let (postgres, product_cache, fulfillment_queue) = tokio::join!(
            check("Postgres", postgres),
            check("the product cache", self.cache.check()),
            check("the fulfillment queue", self.queue.check()),
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
        tracing::warn!(
            dependency = name,
            error = waybill::error::chain(&*error),
            "dependency is down"
        );
    }
    Check { status, duration_ms: started.elapsed().as_secs_f64() * 1e3 }
}
