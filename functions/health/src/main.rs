//! `GET /health`: that it runs, and with `?deep=true` what it depends on.

mod handler;

use std::process::ExitCode;

use waybill::http;

fn main() -> ExitCode {
    waybill::start("health", async |config| {
        let deep = handler::Deep::default();
        http::serve_public(&handler::ROUTE, |request| handler::health(request, &config, &deep))
            .await
    })
}
