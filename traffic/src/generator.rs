//! The open loop: each request is sent at its time, whether or not earlier ones are answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::history::{Change, Line};
use crate::mix::Mix;
use crate::mode::Mode;
use crate::plan::Plan;
use crate::sender::Sender;

/// What is wanted of the traffic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wanted {
    /// The mode.
    pub mode: Mode,
    /// Requests in a second, before the mode changes them.
    pub rate: f64,
    /// The mix.
    pub mix: Mix,
}

/// The pieces that a flash sale adds to the stock of its product when it begins.
const FLASH_SALE: i64 = 200;

/// Sends requests until it is dropped. Those in flight then go on, in `flights`.
pub async fn run(
    sender: &Arc<Sender>,
    plan: &mut Plan,
    mut wanted: watch::Receiver<Wanted>,
    flights: &mut JoinSet<()>,
) {
    let permits = Arc::new(Semaphore::new(sender.run.in_flight));
    let mut now = *wanted.borrow_and_update();
    let mut began = begin(sender, now, flights);
    let mut due = began;
    loop {
        let step = now.mode.step(due.saturating_duration_since(began), now.rate, now.mix);
        let wait = if step.rate > 0.0 { Some(plan.gap(step.rate)) } else { None };
        let next = due + wait.unwrap_or_default();
        tokio::select! {
            changed = wanted.changed() => {
                if changed.is_err() {
                    return std::future::pending().await;
                }
                now = *wanted.borrow_and_update();
                began = begin(sender, now, flights);
                due = began;
                continue;
            }
            () = sleep_until(next, wait.is_some()) => {}
        }
        due = next;
        let arrival = plan.next(&step);
        sender.meter.due();
        match Arc::clone(&permits).try_acquire_owned() {
            Ok(permit) => {
                let sender = Arc::clone(sender);
                flights.spawn(async move {
                    sender.send(arrival, due).await;
                    drop(permit);
                });
            }
            Err(_) => sender.leave(&arrival, due),
        }
        while flights.try_join_next().is_some() {}
    }
}

/// Begins a mode.
fn begin(sender: &Arc<Sender>, wanted: Wanted, flights: &mut JoinSet<()>) -> Instant {
    let Wanted { mode, rate, .. } = wanted;
    let at_us = sender.clock.now_us();
    sender.history.write(&Line::Mode(Change { at_us, mode, rate }));
    if mode == Mode::FlashSale {
        let sender = Arc::clone(sender);
        flights.spawn(async move { sender.restock(0, FLASH_SALE).await });
    }
    Instant::now()
}

async fn sleep_until(moment: Instant, ever: bool) {
    if !ever {
        return std::future::pending().await;
    }
    // tokio's timer is exact to a millisecond.
    if moment > Instant::now() + Duration::from_micros(100) {
        tokio::time::sleep_until(moment.into()).await;
    }
}
