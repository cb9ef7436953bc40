use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use waybill_ops::error::{Context as _, Error, Result};

use super::{Call, Change, End, Line, Observed, Run, Second, Strike, Usage};

/// A history, read from its file.
#[derive(Debug, Clone)]
pub struct History {
    /// The parameters.
    pub run: Run,
    /// The changes of the mode.
    pub changes: Vec<Change>,
    /// The calls, in the order of their outcomes.
    pub calls: Vec<Call>,
    /// The figures of each second.
    pub seconds: Vec<Second>,
    /// What processes used.
    pub usage: Vec<Usage>,
    /// The faults.
    pub faults: Vec<Strike>,
    /// The end; none if the run was killed.
    pub end: Option<End>,
    /// What the service had in the end; none if nobody looked.
    pub observed: Option<Observed>,
    /// What is wrong with the file itself, in words.
    pub damage: Vec<String>,
}

impl History {
    /// Reads the file.
    ///
    /// # Errors
    /// If it can't be read, or its first line is not that of a run.
    pub fn read(path: &Path) -> Result<Self> {
        let failed = || format!("Failed to read {}.", path.display());
        let file = File::open(path).context(failed)?;
        Self::parse(BufReader::new(file)).context(failed)
    }

    /// Reads the lines of a history.
    ///
    /// # Errors
    /// If the lines can't be read, or the first is not that of a run.
    pub fn parse(lines: impl BufRead) -> Result<Self> {
        let mut lines = lines.lines();
        let first = lines.next().transpose().context(|| "The file can't be read.")?;
        let Some(Line::Run(run)) = first.and_then(|line| serde_json::from_str(&line).ok()) else {
            return Err(Error::new("Its first line is not that of a run of `make traffic`."));
        };
        if run.version != Run::VERSION {
            return Err(Error::new(format!(
                "It has version {}, and this program reads version {}.",
                run.version,
                Run::VERSION
            )));
        }
        let mut history = Self::new(run);
        for (line, number) in lines.zip(2_u64..) {
            let line = line.context(|| "The file can't be read.")?;
            match serde_json::from_str(&line) {
                Ok(line) => history.add(line),
                Err(error) => history.damage.push(format!("line {number} is cut: {error}")),
            }
        }
        Ok(history)
    }

    /// A history without lines.
    #[must_use]
    pub fn new(run: Run) -> Self {
        Self {
            run,
            changes: Vec::new(),
            calls: Vec::new(),
            seconds: Vec::new(),
            usage: Vec::new(),
            faults: Vec::new(),
            end: None,
            observed: None,
            damage: Vec::new(),
        }
    }

    fn add(&mut self, line: Line) {
        match line {
            Line::Run(_) => self.damage.push("it has a second first line".to_owned()),
            Line::Mode(change) => self.changes.push(change),
            Line::Call(call) => self.calls.push(call),
            Line::Second(second) => self.seconds.push(second),
            Line::Usage(usage) => self.usage.push(usage),
            Line::Fault(strike) => self.faults.push(strike),
            Line::End(end) => self.end = Some(end),
            Line::Observed(observed) => self.observed = Some(observed),
        }
    }

    /// What is missing from the history itself, in words.
    #[must_use]
    pub fn gaps(&self) -> Vec<String> {
        let mut gaps = self.damage.clone();
        let expected = 0_u64..;
        if let Some((call, number)) =
            self.calls.iter().zip(expected).find(|(call, number)| call.number != *number)
        {
            gaps.push(format!("call {number} is missing: the next one is {}", call.number));
        }
        let calls = u64::try_from(self.calls.len()).unwrap_or(u64::MAX);
        match self.end {
            None => {
                gaps.push("the last line is missing: the run was killed, or its file cut".into());
            }
            Some(end) if end.calls != calls => {
                gaps.push(format!("{calls} of {} calls are in the file", end.calls));
            }
            Some(_) => {}
        }
        gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::sample;

    fn lines(history: &History) -> Vec<String> {
        let line = |line: &Line| serde_json::to_string(line).unwrap();
        let mut lines = vec![line(&Line::Run(history.run.clone()))];
        lines.extend(history.calls.iter().map(|call| line(&Line::Call(call.clone()))));
        lines.push(line(&Line::End(history.end.unwrap())));
        lines.push(line(&Line::Observed(history.observed.clone().unwrap())));
        lines
    }

    fn parse(lines: &[String]) -> Result<History> {
        History::parse(lines.join("\n").as_bytes())
    }

    #[test]
    fn what_was_written_is_read_again() {
        let written = sample::clean();
        let read = parse(&lines(&written)).unwrap();
        assert_eq!((read.run, read.calls), (written.run, written.calls));
        assert_eq!((read.end, read.observed), (written.end, written.observed));
    }

    #[test]
    fn a_history_that_was_cut_anywhere_is_recognized() {
        let whole = lines(&sample::clean());
        assert_eq!(parse(&whole).unwrap().gaps(), Vec::<String>::new());
        let calls = whole.len() - 3;
        for missing in 1..=calls {
            let mut cut = whole.clone();
            cut.remove(missing);
            assert!(!parse(&cut).unwrap().gaps().is_empty(), "line {missing}");
        }
        for kept in 1..whole.len() - 1 {
            assert!(!parse(&whole[..kept]).unwrap().gaps().is_empty(), "{kept} lines");
        }
        let mut half = whole[..3].to_vec();
        half[2].truncate(20);
        assert!(parse(&half).unwrap().gaps()[0].contains("line 3"));
    }

    #[test]
    fn a_file_of_another_kind_is_refused() {
        assert!(parse(&["{}".to_owned()]).is_err());
        assert!(parse(&[]).is_err());
        let mut newer = lines(&sample::clean());
        newer[0] = newer[0].replace("\"version\":1", "\"version\":2");
        assert!(parse(&newer).unwrap_err().to_string().contains("version 2"));
    }
}
