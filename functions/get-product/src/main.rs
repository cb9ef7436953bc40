//! `GET /products/{id}`: one product, through the cache.

mod handler;

use std::process::ExitCode;

use aws_sdk_dynamodb::Client;
use lambda_http::{Request, service_fn};
use waybill::app::Flights;
use waybill::aws;
use waybill::cache::{self, DynamoDbCache, MemoryCache};
use waybill::http::{self, Callers, routes};
use waybill::lambda;
use waybill::postgres::{Database, functions::GET_PRODUCT};

fn main() -> ExitCode {
    waybill::start("get-product", async |config| {
        let callers = lambda::keep(Callers::read(&config)?);
        let (database, table) = (config.database()?, config.product_cache_table()?);
        let dynamodb = Client::from_conf(cache::settings(&aws::load(&config).await?));
        let cache = MemoryCache::in_front_of(DynamoDbCache::connect(dynamodb, table));
        let cache = lambda::keep(cache);
        let database = lambda::keep(Database::connect(&database, GET_PRODUCT.statements).await?);
        lambda::on_shutdown(database.close()).await;
        let flights = lambda::keep(Flights::default());
        let service = service_fn(async |request: Request| {
            let handler = |request| handler::get_product(request, flights, cache, database);
            Ok(http::answer(request, callers, &routes::GET_PRODUCT, handler).await)
        });
        http::runtime(&config, service)?.run_concurrent().await
    })
}
