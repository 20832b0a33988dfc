//! Decides whether a plan may be committed without approval. Pure.
//!
//! Of each [kind](LossKind), no more than a share may be lost within a sliding window. Losses count
//! if the plan takes them, or if an earlier import of the window took them and they were not
//! restored. So a loss that is spread over many imports is held like one that happens at once. The
//! window begins after the last approved import: approved losses are not counted again.

use std::time::Duration;

use crate::directory::{Amounts, Exceeded, LossKind, Losses, Plan, Snapshot};

/// How much an import may take without approval. Shares are in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// The share for people, and for each kind that has no share of its own.
    pub max_removals: u8,
    /// The share of teams.
    pub max_team_removals: Option<u8>,
    /// The share of memberships.
    pub max_membership_removals: Option<u8>,
    /// The share of people whose role or permissions are taken or changed.
    pub max_role_losses: Option<u8>,
    /// The share of inbox seats.
    pub max_seat_losses: Option<u8>,
    /// The share of addresses, of names, and of team names.
    pub max_identifier_losses: Option<u8>,
    /// This many losses of a kind always pass, and twice as many memberships: in a small company
    /// one leaver is a large share.
    pub small_losses: usize,
    /// The length of the window in which losses add up.
    pub window: Duration,
}

impl Guard {
    /// A guard with one share, in percent, for all kinds. Five losses of a kind always pass; the
    /// window is a day.
    #[must_use]
    pub const fn with_share(max_removals: u8) -> Self {
        Self {
            max_removals,
            max_team_removals: None,
            max_membership_removals: None,
            max_role_losses: None,
            max_seat_losses: None,
            max_identifier_losses: None,
            small_losses: 5,
            window: Duration::from_hours(24),
        }
    }

    /// Returns the share of a kind in percent, and the name of the setting that defines it.
    fn share(&self, kind: LossKind) -> (u8, &'static str) {
        let (own, setting) = match kind {
            LossKind::People => (None, "import.max_removals"),
            LossKind::Teams => (self.max_team_removals, "import.max_team_removals"),
            LossKind::Memberships => {
                (self.max_membership_removals, "import.max_membership_removals")
            }
            LossKind::Roles => (self.max_role_losses, "import.max_role_losses"),
            LossKind::Seats => (self.max_seat_losses, "import.max_seat_losses"),
            LossKind::Emails | LossKind::Names | LossKind::TeamNames => {
                (self.max_identifier_losses, "import.max_identifier_losses")
            }
        };
        own.map_or((self.max_removals, "import.max_removals"), |own| (own, setting))
    }

    /// Returns how many losses of a kind always pass.
    fn small(&self, kind: LossKind) -> usize {
        if kind == LossKind::Memberships {
            self.small_losses.saturating_mul(2)
        } else {
            self.small_losses
        }
    }
}

/// The rules by which one plan is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The bounds.
    pub guard: Guard,
    /// Whether a person approved any number of removals.
    pub allow_removals: bool,
}

/// The decision about a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanDecision {
    /// Commit it.
    Commit,
    /// Commit nothing until a person approves.
    Hold(HeldPlan),
}

/// Why a plan is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldPlan {
    /// The reasons, as text for people.
    pub why: String,
    /// The kinds that exceed their bounds.
    pub by: Vec<Exceeded>,
    /// The people, teams and memberships that would lose something.
    pub losses: Losses,
    /// The people and teams of whom a known value is unreadable.
    pub unreadable: Losses,
}

/// The recorded numbers of active people, teams and memberships, before the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// The number of active people.
    pub active: usize,
    /// The number of teams.
    pub groups: usize,
    /// The number of memberships.
    pub memberships: usize,
}

impl Totals {
    /// Counts the items of a snapshot.
    #[must_use]
    pub fn count(recorded: &Snapshot) -> Self {
        let active = recorded.users.iter().filter(|(user, _)| user.value.active).count();
        Self { active, groups: recorded.groups.len(), memberships: recorded.memberships.len() }
    }
}

/// What a policy needs beside the plan.
#[derive(Clone, Copy, Debug)]
pub struct LossEvidence<'a> {
    /// The losses by the plan and by the earlier imports of the window.
    pub losses: &'a Losses,
    /// The amounts at the beginning of the window.
    pub then: &'a Amounts,
    /// The amounts now, before the plan.
    pub now: &'a Amounts,
    /// The numbers of unreadable values of each kind, beyond those that a person approved.
    pub unreadable: &'a Amounts,
}

impl Policy {
    /// Whether `LossEvidence::then` and `LossEvidence::now` are needed. They are not if no kind
    /// exceeds the number of losses that always pass.
    #[must_use]
    pub fn needs_amounts(self, losses: &Losses, unreadable: &Amounts) -> bool {
        let many = |kind| losses.count(kind) + unreadable.of(kind) > self.guard.small(kind);
        LossKind::ALL.into_iter().any(many)
    }

