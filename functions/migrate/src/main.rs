//! Applies the migrations that are embedded in the binary. Invoked on deploy.

mod handler;

use std::process::ExitCode;

use waybill::lambda;

fn main() -> ExitCode {
    waybill::start("migrate", async |config| {
        let database = config.database()?;
        let issuers = handler::Issuers { now: config.issuer(), first: config.first_issuer() };
        let roles = handler::roles(config.database_roles()?)?;
        lambda::run_one_by_one(&config, |invocation| {
            handler::migrate(invocation, &database, &roles, &issuers)
        })
        .await
    })
}
