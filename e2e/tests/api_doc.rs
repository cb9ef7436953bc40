//! Runs the sessions in `README.md` and `docs/api.md`, and compares the responses with those on the
//! pages.
//!
//! Every `sh` block is run, all in one bash. If an `http` block follows, the commands must print a
//! response with its status, its headers and its body. `…` matches anything; at the end of an object
//! or array, it matches further members. Ids, order numbers, times and cursors may differ from the
//! page, but the same one on the page must be the same one in the session.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::fmt::Write as _;
use std::process::Stdio;
use std::time::Duration;

use e2e::Environment;
use serde_json::Value;
use testkit::template::Template;
use uuid::Uuid;

const PAGE: &str = include_str!("../../docs/api.md");

/// Its session is one of its sections; what the others show needs more than an API.
const README: &str = include_str!("../../README.md");

/// For a whole session, which waits for fulfillment twice at most.
const PATIENCE: Duration = Duration::from_mins(1);

/// A block of commands, and the response that it must print.
struct Step {
    /// The heading above it.
    under: &'static str,
    commands: String,
    response: Option<String>,
}

fn steps(page: &'static str) -> Vec<Step> {
    let mut steps = Vec::<Step>::new();
    let (mut under, mut fence, mut block) = ("", None, String::new());
    for line in page.lines() {
        match (fence, line.strip_prefix("```")) {
            (None, Some(language)) => fence = Some(language),
            (None, None) => under = line.strip_prefix('#').unwrap_or(under),
            (Some(_), None) => block.extend([line, "\n"]),
            (Some(language), Some(_)) => {
                let text = std::mem::take(&mut block);
                match language {
                    "sh" => steps.push(Step { under, commands: text, response: None }),
                    "http" => {
                        let step = steps.last_mut().expect("a response without a command");
                        assert_eq!(step.under, under, "a response without a command");
                        assert!(step.response.replace(text).is_none(), "two responses: {under}");
                    }
                    "console" => {}
                    other => {
                        panic!("a block of {other:?} under {under:?}, which this test does not run")
                    }
                }
                fence = None;
            }
        }
    }
    steps
}

/// Runs the steps in one bash. Returns what each has printed.
async fn run(steps: &[Step]) -> Vec<String> {
    let environment = Environment::read();
    let folder = std::env::temp_dir().join(format!("waybill-api-{}", Uuid::new_v4()));
    std::fs::create_dir_all(folder.join(".local")).unwrap();
    let variables = [
        ("API_URL", &environment.api_url),
        ("TOKEN", &environment.token),
        ("STAFF_TOKEN", &environment.staff_token),
    ];
    let variables = variables.map(|(name, value)| format!("export {name}='{value}'\n"));
    std::fs::write(folder.join(".local/stack.env"), variables.concat()).unwrap();
    let script = steps.iter().enumerate().fold(String::new(), |mut script, (index, step)| {
        write!(script, "{{\n{}}} > printed.{index}\n", step.commands).unwrap();
        script
    });
    let mut bash = tokio::process::Command::new("bash");
    bash.args(["-c", &script]).current_dir(&folder).stdin(Stdio::null()).kill_on_drop(true);
    for name in ["API_URL", "TOKEN", "STAFF_TOKEN"] {
        bash.env_remove(name);
    }
    let output = tokio::time::timeout(PATIENCE, bash.output()).await;
    let output = output.expect("the session takes too long").unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "{complaints}");
    let printed = |index| std::fs::read_to_string(folder.join(format!("printed.{index}"))).unwrap();
    let printed = (0..steps.len()).map(printed).collect();
    std::fs::remove_dir_all(&folder).unwrap();
    printed
}

#[tokio::test]
async fn every_command_of_the_sessions_is_answered_as_the_pages_say() {
    let (_, readme) = README.split_once("\n## Place an order\n").unwrap();
    let (readme, _) = readme.split_once("\n## ").unwrap();
    // One after the other: docs/api.md lists the newest orders of the customer who orders in both.
    for page in [readme, PAGE] {
        let steps = steps(page);
        assert!(steps.len() >= 4, "the session is not found");
        let printed = run(&steps).await;
        let mut known = Known::default();
        for (step, printed) in steps.iter().zip(printed) {
            let outcome = match &step.response {
                Some(expected) => known.compare(expected, &printed),
                None if printed.is_empty() => Ok(()),
                None => Err("this is printed, and not shown".to_owned()),
            };
            if let Err(why) = outcome {
                panic!("{}\n\n{}\n{printed}\n\n{why}", step.under, step.commands);
            }
        }
    }
}

