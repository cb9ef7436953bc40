//! `make traffic` and `make soak`: one round in the terminal.

use std::sync::Arc;
use std::time::Duration;

use traffic::control::{self, Control};
use traffic::faults::Faults;
use traffic::report::{self, summarize};
use traffic::round::{HISTORY, Options, Round};
use traffic::settings::Target;
use traffic::soak::{self, Rhythm};
use traffic::status::State;
use waybill_ops::error::{Context as _, Error, Result};
use waybill_ops::ui;

use crate::{Traffic, interrupted};

/// Which run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Traffic alone.
    Plain,
    /// With faults, watching processes.
    Soak,
}

/// Sends traffic for `length`, and prints the verdict. Ctrl-C ends the traffic, and a second one the
/// wait for the verdict. Returns the exit code.
///
/// # Errors
/// If the stack does not answer.
pub(crate) async fn run(
    target: &Target,
    traffic: &Traffic,
    length: Duration,
    kind: Kind,
) -> Result<u8> {
    let control = Control::new(traffic.wanted()?);
    let listener = control::listen(0).await?;
    let address = listener.local_addr().context(|| "The control API has no address.")?;
    let server = tokio::spawn(control::serve(listener, Arc::clone(&control)));
    ui::line("Measuring the gateway alone, and putting products on sale (about 5 s)");
    let options = Options { print: true, ..options(traffic, kind) };
    let board = Arc::clone(&control.board);
    board.change(|status| status.state = State::Opening);
    let wanted = control.wanted();
    let mut round = Round::open(target, options, wanted, board).await?;
    ui::line(format!(
        "Sending {} traffic for {} s with seed {}. To change it: curl -X POST http://{address}/mode/burst",
        traffic.mode,
        length.as_secs(),
        traffic.seed
    ));
    let outcome = judged(target, &mut round, &control, length, kind).await;
    let folder = round.folder().to_owned();
    round.close().await;
    server.abort();
    let code = outcome?;
    ui::line(format!(
        "  report:  {}\n  history: {}",
        folder.join(report::HTML).display(),
        folder.join(HISTORY).display()
    ));
    Ok(code)
}

async fn judged(
    target: &Target,
    round: &mut Round,
    control: &Control,
    length: Duration,
    kind: Kind,
) -> Result<u8> {
    let faults = target.faults_url.as_deref().filter(|_| kind == Kind::Soak).map(Faults::at);
    if kind == Kind::Soak && faults.is_none() {
        ui::line("FAULTS_URL is not set, so this soak has no faults.");
    }
    let plan = match &faults {
        Some(faults) => soak::every(faults).await?,
        None => Vec::new(),
    };
    let breaking = async {
        if let Some(faults) = &faults {
            soak::strike(faults, &plan, Rhythm::default(), length).await?;
        }
        std::future::pending().await
    };
    let until = async {
        tokio::select! {
            () = tokio::time::sleep(length) => Ok(()),
            () = control.judge.notified() => Ok(()),
            ended = interrupted() => ended,
            broken = breaking => broken,
        }
    };
    let sent = round.send(control.wanted.subscribe(), until).await;
    if let Some(faults) = &faults {
        soak::heal(faults, &plan).await?;
    }
    sent?;
    ui::line(
        "Stopped sending. Waiting until queue and outbox are empty, then checking every order",
    );
    let verdict = tokio::select! {
        verdict = round.finish() => verdict?,
        _ = interrupted() => return Err(Error::new("Stopped before the verdict.")),
    };
    ui::line(format!("{}\n{verdict}", summarize(&round.history()?)));
    Ok(verdict.exit_code())
}

pub(crate) fn options(traffic: &Traffic, kind: Kind) -> Options {
    Options {
        seed: traffic.seed,
        arrivals: traffic.arrivals,
        in_flight: traffic.in_flight as usize,
        customers: traffic.customers as usize,
        watch_processes: kind == Kind::Soak,
        ..Options::default()
    }
}
