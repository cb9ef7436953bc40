//! The library that the functions of Waybill share.
//!
//! Dependencies point one way: functions know [`app`], `app` knows [`domain`], and `domain` knows
//! nothing. The adapters (`postgres`, `cache`, `queue`, `mail`, `warehouse`) implement the traits of `app`.
//! A function builds them and hands them to a use case.

pub mod app;
pub mod config;
pub mod deadline;
pub mod domain;
pub mod error;
pub mod metrics;
pub mod telemetry;
pub mod trace;

#[cfg(feature = "aws")]
pub mod aws;
pub mod cache;
#[cfg(feature = "eventbridge")]
pub mod events;
#[cfg(feature = "http")]
pub mod http;
pub mod lambda;
#[cfg(feature = "ses")]
pub mod mail;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "sqs")]
pub mod queue;
#[cfg(feature = "warehouse")]
pub mod warehouse;

pub use error::Error;
pub use lambda::start;

/// The cause of an [`Error`]: for the log, never for a client.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::{Path, PathBuf};

    /// The files in a folder and below that have this extension.
    fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files.extend(self::files(&path, extension));
            } else if path.extension().is_some_and(|it| it == extension) {
                files.push(path);
            }
        }
        files
    }

    fn folder(room: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room)
    }

    /// The first names of the paths in `source` that begin with `prefix`.
    fn names_after(prefix: &str, source: &str) -> BTreeSet<String> {
        let paths = source.split(prefix).skip(1).flat_map(|rest| match rest.strip_prefix('{') {
            Some(list) => list.split(';').next().unwrap().split([',', '{', '}']).collect(),
            None => vec![rest],
        });
        let name = |path: &str| {
            let path = path.trim_start();
            let end = path.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(path.len());
            path[..end].to_owned()
        };
        paths.map(name).filter(|name| !name.is_empty()).collect()
    }

    #[test]
    fn domain_knows_nothing_and_app_knows_domain() {
        let everywhere = ["error", "BoxError", "Error", "deadline", "trace"];
        for (room, known) in
            [("domain", vec!["domain"]), ("app", [&["app", "domain"], &everywhere[..]].concat())]
        {
            for file in files(&folder(room), "rs") {
                let source = std::fs::read_to_string(&file).unwrap();
                for name in names_after("crate::", &source) {
                    assert!(known.contains(&&*name), "{} uses crate::{name}", file.display());
                }
            }
        }
    }

    /// The code of a file, without its comments and tests.
    fn code(file: &Path) -> String {
        let source = std::fs::read_to_string(file).unwrap();
        let code = source.split("#[cfg(test)]\nmod tests").next().unwrap();
        let is_comment = |line: &str| line.starts_with("//") || line.starts_with("--");
        code.lines().filter(|line| !is_comment(line.trim_start())).collect()
    }

    /// The modules in a folder, each with the names in this folder that it uses. A module is
    /// `name.rs` with all files in `name/`.
    fn modules(path: &str) -> BTreeMap<String, BTreeSet<String>> {
        let folder = folder(path);
        let from_the_root = format!("crate::{}::", path.replace('/', "::"));
        let mut modules = BTreeMap::<_, BTreeSet<_>>::new();
        for file in files(&folder, "rs") {
            let place = file.strip_prefix(&folder).unwrap().with_extension("");
            let steps: Vec<_> = place.iter().map(|step| step.to_str().unwrap()).collect();
            let (module, below) = steps.split_first().unwrap();
            if *module == "mod" || steps.ends_with(&["tests"]) {
                continue;
            }
            let code = code(&file);
            let used = modules.entry((*module).to_owned()).or_default();
            used.extend(names_after(&from_the_root, &code));
            if matches!(below, [] | ["mod"]) {
                used.extend(names_after("super::", &code));
            }
            used.remove(*module);
        }
        modules
    }

    #[test]
    fn no_modules_need_each_other() {
        let rooms = [
            "app",
            "cache",
            "config",
            "domain",
            "events",
            "http",
            "lambda",
            "postgres",
            "trace",
            "warehouse",
        ];
        let doors = ["http/openapi", "http/read", "http/respond", "http/serve"];
        for folder in [&rooms[..], &doors].concat() {
            let mut left = modules(folder);
            for (module, used) in &left {
                for name in used {
                    assert!(left.contains_key(name), "{folder}/{module}: {name} is not a module");
                }
            }
            // Take away what needs nothing that is left, until nothing is left.
            while !left.is_empty() {
                let before = left.len();
                let free = left.clone();
                left.retain(|_, used| used.iter().any(|name| free.contains_key(name)));
                assert!(left.len() < before, "{folder}: these need each other: {left:?}");
            }
        }
    }

    #[test]
    fn no_statement_takes_an_advisory_lock_or_a_row_lock_other_than_for_update() {
        let refused =
            ["PG_ADVISORY", "PG_TRY_ADVISORY", "FOR NO KEY UPDATE", "FOR SHARE", "FOR KEY SHARE"];
        let sql = files(&folder("../../sql"), "sql");
        assert!(sql.len() > 30, "{sql:?}");
        for file in sql.iter().chain(&files(&folder(""), "rs")) {
            let text = code(file).to_uppercase();
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for lock in refused {
                assert!(!text.contains(lock), "{}: {lock}", file.display());
            }
        }
    }

    #[test]
    fn http_reads_and_responds_without_serving_and_responds_without_reading() {
        let modules = modules("http");
        for (door, unknown) in [("read", &["serve"][..]), ("respond", &["serve", "read"])] {
            for name in unknown {
                assert!(!modules[door].contains(*name), "http/{door} uses http/{name}");
            }
        }
    }
}
