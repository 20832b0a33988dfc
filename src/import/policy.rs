//! Whether a plan may be committed without a person looking at it. Pure.

use crate::directory::{Plan, Snapshot};
use crate::limits::REMOVALS_ALWAYS_FINE;

/// What an import may do by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Largest share of the active people that may be removed, in percent. Removals of up to five people
    /// always pass: in a small company one leaver is a large share.
    pub max_removals: u8,
    /// Somebody looked and lets it through.
    pub allow_removals: bool,
}

/// What becomes of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Commit it.
    Commit,
    /// Wait for a person; the sentence says why.
    Hold(String),
}

/// How many there are to be removed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// People who are there.
    pub active: usize,
    /// Teams.
    pub groups: usize,
    /// Memberships.
    pub memberships: usize,
}

impl Totals {
    /// Those of a whole snapshot.
    #[must_use]
    pub fn of(recorded: &Snapshot) -> Self {
        let active = recorded.users.iter().filter(|(user, _)| user.value.active).count();
        Self { active, groups: recorded.groups.len(), memberships: recorded.memberships.len() }
    }
}

impl Policy {
    /// Judges a plan against what it was made from.
    #[must_use]
    pub fn judge(self, recorded: Totals, plan: &Plan) -> Verdict {
        if self.allow_removals {
            return Verdict::Commit;
        }
        let active = recorded.active;
        let counts = plan.counts();
        let removed = counts.users_removed;
        let after = active + counts.users_created + counts.users_restored - removed;
        if after == 0 {
            // A workspace always has the teammate whose token is used.
            return Verdict::Hold("Intercom listed no teammates at all".to_owned());
        }
        if removed > REMOVALS_ALWAYS_FINE && removed * 100 > active * usize::from(self.max_removals) {
            let most = self.max_removals;
            return Verdict::Hold(format!(
                "{removed} of {active} teammates would be removed, more than the {most} % that import.max_removals allows"
            ));
        }
        // An empty list of teams, or one that lost many, takes as much access from what is shown as missing people do.
        let (groups, gone) = (recorded.groups, counts.groups_removed);
        let all_gone = gone > 1 && gone == groups && counts.groups_created == 0;
        if all_gone || gone > REMOVALS_ALWAYS_FINE && gone * 100 > groups * usize::from(self.max_removals) {
            let most = self.max_removals;
            return Verdict::Hold(format!(
                "{gone} of {groups} teams would be removed, more than the {most} % that import.max_removals allows"
            ));
        }
        let (memberships, ended) = (recorded.memberships, counts.memberships_removed);
        if ended > REMOVALS_ALWAYS_FINE && ended == memberships && counts.memberships_created == 0 {
            return Verdict::Hold("Intercom listed no member of any team".to_owned());
        }
        Verdict::Commit
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::directory::{Change, Group, GroupId, Membership, Recorded, Stamps, User, UserId, Volatile};

    fn judge(known: usize, removed: usize, policy: Policy) -> Verdict {
        let stamps = Stamps { created: OffsetDateTime::UNIX_EPOCH, last_modified: OffsetDateTime::UNIX_EPOCH };
        let user = |number: usize| User::new(UserId::new(number.to_string()));
        let users = (0..known).map(|number| (Recorded { value: user(number), stamps }, Volatile::default())).collect();
        let snapshot = Snapshot { generation: 1, users, ..Snapshot::default() };
        let mut plan = Plan::nothing(1);
        plan.users = (0..removed).map(|number| Change::Removed { before: user(number), after: None }).collect();
        policy.judge(Totals::of(&snapshot), &plan)
    }

    const TEN_PERCENT: Policy = Policy { max_removals: 10, allow_removals: false };

    #[test]
    fn a_plan_that_removes_nobody_is_committed() {
        assert_eq!(judge(100, 0, TEN_PERCENT), Verdict::Commit);
    }

    #[test]
    fn more_than_a_tenth_is_held_and_a_tenth_is_not() {
        assert_eq!(judge(100, 10, TEN_PERCENT), Verdict::Commit);
        assert!(matches!(judge(100, 11, TEN_PERCENT), Verdict::Hold(why) if why.starts_with("11 of 100 teammates")));
        assert_eq!(judge(100, 11, Policy { allow_removals: true, ..TEN_PERCENT }), Verdict::Commit);
    }

    #[test]
    fn teams_that_are_gone_are_held_like_people() {
        let stamps = Stamps { created: OffsetDateTime::UNIX_EPOCH, last_modified: OffsetDateTime::UNIX_EPOCH };
        let group = |number: usize| Group {
            id: GroupId::new(number.to_string()),
            name: None,
            distribution_method: None,
            assignment_limit: None,
        };
        let person = (Recorded { value: User::new(UserId::new("1")), stamps }, Volatile::default());
        let judge = |known: usize, removed: usize| {
            let groups = (0..known).map(|number| Recorded { value: group(number), stamps }).collect();
            let snapshot = Snapshot { generation: 1, users: vec![person.clone()], groups, ..Snapshot::default() };
            let mut plan = Plan::nothing(1);
            plan.groups = (0..removed).map(|number| Change::Removed { before: group(number), after: None }).collect();
            TEN_PERCENT.judge(Totals::of(&snapshot), &plan)
        };
        assert_eq!(judge(60, 6), Verdict::Commit);
        assert!(matches!(judge(50, 6), Verdict::Hold(why) if why.starts_with("6 of 50 teams")));
        assert!(matches!(judge(3, 3), Verdict::Hold(_)), "an empty list is not believed");
        assert_eq!(judge(1, 1), Verdict::Commit);
    }

    #[test]
    fn teams_that_all_lost_all_members_at_once_are_held() {
        let totals = Totals { active: 100, groups: 5, memberships: 60 };
        let judge = |ended: usize, began: usize| {
            let membership = |number: usize| Membership {
                group: GroupId::new("9"),
                user: UserId::new(number.to_string()),
                priority: None,
            };
            let mut plan = Plan::nothing(1);
            plan.memberships =
                (0..ended).map(|number| Change::Removed { before: membership(number), after: None }).collect();
            plan.memberships.extend((0..began).map(|number| Change::Created(membership(number + 100))));
            TEN_PERCENT.judge(totals, &plan)
        };
        assert_eq!(judge(0, 0), Verdict::Commit);
        assert_eq!(judge(59, 0), Verdict::Commit, "people change teams");
        assert!(matches!(judge(60, 0), Verdict::Hold(why) if why == "Intercom listed no member of any team"));
        assert_eq!(judge(60, 1), Verdict::Commit);
    }

    #[test]
    fn up_to_five_always_pass_but_never_the_last_one() {
        assert_eq!(judge(6, 5, TEN_PERCENT), Verdict::Commit);
        assert!(matches!(judge(5, 5, TEN_PERCENT), Verdict::Hold(_)));
        assert!(matches!(judge(0, 0, TEN_PERCENT), Verdict::Hold(_)));
    }
}
