//! What people write in one line.

/// Takes a name, without the white space around it.
///
/// # Errors
/// A sentence for the sender, unless 1 to 200 characters are left, none of them a control character.
pub(super) fn name(text: &str) -> Result<String, String> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
        return Err("must have 1 to 200 characters and no control characters".to_owned());
    }
    Ok(name.to_owned())
}
