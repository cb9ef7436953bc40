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

    /// The Rust files of a folder of this crate.
    fn files(folder: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files.extend(self::files(&path));
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
        files
    }

    fn folder(room: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room)
    }

    /// The first names of the paths in a file that begin with `prefix`.
    fn names_after(prefix: &str, file: &Path) -> BTreeSet<String> {
        let source = std::fs::read_to_string(file).unwrap();
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
        let errors_and_time = ["error", "BoxError", "Error", "deadline"];
        for (room, known) in [
            ("domain", vec!["domain"]),
            ("app", [&["app", "domain"], &errors_and_time[..]].concat()),
        ] {
            for file in files(&folder(room)) {
                for name in names_after("crate::", &file) {
                    assert!(known.contains(&&*name), "{} uses crate::{name}", file.display());
                }
            }
        }
    }

    #[test]
    fn no_files_of_app_need_each_other() {
        let app = folder("app");
        let mut left = BTreeMap::new();
        for file in files(&app) {
            let stem = file.file_stem().unwrap().to_str().unwrap();
            if file.parent() == Some(&*app) && stem != "mod" {
                let prefixes = ["super::", "crate::app::"];
                let needed: BTreeSet<_> =
                    prefixes.iter().flat_map(|prefix| names_after(prefix, &file)).collect();
                left.insert(stem.to_owned(), needed);
            }
        }
        for (file, needed) in &left {
            for name in needed {
                assert!(left.contains_key(name), "{file}.rs: no file of app is named {name}");
            }
        }
        // Take away what needs nothing that is left, until nothing is left.
        while !left.is_empty() {
            let before = left.len();
            let free = left.clone();
            left.retain(|_, needed| needed.iter().any(|name| free.contains_key(name)));
            assert!(left.len() < before, "these need each other: {left:?}");
        }
    }
}
