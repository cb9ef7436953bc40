//! Tests that this machine or this database can't run. `make test` counts them, and prints the reasons.

use std::fs::File;
use std::io::Write as _;

/// The variable that names a file, which gets a line for each test that was left out.
pub const LEFT_OUT: &str = "TESTS_LEFT_OUT";

/// The reason of tests that open a page in a browser.
pub const NO_CHROMIUM: &str = "Chromium is not installed (Debian: apt install chromium)";

/// Records that the running test is left out, and why. The test returns after it.
pub fn leave_out(reason: &str) {
    let test = std::thread::current();
    let line = format!("{}: {reason}\n", test.name().unwrap_or("a test"));
    eprint!("Left out: {line}");
    if let Some(path) = crate::variable(LEFT_OUT) {
        let mut file = File::options().create(true).append(true).open(path).unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
}
