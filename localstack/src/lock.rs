//! The lock of a stack's folder: one run has it at a time.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use waybill_ops::error::Error;

/// Why a stack can't be locked.
pub(crate) enum Holder {
    /// The process that holds the lock.
    Process(i32),
    /// The file can't be opened or written.
    Unknown(Error),
}

/// Locks the file until it is closed, and writes this process's id into it.
///
/// # Errors
/// If another process holds the lock, or the file can't be written.
pub(crate) fn lock(path: &Path) -> std::result::Result<File, Holder> {
    let unknown = |error: std::io::Error| {
        Holder::Unknown(Error::new(format!("{}: {error}.", path.display())))
    };
    let mut file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
        .map_err(unknown)?;
    if file.try_lock().is_err() {
        let mut text = String::new();
        let _ = file.read_to_string(&mut text);
        return Err(Holder::Process(text.trim().parse().unwrap_or_default()));
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| write!(file, "{}", std::process::id()))
        .map_err(unknown)?;
    Ok(file)
}