    /// Judges a plan. `totals` are the recorded numbers that it is based on.
    #[must_use]
    pub fn judge(self, totals: Totals, plan: &Plan, evidence: LossEvidence<'_>) -> PlanDecision {
        if self.allow_removals {
            return PlanDecision::Commit;
        }
        let own = Losses::by(plan);
        let mut found: Vec<(Exceeded, String)> = Vec::new();
        for kind in LossKind::ALL {
            let unreadable = evidence.unreadable.of(kind);
            if own.count(kind) + unreadable == 0 {
                continue;
            }
            let lost = evidence.losses.count(kind).max(own.count(kind)) + unreadable;
            let earlier = lost - own.count(kind) - unreadable;
            let of =
                evidence.then.of(kind).max(there_would_be(kind, totals, evidence.now, earlier));
            let (share, setting) = self.guard.share(kind);
            let small = self.guard.small(kind);
            // A share of 100 percent switches the check off, even if more was lost in the window
            // than existed at any one time.
            let too_many = share < 100 && lost > small && lost * 100 > of * usize::from(share);
            let allowed = small.max(of * usize::from(share) / 100);
            let exceeded = Exceeded {
                kind,
                lost,
                earlier,
                unreadable,
                of,
                allowed,
                setting: setting.to_owned(),
            };
            if let Some(nothing_left) = nothing_left(kind, totals, plan) {
                found.push((exceeded, nothing_left.to_owned()));
            } else if too_many {
                let why = sentence(&exceeded, share, self.guard.window);
                found.push((exceeded, why));
            }
        }
        let counts = plan.counts();
        if totals.active + counts.users_created + counts.users_restored == 0 {
            return PlanDecision::Hold(HeldPlan {
                why: NOBODY.to_owned(),
                by: Vec::new(),
                losses: own,
                unreadable: Losses::default(),
            });
        }
        if found.is_empty() {
            return PlanDecision::Commit;
        }
        let (by, why): (Vec<Exceeded>, Vec<String>) = found.into_iter().unzip();
        PlanDecision::Hold(HeldPlan {
            why: why.join("; "),
            by,
            losses: evidence.losses.clone(),
            unreadable: plan.unreadable.clone(),
        })
    }
}

/// The reason for a hold if no teammate is left. A workspace always has at least the teammate whose
/// token is used.
const NOBODY: &str = "Intercom listed no teammates at all";

/// Returns how many of a kind there would be if the earlier imports of the window had taken
/// nothing. For kinds that can be replaced (roles, addresses, names) the sum is capped at one for
/// each person or team.
fn there_would_be(kind: LossKind, totals: Totals, now: &Amounts, earlier: usize) -> usize {
    match kind {
        LossKind::People => totals.active + earlier,
        LossKind::Teams => totals.groups + earlier,
        LossKind::Memberships => totals.memberships + earlier,
        LossKind::Seats => now.of(kind) + earlier,
        LossKind::Roles | LossKind::Emails | LossKind::Names => {
            (now.of(kind) + earlier).min(totals.active).max(now.of(kind))
        }
        LossKind::TeamNames => (now.of(kind) + earlier).min(totals.groups).max(now.of(kind)),
    }
}

/// Returns the reason for a hold if the plan leaves nobody, no team or no membership. The policy
/// never believes that.
fn nothing_left(kind: LossKind, totals: Totals, plan: &Plan) -> Option<&'static str> {
    let counts = plan.counts();
    match kind {
        LossKind::People => {
            let after = totals.active + counts.users_created + counts.users_restored;
            (after <= counts.users_removed + plan.disputed.users.len()).then_some(NOBODY)
        }
        LossKind::Teams => {
            let gone = counts.groups_removed + plan.disputed.groups.len();
            let all = gone >= totals.groups && counts.groups_created == 0;
            // A small company may dissolve its only team.
            (gone > 1 && all).then_some("Intercom listed no teams at all")
        }
        LossKind::Memberships => {
            let ended = counts.memberships_removed + plan.disputed.memberships.len();
            let all = ended >= totals.memberships && counts.memberships_created == 0;
            (ended > ALL_MEMBERSHIPS && all).then_some("Intercom listed no member of any team")
        }
        _ => None,
    }
}

/// Up to this many memberships may all end at once: a small company dissolves its only team.
const ALL_MEMBERSHIPS: usize = 5;

/// Returns the reason for a hold: what would be lost, how much of it, and which setting forbids it.
fn sentence(exceeded: &Exceeded, share: u8, window: Duration) -> String {
    let Exceeded { kind, lost, earlier, unreadable, of, setting, .. } = exceeded;
    let what = match kind {
        LossKind::People => "teammates would be removed",
        LossKind::Teams => "teams would be removed",
        LossKind::Memberships => "memberships would end",
        LossKind::Roles => "teammates with a role or permissions would lose or change them",
        LossKind::Seats => "inbox seats would be lost",
        LossKind::Emails => "addresses of teammates would be lost or changed",
        LossKind::Names => "names of teammates would be lost or changed",
        LossKind::TeamNames => "names of teams would be lost",
    };
    let unreadable = match unreadable {
        0 => String::new(),
        count => format!(" ({count} of them cannot be read in what Intercom sent)"),
    };
    let earlier = match earlier {
        0 => String::new(),
        count => format!(
            " within {}, {count} of them by the imports before",
            humantime::format_duration(window)
        ),
    };
    format!(
        "{lost} of {of} {what}{unreadable}{earlier}, more than the {share} % that {setting} allows"
    )
}

#[cfg(test)]
mod tests;
