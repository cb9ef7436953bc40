//! `GET /health`: that it runs, and with `?deep=true` what it depends on.

mod handler;

use std::process::ExitCode;

use lambda_http::{Request, service_fn};
use waybill::http::{self, routes};
use waybill::lambda;

fn main() -> ExitCode {
    waybill::start("health", async |config| {
        let (config, deep) = (lambda::keep(config), lambda::keep(handler::Deep::default()));
        let service = service_fn(async |request: Request| {
            let handler = |request| handler::health(request, config, deep);
            Ok(http::answer_anyone(request, &routes::HEALTH, handler).await)
        });
        http::runtime(config, service)?.run_concurrent().await
    })
}