#[test]
fn every_route_is_called_in_the_session() {
    let (template, steps) = (Template::read(), steps(PAGE));
    let mut routes = 0;
    for route in template.routes() {
        // The default route has no part in the session.
        let (Some(method), Some(path)) = (route.method, route.path) else { continue };
        let heading = format!("## `{}`", route.key());
        let calls = steps.iter().any(|step| {
            step.under == heading && step.response.is_some() && step.calls(method, path)
        });
        assert!(calls, "docs/api.md has no command under {heading}");
        routes += 1;
    }
    assert!(routes >= 9, "{routes} routes");
}

impl Step {
    /// Whether it calls this route.
    fn calls(&self, method: &str, path: &str) -> bool {
        let commands = &self.commands;
        let called = match method {
            "GET" => {
                !commands.contains(" -X ")
                    && (!commands.contains(" -d ") || commands.contains(" -G "))
            }
            "POST" => !commands.contains(" -X ") && commands.contains(" -d "),
            method => commands.contains(&format!(" -X {method} ")),
        };
        // A path ends at a quote or at its query, and `{…}` is a variable.
        let mut ends = commands.match_indices("\"$API_URL").map(|(at, start)| {
            let url = &commands[at + start.len()..];
            url.split(['"', '?']).next().unwrap_or_default()
        });
        called
            && ends.any(|url| {
                let (mut url, mut path) = (url.split('/'), path.split('/'));
                let same = url.by_ref().zip(path.by_ref()).all(|(part, of_path)| {
                    if of_path.starts_with('{') { part.starts_with('$') } else { part == of_path }
                });
                same && url.next().is_none() && path.next().is_none()
            })
    }
}

/// A kind of value that differs from run to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Shape {
    Id,
    Number,
    Time,
    Cursor,
}

impl Shape {
    /// The kind of value that `text` begins with, and its length.
    fn of(text: &str) -> Option<(Self, usize)> {
        let run = |accepts: fn(char) -> bool| text.find(|it| !accepts(it)).unwrap_or(text.len());
        let word = run(|it| it.is_ascii_alphanumeric() || it == '-' || it == '_');
        if word == 36 && Uuid::try_parse(&text[..word]).is_ok() {
            return Some((Self::Id, word));
        }
        if [21, 30].contains(&word) && text.starts_with("ORD-") {
            return Some((Self::Number, word));
        }
        if word == 44 && text.starts_with('A') {
            return Some((Self::Cursor, word));
        }
        let time = run(|it| it.is_ascii_digit() || "-:.TZ".contains(it));
        let is_time = text[..time].parse::<jiff::Timestamp>().is_ok();
        is_time.then_some((Self::Time, time))
    }
}

/// Which values of the session match which values of the page.
#[derive(Default)]
struct Known(HashMap<(Shape, String), String>);

impl Known {
    /// Compares a response of the page with a real one.
    fn compare(&mut self, expected: &str, came: &str) -> Result<(), String> {
        let came = came.replace('\r', "");
        let parts = |text: &str| {
            let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
            (head.trim_end().to_owned(), body.trim().to_owned())
        };
        let ((expected, expected_body), (came, came_body)) = (parts(expected), parts(&came));
        let status = |head: &str| head.split(' ').nth(1).map(str::to_owned);
        if status(&expected) != status(&came) {
            return Err(format!("the status is not {expected}"));
        }
        for line in expected.lines().skip(1) {
            let (name, value) =
                line.split_once(": ").ok_or_else(|| format!("{line}: no header"))?;
            let of_name = |line: &&str| {
                line.split_once(':').is_some_and(|(other, _)| other.eq_ignore_ascii_case(name))
            };
            let found = came.lines().skip(1).find(of_name).ok_or(format!("there is no {name}"))?;
            let (_, found) = found.split_once(':').unwrap_or_default();
            self.text(value, found.trim()).map_err(|why| format!("{name}: {why}"))?;
        }
        match (expected_body.as_str(), came_body.as_str()) {
            ("", "") => Ok(()),
            ("", _) => Err("there is a body, which is not shown".to_owned()),
            (expected, came) => {
                let expected = serde_json::from_str(&quoted(expected)).unwrap_or_else(|error| {
                    panic!("the body on the page is not JSON: {error}\n{expected}")
                });
                let came = serde_json::from_str(came).map_err(|error| error.to_string())?;
                self.value("", &expected, &came)
            }
        }
    }

