//! The last 90 days of the company: who joined and left, which roles, seats and teams changed, and
//! what else the activity log shows. The same seed makes the same story.
//!
//! A story is a list of deeds with their times. [`Story::advance`] does those that are due, so that
//! an import can observe the workspace at any time in between.
//!
//! ```text
//! plot     the list of deeds, and who takes part
//! people   joiners, leavers, roles, seats, sign-ins
//! affairs  teams, settings, apps, exports and deletions
//! ```

mod affairs;
mod people;
mod plot;

use std::collections::VecDeque;

use crate::seed::{Company, DAY};
use crate::workspace::Workspace;
use plot::{Cast, Plot, Scene, Step};

/// A story, with the deeds that have not been done yet.
pub struct Story {
    start: i64,
    /// The deeds to come, by time.
    steps: VecDeque<Step>,
    cast: Cast,
}

impl Story {
    /// How many days the story lasts.
    pub const DAYS: i64 = 90;

    /// Returns the beginning of a story that ends at `now`: midnight UTC, 90 days before.
    #[must_use]
    pub fn start(now: i64) -> i64 {
        now - now.rem_euclid(DAY) - Self::DAYS * DAY
    }

    /// Writes the story of a company that was just generated. It begins at `company.now`.
    #[must_use]
    pub fn new(workspace: &Workspace, company: Company) -> Self {
        let mut plot = Plot::new(workspace, company);
        people::write(&mut plot);
        affairs::write(&mut plot);
        let Plot { start, cast, mut steps, .. } = plot;
        // The sort is stable: deeds of the same minute keep their order.
        steps.sort_by_key(|step| step.at);
        Self { start, steps: steps.into(), cast }
    }

    /// Does everything that is due at `until`, in UNIX seconds.
    pub fn advance(&mut self, workspace: &mut Workspace, until: i64) {
        while let Some(step) = self.steps.pop_front_if(|step| step.at <= until) {
            (step.deed)(&mut Scene {
                workspace: &mut *workspace,
                cast: &mut self.cast,
                at: step.at,
            });
        }
    }

    /// The time so many weeks after the beginning, in UNIX seconds.
    #[must_use]
    pub fn after_weeks(&self, weeks: i64) -> i64 {
        self.start + weeks * 7 * DAY
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::seed::seed;

    const NOW: i64 = 1_790_000_000;

    fn told(admins: u32, teams: u32, number: u64) -> Workspace {
        let company = Company { admins, teams, seed: number, now: Story::start(NOW) };
        let mut workspace = seed(company, "t");
        let mut story = Story::new(&workspace, company);
        story.advance(&mut workspace, NOW);
        assert!(story.steps.is_empty(), "everything has happened by now");
        workspace
    }

    fn summary(workspace: &Workspace) -> Vec<(i64, String, u64, String)> {
        let entry = |entry: &crate::Entry| {
            let metadata = entry.metadata.to_string();
            (entry.created_at, entry.activity_type.clone(), entry.performed_by, metadata)
        };
        workspace.log.iter().map(entry).collect()
    }

    #[test]
    fn the_same_seed_tells_the_same_story() {
        assert_eq!(summary(&told(60, 5, 7)), summary(&told(60, 5, 7)));
        assert_ne!(summary(&told(60, 5, 7)), summary(&told(60, 5, 8)));
    }

    #[test]
    fn joiners_and_leavers_balance_and_nothing_lies_in_the_future() {
        for admins in [12, 30, 250] {
            let workspace = told(admins, 4, 7);
            // One more: the bot.
            assert_eq!(workspace.admins().count(), admins as usize + 1);
            assert!(workspace.log.iter().all(|entry| entry.created_at <= NOW));
        }
        for (admins, teams) in [(1, 0), (2, 1), (5, 0)] {
            assert!(told(admins, teams, 7).admins().count() > admins as usize);
        }
    }

    #[test]
    fn the_log_has_many_types_of_entries() {
        let workspace = told(250, 12, 7);
        let kinds: BTreeSet<&str> =
            workspace.log.iter().map(|entry| entry.activity_type.as_str()).collect();
        assert!(kinds.len() >= 60, "{}: {kinds:?}", kinds.len());
        for kind in ["admin_deletion", "admin_invite_deletion", "seat_revoke", "bulk_export"] {
            assert!(kinds.contains(kind), "{kind}");
        }
        assert!(workspace.invitations().count() >= 2, "one is fresh, one is long expired");
    }
}
