//! Section `activity`: the feed of Intercom's activity log.

use crate::activity::WantedKinds;
use crate::config::rules::{boolean, whole};
use crate::config::setting::section;
use crate::config::values::activity_types;

section! {
    /// Section `activity`: the feed of Intercom's activity log.
    pub struct Activity in "activity" {
        /// The kinds of log entries to read. security: those that matter for security, and those
        /// that this version does not know. all: every entry; some workspaces have very many. A
        /// list of names: these kinds, and those from which the bridge learns about accounts. See
        /// docs/activity.md.
        pub types: WantedKinds = "security", activity_types();

        /// How long log entries are kept, in days after the event. 0: they are kept until
        /// `ledger prune` deletes them. A deleted entry does not come back.
        pub retention_days: u32 = 0u32, whole(0..=36_500);

        /// Whether IP addresses in log entries are recorded. If not, they are removed before an
        /// entry is recorded. Recorded ones stay.
        pub store_ip: bool = true, boolean();
    }
}
