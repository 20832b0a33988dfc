//! How far an endpoint was served.
//!
//! There are three sources of events, and each has an order of its own: log entries by their
//! number, changes by their position in the history, and findings by their number.

use crate::activity::Position;
use crate::directory::ChangePosition;

/// A place in one source: after an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the activity feed.
    Activity(Position),
    /// In the log of changes.
    Changes(ChangePosition),
    /// After the finding with this number.
    Findings(i64),
}

/// The places of an endpoint. `None` for a source of which it gets no events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The place in the activity feed.
    pub activity: Option<Position>,
    /// The place in the log of changes.
    pub changes: Option<ChangePosition>,
    /// The number of the last finding.
    pub findings: Option<i64>,
}

impl Places {
    /// Moves the place of one source.
    pub fn advance(&mut self, place: Place) {
        match place {
            Place::Activity(position) => self.activity = Some(position),
            Place::Changes(position) => self.changes = Some(position),
            Place::Findings(number) => self.findings = Some(number),
        }
    }
}

/// From where notifications are sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplayFrom {
    /// From a place of one source. The other sources stay where they are.
    Place(Place),
    /// After everything that is recorded now.
    Now,
}

impl ReplayFrom {
    /// Reads the `cursor` of a log entry or of a change, or `now`. `None` if it is none of them.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if text == "now" {
            return Some(Self::Now);
        }
        if let Some(position @ Position::Recording { .. }) = Position::from_cursor(text) {
            return Some(Self::Place(Place::Activity(position)));
        }
        if let Some(number) = text.strip_prefix('f').and_then(|number| number.parse::<u32>().ok()) {
            return Some(Self::Place(Place::Findings(i64::from(number))));
        }
        ChangePosition::from_cursor(text).map(|position| Self::Place(Place::Changes(position)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_a_place_in_its_source() {
        let position = ChangePosition::end_of(7);
        for (text, expected) in [
            ("now", Some(ReplayFrom::Now)),
            (
                "s12",
                Some(ReplayFrom::Place(Place::Activity(Position::Recording {
                    seq: 12,
                    known_pruned: 0,
                }))),
            ),
            ("f3", Some(ReplayFrom::Place(Place::Findings(3)))),
            (&position.to_cursor(), Some(ReplayFrom::Place(Place::Changes(position.clone())))),
            ("r12-3", None),
            ("", None),
            ("2026-11-27", None),
        ] {
            assert_eq!(ReplayFrom::read(text), expected, "{text}");
        }
    }
}
