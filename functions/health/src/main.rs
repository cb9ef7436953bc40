//! `GET /health`: that it runs, and with `?deep=true` what it depends on.

mod handler;

use std::process::ExitCode;

use waybill::http::{self, routes};
use waybill::lambda;

fn main() -> ExitCode {
    waybill::start("health", async |config| {
        let (config, deep) = (lambda::keep(config), lambda::keep(handler::Deep::default()));
        let handler = |request| handler::health(request, config, deep);
        http::serve_public(config, &routes::HEALTH, handler).await
    })
}
