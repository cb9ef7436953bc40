//! `make lint`: what is checked without running anything of the service.

use std::path::{Path, PathBuf};

use tokio::process::Command;
use waybill_ops::error::{Context as _, Result};
use waybill_ops::tools::Tools;

use super::report::{Report, written_by};
use crate::config::Config;

/// Runs all checks, the fast ones first.
///
/// # Errors
/// If the files to check can't be listed.
pub(super) async fn run(config: &Config, tools: &Tools) -> Result<Report> {
    let mut format = Command::new("cargo");
    format.args(["fmt", "--all", "--check"]);
    let mut template = tools.sam();
    template.args(["validate", "--lint", "--template-file", "template.yaml"]);
    template.args(["--region", &config.common.region]);
    let mut dialect = tools.command("dsql-lint");
    dialect.args(for_dsql(&config.common.root)?);
    let mut clippy = Command::new("cargo");
    clippy.args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    let mut documentation = Command::new("cargo");
    documentation.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
    let checks = [
        ("cargo fmt --all --check", format),
        (".local/tools/bin/sam validate --lint", template),
        (".local/tools/bin/dsql-lint sql/dsql/*.sql sql/queries/*.sql", dialect),
        ("cargo clippy --workspace --all-targets -- -D warnings", clippy),
        ("RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps", documentation),
    ];
    let mut report = Report::default();
    for (name, mut command) in checks {
        report += Report::of(name, written_by(command.current_dir(&config.common.root)).await);
    }
    Ok(report)
}

/// The files that Aurora DSQL must take, all of them without an exception: its schema, and what both
/// engines run.
fn for_dsql(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in ["sql/dsql", "sql/queries"] {
        let folder = root.join(folder);
        let failed = || format!("Failed to list {}.", folder.display());
        for entry in folder.read_dir().context(failed)? {
            files.push(entry.context(failed)?.path());
        }
    }
    files.push(root.join("sql/seed.sql"));
    files.sort();
    Ok(files)
}
