//! The consumer of the notification queue: mails customers about events of their orders.

mod handler;
mod text;

use std::process::ExitCode;

use text::Templates;
use waybill::aws::Aws;
use waybill::lambda;
use waybill::mail::Ses;
use waybill::postgres::{Database, functions::NOTIFY_CUSTOMER};

fn main() -> ExitCode {
    waybill::start("notify-customer", async |config| {
        let (sender, recipient) = (config.mail_sender()?, config.required_mail_recipient()?);
        let mailer = Ses::new(&Aws::new(config.aws()?)?, sender);
        let statements = NOTIFY_CUSTOMER.statements;
        let database = Database::connect(&config.database()?, statements).await?;
        let database = lambda::keep(database);
        lambda::on_shutdown(&config, database.close()).await?;
        // One batch at a time, so that the concurrency limits how fast mails are sent.
        lambda::run_one_by_one(&config, |invocation| {
            handler::notify_customers(invocation, database, &Templates, &mailer, recipient)
        })
        .await
    })
}
