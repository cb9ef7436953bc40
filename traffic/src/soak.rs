//! Faults between the requests of a long run.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use waybill_ops::error::Result;
use waybill_ops::ui;

use crate::faults::{Faults, Planned};

/// How faults and quiet times alternate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rhythm {
    /// How long traffic runs without a fault, before each and after the last.
    pub quiet: Duration,
    /// How long a fault is in force, in seconds.
    pub fault_s: u64,
}

impl Default for Rhythm {
    fn default() -> Self {
        Self { quiet: Duration::from_secs(20), fault_s: 10 }
    }
}

/// Every fault once, so that two in a row break different things where possible.
///
/// # Errors
/// If the control API of the faults does not answer.
pub async fn every(faults: &Faults) -> Result<Vec<Planned>> {
    let known = faults.list().await?.faults;
    Ok(alternate(known.into_iter().map(|fault| (fault.target, fault.name))))
}

/// The first fault of each target, then the second of each, and so on.
fn alternate(faults: impl Iterator<Item = (String, String)>) -> Vec<Planned> {
    let mut seen = BTreeMap::new();
    let mut turns: Vec<(usize, String)> = Vec::new();
    for (target, name) in faults {
        let turn: &mut usize = seen.entry(target).or_default();
        turns.push((*turn, name));
        *turn += 1;
    }
    // The sort is stable, so targets keep their order.
    turns.sort_by_key(|(turn, _)| *turn);
    turns.into_iter().map(|(_, name)| Planned::new(&name)).collect()
}

/// Starts one fault after the other for `length`, and begins again after the last. The last one ends
/// before a quiet time.
///
/// # Errors
/// If the control API of the faults refuses or does not answer.
pub async fn strike(
    faults: &Faults,
    plan: &[Planned],
    rhythm: Rhythm,
    length: Duration,
) -> Result<()> {
    let turn = rhythm.quiet + Duration::from_secs(rhythm.fault_s);
    // At times that are known from the start, so that slow calls don't move the later ones.
    let (mut start, end) = (Instant::now() + rhythm.quiet, Instant::now() + length);
    for planned in plan.iter().cycle() {
        if start + turn > end {
            break;
        }
        tokio::time::sleep_until(start.into()).await;
        ui::line(format!("     fault {planned} for {} s", rhythm.fault_s));
        faults.start(planned, rhythm.fault_s).await?;
        start += turn;
    }
    tokio::time::sleep_until(end.into()).await;
    Ok(())
}

/// Ends the faults of a plan that are still in force, as after Ctrl-C.
///
/// # Errors
/// If the control API of the faults does not answer.
pub async fn heal(faults: &Faults, plan: &[Planned]) -> Result<()> {
    for planned in plan {
        faults.end(planned).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_target_has_a_fault_before_the_next_round_begins() {
        let faults = [("a", "a-1"), ("a", "a-2"), ("b", "b-1"), ("c", "c-1"), ("c", "c-2")];
        let plan = alternate(faults.map(|(target, name)| (target.into(), name.into())).into_iter());
        let names: Vec<String> = plan.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["a-1", "b-1", "c-1", "a-2", "c-2"]);
    }
}
