//! Lines of figures over time, as the points of an SVG.

/// The width and the height of a chart in its own units; the page stretches it.
pub(crate) const WIDTH: f64 = 300.0;
/// See [`WIDTH`].
pub(crate) const HEIGHT: f64 = 40.0;

/// A chart of one figure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chart {
    /// What it shows.
    pub(crate) title: &'static str,
    /// The lines: one for each stretch without a gap.
    pub(crate) lines: Vec<String>,
    /// The newest value.
    pub(crate) now: Option<f64>,
    /// The largest value.
    pub(crate) most: f64,
}

impl Chart {
    /// A chart of values at equal distances, of which at most `places` fit; the newest is at the right
    /// edge.
    pub(crate) fn new(title: &'static str, values: &[Option<f64>], places: usize) -> Self {
        let most = values.iter().flatten().copied().fold(0.0, f64::max);
        let first = places.saturating_sub(values.len());
        let mut lines = Vec::new();
        let mut line = Vec::new();
        for (place, value) in values.iter().enumerate() {
            match value {
                Some(value) => line.push(point(first + place, places, *value, most)),
                None => lines.extend(take(&mut line)),
            }
        }
        lines.extend(take(&mut line));
        Self { title, lines, now: values.last().copied().flatten(), most }
    }

    /// What it shows, in words.
    pub(crate) fn words(&self) -> String {
        match self.now {
            Some(now) => {
                format!("{}: now {now:.0}, at most {:.0} in the time shown", self.title, self.most)
            }
            None => format!("{}: not known now", self.title),
        }
    }
}

/// The points of a small line of counts.
pub(crate) fn sparkline(counts: &[u32]) -> String {
    let most = counts.iter().copied().max().unwrap_or_default();
    let points = counts.iter().enumerate();
    let points =
        points.map(|(place, count)| point(place, counts.len(), f64::from(*count), f64::from(most)));
    points.collect::<Vec<_>>().join(" ")
}

#[expect(clippy::cast_precision_loss, reason = "a chart has a few hundred places")]
fn point(place: usize, places: usize, value: f64, most: f64) -> String {
    let x = place as f64 / (places.max(2) - 1) as f64 * WIDTH;
    let share = if most > 0.0 { value / most } else { 0.0 };
    // The line stays within the picture.
    let y = 1.0 + (1.0 - share) * (HEIGHT - 2.0);
    format!("{x:.1},{y:.1}")
}

fn take(points: &mut Vec<String>) -> Option<String> {
    let points = std::mem::take(points);
    (!points.is_empty()).then(|| points.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_breaks_the_line_and_the_newest_value_is_at_the_right_edge() {
        let values = [Some(0.0), Some(4.0), None, Some(2.0)];
        let chart = Chart::new("Queue", &values, 5);
        assert_eq!(chart.lines, ["75.0,39.0 150.0,1.0", "300.0,20.0"]);
        assert_eq!(chart.words(), "Queue: now 2, at most 4 in the time shown");
        let unknown = Chart::new("Queue", &[Some(1.0), None], 5);
        assert_eq!(unknown.words(), "Queue: not known now");
    }

    #[test]
    fn nothing_and_zeros_can_be_drawn() {
        assert_eq!(Chart::new("Queue", &[], 5).lines, Vec::<String>::new());
        assert_eq!(sparkline(&[0, 0]), "0.0,39.0 300.0,39.0");
        assert_eq!(sparkline(&[3]), "0.0,1.0");
        assert_eq!(sparkline(&[]), "");
    }
}
