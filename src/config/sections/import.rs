//! Section `import`.

use std::time::Duration;

use crate::config::rules::{boolean, duration, percent, whole};
use crate::config::setting::section;
use crate::limits::LEASE_MAX;

/// The empty value of the shares that default to that of teammates.
const LIKE_MAX_REMOVALS: &str = ", for the value of import.max_removals";

const DAY: Duration = Duration::from_hours(24);

section! {
    /// Section `import`: when imports run, and what they may remove.
    pub struct Import in "import" {
        /// How often the bridge checks for changes. If nothing has changed, that takes three calls
        /// to Intercom. off: only at the start, for webhooks, for requests after serve.max_age, on
        /// request, and after a failed import.
        pub poll_interval: Option<Duration> = "5m",
            duration(Duration::from_secs(1)..=30 * DAY, "30s, 5m or 12h").or_off();

        /// How often everything is read again. off: only at first, and on request.
        pub full_interval: Option<Duration> = "24h",
            duration(Duration::from_secs(1)..=365 * DAY, "12h or 7d").or_off();

        /// How long another process waits before it takes over from one that hangs or is cut off.
        /// One process at a time imports a workspace. If the database shows that it has died,
        /// another process takes over at once. All bridges on one database should have the same
        /// value.
        pub lease: Duration = "15s", duration(Duration::from_secs(1)..=LEASE_MAX, "15s");

        /// The share of teammates that imports may remove without approval, counted over
        /// loss_window. An import is held if it would exceed both this and small_losses. 100: only
        /// an empty list is held.
        pub max_removals: u8 = 10u8, percent();

        /// The share of teams that may be removed.
        pub max_team_removals: Option<u8> = "", percent().or_empty().note(LIKE_MAX_REMOVALS);

        /// The share of team memberships that may end while the person stays.
        pub max_membership_removals: Option<u8> = "", percent().or_empty().note(LIKE_MAX_REMOVALS);

        /// The share of teammates who may lose or change their role, or lose permissions.
        pub max_role_losses: Option<u8> = "", percent().or_empty().note(LIKE_MAX_REMOVALS);

        /// The share of inbox seats that may be lost.
        pub max_seat_losses: Option<u8> = "", percent().or_empty().note(LIKE_MAX_REMOVALS);

        /// The share of teammates' addresses that may be lost, changed or unreadable. The same
        /// share holds for teammates' names and for teams' names.
        pub max_identifier_losses: Option<u8> = "", percent().or_empty().note(LIKE_MAX_REMOVALS);

        /// The number of losses of each kind that always pass. Of memberships, twice as many pass.
        /// In a small company one leaver is a large share.
        pub small_losses: usize = 5u32, whole(0..=100_000);

        /// The time over which the losses of all imports are added up.
        pub loss_window: Duration = "24h", duration(Duration::from_secs(1)..=365 * DAY, "24h");

        /// How far back a full import reads Intercom's activity log, in days.
        pub activity_lookback_days: u32 = 365u32, whole(0..=3_650);

        /// How long removed teammates stay visible as inactive, in days after the bridge recorded
        /// their removal, so that clients that poll for changes see it. After that they are only
        /// in the ledger.
        pub retention_days: u32 = 30u32, whole(0..=36_500);

        /// When the personal data of removed teammates is erased from the ledger, counted from when
        /// the bridge recorded their removal: address, names, title, picture, sign-ins, and what
        /// identifies them in the activity log, requests and the audit trail. Their ids and the
        /// history of their access stay. off: only `ledger erase` erases. See docs/privacy.md.
        pub erase_removed_after: Option<Duration> = "off",
            duration(Duration::from_secs(1)..=36_500 * DAY, "90d").or_off();

        /// Whether the workspace's bot (Operator, Fin) is a user too.
        pub include_bots: bool = false, boolean();
    }
}
