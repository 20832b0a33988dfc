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

impl Place {
    /// The events of the source, as log lines name them.
    #[must_use]
    pub fn source(&self) -> &'static str {
        match self {
            Self::Activity(_) => "log entries",
            Self::Changes(_) => "changes",
            Self::Findings(_) => "findings",
        }
    }
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

    /// Whether this is the place of its source.
    #[must_use]
    pub fn has(&self, place: &Place) -> bool {
        match place {
            // The cursor is what is stored.
            Place::Activity(position) => {
                self.activity.map(Position::to_cursor) == Some(position.to_cursor())
            }
            Place::Changes(position) => self.changes.as_ref() == Some(position),
            Place::Findings(number) => self.findings == Some(*number),
        }
    }

    /// The ends of the sources whose place is after the end of the source. Such a place would drop
    /// every event until the numbers get there. `ends` must be read after the places.
    #[must_use]
    pub fn beyond(&self, ends: &Self) -> Vec<Place> {
        let number = |position: Position| match position {
            Position::Recording { seq, known_pruned } => seq.max(known_pruned),
            Position::Recorded { seq, .. } | Position::Occurred { seq, .. } => seq,
        };
        let activity = self.activity.zip(ends.activity);
        let activity = activity.filter(|(place, end)| number(*place) > number(*end));
        let changes = self.changes.as_ref().zip(ends.changes.as_ref());
        let changes = changes.filter(|(place, end)| place.generation > end.generation);
        let findings = self.findings.zip(ends.findings).filter(|(place, end)| place > end);
        let activity = activity.map(|(_, end)| Place::Activity(end));
        let changes = changes.map(|(_, end)| Place::Changes(end.clone()));
        let findings = findings.map(|(_, end)| Place::Findings(end));
        activity.into_iter().chain(changes).chain(findings).collect()
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
    fn a_place_after_the_end_of_its_source_is_found() {
        let places = |seq, known_pruned, generation, finding| Places {
            activity: Some(Position::Recording { seq, known_pruned }),
            changes: Some(ChangePosition::end_of(generation)),
            findings: Some(finding),
        };
        let ends = places(10, 0, 5, 3);
        assert_eq!(places(10, 4, 5, 3).beyond(&ends), []);
        let activity = Place::Activity(Position::Recording { seq: 10, known_pruned: 0 });
        assert_eq!(places(11, 0, 5, 3).beyond(&ends), std::slice::from_ref(&activity));
        assert_eq!(places(1, 11, 5, 3).beyond(&ends), [activity]);
        let changes = Place::Changes(ChangePosition::end_of(5));
        assert_eq!(places(1, 0, 6, 4).beyond(&ends), [changes, Place::Findings(3)]);
        assert_eq!(places(11, 11, 6, 4).beyond(&Places::default()), []);
    }

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
