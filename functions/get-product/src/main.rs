//! `GET /products/{id}`: one product, through the cache.

mod handler;

use std::process::ExitCode;

use waybill::app::Flights;
use waybill::aws::Aws;
use waybill::cache::{DynamoDbCache, MemoryCache};
use waybill::http::{self, routes};
use waybill::lambda;
use waybill::postgres::{Database, functions::GET_PRODUCT};

fn main() -> ExitCode {
    waybill::start("get-product", async |config| {
        let database = config.database()?;
        let table = config.product_cache_table()?;
        let cache = DynamoDbCache::connect(&Aws::new(config.aws()?)?, table);
        let cache = lambda::keep(MemoryCache::in_front_of(cache));
        let database = lambda::keep(Database::connect(&database, GET_PRODUCT.statements).await?);
        lambda::on_shutdown(&config, database.close()).await?;
        let flights = lambda::keep(Flights::default());
        http::serve(&config, &routes::GET_PRODUCT, |request| {
            handler::get_product(request, flights, cache, database)
        })
        .await
    })
}
