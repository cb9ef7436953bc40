//! `GET /products/{id}`: one product, through the cache.

mod handler;

use std::process::ExitCode;
use std::sync::Arc;

use waybill::cache::{DynamoDbCache, Flights, MemoryCache};
use waybill::postgres::{Database, GET_PRODUCT};
use waybill::{aws, http, lambda};

fn main() -> ExitCode {
    waybill::start("get-product", async |config| {
        let database = config.database()?;
        let table = config.product_cache_table()?;
        let aws = aws::sdk_config().await?;
        let (database, cache) = tokio::join!(
            Database::connect(&database, &[GET_PRODUCT]),
            DynamoDbCache::connect(&aws, table),
        );
        let database = database?;
        lambda::on_shutdown(Arc::clone(&database).close()).await;
        let cache = MemoryCache::in_front_of(cache);
        let flights = Flights::default();
        http::serve(&config, &handler::ROUTE, |request| {
            handler::get_product(request, &flights, &cache, &*database)
        })
        .await
    })
}
