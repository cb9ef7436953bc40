//! `GET /openapi.json`, `GET /docs`, `GET /problems/{code}`: what the API is; and the answer to
//! whatever it is not.

mod docs;
mod handler;
mod problems;

use std::process::ExitCode;

use lambda_http::{Request, service_fn};
use waybill::{http, lambda};

fn main() -> ExitCode {
    waybill::start("describe-api", async |config| {
        let description = lambda::keep(handler::Description::new()?);
        let service = service_fn(async |request: Request| {
            let handler = async |request| handler::describe(&request, description);
            Ok(http::answer_anyone(request, description, handler).await)
        });
        http::runtime(&config, service)?.run_concurrent().await
    })
}
