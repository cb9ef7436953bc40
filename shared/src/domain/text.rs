//! Names.

/// Parses a name; surrounding white space is removed.
///
/// # Errors
/// A message for the client unless 1 to 200 characters remain, none of them a control character.
pub(super) fn name(text: &str) -> Result<String, String> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
        return Err("must have 1 to 200 characters and no control characters".to_owned());
    }
    Ok(name.to_owned())
}
