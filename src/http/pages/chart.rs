//! Small charts, rendered as SVG by the server.

use maud::{Markup, html};
use time::OffsetDateTime;
use time::macros::format_description;

use super::format::number;

/// A count at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    pub at: OffsetDateTime,
    pub value: usize,
}

const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 110.0;
/// The y coordinate of the axis; the labels are below it.
const BASE: f64 = 88.0;
const TOP: f64 = 14.0;

/// Draws a step line: a count over time.
pub fn line(title: &str, points: &[Point]) -> Markup {
    let most = points.iter().map(|point| point.value).max().unwrap_or_default();
    let corners: Vec<String> = points
        .iter()
        .enumerate()
        .flat_map(|(place, point)| {
            // Horizontal until the next point.
            let y = height(point.value, most);
            let from = across(points, point.at);
            let to = points.get(place + 1).map_or(WIDTH, |next| across(points, next.at));
            [format!("{from:.1},{y:.1}"), format!("{to:.1},{y:.1}")]
        })
        .collect();
    frame(title, points, most, &html! { polyline class="line" points=(corners.join(" ")) {} })
}

/// Draws bars: the number of events at each moment.
pub fn bars(title: &str, points: &[Point]) -> Markup {
    let most = points.iter().map(|point| point.value).max().unwrap_or_default();
    let bars = html! {
        @for point in points {
            rect class="bar" x=(format!("{:.1}", across(points, point.at).min(WIDTH - 4.0))) width="4"
                y=(format!("{:.1}", height(point.value, most))) height=(format!("{:.1}", BASE - height(point.value, most))) {}
        }
    };
    frame(title, points, most, &bars)
}

fn frame(title: &str, points: &[Point], most: usize, drawn: &Markup) -> Markup {
    let day = |point: Option<&Point>| {
        let form = format_description!("[year]-[month]-[day]");
        point.and_then(|point| point.at.format(form).ok()).unwrap_or_default()
    };
    let last = points.last().map_or(0, |point| point.value);
    let label = format!(
        "{title}: {} at the most, {} last, from {} to {}",
        number(most),
        number(last),
        day(points.first()),
        day(points.last())
    );
    html! {
        figure {
            figcaption { (title) }
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(label) {
                line class="axis" x1="0" x2=(WIDTH) y1=(BASE) y2=(BASE) {}
                (drawn)
                text x="0" y="10" { (number(most)) }
                text x="0" y=(HEIGHT - 6.0) { (day(points.first())) }
                text x=(WIDTH) y=(HEIGHT - 6.0) text-anchor="end" { (day(points.last())) }
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a chart is as exact as a pixel")]
fn height(value: usize, most: usize) -> f64 {
    BASE - (BASE - TOP) * value as f64 / most.max(1) as f64
}

fn across(points: &[Point], at: OffsetDateTime) -> f64 {
    match (points.first(), points.last()) {
        (Some(first), Some(last)) if last.at > first.at => {
            let place =
                WIDTH * (at - first.at).as_seconds_f64() / (last.at - first.at).as_seconds_f64();
            // A point recorded while the clock was wrong may lie outside.
            place.clamp(0.0, WIDTH)
        }
        _ => 0.0,
    }
}
