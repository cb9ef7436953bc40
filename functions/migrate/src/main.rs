//! Applies the migrations that are embedded in the binary. Invoked on deploy.

mod handler;

use std::process::ExitCode;

use lambda_runtime::service_fn;
use waybill::lambda;

fn main() -> ExitCode {
    waybill::start("migrate", async |config| {
        let database = lambda::keep(config.database()?);
        let issuers = handler::Issuers { now: config.issuer(), first: config.first_issuer() };
        let issuers = lambda::keep(issuers);
        let roles = lambda::keep(handler::roles(config.database_roles()?)?);
        let handler = |event| handler::migrate(event, database, roles, issuers);
        lambda::runtime(&config, service_fn(handler))?.run().await
    })
}
