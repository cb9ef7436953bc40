//! Changing the status of an order.

use tokio_postgres::Row;

use super::connection::Database;
use super::error::unexpected;
use super::rows;
use super::statements::CHANGE_STATUS;
use crate::Error;
use crate::app::{Change, ChangeOrders, Context};
use crate::domain::{Order, OrderId, Owner, Status, Version, Visible};

impl ChangeOrders for Database {
    async fn change(
        &self,
        visible: Visible<'_>,
        id: OrderId,
        status: Status,
        seen: Option<Version>,
        context: &Context,
    ) -> Result<Option<Change>, Error> {
        let owner = visible.owner().map(Owner::as_str);
        let origins: Vec<&str> = status.origins().map(Status::as_str).collect();
        let ask = async || {
            let answer = self
                .run(
                    CHANGE_STATUS,
                    &[
                        &owner,
                        &id.as_uuid(),
                        &seen.map(Version::get),
                        &status.as_str(),
                        &origins,
                        &context.caller.subject().as_str(),
                        &context.correlation_id.as_str(),
                        &status.event(),
                        &context.traceparent,
                        &id.pick(),
                    ],
                )
                .await?;
            let change = answer.rows.first().map(change).transpose()?;
            Ok::<_, Error>((change, answer.repeated))
        };
        let (first, repeated) = ask().await?;
        let Some(mut change) = first else { return Ok(None) };
        if !change.order.has_whole_history() {
            // The statement waited for another change and read an older history: after a wait it
            // sees the newest version of locked rows only. Run again, it changes nothing and sees
            // everything.
            let (again, _) = ask().await?;
            let Some(again) = again else { return Ok(None) };
            change = Change { made: change.made, ..again };
        }
        // An earlier attempt, whose answer was lost, may have made the change.
        if repeated && !change.made {
            change.made = was_made(&change.order, status, seen, context);
        }
        Ok(Some(change))
    }
}

fn change(row: &Row) -> Result<Change, Error> {
    Ok(Change { order: rows::order(row)?, made: row.try_get("changed").map_err(unexpected)? })
}

/// Whether the history shows that an earlier attempt made this change: to the version after `seen`,
/// or to any version without it.
fn was_made(order: &Order, status: Status, seen: Option<Version>, context: &Context) -> bool {
    (1..).zip(&order.history).any(|(version, entry)| {
        seen.is_none_or(|seen| version == seen.next().get())
            && entry.to == status
            && entry.from != Some(status)
            && entry.actor == context.caller.subject().as_str()
            && entry.correlation_id == context.correlation_id.as_str()
    })
}