    fn value(&mut self, place: &str, expected: &Value, came: &Value) -> Result<(), String> {
        let differs = || Err(format!("{place}: {came} is not {expected}"));
        match (expected, came) {
            (Value::String(text), _) if text == "…" => Ok(()),
            (Value::String(expected), Value::String(came)) => {
                self.text(expected, came).map_err(|why| format!("{place}: {why}"))
            }
            (Value::Array(expected), Value::Array(came)) => {
                let (shown, more) = match expected.split_last() {
                    Some((last, shown)) if last == "…" => (shown, true),
                    _ => (&expected[..], false),
                };
                if came.len() < shown.len() || (!more && came.len() > shown.len()) {
                    return differs();
                }
                (shown.iter().zip(came).enumerate())
                    .try_for_each(|(index, (a, b))| self.value(&format!("{place}/{index}"), a, b))
            }
            (Value::Object(expected), Value::Object(came)) => {
                let unknown = came.keys().any(|name| !expected.contains_key(name));
                if unknown && !expected.contains_key("…") {
                    return differs();
                }
                let shown = expected.iter().filter(|(name, _)| *name != "…");
                shown.into_iter().try_for_each(|(name, value)| {
                    let place = format!("{place}/{name}");
                    let came = came.get(name).ok_or(format!("{place} is not there"))?;
                    self.value(&place, value, came)
                })
            }
            (expected, came) if expected == came => Ok(()),
            _ => differs(),
        }
    }

    fn text(&mut self, expected: &str, came: &str) -> Result<(), String> {
        let differs = || format!("{came:?} is not {expected:?}");
        let (mut left, mut right) = (expected, came);
        loop {
            match (Shape::of(left), Shape::of(right)) {
                (Some((shape, a)), Some((other, b))) if shape == other => {
                    let stands_for = self.0.entry((shape, left[..a].to_owned()));
                    let meant = stands_for.or_insert_with(|| right[..b].to_owned());
                    if *meant != right[..b] {
                        return Err(format!("{} is {meant} elsewhere; {}", &left[..a], differs()));
                    }
                    (left, right) = (&left[a..], &right[b..]);
                }
                _ => {
                    let (mut a, mut b) = (left.chars(), right.chars());
                    match (a.next(), b.next()) {
                        (None, None) => return Ok(()),
                        (Some('…'), _) if a.as_str().is_empty() => return Ok(()),
                        (a, b) if a != b => return Err(differs()),
                        _ => (left, right) = (a.as_str(), b.as_str()),
                    }
                }
            }
        }
    }
}

/// `text` with each unquoted `…` as JSON: a text in place of a value, a field in place of fields.
fn quoted(text: &str) -> String {
    let (mut json, mut open, mut in_text, mut escaped, mut last) =
        (String::new(), Vec::new(), false, false, ' ');
    for character in text.chars() {
        match character {
            '"' if !escaped => in_text = !in_text,
            '{' | '[' if !in_text => open.push(character),
            '}' | ']' if !in_text => _ = open.pop(),
            '…' if !in_text => {
                let is_field = open.last() == Some(&'{') && last != ':';
                json.push_str(if is_field { "\"…\": \"…\"" } else { "\"…\"" });
                last = character;
                continue;
            }
            _ => {}
        }
        escaped = in_text && character == '\\' && !escaped;
        if !character.is_whitespace() {
            last = character;
        }
        json.push(character);
    }
    json
}

#[test]
fn a_difference_from_the_page_is_found() {
    let page = "HTTP/1.1 201 Created\nlocation: orders/01a1fb43-1859-720e-a02d-e3d403f983b2\n\n\
                {\"id\": \"01a1fb43-1859-720e-a02d-e3d403f983b2\", \"at\": \"2026-02-21T12:00:00Z\",\n\
                \"lines\": [{\"n\": 1, …}, …], \"ms\": …}";
    let came = |status: &str, location: u128, id: u128, rest: &str| {
        let (location, id) = (Uuid::from_u128(location), Uuid::from_u128(id));
        format!(
            "HTTP/1.1 {status}\r\ndate: now\r\nlocation: orders/{location}\r\n\r\n\
             {{\"id\":\"{id}\",\"at\":\"2026-11-20T23:20:40.7Z\",{rest}}}"
        )
    };
    let compare = |came: String| Known::default().compare(page, &came);
    let good = r#""lines":[{"n":1,"m":2},{}],"ms":7"#;
    assert_eq!(compare(came("201 Created", 7, 7, good)), Ok(()));
    assert_eq!(compare(came("201 Created", 7, 7, r#""lines":[{"n":1}],"ms":null"#)), Ok(()));
    for wrong in [
        came("200 OK", 7, 7, good),
        came("201 Created", 7, 8, good),
        came("201 Created", 7, 7, r#""lines":[{"n":2}],"ms":7"#),
        came("201 Created", 7, 7, r#""lines":[],"ms":7"#),
        came("201 Created", 7, 7, r#""lines":[{"n":1}]"#),
        came("201 Created", 7, 7, r#""lines":[{"n":1}],"ms":7,"more":1"#),
        came("201 Created", 7, 7, good).replace("location", "elsewhere"),
        came("201 Created", 7, 7, good).replace("2026-11-20T23:20:40.7Z", "yesterday"),
    ] {
        assert!(compare(wrong.clone()).is_err(), "{wrong}");
    }
}
