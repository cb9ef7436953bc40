//! The programs of tests that cargo compiles, one for each library, binary and file of tests.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use waybill_ops::error::{Context as _, Error, Result};
use waybill_ops::process::Child;

use crate::config::Config;

/// A compiled program of tests, and how it is run.
#[derive(Clone, Debug)]
pub(super) struct Program {
    executable: PathBuf,
    /// The folder of its package, where `cargo test` runs it.
    folder: PathBuf,
    /// The same, as the project names it.
    package: String,
    target: String,
    /// Whether it is a file of tests, and not a library or a binary with unit tests.
    is_file_of_tests: bool,
    arguments: Vec<String>,
    variable: Option<(String, String)>,
    remark: Option<&'static str>,
}

/// Compiles all tests. What the compiler says is printed.
///
/// # Errors
/// If they don't compile.
pub(super) async fn compile(config: &Config) -> Result<Vec<Program>> {
    let mut command = Command::new("cargo");
    command.args(["test", "--workspace", "--no-run", "--message-format=json-render-diagnostics"]);
    let mut cargo = Child::spawn(command.current_dir(&config.common.root).stdout(Stdio::piped()))?;
    let out = cargo.stdout().ok_or_else(|| Error::new("cargo has no output."))?;
    let mut lines = BufReader::new(out).lines();
    let mut programs = Vec::new();
    while let Some(line) = lines.next_line().await.context(|| "Failed to read what cargo wrote.")? {
        programs.extend(program(&line, &config.common.root));
    }
    if !cargo.wait().await?.success() {
        return Err(Error::new("The tests don't compile. The errors are above."));
    }
    programs
        .sort_by(|one, other| (&one.package, &one.target).cmp(&(&other.package, &other.target)));
    Ok(programs)
}

/// The program of tests in one of cargo's messages, if it has one.
fn program(message: &str, root: &Path) -> Option<Program> {
    let message: Value = serde_json::from_str(message).ok()?;
    let is_of_tests = message.pointer("/profile/test")?.as_bool()?;
    let executable = PathBuf::from(message.get("executable")?.as_str()?);
    let target = message.get("target")?;
    let folder = Path::new(message.get("manifest_path")?.as_str()?).parent()?;
    is_of_tests.then_some(Program {
        executable,
        package: folder.strip_prefix(root).ok()?.display().to_string(),
        folder: folder.to_owned(),
        target: target.get("name")?.as_str()?.to_owned(),
        is_file_of_tests: target.get("kind")?.as_array()?.iter().any(|kind| kind == "test"),
        arguments: Vec::new(),
        variable: None,
        remark: None,
    })
}

impl Program {
    /// Whether it has tests of a whole stack.
    pub(super) fn is_of_end_to_end(&self) -> bool {
        self.is_file_of_tests && self.package == "e2e"
    }

    /// Whether it is one of these files of end-to-end tests.
    pub(super) fn is_end_to_end(&self, names: &[&str]) -> bool {
        self.is_of_end_to_end() && names.contains(&&*self.target)
    }

    /// Whether it has the tests of the adapters.
    pub(super) fn is_adapters(&self) -> bool {
        self.is_file_of_tests && self.target == "adapters"
    }

    /// The same program with tests chosen by their names, all if there are none, and maybe with a variable.
    /// The remark says what is different.
    pub(super) fn with(
        &self,
        names: &[&str],
        variable: Option<(&str, &str)>,
        remark: &'static str,
    ) -> Self {
        Self {
            arguments: names.iter().map(|&name| name.to_owned()).collect(),
            variable: variable.map(|(name, value)| (name.to_owned(), value.to_owned())),
            remark: Some(remark),
            ..self.clone()
        }
    }

    /// The command that runs it as `cargo test` does.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.executable);
        command.args(&self.arguments).current_dir(&self.folder).envs(self.variable.clone());
        command
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.package, self.target)?;
        self.remark.map_or(Ok(()), |remark| write!(f, " {remark}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(package: &str, kind: &str, name: &str, is_of_tests: bool) -> String {
        json!({
            "reason": "compiler-artifact",
            "manifest_path": format!("/project/{package}/Cargo.toml"),
            "target": { "kind": [kind], "name": name },
            "profile": { "test": is_of_tests },
            "executable": format!("/project/target/debug/deps/{name}-1"),
        })
        .to_string()
    }

    #[test]
    fn programs_of_tests_are_found_among_the_messages_of_cargo() {
        let root = Path::new("/project");
        let found = |message: &str| program(message, root);
        let crashes = found(&message("e2e", "test", "crashes", true)).unwrap();
        assert!(crashes.is_of_end_to_end() && crashes.is_end_to_end(&["crashes", "lists"]));
        assert!(!crashes.is_end_to_end(&["lists"]) && !crashes.is_adapters());
        assert_eq!(crashes.to_string(), "e2e/crashes");
        let adapters = found(&message("shared", "test", "adapters", true)).unwrap();
        assert!(adapters.is_adapters() && !adapters.is_of_end_to_end());
        let again = adapters.with(&["batches::"], None, "again");
        assert_eq!(again.to_string(), "shared/adapters again");
        let unit_tests = found(&message("functions/health", "bin", "health", true)).unwrap();
        assert_eq!(unit_tests.to_string(), "functions/health/health");
        assert!(found(&message("functions/health", "bin", "health", false)).is_none());
        assert!(found(r#"{"reason":"build-finished","success":true}"#).is_none());
        assert!(found("no JSON").is_none());
    }
}
