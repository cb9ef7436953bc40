//! `PUT /products/{id}`: creates or replaces a product, for staff.

mod handler;

use std::process::ExitCode;
use std::sync::Arc;

use waybill::cache::{DynamoDbCache, MemoryCache};
use waybill::postgres::{Database, PUT_PRODUCT};
use waybill::{aws, http, lambda};

fn main() -> ExitCode {
    waybill::start("put-product", async |config| {
        let database = config.database()?;
        let table = config.product_cache_table()?;
        let aws = aws::sdk_config().await?;
        let (database, cache) = tokio::join!(
            Database::connect(&database, &[PUT_PRODUCT]),
            DynamoDbCache::connect(&aws, table),
        );
        let database = database?;
        lambda::on_shutdown(Arc::clone(&database).close()).await;
        let cache = MemoryCache::in_front_of(cache);
        http::serve(&config, &handler::ROUTE, |request| {
            handler::put_product(request, &cache, &*database)
        })
        .await
    })
}
