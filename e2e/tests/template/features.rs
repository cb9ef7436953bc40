//! What is compiled: once for the local stack and for the tests.

use std::collections::BTreeSet;
use std::process::Command;

/// The crates that cargo compiles with these arguments, with their features.
fn crates(arguments: &[&str]) -> BTreeSet<String> {
    let mut command = Command::new("cargo");
    command.args(["tree", "--locked", "--prefix", "none", "--format", "{p} {f}"]).args(arguments);
    let output = command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
}

#[test]
fn make_test_needs_every_crate_with_the_features_that_make_up_compiled_it_with() {
    let of_make_up = crates(&["--edges", "normal,build"]);
    let of_make_test = crates(&["--workspace", "--edges", "normal,build,dev"]);
    let twice: Vec<_> = of_make_up.difference(&of_make_test).collect();
    assert!(
        twice.is_empty(),
        "cargo compiles these twice; testkit/Cargo.toml turns on features of the tests: {twice:#?}"
    );
}
