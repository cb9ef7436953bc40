//! `make faults`: lists the faults of the running stack, starts one, or ends one.

use clap::Args;
use faults::view::{Fault, List};
use reqwest::{Client, RequestBuilder};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use waybill_ops::env_file::EnvFile;
use waybill_ops::error::{Context as _, Error, Result};
use waybill_ops::ui;

use crate::config::Config;

/// The arguments of `make faults`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The fault to start; none lists them
    name: Option<String>,
    /// How many seconds it lasts
    #[arg(long = "for", requires = "name")]
    for_s: Option<u64>,
    /// How many milliseconds a slow server is late
    #[arg(long, requires = "name")]
    delay_ms: Option<u64>,
    /// Whose processes are killed
    #[arg(long, requires = "name")]
    function: Option<String>,
    /// How many milliseconds pass between two killings
    #[arg(long, requires = "name")]
    every_ms: Option<u64>,
    /// End it instead
    #[arg(long, requires = "name", conflicts_with_all = ["for_s", "delay_ms", "function", "every_ms"])]
    end: bool,
}

impl Arguments {
    /// The parameters that are given.
    fn parameters(&self) -> Value {
        let given = [
            ("for_s", self.for_s.map(Value::from)),
            ("delay_ms", self.delay_ms.map(Value::from)),
            ("function", self.function.clone().map(Value::from)),
            ("every_ms", self.every_ms.map(Value::from)),
        ];
        let given = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(given.collect::<Map<_, _>>())
    }
}

/// Calls the control API of the running stack.
///
/// # Errors
/// If no stack is running, it has no faults, or the API refuses.
pub(crate) async fn run(config: &Config, arguments: &Arguments) -> Result<()> {
    let env = EnvFile::of_make_up(&config.common)?;
    let url = env.0.get("FAULTS_URL").ok_or_else(|| {
        Error::new(
            "The running stack has no faults: its emulator is the one in AWS_ENDPOINT_URL, whose \
             functions can't be proxied. Unset it and run `make up` for a stack with faults.",
        )
    })?;
    let http = Client::new();
    let Some(name) = &arguments.name else {
        ui::line(table(&call(http.get(format!("{url}/faults"))).await?));
        return Ok(());
    };
    let url = format!("{url}/faults/{name}");
    let request =
        if arguments.end { http.delete(url) } else { http.put(url).json(&arguments.parameters()) };
    ui::line(report(&call(request).await?));
    Ok(())
}

async fn call<T: DeserializeOwned>(request: RequestBuilder) -> Result<T> {
    let answer = request.send().await.context(
        || "Failed to reach the control API of faults. `make up` starts it again if it has died.",
    )?;
    let failed = !answer.status().is_success();
    let unreadable = || "The control API of faults gave an unknown answer.";
    let body: Value = answer.json().await.context(unreadable)?;
    if failed {
        let detail = body.get("detail").and_then(Value::as_str).unwrap_or_default();
        return Err(Error::new(detail));
    }
    serde_json::from_value(body).context(unreadable)
}

/// What became of a request to start or to end a fault.
fn report(fault: &Fault) -> String {
    let name = &fault.name;
    let Some(end) = fault.ends_at else {
        return format!("{name} is not active. The last time, it struck {} times.", fault.struck);
    };
    let set: Vec<_> =
        fault.set.iter().flatten().map(|(key, value)| format!("{key}={value}")).collect();
    format!(
        "{name} is active until {} UTC: {}.\n{}\nmake faults shows how often it has struck; \
         make faults ARGS=\"{name} --end\" ends it.",
        end.strftime("%H:%M:%S"),
        set.join(", "),
        fault.description
    )
}

/// All faults, one a line.
fn table(list: &List) -> String {
    let row = |name, state: String, struck: String, description| {
        format!("{name:<17}  {state:<18}  {struck:>6}  {description}")
    };
    let head = row("FAULT", "STATE".to_owned(), "STRUCK".to_owned(), "WHAT IT DOES");
    let faults = list.faults.iter().map(|fault| {
        let state = fault.ends_at.map(|end| end.strftime("until %H:%M:%S UTC").to_string());
        let state = state.unwrap_or_else(|| "idle".to_owned());
        row(&fault.name, state, fault.struck.to_string(), &fault.description)
    });
    std::iter::once(head).chain(faults).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fault(ends_at: Option<&str>, struck: usize) -> Fault {
        let fault = json!({
            "name": "sqs-500",
            "target": "sqs",
            "description": "SQS answers 500.",
            "parameters": [],
            "state": if ends_at.is_some() { "active" } else { "idle" },
            "set": ends_at.map(|_| json!({ "for_s": 10 })),
            "started_at": ends_at,
            "ends_at": ends_at,
            "struck": struck,
        });
        serde_json::from_value(fault).unwrap()
    }

    #[test]
    fn an_active_fault_has_its_end_and_an_idle_one_what_it_struck() {
        let faults = vec![fault(Some("2026-11-24T17:32:19.5Z"), 12), fault(None, 3)];
        let table = table(&List { faults, history: Vec::new() });
        let rows: Vec<Vec<_>> =
            table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows[1][..5], ["sqs-500", "until", "17:32:19", "UTC", "12"]);
        assert_eq!(rows[2][..3], ["sqs-500", "idle", "3"]);
    }

    #[test]
    fn a_report_says_until_when_or_how_often() {
        let started = report(&fault(Some("2026-11-24T17:32:19.5Z"), 0));
        assert!(
            started.starts_with("sqs-500 is active until 17:32:19 UTC: for_s=10.\n"),
            "{started}"
        );
        assert!(report(&fault(None, 3)).contains("struck 3 times"));
    }
}
