//! `make watch`: serves the functions with `cargo lambda watch`, which compiles them again when a
//! file is saved, with a database, queues, a cache, and pumps from the queues.
//!
//! Any emulator with SQS, DynamoDB and `EventBridge` will do; mail needs version 2 of SES, too.

use std::fs::{self, File};
use std::io::{IsTerminal as _, Write as _};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::mpsc::Receiver;
use waybill_ops::aws::Aws;
use waybill_ops::env_file::EnvFile;
use waybill_ops::error::{Context as _, Error, Result};
use waybill_ops::process::Child;
use waybill_ops::tools::Tools;
use waybill_ops::{process, ui};

use crate::config::{self, Config, WATCH_CALLER};
use crate::resources::{self, Queues};
use crate::stack::{Endpoints, Kind, Stack};
use crate::{deploy, lambda, mail, order, ports, pump};

/// Lines of cargo, cargo-lambda and the runtime that are not printed.
const NOISE: [&str; 3] =
    ["Blocking waiting for file lock", "AWS_LAMBDA_MAX_CONCURRENCY", "ForceStop"];

/// Serves the routes until it is interrupted, then stops everything.
///
/// # Errors
/// If something does not start, or `cargo lambda watch` exits.
pub(crate) async fn watch(config: &Config) -> Result<()> {
    let mut stack = Stack::take(config, Kind::Watch)?;
    ports::require_free(config.watch_port, "cargo lambda watch", "WAYBILL_WATCH_PORT")?;
    let served = Served::start(config, &mut stack).await?;
    ui::step("Watching: save a file and call again. Ctrl-C stops");
    ui::line(next_steps(config, &served.api_url, &stack));
    Box::pin(served.until_it_ends()).await
}

/// Does the same on a stack of tests, places an order, and stops. Returns what the functions wrote.
///
/// # Errors
/// If something does not start, or the order is not confirmed.
pub(crate) async fn prove(config: &Config) -> Result<Result<String, String>> {
    let config = Config {
        watch_port: ports::free_port()?,
        watch_caller: config::watch_caller(),
        ..config.clone()
    };
    let mut stack = Stack::take(&config, Kind::TestOfWatch)?;
    let served = Served::start(&config, &mut stack).await?;
    let (api_url, log) = (served.api_url.clone(), log_in(&stack));
    let outcome = tokio::select! {
        // No function looks at the token.
        placed = order::place(&api_url, "none") => placed,
        ended = served.until_it_ends() => ended,
    };
    let written = fs::read_to_string(&log).context(|| format!("Failed to read {}.", log.display()));
    stack.delete()?;
    let written = written?;
    Ok(outcome.map(|()| written.clone()).map_err(|error| format!("{error}\n{written}")))
}

/// Functions that `cargo lambda watch` serves, and what they need.
struct Served {
    api_url: String,
    aws: Aws,
    queues: Queues,
    mails: bool,
    functions: Child,
}

impl Served {
    /// Compiles and starts everything.
    async fn start(config: &Config, stack: &mut Stack) -> Result<Self> {
        ui::step(
            "Compiling the functions, installing the tools, starting database and emulator (about \
             4 minutes the first time)",
        );
        let mut compile = tokio::process::Command::new("cargo");
        compile.args(["build", "--bins"]).current_dir(&config.common.root);
        let compile = process::run_loudly("Compiling the functions", &mut compile);
        let start = async {
            let tools = Tools::install(&config.common).await?;
            let to = stack.start(config, &tools).await?;
            let queues = resources::create(&to.aws).await?;
            Ok((tools, to, queues))
        };
        let ((), (tools, to, queues)) = tokio::try_join!(compile, start)?;
        let log = log_in(stack);
        let env = variables(config, &to, &queues, &log);

        let api_url = env.get("API_URL")?.to_owned();
        let mut functions = spawn(config, &tools, &to.aws, &env)?;
        let lines =
            functions.lines().ok_or_else(|| Error::new("cargo lambda watch has no output."))?;
        let is_printed = !stack.kind.is_of_tests();
        tokio::spawn(save(lines, create(&log)?, is_printed));
        tokio::select! {
            ready = prepare(config, &to, &api_url) => ready?,
            ended = functions.wait() => return Err(ended_early(ended?)),
        }
        let mails = start_mail(&to.aws, &queues).await?;
        env.write(stack.env_path())?;
        Ok(Self { api_url, aws: to.aws, queues, mails, functions })
    }

