//! Deletes dead letters.

use super::letters::Letter;
use super::place::Place;
use crate::error::{Context as _, Result};
use crate::ui;

/// Deletes letters that were received.
///
/// # Errors
/// If SQS refuses one. The letters before it are deleted.
pub(super) async fn one_by_one(place: &Place, letters: &[Letter]) -> Result<()> {
    for (deleted, letter) in letters.iter().enumerate() {
        one(place, letter).await.inspect_err(|_| {
            if deleted > 0 {
                ui::line(format!("Deleted {deleted} of {} before the error.", letters.len()));
            }
        })?;
    }
    Ok(())
}

/// Deletes one letter.
///
/// # Errors
/// If SQS refuses.
pub(super) async fn one(place: &Place, letter: &Letter) -> Result<()> {
    place
        .sqs
        .delete_message()
        .queue_url(&place.dlq_url)
        .receipt_handle(letter.receipt())
        .send()
        .await
        .context(|| format!("Failed to delete {} from {}.", letter.name(), place.dlq_name()))?;
    Ok(())
}
