//! Whether a plan may be committed without a person looking at it. Pure.
//!
//! Of each [kind](LossKind) no more than a share may be lost, counted over a sliding window: what the plan takes, with what
//! imports took before and is not back. So a loss that is spread over many imports is held where it would be held at once.
//! What a person let through is not counted again: the window begins after it.

use std::time::Duration;

use crate::directory::{Amounts, Exceeded, LossKind, Losses, Plan, Snapshot};

/// How much may be lost without a person's leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// In percent; for the kinds that have no share of their own.
    pub max_removals: u8,
    /// Teams.
    pub max_team_removals: Option<u8>,
    /// Memberships.
    pub max_membership_removals: Option<u8>,
    /// People whose role or permissions were taken.
    pub max_role_losses: Option<u8>,
    /// Inbox seats.
    pub max_seat_losses: Option<u8>,
    /// Addresses and names.
    pub max_identifier_losses: Option<u8>,
    /// So many of a kind always pass, and twice as many memberships: in a small company one leaver is a large share.
    pub small_losses: usize,
    /// How long losses add up.
    pub window: Duration,
}

impl Guard {
    /// One share for all kinds, in percent; beyond five, within a day.
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

    /// The share of a kind in percent, and the setting that says so.
    fn share(&self, kind: LossKind) -> (u8, &'static str) {
        let (own, setting) = match kind {
            LossKind::People => (None, "import.max_removals"),
            LossKind::Teams => (self.max_team_removals, "import.max_team_removals"),
            LossKind::Memberships => (self.max_membership_removals, "import.max_membership_removals"),
            LossKind::Roles => (self.max_role_losses, "import.max_role_losses"),
            LossKind::Seats => (self.max_seat_losses, "import.max_seat_losses"),
            LossKind::Emails | LossKind::Names | LossKind::TeamNames => {
                (self.max_identifier_losses, "import.max_identifier_losses")
            }
        };
        own.map_or((self.max_removals, "import.max_removals"), |own| (own, setting))
    }

    /// How many of a kind always pass.
    fn small(&self, kind: LossKind) -> usize {
        if kind == LossKind::Memberships { self.small_losses.saturating_mul(2) } else { self.small_losses }
    }
}

/// What an import may do by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Up to how much.
    pub guard: Guard,
    /// Somebody looked and lets it through.
    pub allow_removals: bool,
}

/// What becomes of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Commit it.
    Commit,
    /// Wait for a person.
    Hold(Held),
}

/// Why a plan waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// In a sentence, or several.
    pub why: String,
    /// What would be lost, and how much of it.
    pub by: Vec<Exceeded>,
    /// Who would lose it.
    pub losses: Losses,
    /// Of whom it cannot be read.
    pub unreadable: Losses,
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
    pub fn count(recorded: &Snapshot) -> Self {
        let active = recorded.users.iter().filter(|(user, _)| user.value.active).count();
        Self { active, groups: recorded.groups.len(), memberships: recorded.memberships.len() }
    }
}

/// What a plan is judged by, beside itself.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// What it takes, with what earlier imports of the window took.
    pub losses: &'a Losses,
    /// How many of each kind there were at the beginning of the window.
    pub then: &'a Amounts,
    /// How many there are now, before the plan.
    pub now: &'a Amounts,
    /// What cannot be read now, beyond what a person let through; by kind.
    pub unreadable: &'a Amounts,
}

impl Policy {
    /// Whether more of a kind is lost than always passes, so that it matters how many there are.
    #[must_use]
    pub fn needs_amounts(self, losses: &Losses, unreadable: &Amounts) -> bool {
        let many = |kind| losses.count(kind) + unreadable.of(kind) > self.guard.small(kind);
        LossKind::ALL.into_iter().any(many)
    }

    /// Judges a plan that was made from so many people, teams and memberships.
    #[must_use]
    pub fn judge(self, totals: Totals, plan: &Plan, evidence: Evidence<'_>) -> Verdict {
        if self.allow_removals {
            return Verdict::Commit;
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
            let of = evidence.then.of(kind).max(there_would_be(kind, totals, evidence.now, earlier));
            let (share, setting) = self.guard.share(kind);
            let small = self.guard.small(kind);
            // With 100 percent there is nothing to hold, even where more went than there ever were at once.
            let too_many = share < 100 && lost > small && lost * 100 > of * usize::from(share);
            let allowed = small.max(of * usize::from(share) / 100);
            let setting_name = setting.to_owned();
            let exceeded = Exceeded { kind, lost, earlier, unreadable, of, allowed, setting: setting_name };
            // An empty list of teams takes as much access from what is shown as missing people do.
            let no_team = kind == LossKind::Teams && all_teams_are_gone(totals, plan);
            if let Some(nothing_left) = nothing_left(kind, totals, plan) {
                found.push((exceeded, nothing_left.to_owned()));
            } else if too_many || no_team {
                let why = sentence(&exceeded, share, self.guard.window);
                found.push((exceeded, why));
            }
        }
        let counts = plan.counts();
        if totals.active + counts.users_created + counts.users_restored == 0 {
            return Verdict::Hold(Held {
                why: NOBODY.to_owned(),
                by: Vec::new(),
                losses: own,
                unreadable: Losses::default(),
            });
        }
        if found.is_empty() {
            return Verdict::Commit;
        }
        let (by, why): (Vec<Exceeded>, Vec<String>) = found.into_iter().unzip();
        Verdict::Hold(Held {
            why: why.join("; "),
            by,
            losses: evidence.losses.clone(),
            unreadable: plan.unreadable.clone(),
        })
    }
}

/// A workspace always has the teammate whose token is used.
const NOBODY: &str = "Intercom listed no teammates at all";

/// How many there would be of a kind if the imports before had taken nothing. Of what can be replaced there are as many as
/// before, and no more than one for each person or team.
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

/// Says so, where nobody and nothing of a kind would be left. That is never believed.
fn nothing_left(kind: LossKind, totals: Totals, plan: &Plan) -> Option<&'static str> {
    let counts = plan.counts();
    match kind {
        LossKind::People => {
            let after = totals.active + counts.users_created + counts.users_restored;
            (after <= counts.users_removed + plan.disputed.users.len()).then_some(NOBODY)
        }
        LossKind::Memberships => {
            let ended = counts.memberships_removed + plan.disputed.memberships.len();
            let all = ended >= totals.memberships && counts.memberships_created == 0;
            (ended > ALL_MEMBERSHIPS && all).then_some("Intercom listed no member of any team")
        }
        _ => None,
    }
}

/// So few memberships may all end at once: a small company dissolves its only team.
const ALL_MEMBERSHIPS: usize = 5;

/// Whether the list of teams is empty that had more than one.
fn all_teams_are_gone(totals: Totals, plan: &Plan) -> bool {
    let counts = plan.counts();
    let gone = counts.groups_removed + plan.disputed.groups.len();
    gone > 1 && gone >= totals.groups && counts.groups_created == 0
}

/// What would be lost, how much of it, and what stands against it.
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
        count => format!(" within {}, {count} of them by the imports before", humantime::format_duration(window)),
    };
    format!("{lost} of {of} {what}{unreadable}{earlier}, more than the {share} % that {setting} allows")
}

#[cfg(test)]
mod tests;