    /// Moves messages, and invokes what has a schedule.
    async fn until_it_ends(mut self) -> Result<()> {
        let mail = async {
            if self.mails {
                pump::run(&self.aws, &self.queues.mail, &self.api_url, "notify-customer").await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = pump::run(&self.aws, &self.queues.jobs, &self.api_url, "fulfill-order") => Ok(()),
            () = mail => Ok(()),
            () = schedule(&self.api_url, "relay-outbox") => Ok(()),
            ended = self.functions.wait() => Err(ended_early(ended?)),
        }
    }
}

/// The file of what the functions write.
fn log_in(stack: &Stack) -> PathBuf {
    stack.dir.join("functions.log")
}

/// Sends events to the queue of mail, if the emulator can send mail. Returns whether it can.
async fn start_mail(aws: &Aws, queues: &Queues) -> Result<bool> {
    if let Err(error) = mail::verify_sender(&aws.endpoint).await {
        ui::failure(&error);
        ui::step("No mail is sent: the emulator lacks version 2 of SES");
        return Ok(false);
    }
    resources::create_rule(aws, &queues.mail).await?;
    Ok(true)
}

/// Invokes a function every minute, like the schedule in the template.
async fn schedule(api_url: &str, function: &str) {
    loop {
        tokio::time::sleep(Duration::from_mins(1)).await;
        if let Err(error) = lambda::invoke(api_url, function, &serde_json::json!({})).await {
            ui::failure(&error);
        }
    }
}

fn spawn(config: &Config, tools: &Tools, aws: &Aws, env: &EnvFile) -> Result<Child> {
    let port = config.watch_port.to_string();
    let mut command = tools.command("cargo-lambda");
    command
        .args(["lambda", "watch", "--invoke-address", "127.0.0.1", "--invoke-port", &port])
        .current_dir(&config.common.root)
        .envs(&env.0)
        // There is no authorizer, so the functions get the caller by a variable.
        .env(WATCH_CALLER, &config.watch_caller);
    aws.point(&mut command);
    if std::io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    Child::spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()))
}

/// Saves the output of cargo and the functions for `make dlq`, and prints it if anybody watches.
async fn save(mut lines: Receiver<String>, mut log: File, is_printed: bool) {
    while let Some(line) = lines.recv().await {
        if !NOISE.iter().any(|noise| line.contains(noise)) {
            // Spans are for `make story`.
            if is_printed && !line.contains("{\"resourceSpans\":") {
                ui::line(&line);
            }
            let _ = writeln!(log, "{line}");
        }
        if let Some(name) = failed_to_compile(&line) {
            ui::step(format!("{name} does not compile. Its requests wait until it does"));
        }
    }
}

/// The package in cargo's line about a failed build.
fn failed_to_compile(line: &str) -> Option<&str> {
    line.split_once("could not compile `")?.1.split('`').next()
}

fn create(log: &Path) -> Result<File> {
    File::create(log).context(|| format!("Failed to write {}.", log.display()))
}

