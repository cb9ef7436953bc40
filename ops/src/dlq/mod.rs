//! `make dlq`: lists the dead letters of a stack with their reasons, and redrives them.

mod letters;
mod place;
mod reasons;
mod redrive;
mod table;

use std::time::SystemTime;

use clap::Args;

use self::letters::{Letter, Letters};
use self::place::{Place, Target};
use self::reasons::Reasons;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::ui;

/// The arguments of `make dlq`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Move the dead letters back to their queue
    #[arg(long)]
    redrive: bool,
    /// Only this message
    #[arg(long, value_name = "ID", requires = "redrive", conflicts_with = "order")]
    message: Option<String>,
    /// Only the messages of this order
    #[arg(long, value_name = "NUMBER", requires = "redrive")]
    order: Option<String>,
    /// Only list what would be moved
    #[arg(long, requires = "redrive")]
    dry_run: bool,
    #[command(flatten)]
    target: Target,
}

/// Which letters to list or move.
#[derive(Debug, Clone, Copy)]
enum Choice<'a> {
    All,
    Message(&'a str),
    Order(&'a str),
}

/// Lists the dead letters, or moves them back.
///
/// # Errors
/// If the stack does not exist, its queues can't be used, or the chosen letter is missing.
pub async fn run(config: &Config, arguments: &Arguments) -> Result<()> {
    let choice = match arguments {
        Arguments { message: Some(id), .. } => Choice::Message(id),
        Arguments { order: Some(number), .. } => Choice::Order(number),
        _ => Choice::All,
    };
    let place = place::find(config, &arguments.target).await?;
    if arguments.redrive && !arguments.dry_run {
        return redrive(&place, choice).await;
    }
    let received = Letters::receive(&place.sqs, &place.dlq_url).await?;
    // Before anything slow, so that others can see them.
    letters::give_back(&place.sqs, &place.dlq_url, &received.all).await?;
    let letters = choice.of(&received)?;
    let count = count(letters.len());
    if letters.is_empty() {
        ui::line(format!("There are no dead letters in {}.", place.dlq_name()));
    } else {
        ui::line(if arguments.dry_run {
            format!("{count} would be moved from {} to {}:", place.dlq_name(), place.queue_name())
        } else {
            format!("{count} in {}:", place.dlq_name())
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

async fn redrive(place: &Place, choice: Choice<'_>) -> Result<()> {
    if matches!(choice, Choice::All)
        && let Some(moved) = redrive::by_task(place).await?
    {
        report(moved, place);
        return Ok(());
    }
    let received = Letters::receive(&place.sqs, &place.dlq_url).await?;
    let chosen = choice.of(&received);
    let is_chosen = |letter: &Letter| {
        chosen.as_ref().is_ok_and(|chosen| chosen.iter().any(|it| it.id() == letter.id()))
    };
    let (moving, staying): (Vec<Letter>, Vec<Letter>) =
        received.all.iter().cloned().partition(is_chosen);
    letters::give_back(&place.sqs, &place.dlq_url, &staying).await?;
    chosen?;
    let moved = redrive::one_by_one(place, &moving).await;
    if moved.is_err() {
        // The moved ones are gone from the queue, which must not hide the first error.
        let _ = letters::give_back(&place.sqs, &place.dlq_url, &moving).await;
    }
    moved?;
    if let Choice::All = choice {
        report(moving.len(), place);
    } else {
        for letter in &moving {
            ui::line(format!("Moved {} to {}.", letter.name(), place.queue_name()));
        }
    }
    received.remarks().iter().for_each(ui::line);
    Ok(())
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

impl Choice<'_> {
    /// The chosen letters; at least one, unless all are chosen.
    fn of<'l>(&self, received: &'l Letters) -> Result<Vec<&'l Letter>> {
        let (what, name) = match self {
            Self::All => return Ok(received.all.iter().collect()),
            Self::Message(id) => ("message", id),
            Self::Order(number) => ("order", number),
        };
        let found: Vec<&Letter> = received
            .all
            .iter()
            .filter(|letter| match self {
                Self::All => true,
                Self::Message(id) => letter.id() == *id,
                Self::Order(name) => letter.job.as_ref().is_some_and(|job| job.is_named(name)),
            })
            .collect();
        if found.is_empty() {
            return Err(Error::new(format!(
                "There is no dead letter of the {what} {name}. `make dlq` lists all of them. One that \
                 somebody else has just received is hidden for a minute."
            )));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::letters::tests::{letter, order_letter};
    use super::*;

    fn letters() -> Letters {
        let first = order_letter("m1", 1, "ORD-20260221-00000001");
        let again = order_letter("m2", 1, "ORD-20260221-00000001");
        let all = vec![first, again, letter("m3", "{")];
        Letters { all, ..Letters::default() }
    }

    fn ids(choice: Choice<'_>) -> Vec<String> {
        let letters = letters();
        choice.of(&letters).unwrap().iter().map(|letter| letter.id().to_owned()).collect()
    }

    #[test]
    fn a_message_is_chosen_by_its_id_and_an_order_by_its_number_or_its_id() {
        assert_eq!(ids(Choice::All), ["m1", "m2", "m3"]);
        assert_eq!(ids(Choice::Message("m3")), ["m3"]);
        assert_eq!(ids(Choice::Order("ORD-20260221-00000001")), ["m1", "m2"]);
        assert_eq!(ids(Choice::Order("00000000-0000-0000-0000-000000000001")), ["m1", "m2"]);
    }

    #[test]
    fn a_chosen_letter_that_is_missing_is_an_error_with_its_name() {
        for choice in [Choice::Message("m9"), Choice::Order("ORD-20260221-00000009")] {
            let error = choice.of(&letters()).unwrap_err().to_string();
            assert!(error.contains("m9") || error.contains("-00000009"), "{error}");
        }
    }

    #[test]
    fn an_empty_queue_is_an_error_only_if_a_letter_was_chosen() {
        let empty = Letters::default();
        assert!(Choice::All.of(&empty).unwrap().is_empty());
        assert!(Choice::Message("m1").of(&empty).is_err());
    }
}
