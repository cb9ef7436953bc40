//! Faults between the requests of a long run.

use std::time::Duration;

use waybill_ops::error::Result;
use waybill_ops::ui;

use crate::faults::Faults;

/// How long a fault is in force.
const FAULT_S: u64 = 10;
/// How long traffic runs without a fault, before each.
const QUIET: Duration = Duration::from_secs(50);

/// Starts one fault after the other, each for ten seconds of every minute, until it is dropped.
///
/// # Errors
/// If the control API of the faults does not answer.
pub async fn strike(faults: &Faults) -> Result<()> {
    let names = faults.names().await?;
    for name in names.iter().cycle() {
        tokio::time::sleep(QUIET).await;
        ui::line(format!("     fault {name} for {FAULT_S} s"));
        faults.start(name, FAULT_S).await?;
        tokio::time::sleep(Duration::from_secs(FAULT_S)).await;
    }
    std::future::pending().await
}
