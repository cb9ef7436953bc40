//! The consumer of the notification queue: mails customers about events of their orders.

mod handler;
mod text;

use std::process::ExitCode;

use lambda_runtime::service_fn;
use text::Templates;
use waybill::aws::Aws;
use waybill::lambda;
use waybill::mail::Ses;
use waybill::postgres::{CLAIM_NOTIFICATIONS, Database, SETTLE_NOTIFICATION};

fn main() -> ExitCode {
    waybill::start("notify-customer", async |config| {
        let (sender, recipient) = (config.mail_sender()?, config.required_mail_recipient()?);
        let mailer = Ses::new(&Aws::new(config.aws()?)?, sender);
        let statements = &[CLAIM_NOTIFICATIONS, SETTLE_NOTIFICATION];
        let database = Database::connect(&config.database()?, statements).await?;
        let database = lambda::keep(database);
        lambda::on_shutdown(database.close()).await;
        // One batch at a time, so that the concurrency limits how fast mails are sent.
        lambda_runtime::run(service_fn(|event| {
            handler::notify_customers(event, database, &Templates, &mailer, recipient)
        }))
        .await
    })
}
