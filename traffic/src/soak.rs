//! Faults between the requests of a long run.

use std::time::Duration;

use waybill_ops::error::Result;
use waybill_ops::ui;

use crate::faults::Faults;
use crate::history::Strike;
use crate::round::Notebook;

/// How long a fault is in force.
const FAULT_S: u64 = 10;
/// How long traffic runs without a fault, before each.
const QUIET: Duration = Duration::from_secs(50);

/// Starts one fault after the other, each for ten seconds of every minute, until it is dropped.
///
/// # Errors
/// If the control API of the faults does not answer.
pub async fn strike(faults: &impl Faults, notebook: &Notebook) -> Result<()> {
    let names = faults.names().await?;
    for name in names.iter().cycle() {
        tokio::time::sleep(QUIET).await;
        once(faults, name, notebook).await?;
    }
    std::future::pending().await
}

async fn once(faults: &impl Faults, name: &str, notebook: &Notebook) -> Result<()> {
    let before = faults.struck(name).await.unwrap_or_default();
    let from_us = notebook.now_us();
    ui::line(format!("     fault {name} for {FAULT_S} s"));
    faults.start(name, FAULT_S).await?;
    tokio::time::sleep(Duration::from_secs(FAULT_S)).await;
    // Counted since its start, or since the start of its process.
    let struck = faults.struck(name).await.ok();
    let struck = struck.map(|after| if after >= before { after - before } else { after });
    let to_us = notebook.now_us();
    notebook.note(Strike { name: name.to_owned(), from_us, to_us, struck });
    Ok(())
}
