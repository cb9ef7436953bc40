use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use waybill_ops::error::{Context as _, Error, Result};

use super::{Call, End, Line, Outcome, Request};

/// Writes a history.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    file: Mutex<State>,
}

#[derive(Debug)]
struct State {
    out: BufWriter<File>,
    calls: u64,
    failed: Option<std::io::Error>,
}

impl Writer {
    /// Creates the file, readable by its owner only.
    ///
    /// # Errors
    /// If it can't be created.
    pub fn create(path: &Path) -> Result<Self> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let file = File::options().create_new(true).write(true).mode(0o600).open(path);
        let out = BufWriter::new(file.context(|| format!("Failed to write {}.", path.display()))?);
        let state = State { out, calls: 0, failed: None };
        Ok(Self { path: path.to_path_buf(), file: Mutex::new(state) })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a line. A failure is kept for [`flush`](Self::flush).
    pub fn write(&self, line: &Line) {
        self.with(|state| state.write(line));
    }

    /// Writes a call, which gets the next number. `times` are the intended time, the time it was sent
    /// and the time of the outcome.
    pub fn call(&self, times: [u64; 3], request: Request, outcome: Outcome) {
        let [intended_us, sent_us, answered_us] = times;
        self.with(|state| {
            let number = state.calls;
            state.calls += 1;
            let call = Call { number, intended_us, sent_us, answered_us, request, outcome };
            state.write(&Line::Call(call))
        });
    }

    /// The number of calls so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.file.lock().map_or(0, |state| state.calls)
    }

    /// Writes the end of the calls.
    pub fn end(&self, at_us: u64) {
        self.with(|state| {
            let calls = state.calls;
            state.write(&Line::End(End { at_us, calls }))
        });
    }

    /// Writes what is buffered.
    ///
    /// # Errors
    /// If this or an earlier line could not be written.
    pub fn flush(&self) -> Result<()> {
        let failed = || format!("Failed to write {}.", self.path.display());
        let mut state = self.file.lock().map_err(|_| Error::new(failed()))?;
        match state.failed.take() {
            Some(error) => Err(error).context(failed),
            None => state.out.flush().context(failed),
        }
    }

    fn with(&self, act: impl FnOnce(&mut State) -> std::io::Result<()>) {
        let Ok(mut state) = self.file.lock() else { return };
        if let Err(error) = act(&mut state) {
            state.failed.get_or_insert(error);
        }
    }
}

impl State {
    fn write(&mut self, line: &Line) -> std::io::Result<()> {
        serde_json::to_writer(&mut self.out, line)?;
        self.out.write_all(b"\n")
    }
}
