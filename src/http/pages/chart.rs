//! Small charts with axes, rendered as SVG by the server.

use maud::{Markup, html};
use time::OffsetDateTime;

use super::format::number;
use super::times::Times;

/// A count at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    pub at: OffsetDateTime,
    pub value: usize,
}

const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 170.0;
/// The x coordinate of the vertical axis; its labels are left of it.
const LEFT: f64 = 52.0;
/// The y coordinate of the horizontal axis; its labels are below it.
const BASE: f64 = 140.0;
const TOP: f64 = 12.0;
/// The number of labels of each axis, at most.
const LABELS: usize = 5;

/// Draws a step line: a count over time. The vertical axis begins near the lowest count.
pub fn line(title: &str, points: &[Point], times: &Times) -> Markup {
    let lowest = points.iter().map(|point| point.value).min().unwrap_or_default();
    let highest = points.iter().map(|point| point.value).max().unwrap_or_default();
    let axis = Axis::new(lowest, highest);
    let corners: Vec<String> = points
        .iter()
        .enumerate()
        .flat_map(|(place, point)| {
            // Horizontal until the next point.
            let y = axis.height(point.value);
            let from = across(points, point.at);
            let to = points.get(place + 1).map_or(WIDTH, |next| across(points, next.at));
            [format!("{from:.1},{y:.1}"), format!("{to:.1},{y:.1}")]
        })
        .collect();
    let drawn = html! { polyline class="line" points=(corners.join(" ")) {} };
    frame(title, points, &axis, times, &drawn)
}

/// Draws bars: the number of events at each moment. The vertical axis begins at zero.
pub fn bars(title: &str, points: &[Point], times: &Times) -> Markup {
    let highest = points.iter().map(|point| point.value).max().unwrap_or_default();
    let axis = Axis::new(0, highest);
    let drawn = html! {
        @for point in points {
            @let y = axis.height(point.value);
            rect class="bar" x=(format!("{:.1}", across(points, point.at).min(WIDTH - 4.0))) width="4"
                y=(format!("{y:.1}")) height=(format!("{:.1}", BASE - y)) {}
        }
    };
    frame(title, points, &axis, times, &drawn)
}

/// The vertical axis: its labelled values, lowest first.
#[derive(Debug, PartialEq, Eq)]
struct Axis {
    labels: Vec<usize>,
}

impl Axis {
    /// An axis in steps of 1, 2 or 5 times a power of ten, which begins and ends at a label.
    fn new(lowest: usize, highest: usize) -> Self {
        let highest = highest.max(lowest + 1);
        let powers = (0..19).map(|power| 10_usize.saturating_pow(power));
        let steps = powers.flat_map(|power| [1, 2, 5].map(|times| power.saturating_mul(times)));
        let fits = |step: &usize| highest.div_ceil(*step) - lowest / step < LABELS;
        let step = steps.into_iter().find(fits).unwrap_or(highest);
        let labels = (lowest / step..=highest.div_ceil(step)).map(|place| place * step);
        Self { labels: labels.collect() }
    }

    #[expect(clippy::cast_precision_loss, reason = "a chart is as exact as a pixel")]
    fn height(&self, value: usize) -> f64 {
        let first = self.labels.first().copied().unwrap_or_default();
        let last = self.labels.last().copied().unwrap_or_default();
        let share = value.saturating_sub(first) as f64 / last.saturating_sub(first).max(1) as f64;
        BASE - (BASE - TOP) * share
    }
}

fn frame(title: &str, points: &[Point], axis: &Axis, times: &Times, drawn: &Markup) -> Markup {
    let day = |point: Option<&Point>| point.map(|point| times.day(point.at)).unwrap_or_default();
    let last = points.last().map_or(0, |point| point.value);
    let highest = points.iter().map(|point| point.value).max().unwrap_or_default();
    let label = format!(
        "{title}: at most {}, last {}, from {} to {}",
        number(highest),
        number(last),
        day(points.first()),
        day(points.last())
    );
    html! {
        figure {
            figcaption { (title) }
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(label) {
                @for value in &axis.labels {
                    @let y = axis.height(*value);
                    line class="grid" x1=(LEFT) x2=(WIDTH) y1=(y) y2=(y) {}
                    text x=(LEFT - 6.0) y=(y + 4.0) text-anchor="end" { (number(*value)) }
                }
                line class="axis" x1=(LEFT) x2=(WIDTH) y1=(BASE) y2=(BASE) {}
                line class="axis" x1=(LEFT) x2=(LEFT) y1=(TOP) y2=(BASE) {}
                (drawn)
                (dates(points, times))
            }
        }
    }
}

/// The labels of the horizontal axis: the first day, the last one, and the one in the middle.
fn dates(points: &[Point], times: &Times) -> Markup {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return html! {} };
    let middle = first.at + (last.at - first.at) / 2;
    let named = [
        (first.at, LEFT, "start"),
        (middle, f64::midpoint(LEFT, WIDTH), "middle"),
        (last.at, WIDTH, "end"),
    ];
    let mut shown: Vec<String> = Vec::new();
    html! {
        @for (at, x, anchor) in named {
            @let day = times.day(at);
            // A period of a day or two has fewer labels.
            @if !shown.contains(&day) {
                line class="axis" x1=(x) x2=(x) y1=(BASE) y2=(BASE + 4.0) {}
                text x=(x) y=(HEIGHT - 10.0) text-anchor=(anchor) { (day) }
                @let () = shown.push(day);
            }
        }
    }
}

fn across(points: &[Point], at: OffsetDateTime) -> f64 {
    match (points.first(), points.last()) {
        (Some(first), Some(last)) if last.at > first.at => {
            let share = (at - first.at).as_seconds_f64() / (last.at - first.at).as_seconds_f64();
            // A point recorded while the clock was wrong may lie outside.
            LEFT + (WIDTH - LEFT) * share.clamp(0.0, 1.0)
        }
        _ => LEFT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_labels_around_the_values() {
        assert_eq!(Axis::new(0, 7).labels, [0, 2, 4, 6, 8]);
        assert_eq!(Axis::new(0, 0).labels, [0, 1]);
        assert_eq!(Axis::new(181, 204).labels, [180, 190, 200, 210]);
        assert_eq!(Axis::new(0, 100_000).labels, [0, 50_000, 100_000]);
        assert_eq!(Axis::new(12_400, 12_500).labels, [12_400, 12_450, 12_500]);
    }
}
