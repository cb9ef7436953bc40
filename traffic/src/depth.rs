//! The depth of queue and outbox, and the connections to Postgres.

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use tokio::time::timeout;

use crate::database::Database;
use crate::history::Depth;
use crate::settings::Target;

/// How long reading a depth may take.
const LIMIT: Duration = Duration::from_millis(800);

/// Reads depths.
pub(crate) struct Depths {
    sqs: aws_sdk_sqs::Client,
    queue_url: String,
    database: Database,
}

impl Depths {
    /// The depths of this stack.
    pub(crate) async fn of(target: &Target) -> Self {
        Self {
            sqs: aws_sdk_sqs::Client::new(&target.aws.service("SQS").await),
            queue_url: target.queue_url.clone(),
            database: Database::new(&target.database_url),
        }
    }

    /// Both depths.
    pub(crate) async fn read(&self) -> Depth {
        let (queue, outbox) = tokio::join!(
            timeout(LIMIT, self.queue()),
            timeout(LIMIT, self.database.number("SELECT count(*) FROM outbox")),
        );
        Depth { queue: queue.ok().flatten(), outbox: outbox.ok().and_then(Result::ok) }
    }

    /// The connections to Postgres; 0 if they could not be read.
    pub(crate) async fn connections(&self) -> i64 {
        let statement =
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'";
        let read = timeout(LIMIT, self.database.number(statement)).await;
        read.ok().and_then(Result::ok).unwrap_or_default()
    }

    async fn queue(&self) -> Option<i64> {
        let names = [
            Attribute::ApproximateNumberOfMessages,
            Attribute::ApproximateNumberOfMessagesNotVisible,
        ];
        let call = self.sqs.get_queue_attributes().queue_url(&self.queue_url);
        let answer = call.set_attribute_names(Some(names.to_vec())).send().await.ok()?;
        let attributes = answer.attributes()?;
        let number = |name| attributes.get(name)?.parse::<i64>().ok();
        Some(names.iter().filter_map(number).sum())
    }
}
