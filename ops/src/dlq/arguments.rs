//! The arguments of `make dlq`.

use clap::Args;

use super::letters::{Letter, Letters};
use super::place::Target;
use crate::error::{Error, Result};

/// The arguments of `make dlq`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Arguments {
    /// Move the dead letters back to their queue
    #[arg(long, group = "action")]
    redrive: bool,
    /// Print the bodies of the chosen dead letters
    #[arg(long, group = "action", requires = "choice")]
    show: bool,
    /// Delete the chosen dead letters
    #[arg(long, group = "action", requires = "choice")]
    delete: bool,
    /// Only this message; can be repeated
    #[arg(long, value_name = "ID", requires = "action", group = "choice")]
    message: Vec<String>,
    /// Only the messages of this order
    #[arg(long, value_name = "NUMBER", requires = "action", group = "choice")]
    order: Option<String>,
    /// Only list what would be moved or deleted
    #[arg(long, requires = "action", conflicts_with = "show")]
    dry_run: bool,
    #[command(flatten)]
    target: Target,
}

/// What to do with the letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    List,
    Show,
    Redrive,
    Delete,
}

/// Which letters.
#[derive(Debug, Clone, Copy)]
pub(super) enum Choice<'a> {
    All,
    Messages(&'a [String]),
    Order(&'a str),
}

impl Arguments {
    /// What to do.
    pub(super) fn action(&self) -> Action {
        match self {
            Self { redrive: true, .. } => Action::Redrive,
            Self { show: true, .. } => Action::Show,
            Self { delete: true, .. } => Action::Delete,
            _ => Action::List,
        }
    }

    /// The letters to do it with.
    pub(super) fn choice(&self) -> Choice<'_> {
        match &self.order {
            Some(number) => Choice::Order(number),
            None if self.message.is_empty() => Choice::All,
            None => Choice::Messages(&self.message),
        }
    }

    /// Whether nothing may change.
    pub(super) fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// Which stack and queues.
    pub(super) fn target(&self) -> &Target {
        &self.target
    }
}

impl Choice<'_> {
    /// The chosen letters; at least one, unless all are chosen.
    pub(super) fn of<'l>(&self, received: &'l Letters) -> Result<Vec<&'l Letter>> {
        let (what, name) = match self {
            Self::All => return Ok(received.all.iter().collect()),
            Self::Messages(ids) => ("message", ids.join(", ")),
            Self::Order(number) => ("order", (*number).to_owned()),
        };
        let found: Vec<&Letter> = received
            .all
            .iter()
            .filter(|letter| match self {
                Self::All => true,
                Self::Messages(ids) => ids.iter().any(|id| id == letter.id()),
                Self::Order(name) => {
                    letter.content.as_ref().is_some_and(|content| content.is_named(name))
                }
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
    use super::super::letters::tests::{letter, order_letter};
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        let words = ["dlq"].into_iter().chain(line.split_whitespace());
        Line::try_parse_from(words).map(|line| line.arguments)
    }

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
        assert_eq!(ids(Choice::Messages(&["m3".to_owned()])), ["m3"]);
        assert_eq!(ids(Choice::Order("ORD-20260221-00000001")), ["m1", "m2"]);
        assert_eq!(ids(Choice::Order("00000000-0000-0000-0000-000000000001")), ["m1", "m2"]);
    }

    #[test]
    fn a_chosen_letter_that_is_missing_is_an_error_with_its_name() {
        let missing = ["m9".to_owned()];
        for choice in [Choice::Messages(&missing), Choice::Order("ORD-20260221-00000009")] {
            let error = choice.of(&letters()).unwrap_err().to_string();
            assert!(error.contains("m9") || error.contains("-00000009"), "{error}");
        }
    }

    #[test]
    fn an_empty_queue_is_an_error_only_if_a_letter_was_chosen() {
        let empty = Letters::default();
        assert!(Choice::All.of(&empty).unwrap().is_empty());
        assert!(Choice::Messages(&["m1".to_owned()]).of(&empty).is_err());
    }

    #[test]
    fn bodies_are_shown_and_letters_deleted_only_by_choice() {
        for line in ["--show", "--delete", "--delete --dry-run", "--show --redrive --message m1"] {
            assert!(parse(line).is_err(), "{line}");
        }
        assert_eq!(parse("--show --order ORD-1").unwrap().action(), Action::Show);
        let two = parse("--delete --message m1 --message m2").unwrap();
        assert_eq!(two.action(), Action::Delete);
        assert!(matches!(two.choice(), Choice::Messages([_, _])), "{two:?}");
    }

    #[test]
    fn a_choice_needs_something_to_do() {
        assert!(parse("--message m1").is_err());
        assert!(parse("--redrive --message m1 --order ORD-1").is_err());
        assert_eq!(parse("").unwrap().action(), Action::List);
        assert!(parse("--redrive --dry-run").unwrap().is_dry_run());
    }
}
