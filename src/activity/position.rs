//! Places in the feed of log entries.
//!
//! The feed has three orders: the order of recording, the time of recording, and the time of the
//! event. A cursor names its order, so that it is not used with another one.

use time::OffsetDateTime;

/// The order in which entries are read, with its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// In the order in which the bridge recorded the entries. This is the only order in which a
    /// client that follows the cursors gets every entry: new entries always come last.
    Recording,
    /// The entries recorded in a period, in milliseconds since 1970. The end is excluded.
    Recorded {
        /// The beginning.
        from: i64,
        /// The end.
        to: i64,
    },
    /// The entries whose events happened in a period. The end is excluded.
    Occurred {
        /// The beginning.
        from: Option<OffsetDateTime>,
        /// The end.
        to: Option<OffsetDateTime>,
    },
}

/// A place in the feed: after an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// After the entry with this `seq`.
    Recording {
        /// The number; 0 before the first entry.
        seq: i64,
        /// The client knows that entries up to this `seq` were pruned.
        known_pruned: i64,
    },
    /// Within entries that are ordered by the time of recording.
    Recorded {
        /// Milliseconds since 1970.
        at: i64,
        /// The number.
        seq: i64,
    },
    /// Within entries that are ordered by the time of the event.
    Occurred {
        /// Seconds since 1970. Intercom's times have no fractions.
        at: i64,
        /// The number.
        seq: i64,
    },
}

impl Position {
    /// Before the first entry.
    pub const START: Self = Self::Recording { seq: 0, known_pruned: 0 };

    /// Returns the cursor, which clients send back as `since`.
    #[must_use]
    pub fn to_cursor(self) -> String {
        match self {
            Self::Recording { seq, known_pruned } if known_pruned > seq => {
                format!("s{seq}-{known_pruned}")
            }
            Self::Recording { seq, .. } => format!("s{seq}"),
            Self::Recorded { at, seq } => format!("r{at}-{seq}"),
            Self::Occurred { at, seq } => format!("e{at}-{seq}"),
        }
    }

    /// Parses a cursor.
    #[must_use]
    pub fn from_cursor(text: &str) -> Option<Self> {
        let number = |text: &str| {
            let digits =
                (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse::<i64>().ok()).flatten()
        };
        let (order, rest) = text.split_at_checked(1)?;
        let (first, second) = match rest.split_once('-') {
            Some((first, second)) => (number(first)?, Some(number(second)?)),
            None => (number(rest)?, None),
        };
        match (order, second) {
            ("s", known) => {
                Some(Self::Recording { seq: first, known_pruned: known.unwrap_or_default() })
            }
            ("r", Some(seq)) => Some(Self::Recorded { at: first, seq }),
            ("e", Some(seq)) => Some(Self::Occurred { at: first, seq }),
            _ => None,
        }
    }

    /// Whether the position belongs to this order.
    #[must_use]
    pub fn is_in(self, order: &Order) -> bool {
        matches!(
            (self, order),
            (Self::Recording { .. }, Order::Recording)
                | (Self::Recorded { .. }, Order::Recorded { .. })
                | (Self::Occurred { .. }, Order::Occurred { .. })
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn positions() -> impl Strategy<Value = Position> {
        let number = || 0_i64..1_000_000_000_000;
        prop_oneof![
            (number(), number()).prop_map(|(seq, known)| Position::Recording {
                seq,
                known_pruned: if known > seq { known } else { 0 },
            }),
            (number(), number()).prop_map(|(at, seq)| Position::Recorded { at, seq }),
            (number(), number()).prop_map(|(at, seq)| Position::Occurred { at, seq }),
        ]
    }

    proptest! {
        #[test]
        fn a_cursor_is_read_back_as_its_position(position in positions()) {
            prop_assert_eq!(Position::from_cursor(&position.to_cursor()), Some(position));
        }

        #[test]
        fn no_text_makes_the_parser_fail(text in ".{0,24}") {
            if let Some(position) = Position::from_cursor(&text) {
                let again = position.to_cursor();
                prop_assert_eq!(Position::from_cursor(&again), Some(position));
            }
        }
    }

    #[test]
    fn a_number_or_a_time_is_no_cursor() {
        for text in ["", "s", "904", "2026-01-01", "s-1", "r1", "e1", "x1-2", "s1-", "s+1", "ſ1"] {
            assert_eq!(Position::from_cursor(text), None, "{text}");
        }
    }
}
