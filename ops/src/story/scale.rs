//! The time axis of a story.

/// Shorter than this, times are about proportional; longer ones are compressed.
const UNIT: f64 = 200_000.0;

/// Maps times to columns. A wait of minutes would leave nothing of a request of milliseconds, so the
/// width of the time between two neighboring marks grows with its logarithm.
#[derive(Debug, Clone)]
pub struct Scale {
    /// The marks in nanoseconds, each with its place from 0 to 1.
    marks: Vec<(u64, f64)>,
}

impl Scale {
    /// A scale over these times: all starts and ends.
    #[must_use]
    pub fn new(mut times: Vec<u64>) -> Self {
        times.sort_unstable();
        times.dedup();
        let mut place = 0.0;
        let mut marks: Vec<(u64, f64)> = Vec::with_capacity(times.len());
        for time in times {
            if let Some((before, _)) = marks.last() {
                #[expect(clippy::cast_precision_loss, reason = "columns need no nanoseconds")]
                let passed = (time - before) as f64;
                place += (passed / UNIT).ln_1p();
            }
            marks.push((time, place));
        }
        if place > 0.0 {
            for (_, at) in &mut marks {
                *at /= place;
            }
        }
        Self { marks }
    }

    /// The place of a time, from 0 to 1. A time that is no mark has the place of the mark before it.
    #[must_use]
    pub fn place(&self, time: u64) -> f64 {
        let after = self.marks.partition_point(|(mark, _)| *mark <= time);
        after.checked_sub(1).and_then(|index| self.marks.get(index)).map_or(0.0, |(_, at)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_grow_with_time_and_a_long_wait_leaves_room_for_the_rest() {
        let scale = Scale::new(vec![0, 1_000_000, 2_000_000, 600_000_000_000]);
        let places = [0, 1_000_000, 2_000_000, 600_000_000_000].map(|time| scale.place(time));
        assert!(places.is_sorted(), "{places:?}");
        assert!((places[0], places[3]) == (0.0, 1.0), "{places:?}");
        assert!(places[1] > 0.05, "{places:?}");
    }

    #[test]
    fn no_time_at_all_has_a_place() {
        assert!(Scale::new(Vec::new()).place(5) < f64::EPSILON);
        assert!(Scale::new(vec![5]).place(5) < f64::EPSILON);
    }
}
