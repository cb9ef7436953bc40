//! `PUT /products/{id}`: creates or replaces a product, for staff.

mod handler;

use std::process::ExitCode;

use aws_sdk_dynamodb::Client;
use lambda_http::{Request, service_fn};
use waybill::aws;
use waybill::cache::{self, DynamoDbCache, MemoryCache};
use waybill::http::{self, Callers, routes};
use waybill::lambda;
use waybill::postgres::{Database, functions::PUT_PRODUCT};

fn main() -> ExitCode {
    waybill::start("put-product", async |config| {
        let callers = lambda::keep(Callers::read(&config)?);
        let (database, table) = (config.database()?, config.product_cache_table()?);
        let dynamodb = Client::from_conf(cache::settings(&aws::load(&config).await?));
        let cache = MemoryCache::in_front_of(DynamoDbCache::connect(dynamodb, table));
        let cache = lambda::keep(cache);
        let database = lambda::keep(Database::connect(&database, PUT_PRODUCT.statements).await?);
        lambda::on_shutdown(database.close()).await;
        let service = service_fn(async |request: Request| {
            let handler = |request| handler::put_product(request, cache, database);
            Ok(http::answer(request, callers, &routes::PUT_PRODUCT, handler).await)
        });
        http::runtime(&config, service)?.run_concurrent().await
    })
}
