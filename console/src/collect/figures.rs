//! Figures of each function: the last minute exactly, and ten minutes as a line.

use std::collections::{BTreeMap, VecDeque};

use super::line::{CacheCounts, Entry, Level, Line};

/// The time that the figures are about.
pub(crate) const MINUTE_MS: i64 = 60_000;
/// The width of a point of the line.
pub(crate) const POINT_MS: i64 = 10_000;
/// The points of the line.
pub(crate) const POINTS: usize = 60;
/// The most durations that are kept for each function.
const MOST: usize = 5_000;
/// The most starts that are remembered for each function.
const MOST_STARTED: usize = 100;

/// The figures of all functions.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    functions: BTreeMap<String, Window>,
    cache: VecDeque<(i64, CacheCounts)>,
}

/// The figures of one function.
#[derive(Debug, Default)]
struct Window {
    invocations: VecDeque<i64>,
    answers: VecDeque<Answer>,
    /// When batches and runs ended, and how long they took in milliseconds.
    batches: VecDeque<(i64, f64)>,
    errors: VecDeque<i64>,
    starts: u64,
    /// The newest invocations that began with a start: each may write several lines.
    started: VecDeque<String>,
    /// Invocations by point, by the number of the point since 1970.
    points: BTreeMap<i64, u32>,
}

#[derive(Debug, Clone, Copy)]
struct Answer {
    at_ms: i64,
    status: u16,
    ms: f64,
}

/// What a function did in the last minute.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Summary {
    /// Finished invocations.
    pub(crate) invocations: usize,
    /// Answers with 5xx, or lines of level ERROR where there are no answers.
    pub(crate) errors: usize,
    /// Answers with 4xx.
    pub(crate) refused: usize,
    /// The median duration of an answer, a batch or a run, in milliseconds.
    pub(crate) p50: Option<f64>,
    /// The duration that 99 of 100 did not exceed.
    pub(crate) p99: Option<f64>,
    /// Processes that started, since the console reads the logs.
    pub(crate) starts: u64,
    /// Invocations in each ten seconds of the last ten minutes, oldest first.
    pub(crate) points: Vec<u32>,
}

impl Figures {
    /// Adds an entry of a function's log.
    pub(crate) fn add(&mut self, function: &str, at_ms: i64, entry: &Entry) {
        if let Entry::Cache(counts) = entry {
            self.cache.push_back((at_ms, *counts));
            bound(&mut self.cache);
            return;
        }
        let window = match self.functions.get_mut(function) {
            Some(window) => window,
            None => self.functions.entry(function.to_owned()).or_default(),
        };
        match entry {
            Entry::Report => {
                window.invocations.push_back(at_ms);
                bound(&mut window.invocations);
                *window.points.entry(at_ms.div_euclid(POINT_MS)).or_default() += 1;
            }
            Entry::Line(line) => window.add(line),
            Entry::Spans(spans) => {
                window.batches.extend(spans.batch_ms.map(|ms| (spans.at_ms, ms)));
                bound(&mut window.batches);
            }
            Entry::Cache(_) => {}
        }
    }

    /// Drops what is too old.
    pub(crate) fn forget_old(&mut self, now_ms: i64) {
        let minute = now_ms - MINUTE_MS;
        let first = now_ms.div_euclid(POINT_MS) - i64::try_from(POINTS).unwrap_or_default();
        self.cache.retain(|(at_ms, _)| *at_ms >= minute);
        for window in self.functions.values_mut() {
            window.invocations.retain(|at_ms| *at_ms >= minute);
            window.answers.retain(|answer| answer.at_ms >= minute);
            window.batches.retain(|(at_ms, _)| *at_ms >= minute);
            window.errors.retain(|at_ms| *at_ms >= minute);
            window.points.retain(|point, _| *point > first);
        }
    }

    /// The figures of the minute before `now_ms`, by function.
    pub(crate) fn summaries(&self, now_ms: i64) -> BTreeMap<String, Summary> {
        let summary = |(name, window): (&String, &Window)| (name.clone(), window.summary(now_ms));
        self.functions.iter().map(summary).collect()
    }

    /// The counts of the product cache in the last minute.
    pub(crate) fn cache(&self) -> CacheCounts {
        self.cache.iter().fold(CacheCounts::default(), |sum, (_, it)| CacheCounts {
            memory: sum.memory + it.memory,
            dynamodb: sum.dynamodb + it.dynamodb,
            misses: sum.misses + it.misses,
            errors: sum.errors + it.errors,
        })
    }
}

impl Window {
    fn add(&mut self, line: &Line) {
        if let Some((status, ms)) = line.answer {
            self.answers.push_back(Answer { at_ms: line.at_ms, status, ms });
            bound(&mut self.answers);
        } else if line.level == Level::Error {
            self.errors.push_back(line.at_ms);
            bound(&mut self.errors);
        }
        if let Some(id) = line.request_id.as_ref().filter(|_| line.cold_start)
            && !self.started.contains(id)
        {
            self.starts += 1;
            self.started.push_back(id.clone());
            if self.started.len() > MOST_STARTED {
                self.started.pop_front();
            }
        }
    }

