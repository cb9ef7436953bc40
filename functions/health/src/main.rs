//! `GET /health`: that it runs, and with `?deep=true` what it depends on.

mod handler;

use std::process::ExitCode;

use tokio::sync::OnceCell;
use waybill::http;

fn main() -> ExitCode {
    waybill::start("health", async |config| {
        // Nothing is connected before somebody asks: it must answer when all else is down.
        let dependencies = OnceCell::new();
        http::serve_public(&handler::ROUTE, |request| {
            handler::health(request, &config, &dependencies)
        })
        .await
    })
}
