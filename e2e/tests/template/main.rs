//! Checks `template.yaml` for what linters miss. Needs no stack.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod budget;
mod database;
mod documentation;
mod features;
mod libraries;
mod mail;
mod permissions;
mod queues;
mod routes;
mod secrets;

/// The source code of a function.
fn source(function: &str) -> String {
    let folder = format!("{}/../functions/{function}/src", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_dir(folder)
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect()
}
