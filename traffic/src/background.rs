//! The traffic of `make up`: rounds in the background, as the control API asks for them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use traffic::control::{self, Control};
use traffic::mode::Mode;
use traffic::round::Round;
use traffic::settings::Target;
use traffic::status::State;
use waybill_ops::error::Result;
use waybill_ops::ui;

use crate::foreground::{Kind, options};
use crate::{Traffic, interrupted};

/// A round is judged after this many calls, and the next one begins.
const LONGEST: u64 = 20_000;
/// How many folders of rounds are kept.
const KEPT: usize = 20;
/// The pause after a round could not be opened.
const PAUSE: Duration = Duration::from_secs(5);

/// Serves the control API and opens a round whenever traffic is wanted, until SIGTERM.
///
/// # Errors
/// If the port is in use.
pub(crate) async fn serve(target: &Target, traffic: &Traffic, port: u16) -> Result<()> {
    let control = Control::new(traffic.wanted()?);
    let server = tokio::spawn(control::serve(control::listen(port).await?, Arc::clone(&control)));
    ui::line(format!("Listening on http://127.0.0.1:{port}"));
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let rounds = async {
        let mut stopped = stopped;
        while !*stopped.borrow() {
            if let Err(error) = round(target, traffic, &control, &mut stopped).await {
                ui::failure(&error);
                control.board.change(|status| {
                    (status.state, status.error) = (State::Idle, Some(error.to_string()));
                });
                tokio::select! {
                    () = tokio::time::sleep(PAUSE) => {}
                    _ = stopped.changed() => {}
                }
            }
        }
    };
    let signal = async {
        let ended = interrupted().await;
        stop.send_replace(true);
        ended
    };
    let ((), ended) = tokio::join!(rounds, signal);
    server.abort();
    ended
}

/// Waits until traffic is wanted, sends it, and judges it when the round is full or a verdict is asked
/// for.
async fn round(
    target: &Target,
    traffic: &Traffic,
    control: &Control,
    stopped: &mut tokio::sync::watch::Receiver<bool>,
) -> Result<()> {
    let mut wanted = control.wanted.subscribe();
    tokio::select! {
        _ = wanted.wait_for(|wanted| wanted.mode != Mode::Pause) => {}
        _ = stopped.changed() => return Ok(()),
    }
    let board = Arc::clone(&control.board);
    board.change(|status| (status.state, status.error) = (State::Opening, None));
    let now = control.wanted();
    let mut round = Round::open(target, options(traffic, Kind::Plain), now, board).await?;
    let calls = round.counter();
    let full = async {
        while calls() < LONGEST {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let until = async {
        tokio::select! {
            () = full => true,
            () = control.judge.notified() => true,
            _ = stopped.changed() => false,
        }
    };
    let judge = round.send(wanted, until).await;
    let outcome = if judge {
        tokio::select! {
            verdict = round.finish() => verdict.map(|verdict| ui::line(verdict.to_string())),
            _ = stopped.changed() => Ok(()),
        }
    } else {
        Ok(())
    };
    round.close().await;
    forget(&target.out);
    outcome
}

/// Deletes the oldest folders of rounds. Their names begin with the time.
fn forget(out: &Path) {
    let entries = fs::read_dir(out).into_iter().flatten().filter_map(Result::ok);
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    folders.sort();
    for old in folders.iter().rev().skip(KEPT) {
        let _ = fs::remove_dir_all(old);
    }
}
