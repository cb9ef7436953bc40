//! Traffic and faults in Chromium: every fault is started by a click, strikes, is ended by a click, and
//! the verdict is clean.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use e2e::{Stack, eventually};
use faults::catalog::ALL;
use testkit::unused_address;
use tokio::process::{Child, Command};

use crate::Served;
use crate::browser::Browser;

/// How many seconds a fault lasts, if nobody ends it.
const LASTING: u32 = 120;
/// How long a verdict may take: what was deaf or killed is tried again after its lease.
const JUDGING: Duration = Duration::from_mins(3);

/// `waybill-traffic serve`, as `make up` starts it.
struct Traffic {
    url: String,
    _process: Child,
}

impl Traffic {
    async fn start() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let program = root.join("target/debug/waybill-traffic");
        assert!(program.exists(), "`cargo build -p waybill-traffic` makes {}", program.display());
        let address = unused_address();
        let process = Command::new(program)
            .args(["serve", "--mode", "pause", "--port", &address.port().to_string()])
            .current_dir(root)
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let url = format!("http://{address}");
        eventually("the traffic generator answers", async || {
            reqwest::get(format!("{url}/traffic")).await.ok()
        })
        .await;
        Self { url, _process: process }
    }
}

/// Starts a fault by a click.
async fn start(browser: &mut Browser, fault: &str) {
    let seconds = format!("document.getElementById('{fault}-for_s').value = {LASTING}");
    browser.evaluate(&seconds).await;
    browser.follow(&format!("button[aria-label=\"Start {fault}\"]")).await;
}

/// Ends a fault by a click, once the page shows that it has struck.
async fn end(browser: &mut Browser, fault: &str) {
    let row =
        format!("document.querySelector('button[aria-label=\"End {fault}\"]')?.closest('tr')");
    browser.until(&format!("{row}?.cells[2].innerText > 0")).await;
    browser.follow(&format!("button[aria-label=\"End {fault}\"]")).await;
    browser.until(&format!("!({row})")).await;
}

/// The faults in groups that can strike together: a target has one fault at a time, and behind a broken
/// Postgres nothing else is called.
fn groups() -> Vec<Vec<&'static str>> {
    let names = || ALL.iter().map(|fault| fault.name);
    let alone = |name: &&str| name.starts_with("postgres-") || *name == "function-killed";
    let mut groups: Vec<Vec<&str>> = names().filter(alone).map(|name| vec![name]).collect();
    for how in ["-slow", "-deaf", "-500"] {
        groups.push(names().filter(|name| !alone(name) && name.ends_with(how)).collect());
    }
    assert_eq!(groups.iter().flatten().count(), ALL.len(), "{groups:?}");
    groups
}

#[tokio::test]
async fn every_fault_is_clicked_strikes_and_leaves_a_clean_verdict() {
    let Some(mut browser) = Browser::start().await else { return };
    let stack = Stack::connect().await;
    let faults_url = stack.environment.faults_url.as_deref();
    let faults_url = faults_url.expect("FAULTS_URL is not set: this stack can't be broken");
    let traffic = Traffic::start().await;
    let variables = [("FAULTS_URL", faults_url), ("TRAFFIC_URL", &traffic.url)];
    let served = Served::alone_with(&stack, &variables).await;

    browser.open(&served.address.url()).await;
    browser.open(&served.url("/traffic")).await;
    browser.follow("button[value=steady]").await;
    browser.until("document.getElementById('traffic').innerText.includes('sending, steady')").await;

    browser.open(&served.url("/faults")).await;
    for group in groups() {
        for fault in &group {
            start(&mut browser, fault).await;
        }
        for fault in &group {
            end(&mut browser, fault).await;
        }
    }
    let past = browser.text("#past").await;
    for fault in &ALL {
        assert!(past.contains(fault.name), "{}: {past}", fault.name);
    }

    browser.open(&served.url("/traffic")).await;
    browser.follow("form[action='/traffic/verdict'] button").await;
    let judged = "document.querySelector('#verdict')?.className";
    browser.until_within(JUDGING, &format!("!!({judged})")).await;
    let verdict = browser.text("#traffic").await;
    assert_eq!(browser.evaluate(judged).await, "good", "{verdict}");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
