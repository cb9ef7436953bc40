//! `PUT /products/{id}`: creates or replaces a product, for staff.

mod handler;

use std::process::ExitCode;

use waybill::aws::Aws;
use waybill::cache::{DynamoDbCache, MemoryCache};
use waybill::http::{self, routes};
use waybill::lambda;
use waybill::postgres::{Database, functions::PUT_PRODUCT};

fn main() -> ExitCode {
    waybill::start("put-product", async |config| {
        let database = config.database()?;
        let table = config.product_cache_table()?;
        let cache = DynamoDbCache::connect(&Aws::new(config.aws()?)?, table);
        let cache = lambda::keep(MemoryCache::in_front_of(cache));
        let database = lambda::keep(Database::connect(&database, PUT_PRODUCT.statements).await?);
        lambda::on_shutdown(&config, database.close()).await?;
        http::serve(&config, &routes::PUT_PRODUCT, |request| {
            handler::put_product(request, cache, database)
        })
        .await
    })
}
