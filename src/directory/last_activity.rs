//! The last time at which a person was active. `inactivity` finds it in the activity log.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::words::words;

words! {
    /// What shows that a person was active.
    pub enum ActivitySource {
        /// The person signed in.
        SignIn = "sign_in",
        /// An entry of the activity log says that the person did something.
        ActivityLog = "activity_log",
        /// Intercom measured when the person was last active (`admin_occupancy_state_change`).
        Occupancy = "occupancy",
    }
}

/// The last time at which a person was active.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LastActivity {
    /// The time.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// What shows it.
    pub source: ActivitySource,
}

impl LastActivity {
    /// Returns the newer of two. Of two at the same time, it is the one whose source is named first
    /// in [`ActivitySource`], so that the order does not matter.
    #[must_use]
    pub fn newer(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        let rank = |last: &Self| (last.at, std::cmp::Reverse(last.source));
        one.into_iter().chain(other).max_by_key(rank)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

    fn some_activity() -> impl Strategy<Value = Option<LastActivity>> {
        let source = proptest::sample::select(ActivitySource::ALL.to_vec());
        proptest::option::of((0_i64..5, source).prop_map(|(seconds, source)| LastActivity {
            at: NOW + Duration::seconds(seconds),
            source,
        }))
    }

    proptest! {
        #[test]
        fn the_newest_activity_does_not_depend_on_the_order(
            a in some_activity(), b in some_activity(), c in some_activity(),
        ) {
            let newer = LastActivity::newer;
            prop_assert_eq!(newer(a, b), newer(b, a));
            prop_assert_eq!(newer(newer(a, b), c), newer(a, newer(b, c)));
            prop_assert_eq!(newer(a, a), a);
        }
    }
}
