//! `GET /openapi.json`, `GET /docs`, `GET /problems/{code}`: what the API is; and the answer to
//! whatever it is not.

mod docs;
mod handler;
mod html;
mod markdown;
mod problems;

use std::process::ExitCode;

use waybill::{http, lambda};

fn main() -> ExitCode {
    waybill::start("describe-api", async |config| {
        let description = lambda::keep(handler::Description::new()?);
        let handler = async |request| handler::describe(&request, description);
        http::serve_public(&config, description, handler).await
    })
}
