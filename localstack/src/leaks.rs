//! Searches the logs for what functions must not log: names, addresses, tokens, bodies and secrets.

use std::collections::BTreeSet;

use aho_corasick::AhoCorasick;
use waybill_ops::aws::Aws;
use waybill_ops::env_file::EnvFile;
use waybill_ops::error::{Context as _, Error, Result};
use waybill_ops::logs;
use waybill_ops::remote::STACK_NAME;

use crate::database::Database;
use crate::lambda;

/// Names in tests of orders that are refused, which are not in the database.
const NAMES: [&str; 2] = ["Ada Lovelace", "Grace Hopper"];
/// Field names of bodies.
const FIELDS: [&str; 6] =
    ["customer_name", "customer_email", "items", "unit_price_minor", "price_minor", "currency"];
/// The shortest text to search for. A shorter one would also match other words.
const SHORTEST: usize = 6;

/// Searches all logs of a stack, to which at least the functions `used` have written. Returns a summary.
///
/// # Errors
/// If it finds something, with the first lines; or if a log can't be read, or has nothing of these
/// functions.
pub(crate) async fn search(aws: &Aws, env: &EnvFile, used: &[String]) -> Result<String> {
    let forbidden = Forbidden::of(aws, env).await?;
    let logs = logs::all(aws).await?;
    for function in used {
        let group = format!("/aws/lambda/{STACK_NAME}-{function}");
        if logs.get(&group).is_none_or(Vec::is_empty) {
            return Err(Error::new(format!("{group} is empty, so nothing was searched.")));
        }
    }
    let mut found = Vec::new();
    for (group, written) in &logs {
        let leaks = written.iter().filter_map(|line| Some((forbidden.find(line)?, line)));
        found.extend(leaks.map(|(what, line)| format!("{group} has {what}: {line}")));
    }
    if found.is_empty() {
        return Ok(format!(
            "{} log lines of {} functions contain no token, name, address, body or secret \
             (searched for {} texts)",
            logs.values().map(Vec::len).sum::<usize>(),
            logs.len(),
            forbidden.kinds.len()
        ));
    }
    let (count, first) = (found.len(), found.into_iter().take(10).collect::<Vec<_>>().join("\n"));
    Err(Error::new(format!("{count} log lines contain what must not be logged:\n{first}")))
}

/// The texts to search for, besides the patterns.
struct Forbidden {
    /// The kind of each text.
    kinds: Vec<&'static str>,
    /// Finds all texts in one pass over a line: there are thousands of both.
    texts: AhoCorasick,
}

impl Forbidden {
    fn new(texts: BTreeSet<(&'static str, String)>) -> Result<Self> {
        let (kinds, texts): (Vec<_>, Vec<_>) = texts.into_iter().unzip();
        let texts = AhoCorasick::new(texts).context(|| "Failed to prepare the search.")?;
        Ok(Self { kinds, texts })
    }

    /// The texts that the tests have stored in this stack.
    async fn of(aws: &Aws, env: &EnvFile) -> Result<Self> {
        let mut texts = BTreeSet::new();
        for name in ["TOKEN", "STAFF_TOKEN"] {
            texts.insert(("a token", env.get(name)?.to_owned()));
        }
        let url = env.get("DATABASE_URL")?;
        let password = password(url)
            .ok_or_else(|| Error::new("DATABASE_URL has no password to search for."))?;
        texts.insert(("the password of the database", password.to_owned()));
        let function = format!("{STACK_NAME}-list-orders");
        let secret = lambda::function_variable(&aws.endpoint, &function, "CURSOR_SECRET").await?;
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
        Self::new(texts)
    }

    /// The kind of forbidden text in a line, if it contains one.
    fn find(&self, line: &str) -> Option<&'static str> {
        // Quotes are escaped in JSON within JSON.
        let line = line.replace('\\', "");
        let text = self.texts.find(&line);
        text.and_then(|text| self.kinds.get(text.pattern().as_usize()).copied())
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

/// Whether the line contains a JSON object in base64url and a dot, as at the beginning of a JWT.
fn has_token(line: &str) -> bool {
    let is_base64 = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    line.split("eyJ").skip(1).any(|rest| {
        let end = rest.find(|character| !is_base64(character)).unwrap_or(rest.len());
        end >= 8 && rest.split_at(end).1.starts_with('.')
    })
}

/// Whether the line contains an email address: text, an `@`, and a domain with a dot.
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
        Forbidden::new(texts).unwrap().find(line)
    }

    #[test]
    fn forbidden_text_is_found() {
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
    fn other_text_is_ignored() {
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
    fn the_password_is_taken_from_the_url() {
        assert_eq!(password("postgres://waybill:hush@127.0.0.1:5432/waybill"), Some("hush"));
        for url in ["postgres://waybill@db/waybill", "postgres://waybill:@db/waybill", "db"] {
            assert_eq!(password(url), None, "{url}");
        }
    }
}
