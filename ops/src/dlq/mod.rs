//! `make dlq`: lists the dead letters of a stack with their reasons, shows their bodies, redrives them
//! and deletes them.

mod arguments;
mod content;
mod delete;
mod letters;
mod place;
mod reasons;
mod redrive;
mod table;

use std::time::SystemTime;

pub use self::arguments::Arguments;
use self::arguments::{Action, Choice};
pub use self::content::Content;
pub use self::letters::Letter;
use self::letters::Letters;
pub use self::place::{Place, Queue, of_stack};
pub use self::reasons::Reasons;
use crate::config::Config;
use crate::error::Result;
use crate::ui;

/// Lists, shows, redrives or deletes dead letters.
///
/// # Errors
/// If the stack does not exist, its queues can't be used, or the chosen letter is missing.
pub async fn run(config: &Config, arguments: &Arguments) -> Result<()> {
    let choice = arguments.choice();
    let place = place::find(config, arguments.target()).await?;
    match arguments.action() {
        Action::Redrive if !arguments.is_dry_run() => redrive(&place, choice).await,
        Action::Delete if !arguments.is_dry_run() => delete(&place, choice).await,
        Action::Show => show(&place, choice).await,
        action => list(&place, choice, action).await,
    }
}

/// Moves messages back to their queue. Returns those that were moved; the others are not in
/// the dead-letter queue, or hidden because somebody else has just received them.
///
/// # Errors
/// If none of them is in the queue, or SQS fails.
pub async fn redrive_messages(place: &Place, ids: &[String]) -> Result<Vec<Letter>> {
    let (taken, _) = take(place, Choice::Messages(ids)).await?;
    move_back(place, &taken).await?;
    Ok(taken)
}

/// Deletes messages. Returns those that were deleted; the others are not in the dead-letter queue, or
/// hidden because somebody else has just received them.
///
/// # Errors
/// If none of them is in the queue, or SQS fails.
pub async fn delete_messages(place: &Place, ids: &[String]) -> Result<Vec<Letter>> {
    let (taken, _) = take(place, Choice::Messages(ids)).await?;
    remove(place, &taken).await?;
    Ok(taken)
}

async fn list(place: &Place, choice: Choice<'_>, action: Action) -> Result<()> {
    let received = look(place).await?;
    let letters = choice.of(&received)?;
    let (dlq, queue, count) = (place.dlq_name(), place.queue_name(), count(letters.len()));
    if letters.is_empty() {
        ui::line(format!("There are no dead letters in {dlq}."));
    } else {
        ui::line(match action {
            Action::Redrive => format!("{count} would be moved from {dlq} to {queue}:"),
            Action::Delete => format!("{count} would be deleted from {dlq}:"),
            Action::List | Action::Show => format!("{count} in {dlq}:"),
        });
        ui::line("");
        let reasons = Reasons::read(&place.log, &letters).await;
        table::lines(&letters, &reasons, SystemTime::now()).iter().for_each(ui::line);
        if let Some(failure) = &reasons.failure {
            ui::line("");
            ui::line(failure);
        }
    }
    received.remarks().iter().for_each(ui::line);
    Ok(())
}

async fn show(place: &Place, choice: Choice<'_>) -> Result<()> {
    let received = look(place).await?;
    for letter in choice.of(&received)? {
        ui::line(format!("{}:", letter.name()));
        ui::line(letter.readable_body());
    }
    received.remarks().iter().for_each(ui::line);
    Ok(())
}

async fn redrive(place: &Place, choice: Choice<'_>) -> Result<()> {
    if matches!(choice, Choice::All)
        && let Some(moved) = redrive::by_task(place).await?
    {
        report(moved, place);
        return Ok(());
    }
    let (taken, remarks) = take(place, choice).await?;
    move_back(place, &taken).await?;
    if let Choice::All = choice {
        report(taken.len(), place);
    } else {
        for letter in &taken {
            ui::line(format!("Moved {} to {}.", letter.name(), place.queue_name()));
        }
    }
    remarks.iter().for_each(ui::line);
    Ok(())
}

async fn delete(place: &Place, choice: Choice<'_>) -> Result<()> {
    let (taken, remarks) = take(place, choice).await?;
    remove(place, &taken).await?;
    for letter in &taken {
        ui::line(format!("Deleted {} from {}.", letter.name(), place.dlq_name()));
    }
    remarks.iter().for_each(ui::line);
    Ok(())
}

/// Receives all letters and makes them visible to others again.
async fn look(place: &Place) -> Result<Letters> {
    let received = Letters::receive(&place.sqs, &place.dlq_url).await?;
    // Before anything slow, so that others can see them.
    letters::give_back(&place.sqs, &place.dlq_url, &received.all).await?;
    Ok(received)
}

/// Receives the chosen letters, with remarks about what was not received.
async fn take(place: &Place, choice: Choice<'_>) -> Result<(Vec<Letter>, Vec<String>)> {
    let received = Letters::receive(&place.sqs, &place.dlq_url).await?;
    let chosen = choice.of(&received);
    let is_chosen = |letter: &Letter| {
        chosen.as_ref().is_ok_and(|chosen| chosen.iter().any(|it| it.id() == letter.id()))
    };
    let (taken, staying): (Vec<Letter>, Vec<Letter>) =
        received.all.iter().cloned().partition(is_chosen);
    letters::give_back(&place.sqs, &place.dlq_url, &staying).await?;
    chosen?;
    Ok((taken, received.remarks()))
}

async fn move_back(place: &Place, taken: &[Letter]) -> Result<()> {
    let moved = redrive::one_by_one(place, taken).await;
    give_back_after(place, taken, moved).await
}

async fn remove(place: &Place, taken: &[Letter]) -> Result<()> {
    let removed = delete::one_by_one(place, taken).await;
    give_back_after(place, taken, removed).await
}

/// Gives letters back if an error has stopped the work on them.
async fn give_back_after(place: &Place, taken: &[Letter], done: Result<()>) -> Result<()> {
    if done.is_err() {
        // The handled ones are gone from the queue, which must not hide the first error.
        let _ = letters::give_back(&place.sqs, &place.dlq_url, taken).await;
    }
    done
}

fn report(moved: usize, place: &Place) {
    ui::line(match moved {
        0 => format!("There are no dead letters in {}; nothing was moved.", place.dlq_name()),
        _ => format!("Moved {} to {}.", count(moved), place.queue_name()),
    });
}

fn count(letters: usize) -> String {
    if letters == 1 { "1 dead letter".to_owned() } else { format!("{letters} dead letters") }
}
