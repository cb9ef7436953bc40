//! `make up`, `make down` and `make reset`.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use waybill_ops::bootstraps::Profile;
use waybill_ops::env_file::EnvFile;
use waybill_ops::error::{Error, Result};
use waybill_ops::{bootstraps, ui};

use crate::config::Config;
use crate::deploy::{self, Deployment};
use crate::stack::{Kind, Stack};
use crate::tokens::Issuer;
use crate::{console, order};

/// Starts the stack, deploys to it, and proves that it works.
///
/// # Errors
/// If a step fails. What this run started is stopped then.
pub(crate) async fn up(config: &Config) -> Result<()> {
    let mut stack = Stack::take(config, Kind::Main)?;
    stack.check_ports(config)?;
    ui::step(format!(
        "1 of 3: compiling the functions, installing the tools, starting database and emulator ({})",
        if bootstraps::path(&config.common, "migrate").exists() {
            "seconds, if little has changed"
        } else {
            "about 4 minutes the first time, on 2 cores"
        }
    ));
    let (tools, to) = deploy::prepare(config, &mut stack, Profile::Dev).await?;
    ui::step("2 of 3: deploying template.yaml, migrating and seeding the database (about 25 s)");
    let mut deployment = deploy::deploy(config, &tools, &stack, &to).await?;
    let api_url = deployment.env.get("API_URL")?.to_owned();
    // An order is data. A run that changes nothing adds none.
    let proven = !deployment.changed && !stack.started_anything() && stack.env_path().exists();
    if !proven {
        ui::step("3 of 3: placing an order and waiting until it is confirmed (a few seconds)");
        order::place(&api_url, deployment.env.get("TOKEN")?).await?;
    }
    let traffic_url = traffic(config, &stack, &deployment).await?;
    deployment.env.0.insert("TRAFFIC_URL".to_owned(), traffic_url.clone());
    let console_url = console::url(config, EnvFile::read(stack.env_path()).as_ref());
    deployment.env.0.insert(console::VARIABLE.to_owned(), console_url.clone());
    deployment.env.write(stack.env_path())?;
    stack.console.start(config).await?;
    stack.keep();
    ui::step("The stack is running");
    ui::line(next_steps(&api_url, &console_url, &traffic_url));
    Ok(())
}

/// Starts the traffic generator, in the mode of `TRAFFIC` or paused. One that runs on an unchanged stack
/// goes on. Returns the URL of its control API.
async fn traffic(config: &Config, stack: &Stack, deployment: &Deployment) -> Result<String> {
    let unchanged = !deployment.changed && !stack.started_anything() && config.traffic.is_none();
    if let Some(url) = stack.traffic.running_at().filter(|_| unchanged) {
        return Ok(url);
    }
    let mode = config.traffic.as_deref().unwrap_or("pause");
    ui::step(format!("Starting the traffic generator in the mode {mode}"));
    stack.traffic.start(config, &deployment.env, mode).await
}

fn next_steps(api_url: &str, console_url: &str, traffic_url: &str) -> String {
    format!(
        r#"
  API     {api_url}
  console {console_url}
  traffic {traffic_url} (curl -X POST {traffic_url}/mode/flash-sale starts it; docs/traffic.md)
  shell   . .local/stack.env      (the variables of the stack; then, for example:)

    curl -H "Authorization: Bearer $TOKEN" "$API_URL/products?limit=3"
    curl -H "Authorization: Bearer $STAFF_TOKEN" "$API_URL/orders?limit=3"
    curl "$API_URL/health?deep=true"
    curl "$API_URL/orders" -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{{
      "customer_name": "Grace Hopper", "customer_email": "grace@example.com",
      "items": [{{"product_id": "019b76da-a800-7000-8000-000000000007", "quantity": 2}}]}}'

  TOKEN is a customer's token, STAFF_TOKEN one of staff. Both are valid for a day; `make up` renews them.
  make token SUB=bob SCOPE='orders/read orders/write' prints one for another caller.
  make faults lists what can be broken, and breaks it: make faults ARGS="postgres-stopped --for 20"
  make logs follows the functions, make down stops everything, make reset also deletes the data."#
    )
}

/// Prints a token for the running stack.
///
/// # Errors
/// If no stack is running.
pub(crate) fn token(config: &Config, subject: &str, scopes: &str) -> Result<()> {
    let env = EnvFile::of_make_up(&config.common)?;
    let issuer = Issuer::open(&Stack::main_dir(config), env.get("AWS_ENDPOINT_URL")?)?;
    ui::line(issuer.token(subject, scopes)?);
    Ok(())
}

/// Stops everything and keeps the data.
///
/// # Errors
/// If something can't be stopped.
pub(crate) async fn down(config: &Config) -> Result<()> {
    for_each_stack(config, |mut stack| {
        let ran = stack.runs();
        stack.stop()?;
        // Nothing is kept of tests, even if they were killed.
        if stack.kind.is_of_tests() {
            stack.delete()?;
        }
        Ok(ran)
    })
    .await
}

/// Stops everything and deletes the data. The tools are kept.
///
/// # Errors
/// If something can't be stopped or deleted.
pub(crate) async fn reset(config: &Config) -> Result<()> {
    for_each_stack(config, |stack| {
        let ran = stack.runs();
        stack.delete()?;
        Ok(ran)
    })
    .await?;
    ui::line("Deleted the data. The tools are still in .local/tools.");
    Ok(())
}

async fn for_each_stack(config: &Config, act: impl Fn(Stack) -> Result<bool>) -> Result<()> {
    let mut stopped = Vec::new();
    for kind in Kind::ALL {
        if let Some(holder) = Stack::holder(config, kind) {
            if kind != Kind::Watch {
                return Err(Error::new(format!(
                    "`{}` is running (process {holder}). Wait until it has ended, or stop it with Ctrl-C.",
                    kind.target()
                )));
            }
            end_watch(config, holder).await?;
            stopped.push(kind.target());
        }
        if act(Stack::take(config, kind)?)? {
            stopped.push(kind.target());
        }
    }
    // `make test` has several.
    stopped.dedup();
    match stopped.as_slice() {
        [] => ui::line("Nothing was running."),
        targets => ui::line(format!("Stopped what `{}` had started.", targets.join("`, `"))),
    }
    Ok(())
}

/// Stops the runner of `make watch`.
async fn end_watch(config: &Config, holder: i32) -> Result<()> {
    if let Some(pid) = Pid::from_raw(holder) {
        let _ = kill_process(pid, Signal::TERM);
    }
    for _ in 0..150 {
        if Stack::holder(config, Kind::Watch).is_none() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(Error::new(format!("`make watch` (process {holder}) did not stop.")))
}
