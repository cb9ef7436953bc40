//! Applies the migrations that are embedded in the binary. Invoked on deploy.

mod handler;

use std::process::ExitCode;

use lambda_runtime::service_fn;

fn main() -> ExitCode {
    waybill::start("migrate", async |config| {
        let database = config.database()?;
        let issuers = handler::Issuers { now: config.issuer(), first: config.first_issuer() };
        lambda_runtime::run(service_fn(|event| handler::migrate(event, &database, &issuers))).await
    })
}
