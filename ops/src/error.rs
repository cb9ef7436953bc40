//! The runner's error: a sentence for the person at the terminal.

use std::error::Error as StdError;
use std::fmt;

/// A failure: a sentence that says what is wrong and what to do.
#[derive(Debug)]
pub struct Error {
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The result of everything in the runner that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error without a cause.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// The causes, outermost first, joined by colons.
    #[must_use]
    pub fn causes(&self) -> Option<String> {
        let mut cause = self.source.as_deref().map(|source| source as &dyn StdError);
        let mut texts: Vec<String> = Vec::new();
        while let Some(error) = cause {
            let text = error.to_string().trim_end_matches('.').to_owned();
            // Some errors repeat their source in their own text. Keep it once.
            if texts.last().is_none_or(|previous| !previous.contains(&text)) {
                texts.push(text);
            }
            cause = error.source();
        }
        (!texts.is_empty()).then(|| texts.join(": "))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// Adds a sentence to an error.
pub trait Context<T> {
    /// Puts the sentence before the error. It is only built if there is an error.
    ///
    /// # Errors
    /// The sentence, with the error as its cause.
    fn context<S: Into<String>>(self, message: impl FnOnce() -> S) -> Result<T>;
}

impl<T, E: Into<Box<dyn StdError + Send + Sync>>> Context<T> for std::result::Result<T, E> {
    fn context<S: Into<String>>(self, message: impl FnOnce() -> S) -> Result<T> {
        self.map_err(|source| Error { message: message().into(), source: Some(source.into()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_listed_once_each_and_outermost_first() {
        let inner: Result<()> = Err(Error::new("no such file"));
        let middle = inner.context(|| "cannot read the stamp");
        let outer = middle.context(|| "The tools are not installed").unwrap_err();
        assert_eq!(outer.to_string(), "The tools are not installed");
        assert_eq!(outer.causes().as_deref(), Some("cannot read the stamp: no such file"));
    }
}
