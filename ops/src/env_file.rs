//! `stack.env`: the variables of a running stack, for shells, tests and other commands.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::error::{Context as _, Error, Result};

/// Names and values, sorted by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvFile(pub BTreeMap<String, String>);

impl EnvFile {
    /// The value of a variable.
    ///
    /// # Errors
    /// If it is missing.
    pub fn get(&self, name: &str) -> Result<&str> {
        let value = self.0.get(name).map(String::as_str);
        value.ok_or_else(|| {
            Error::new(format!("stack.env has no {name}. `make up` writes the file again."))
        })
    }

    /// Writes the file, readable by its owner only: it holds a password and tokens.
    ///
    /// # Errors
    /// If writing fails.
    pub fn write(&self, path: &Path) -> Result<()> {
        // An existing file keeps its mode when it is opened, so it is set again.
        File::options()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(path)
            .and_then(|file| file.set_permissions(Permissions::from_mode(0o600)).map(|()| file))
            .and_then(|mut file| file.write_all(self.render().as_bytes()))
            .context(|| format!("Failed to write {}.", path.display()))
    }

    /// The variables of the stack of `make up`.
    ///
    /// # Errors
    /// If it is not running.
    pub fn of_make_up(config: &Config) -> Result<Self> {
        Self::read(&path_of_make_up(config))
            .ok_or_else(|| Error::new("No stack is running. `make up` starts one."))
    }

    /// Reads the file; none if it does not exist.
    #[must_use]
    pub fn read(path: &Path) -> Option<Self> {
        fs::read_to_string(path).ok().map(|text| Self::parse(&text))
    }

    /// `export` and single quotes keep each value as it is: `API_URL` contains a `$`.
    fn render(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.0 {
            let _ = writeln!(text, "export {name}='{}'", value.replace('\'', r"'\''"));
        }
        text
    }

    fn parse(text: &str) -> Self {
        let pair = |line: &str| {
            let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
            let value = value.strip_prefix('\'')?.strip_suffix('\'')?;
            Some((name.to_owned(), value.replace(r"'\''", "'")))
        };
        Self(text.lines().filter_map(pair).collect())
    }
}

/// The file of the stack of `make up`.
#[must_use]
pub fn path_of_make_up(config: &Config) -> PathBuf {
    config.local().join("stack.env")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn awkward() -> EnvFile {
        let pairs = [
            ("API_URL", "http://127.0.0.1:4566/_aws/execute-api/abc/$default"),
            ("DATABASE_URL", "postgres://a:it's \"odd\"@127.0.0.1/w?sslmode=disable&x=`y`"),
        ];
        EnvFile(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }

    #[test]
    fn what_is_written_is_read_again() {
        let env = awkward();
        assert_eq!(EnvFile::parse(&env.render()), env);
    }

    #[test]
    fn a_shell_that_sources_it_gets_every_value_untouched() {
        let env = awkward();
        let script = format!("{}printf '%s\\n%s' \"$API_URL\" \"$DATABASE_URL\"", env.render());
        let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let expected: Vec<&str> = env.0.values().map(String::as_str).collect();
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    }
}
