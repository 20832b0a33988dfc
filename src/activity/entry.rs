//! An entry of the feed.

use std::collections::HashMap;

use time::OffsetDateTime;

use crate::directory::{Activity, UserId};

/// A recorded entry of Intercom's activity log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The place in the feed. It grows in the order of recording.
    pub seq: i64,
    /// When the bridge recorded the entry.
    pub recorded_at: OffsetDateTime,
    /// The entry.
    pub activity: Activity,
}

/// The present address and name of a teammate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonName {
    /// The email address.
    pub email: Option<String>,
    /// The full name.
    pub name: Option<String>,
}

/// The teammates that entries name.
pub type People = HashMap<UserId, PersonName>;
