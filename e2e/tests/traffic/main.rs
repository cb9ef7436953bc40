//! Traffic on a deployed stack: its verdict is clean, also with faults in between, and broken as soon as
//! somebody tampers with the database.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod soak;
mod tampering;
mod waits;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use traffic::control::Control;
use traffic::generator::Wanted;
use traffic::mix::Mix;
use traffic::mode::Mode;
use traffic::round::{Options, Round};
use traffic::settings::Target;

/// A verdict takes the whole database into account, so one test at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

/// Requests a second.
const RATE: f64 = 10.0;

/// The stack of the environment, with the files of rounds among its own.
fn target() -> Target {
    let mut target = Target::find().unwrap();
    target.out = target.stack_dir.join("traffic");
    target
}

/// A round that begins in this mode.
async fn open(mode: Mode, options: Options) -> (Round, Arc<Control>) {
    let control = Control::new(Wanted { mode, rate: RATE, mix: Mix::default() });
    let board = Arc::clone(&control.board);
    (Round::open(&target(), options, control.wanted(), board).await.unwrap(), control)
}

/// Sends what is wanted for some seconds.
async fn send(round: &mut Round, control: &Control, seconds: u64) {
    round.send(control.wanted.subscribe(), tokio::time::sleep(Duration::from_secs(seconds))).await;
}