/// Waits until functions can be invoked, then migrates and seeds the database.
async fn prepare(config: &Config, to: &Endpoints, api_url: &str) -> Result<()> {
    for _ in 0..300 {
        if TcpStream::connect((Ipv4Addr::LOCALHOST, config.watch_port)).await.is_ok() {
            deploy::migrate_and_seed(config, to, api_url, "migrate").await?;
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(Error::new(format!(
        "cargo lambda watch does not listen on port {} after 30 s.",
        config.watch_port
    )))
}

fn ended_early(status: std::process::ExitStatus) -> Error {
    Error::new(format!("cargo lambda watch exited ({status}). Its output is above."))
}

fn variables(config: &Config, to: &Endpoints, queues: &Queues, log: &Path) -> EnvFile {
    let mut pairs = vec![
        ("API_URL", format!("http://127.0.0.1:{}", config.watch_port)),
        ("DATABASE_URL", to.database_url.clone()),
        ("DATABASE_ENGINE", to.engine.name().to_owned()),
        ("FULFILLMENT_QUEUE_URL", queues.jobs.url.clone()),
        ("FULFILLMENT_DLQ_URL", queues.jobs.dead_letter_url.clone()),
        ("NOTIFICATION_QUEUE_URL", queues.mail.url.clone()),
        ("NOTIFICATION_DLQ_URL", queues.mail.dead_letter_url.clone()),
        ("MAIL_SENDER", mail::SENDER.to_owned()),
        ("MAIL_RECIPIENT", mail::RECIPIENT.to_owned()),
        ("PRODUCT_CACHE_TABLE", resources::TABLE.to_owned()),
        ("EVENT_BUS_NAME", resources::BUS.to_owned()),
        ("WAYBILL_FUNCTIONS_LOG", log.display().to_string()),
        ("TRACE_SAMPLE_RATE", "1".to_owned()),
        // A new one for each run, as the template makes one for each stack.
        ("CURSOR_SECRET", cursor_secret()),
    ];
    pairs.extend(to.aws.environment());
    EnvFile(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// 64 random characters.
fn cursor_secret() -> String {
    [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].map(|half| half.simple().to_string()).concat()
}

fn next_steps(config: &Config, api_url: &str, stack: &Stack) -> String {
    format!(
        "
  API     {api_url}
  shell   . {}
  caller  {} (set {WATCH_CALLER} for another)

    curl '{api_url}/products?limit=3'
    curl '{api_url}/orders?limit=3'
",
        stack.env_path().display(),
        config.watch_caller
    )
}

#[cfg(test)]
mod tests {
    use saphyr::{LoadableYamlNode as _, Yaml};
    use serde_json::Value;

    use super::*;

    fn read(path: &str) -> String {
        fs::read_to_string(format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    /// The value without a tag such as `!Sub`.
    fn untagged<'a>(node: &'a Yaml<'a>) -> &'a Yaml<'a> {
        if let Yaml::Tagged(_, inner) = node { inner } else { node }
    }

    fn get<'a>(node: &'a Yaml<'a>, path: &[&str]) -> Option<&'a Yaml<'a>> {
        path.iter().try_fold(node, |node, key| untagged(node).as_mapping_get(key))
    }

    #[test]
    fn the_package_that_does_not_compile_is_named() {
        let line =
            "error: could not compile `get-order` (bin \"get-order\") due to 1 previous error";
        assert_eq!(failed_to_compile(line), Some("get-order"));
        assert_eq!(failed_to_compile("   Compiling get-order v0.1.0"), None);
    }

    #[test]
    fn the_queues_of_watch_and_of_the_ready_script_have_the_template_s_numbers() {
        let source = read("template.yaml");
        let documents = Yaml::load_from_str(&source).unwrap();
        let number = |path: &[&str]| {
            let path: Vec<&str> = ["Resources"].iter().chain(path).copied().collect();
            get(&documents[0], &path).and_then(|it| untagged(it).as_integer()).unwrap()
        };
        let script = read("localstack/ready.d/10-resources.sh");
        let of =
            |resource: &str, path: &[&str]| number(&[&[resource, "Properties"], path].concat());
        // Both queues have the same numbers, and the script sets them in one function.
        for queue in ["Fulfillment", "Notification"] {
            let [front, dead] = ["Queue", "DeadLetterQueue"].map(|kind| format!("{queue}{kind}"));
            for (in_script, in_template, in_watch) in [
                (
                    r#""VisibilityTimeout": "180""#,
                    of(&front, &["VisibilityTimeout"]),
                    resources::VISIBILITY_TIMEOUT,
                ),
                (
                    r#""MessageRetentionPeriod": "345600""#,
                    of(&front, &["MessageRetentionPeriod"]),
                    resources::QUEUE_RETENTION,
                ),
                (
                    r#"\"maxReceiveCount\": 5"#,
                    of(&front, &["RedrivePolicy", "maxReceiveCount"]),
                    resources::MAX_RECEIVE_COUNT,
                ),
                (
                    r#""MessageRetentionPeriod": "1209600""#,
                    of(&dead, &["MessageRetentionPeriod"]),
                    resources::DEAD_LETTER_RETENTION,
                ),
            ] {
                assert_eq!(in_template, i64::from(in_watch), "{queue}: {in_script}");
                assert!(script.contains(in_script), "the script lacks {in_script}");
                assert!(in_script.contains(&in_template.to_string()), "{in_script}");
            }
        }
        for [name, dead] in [resources::JOBS, resources::MAIL] {
            assert!(script.contains(&format!("create_queues {name}\n")), "the script lacks {name}");
            assert_eq!(dead, format!("{name}-dlq"));
        }
        for name in [resources::TABLE, resources::BUS, resources::RULE] {
            assert!(script.contains(&format!("={name}\n")), "the script lacks {name}");
        }
    }

    /// A node of the template as JSON, if it has no tags.
    fn json(node: &Yaml) -> Value {
        if let Some(map) = node.as_mapping() {
            let pair =
                |(key, value): (&Yaml, &Yaml)| (key.as_str().unwrap().to_owned(), json(value));
            return map.iter().map(pair).collect();
        }
        if let Some(list) = node.as_vec() {
            return list.iter().map(json).collect();
        }
        node.as_integer().map_or_else(|| node.as_str().unwrap().into(), Value::from)
    }

    #[test]
    fn the_rule_of_watch_and_of_the_ready_script_sends_the_template_s_events() {
        let source = read("template.yaml");
        let documents = Yaml::load_from_str(&source).unwrap();
        let path = ["Resources", "NotificationRule", "Properties", "EventPattern"];
        let in_template = json(get(&documents[0], &path).unwrap());
        let in_watch: Value = serde_json::from_str(resources::PATTERN).unwrap();
        assert_eq!(in_watch, in_template);
        let script = read("localstack/ready.d/10-resources.sh");
        assert!(script.contains(&format!("pattern='{}'\n", resources::PATTERN)), "{script}");
    }
}
