//! What no function may log: after all tests, the logs of everything that they did are searched for it.

use std::collections::BTreeSet;

use crate::aws::{self, Aws};
use crate::database::Database;
use crate::deploy::STACK_NAME;
use crate::env_file::EnvFile;
use crate::error::{Error, Result};
use crate::logs;

/// Names that people have in tests of orders that are refused, and so are in no database.
const NAMES: [&str; 2] = ["Ada Lovelace", "Grace Hopper"];
/// What stands in bodies, as a field's name.
const FIELDS: [&str; 6] =
    ["customer_name", "customer_email", "items", "unit_price_minor", "price_minor", "currency"];
/// A shorter text would be found where it is not meant.
const SHORTEST: usize = 6;

/// Searches what the functions of a stack have logged since it is there, and says how much that was.
///
/// # Errors
/// If there is something that must not be there, with the first places of it; or if nothing can be
/// read, or a function has logged nothing, since then nothing was searched.
pub(crate) async fn search(aws: &Aws, env: &EnvFile) -> Result<String> {
    let forbidden = Forbidden::of(aws, env).await?;
    let logs = logs::all(aws).await?;
    let mut found = Vec::new();
    let mut lines = 0;
    for (group, written) in &logs {
        if written.is_empty() {
            return Err(Error::new(format!("{group} is empty; there was nothing to search.")));
        }
        lines += written.len();
        let leaks = written.iter().filter_map(|line| Some((forbidden.find(line)?, line)));
        found.extend(leaks.map(|(what, line)| format!("{group} has {what}: {line}")));
    }
    if logs.is_empty() {
        return Err(Error::new("There are no logs to search."));
    }
    if found.is_empty() {
        return Ok(format!(
            "{lines} log lines of {} functions hold no token, name, address, body or secret \
             ({} texts were looked for)",
            logs.len(),
            forbidden.texts.len()
        ));
    }
    let (count, first) = (found.len(), found.into_iter().take(10).collect::<Vec<_>>().join("\n"));
    Err(Error::new(format!("{count} log lines hold what must not be logged:\n{first}")))
}

/// What is looked for, beside what is known by its form.
struct Forbidden {
    /// What each is, and the text.
    texts: BTreeSet<(&'static str, String)>,
}

impl Forbidden {
    /// What the tests have put into this stack.
    async fn of(aws: &Aws, env: &EnvFile) -> Result<Self> {
        let mut texts = BTreeSet::new();
        for name in ["TOKEN", "STAFF_TOKEN"] {
            texts.insert(("a token", env.get(name)?.to_owned()));
        }
        let url = env.get("DATABASE_URL")?;
        let password = password(url).ok_or_else(|| {
            Error::new("DATABASE_URL has no password, so that none can be looked for.")
        })?;
        texts.insert(("the password of the database", password.to_owned()));
        let function = format!("{STACK_NAME}-list-orders");
        let secret = aws::function_variable(&aws.endpoint, &function, "CURSOR_SECRET").await?;
        texts.insert(("the secret of the cursors", secret));
        let database = Database::new(url);
        for (what, column) in [
            ("a name", "SELECT DISTINCT customer_name FROM orders"),
            ("an address", "SELECT DISTINCT customer_email FROM orders"),
            ("an idempotency key", "SELECT DISTINCT key FROM idempotency_keys"),
        ] {
            texts.extend(database.texts(column).await?.into_iter().map(|text| (what, text)));
        }
        texts.extend(NAMES.map(|name| ("a name", name.to_owned())));
        texts.retain(|(_, text)| text.chars().count() >= SHORTEST);
        Ok(Self { texts })
    }

    /// What of it a line holds.
    fn find(&self, line: &str) -> Option<&'static str> {
        // JSON within JSON has its quotes escaped.
        let line = line.replace('\\', "");
        let text = self.texts.iter().find(|(_, text)| line.contains(text.as_str()));
        text.map(|(what, _)| *what)
            .or_else(|| has_token(&line).then_some("a token"))
            .or_else(|| has_address(&line).then_some("an address"))
            .or_else(|| {
                let has_field = |field| line.contains(&format!("\"{field}\""));
                FIELDS.into_iter().any(has_field).then_some("a part of a body")
            })
    }
}

/// The password in the URL of a database.
fn password(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let (user, _) = rest.split_once('@')?;
    user.split_once(':').map(|(_, password)| password).filter(|password| !password.is_empty())
}

/// Whether there is a JSON object in base64url with a dot behind it, as the header of a JWT.
fn has_token(line: &str) -> bool {
    let is_base64 = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    line.split("eyJ").skip(1).any(|rest| {
        let end = rest.find(|character| !is_base64(character)).unwrap_or(rest.len());
        end >= 8 && rest.split_at(end).1.starts_with('.')
    })
}

/// Whether there is something before an `@`, and a domain with a dot in it behind.
fn has_address(line: &str) -> bool {
    let is_local = |character: char| character.is_alphanumeric() || "._%+-".contains(character);
    let is_domain = |character: char| character.is_alphanumeric() || ".-".contains(character);
    line.match_indices('@').any(|(at, _)| {
        let (before, behind) = (&line[..at], &line[at + 1..]);
        let domain = behind.split(|character| !is_domain(character)).next().unwrap_or_default();
        before.ends_with(is_local) && domain.trim_matches('.').contains('.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Option<&'static str> {
        let texts = [
            ("a name", "Élodie Marchand"),
            ("the password of the database", "hush-hush"),
            ("an idempotency key", "checkout-42"),
        ];
        let texts = texts.map(|(what, text)| (what, text.to_owned())).into();
        Forbidden { texts }.find(line)
    }

    #[test]
    fn what_must_not_be_logged_is_found() {
        for (line, what) in [
            (r#"{"message":"for Élodie Marchand"}"#, "a name"),
            (r#"{"error":"postgres://waybill:hush-hush@db"}"#, "the password of the database"),
            (r#"{"key":"checkout-42"}"#, "an idempotency key"),
            (r#"{"error":"Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.x"}"#, "a token"),
            (r#"{"error":"Key (email)=(ada+1@example.co.uk) exists"}"#, "an address"),
            (r#"{"error":"no such person: ada@example.com"}"#, "an address"),
            ("panicked: <éva@example.com>", "an address"),
            (r#"{"body":"{\"customer_name\":\"A\"}"}"#, "a part of a body"),
            (r#"{"body":"{\\\"items\\\": []}"}"#, "a part of a body"),
        ] {
            assert_eq!(found(line), Some(what), "{line}");
        }
    }

    #[test]
    fn what_may_be_logged_is_passed_over() {
        for line in [
            r#"{"message":"request completed","status":201,"order_id":"01a1fa7c-2da6"}"#,
            r#"{"error":"no connection to db.example.com:5432"}"#,
            r#"{"message":"2 items @ 3.50, a @ b.c"}"#,
            r#"{"message":"the items"}"#,
            r#"{"correlation_id":"eyJ.a"}"#,
            r#"{"correlation_id":"keyJournal.2"}"#,
        ] {
            assert_eq!(found(line), None, "{line}");
        }
    }

    #[test]
    fn the_password_of_a_database_is_what_its_url_has() {
        assert_eq!(password("postgres://waybill:hush@127.0.0.1:5432/waybill"), Some("hush"));
        for url in ["postgres://waybill@db/waybill", "postgres://waybill:@db/waybill", "db"] {
            assert_eq!(password(url), None, "{url}");
        }
    }
}
