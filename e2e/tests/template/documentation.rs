//! The documentation against the files of the repository.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every file below `folder` whose name ends with `end`.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, end));
        } else if path.to_str().unwrap().ends_with(end) {
            found.push(path);
        }
    }
    found
}

/// The messages that `source` logs, each with its level, without those of the tests at its end.
fn messages(source: &str) -> Vec<(String, &'static str)> {
    let source = source.split("#[cfg(test)]\nmod tests").next().unwrap();
    let mut found = Vec::new();
    for (level, call) in
        [("INFO", "tracing::info!("), ("WARN", "tracing::warn!("), ("ERROR", "tracing::error!(")]
    {
        found.extend(source.split(call).skip(1).map(|call| (last_text(call), level)));
    }
    found
}

/// The last text of a call that begins with its arguments: fields come first, and may be texts too.
fn last_text(call: &str) -> String {
    let (mut depth, mut in_text, mut last) = (0, false, String::new());
    for character in call.chars() {
        match character {
            '"' => {
                in_text = !in_text;
                if in_text {
                    last.clear();
                }
            }
            _ if in_text => last.push(character),
            '(' => depth += 1,
            ')' if depth == 0 => break,
            ')' => depth -= 1,
            _ => {}
        }
    }
    // A text that goes on in the next line.
    last.split("\\\n").map(str::trim_start).collect()
}

#[test]
fn the_table_of_operations_has_every_warning_and_error_that_is_logged_and_no_other_line() {
    let mut logged = BTreeSet::new();
    for folder in ["shared/src", "functions"] {
        for file in files(&root().join(folder), ".rs") {
            logged.extend(messages(&fs::read_to_string(file).unwrap()));
        }
    }
    let page = include_str!("../../../docs/operations.md");
    let (_, table) = page.split_once("| message | level | do |\n").unwrap();
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    let mut listed = BTreeSet::new();
    for row in rows {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let level = ["INFO", "WARN", "ERROR"].into_iter().find(|level| *level == cells[2]);
        let level = level.unwrap_or_else(|| panic!("no level: {row}"));
        let texts = cells[1].split('`').skip(1).step_by(2);
        listed.extend(texts.map(|message| (message.to_owned(), level)));
    }
    let unlisted = logged.difference(&listed).filter(|(_, level)| *level != "INFO");
    assert_eq!(unlisted.collect::<Vec<_>>(), Vec::<&(String, &str)>::new(), "not in the table");
    let unknown: Vec<_> = listed.difference(&logged).collect();
    assert!(unknown.is_empty(), "not in the code: {unknown:?}");
}

/// All pages of the documentation.
fn pages() -> Vec<PathBuf> {
    let root = root();
    let mut pages = files(&root.join("docs"), ".md");
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"] {
        pages.push(root.join(name));
    }
    pages
}

/// Where a link to `heading` leads, as GitHub and editors have it.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars().filter(|it| it.is_alphanumeric() || "-_".contains(*it)).collect()
}

#[test]
fn every_link_of_the_documentation_leads_to_a_file_and_a_heading() {
    let mut links = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1) {
            let link = link.split(')').next().unwrap();
            if link.contains("://") {
                continue;
            }
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = page.parent().unwrap().join(path);
            let target = if path.is_empty() { page.clone() } else { target };
            let place = format!("{link} in {}", page.display());
            assert!(target.exists(), "{place}: there is no such file");
            if !heading.is_empty() {
                let text = fs::read_to_string(target).unwrap();
                let headings = text.lines().filter(|line| line.starts_with('#'));
                let mut headings = headings.map(|line| anchor(line.trim_start_matches('#').trim()));
                assert!(headings.any(|it| it == heading), "{place}: there is no such heading");
            }
            links += 1;
        }
    }
    assert!(links > 50, "the links are not found");
}

/// The paths in backticks that begin with a folder of the repository, `{a,b}` written out.
fn paths(text: &str) -> Vec<String> {
    let folders = [
        "docs/",
        "e2e/",
        "faults/",
        "functions/",
        "localstack/",
        "ops/",
        "shared/",
        "sql/",
        "testkit/",
        "traffic/",
    ];
    let mut found = Vec::new();
    for word in text.split('`').skip(1).step_by(2) {
        let is_path = folders.iter().any(|folder| word.starts_with(folder));
        if !is_path || word.contains([' ', '<', '*']) {
            continue;
        }
        match word.split_once('{').and_then(|(start, rest)| Some((start, rest.split_once('}')?))) {
            Some((start, (names, end))) => {
                found.extend(names.split(',').map(|name| format!("{start}{name}{end}")));
            }
            None => found.push(word.to_owned()),
        }
    }
    found
}

#[test]
fn every_path_that_the_documentation_names_exists() {
    let root = root();
    let mut count = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        // Without the blocks, whose fences are backticks too.
        let prose: String = text.split("```").step_by(2).collect();
        for path in paths(&prose) {
            assert!(
                root.join(&path).exists(),
                "{path} in {}: there is no such file",
                page.display()
            );
            count += 1;
        }
    }
    assert!(count > 50, "the paths are not found");
}
