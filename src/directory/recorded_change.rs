//! A recorded change and its position in the history.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::OffsetDateTime;

use super::{Activity, ChangeKind, ChangeNames, Changed, Generation, RunId};
use crate::words::Words;

/// A position in the history: after one change and before the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangePosition {
    /// The generation of that change.
    pub generation: Generation,
    /// The last change before the position. `None` for the end of the generation.
    pub after: Option<(ChangeKind, String)>,
}

impl ChangePosition {
    /// Before the first change.
    pub const START: Self = Self { generation: 0, after: None };

    /// After the last change of a generation.
    #[must_use]
    pub fn end_of(generation: Generation) -> Self {
        Self { generation, after: None }
    }

    /// Encodes the position as a text that stays valid permanently and needs no escapes in a URL.
    #[must_use]
    pub fn to_cursor(&self) -> String {
        let (kind, key) =
            self.after.as_ref().map_or(("", ""), |(kind, key)| (kind.as_str(), key.as_str()));
        URL_SAFE_NO_PAD.encode(format!("{}/{kind}/{key}", self.generation))
    }

    /// Parses a text that [`ChangePosition::to_cursor`] returned.
    #[must_use]
    pub fn from_cursor(cursor: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let mut parts = text.splitn(3, '/');
        let generation = parts.next()?.parse().ok().filter(|generation| *generation >= 0)?;
        let kind = parts.next()?;
        let key = parts.next()?;
        let id = |id: &str| {
            !id.is_empty()
                && id
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        let after = match ChangeKind::from_word(kind) {
            None if kind.is_empty() && key.is_empty() => None,
            None => return None,
            // Intercom's ids of roles may have any visible character.
            Some(ChangeKind::Role) => {
                let is_id = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
                is_id.then(|| Some((ChangeKind::Role, key.to_owned())))?
            }
            Some(kind) => {
                let parts = if kind == ChangeKind::Membership { 2 } else { 1 };
                (key.split(' ').count() == parts && key.split(' ').all(id))
                    .then(|| Some((kind, key.to_owned())))?
            }
        };
        Some(Self { generation, after })
    }
}

/// A change, with its time, its import and its cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedChange {
    /// The position right after the change.
    pub position: ChangePosition,
    /// The generation that recorded it.
    pub generation: Generation,
    /// The import that recorded it.
    pub run: RunId,
    /// When it was recorded.
    pub at: OffsetDateTime,
    /// The values before and after the change.
    pub change: Changed,
    /// The entry of Intercom's activity log that explains the change, if there is one.
    pub cause: Option<Activity>,
    /// The names that the people and the team of the change had then.
    pub names: ChangeNames,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_as_it_was_written_and_nothing_else_reads() {
        let places = [
            ChangePosition::START,
            ChangePosition { generation: 7, after: Some((ChangeKind::User, "4423433".to_owned())) },
            ChangePosition {
                generation: 7,
                after: Some((ChangeKind::Membership, "9 4423433".to_owned())),
            },
            ChangePosition { generation: 7, after: Some((ChangeKind::Role, "a/b'%+".to_owned())) },
        ];
        for place in places {
            assert_eq!(ChangePosition::from_cursor(&place.to_cursor()), Some(place));
        }
        for text in [
            "",
            "7//",
            "-1//",
            "7/user/",
            "7/user/a b",
            "7/membership/9",
            "7/team/9",
            "7/user/a'b",
            "7/role/",
            "7/role/a b",
            "7//9",
        ] {
            assert_eq!(
                ChangePosition::from_cursor(&URL_SAFE_NO_PAD.encode(text)),
                (text == "7//").then_some(ChangePosition { generation: 7, after: None }),
                "{text}"
            );
        }
        assert_eq!(ChangePosition::from_cursor("7//"), None);
    }
}
