//! The report: JSON for programs, and one HTML file with plots for people.

mod page;
mod summary;

use std::fs;
use std::path::Path;

use serde::Serialize;
use waybill_ops::error::{Context as _, Result};

use crate::history::{Change, History, Run, Second, Strike, Usage};
use crate::verdict::Verdict;

pub use summary::{Summary, summarize};

/// The names of the files in a round's folder.
pub const JSON: &str = "report.json";
/// The page for people.
pub const HTML: &str = "report.html";

/// Everything in the report.
#[derive(Debug, Serialize)]
struct Report<'a> {
    verdict: &'a Verdict,
    run: &'a Run,
    summary: Summary,
    changes: &'a [Change],
    faults: &'a [Strike],
    seconds: &'a [Second],
    usage: &'a [Usage],
}

/// Writes both files into `folder`.
///
/// # Errors
/// If a file can't be written.
pub fn write(folder: &Path, history: &History, verdict: &Verdict) -> Result<()> {
    let report = Report {
        verdict,
        run: &history.run,
        summary: summarize(history),
        changes: &history.changes,
        faults: &history.faults,
        seconds: &history.seconds,
        usage: &history.usage,
    };
    let json = serde_json::to_string_pretty(&report).context(|| "Failed to write the report.")?;
    let page = page::render(&report, &json).context(|| "Failed to render the report.")?;
    for (name, text) in [(JSON, json), (HTML, page)] {
        let path = folder.join(name);
        fs::write(&path, text).context(|| format!("Failed to write {}.", path.display()))?;
    }
    Ok(())
}
