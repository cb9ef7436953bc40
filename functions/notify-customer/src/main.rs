//! The consumer of the notification queue: mails customers about events of their orders.

mod handler;
mod text;

use std::process::ExitCode;

use lambda_runtime::service_fn;
use text::Templates;
use waybill::mail::Ses;
use waybill::postgres::{Database, functions::NOTIFY_CUSTOMER};
use waybill::{aws, lambda, mail};

fn main() -> ExitCode {
    waybill::start("notify-customer", async |config| {
        let (sender, recipient) = (config.mail_sender()?, config.required_mail_recipient()?);
        let ses = aws_sdk_sesv2::Client::from_conf(mail::settings(&aws::load(&config).await?));
        let mailer = lambda::keep(Ses::new(ses, sender));
        let statements = NOTIFY_CUSTOMER.statements;
        let database = Database::connect(&config.database()?, statements).await?;
        let database = lambda::keep(database);
        lambda::on_shutdown(database.close()).await;
        let handler =
            move |event| handler::notify_customers(event, database, &Templates, mailer, recipient);
        // One batch at a time, so that the concurrency limits how fast mails are sent.
        lambda::runtime(&config, service_fn(handler))?.run().await
    })
}