    fn summary(&self, now_ms: i64) -> Summary {
        let answers = self.answers.iter().map(|answer| answer.ms);
        let mut durations: Vec<f64> =
            answers.chain(self.batches.iter().map(|(_, ms)| *ms)).collect();
        durations.sort_by(f64::total_cmp);
        let with = |from: u16, to: u16| {
            self.answers.iter().filter(|it| (from..to).contains(&it.status)).count()
        };
        let last = now_ms.div_euclid(POINT_MS);
        let first = last + 1 - i64::try_from(POINTS).unwrap_or_default();
        Summary {
            invocations: self.invocations.len(),
            errors: if self.answers.is_empty() { self.errors.len() } else { with(500, 600) },
            refused: with(400, 500),
            p50: quantile(&durations, 50),
            p99: quantile(&durations, 99),
            starts: self.starts,
            points: (first..=last)
                .map(|point| self.points.get(&point).copied().unwrap_or_default())
                .collect(),
        }
    }
}

/// Keeps the newest.
fn bound<T>(all: &mut VecDeque<T>) {
    if all.len() > MOST {
        all.pop_front();
    }
}

/// The smallest value that `percent` of the sorted values don't exceed.
fn quantile(sorted: &[f64], percent: usize) -> Option<f64> {
    let place = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(place - 1).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::line::Spans;
    use super::super::line::tests::line;
    use super::*;

    fn answer(status: u16, ms: f64, at_ms: i64, cold_start: bool) -> Entry {
        let request_id = Some(at_ms.to_string());
        Entry::Line(Line {
            answer: Some((status, ms)),
            cold_start,
            request_id,
            ..line("f", "c", at_ms)
        })
    }

    #[test]
    fn the_last_minute_is_counted_and_older_answers_are_forgotten() {
        let mut figures = Figures::default();
        let now = 10 * MINUTE_MS;
        figures.add("f", now - MINUTE_MS - 1, &answer(500, 900.0, now - MINUTE_MS - 1, true));
        for (status, ms) in [(201, 1.0), (201, 3.0), (409, 2.0), (503, 400.0)] {
            figures.add("f", now, &answer(status, ms, now, false));
            figures.add("f", now, &Entry::Report);
        }
        figures.forget_old(now);
        let summary = &figures.summaries(now)["f"];
        assert_eq!((summary.errors, summary.refused, summary.invocations), (1, 1, 4));
        assert_eq!((summary.p50, summary.p99), (Some(2.0), Some(400.0)));
        assert_eq!(summary.starts, 1, "starts are counted from the beginning");
        assert_eq!((summary.points.len(), summary.points.last()), (POINTS, Some(&4)));
    }

    #[test]
    fn a_function_without_answers_counts_its_error_lines() {
        let mut figures = Figures::default();
        let error = Line { level: Level::Error, ..line("fulfill-order", "c", 5) };
        figures.add("fulfill-order", 5, &Entry::Line(error));
        let summary = &figures.summaries(5)["fulfill-order"];
        assert_eq!((summary.errors, summary.p50), (1, None));
        let raw = "{}".into();
        let spans = Spans { correlation_ids: BTreeSet::new(), at_ms: 6, batch_ms: Some(7.0), raw };
        figures.add("fulfill-order", 6, &Entry::Spans(spans));
        assert_eq!(figures.summaries(6)["fulfill-order"].p50, Some(7.0));
    }

    #[test]
    fn a_start_counts_once_however_many_lines_its_invocation_writes() {
        let mut figures = Figures::default();
        for request in ["r1", "r1", "r2", "r1"] {
            let request_id = Some(request.to_owned());
            let line = Line { cold_start: true, request_id, ..line("fulfill-order", "c", 1) };
            figures.add("fulfill-order", 1, &Entry::Line(line));
        }
        assert_eq!(figures.summaries(1)["fulfill-order"].starts, 2);
    }

    #[test]
    fn the_counts_of_the_cache_add_up() {
        let mut figures = Figures::default();
        let counts = CacheCounts { memory: 2, dynamodb: 1, misses: 1, errors: 0 };
        figures.add("get-product", 0, &Entry::Cache(counts));
        figures.add("list-products", MINUTE_MS, &Entry::Cache(counts));
        assert_eq!(figures.cache().memory, 4);
        figures.forget_old(MINUTE_MS + 1);
        assert_eq!(figures.cache(), counts);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut figures = Figures::default();
        for at_ms in 0..20_000 {
            figures.add("f", at_ms, &Entry::Report);
            figures.add("f", at_ms, &answer(200, 1.0, at_ms, false));
        }
        let window = &figures.functions["f"];
        assert_eq!((window.invocations.len(), window.answers.len()), (MOST, MOST));
        assert!(window.points.len() <= POINTS);
    }

    #[test]
    fn quantiles_are_values_that_were_measured() {
        assert_eq!(quantile(&[], 50), None);
        assert_eq!(quantile(&[7.0], 99), Some(7.0));
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!((quantile(&hundred, 50), quantile(&hundred, 99)), (Some(50.0), Some(99.0)));
    }
}
