//! Events in the workspace while it is used, so that there is always something to see. The size of
//! the company stays about the same.

use std::collections::VecDeque;

use crate::configuration::DataUse;
use crate::dice::Dice;
use crate::people::{ADMIN, AGENT, LATER, role};
use crate::seed::{DAY, SIGN_IN};
use crate::webhook::Notification;
use crate::workspace::{Role, Workspace};

/// How many people leave in 24 hours at most. The bridge holds imports that remove too many people,
/// but five may always be removed (`import.small_losses`).
const LEAVERS_A_DAY: usize = 4;

/// The generator of events. Remembers the changes that it will reverse later.
#[derive(Debug)]
pub struct Life {
    dice: Dice,
    turn: u32,
    /// How many invited people have joined. It selects the next one to invite.
    invited: usize,
    /// Those who joined, oldest first.
    joined: VecDeque<u64>,
    /// When people left, in UNIX seconds.
    departures: VecDeque<i64>,
    /// A membership that was added: team and admin.
    membership: Option<(u64, u64)>,
    /// An admin whose seat was taken.
    without_seat: Option<u64>,
    /// An admin with another role for a while, and the role before.
    other_role: Option<(u64, Option<Role>)>,
}

impl Life {
    /// Creates the generator. The same seed makes the same events.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed.rotate_left(29)),
            turn: 0,
            invited: 0,
            joined: VecDeque::new(),
            departures: VecDeque::new(),
            membership: None,
            without_seat: None,
            other_role: None,
        }
    }

    /// Makes one event happen at `now`, in UNIX seconds. Returns the notification that Intercom
    /// sends about it, or `None` for a workspace without people.
    pub fn happen(&mut self, workspace: &mut Workspace, now: i64) -> Option<Notification> {
        let left = |id: &u64| !workspace.admins.contains_key(id);
        self.membership.take_if(|(_, id)| left(id));
        self.without_seat.take_if(|id| left(id));
        self.other_role.take_if(|(id, _)| left(id));
        let people: Vec<u64> = workspace.people().collect();
        let owner = *people.first()?;
        let someone = self.dice.choose(&people[1..]).unwrap_or(owner);
        self.turn += 1;
        let topic = match self.turn % 10 {
            1 => self.move_member(workspace, someone, owner, now),
            2 => self.sign_in(workspace, someone, now),
            3 => self.invite(workspace, owner, now),
            4 => self.change_seat(workspace, someone, owner, now),
            5 => self.join(workspace, someone, now),
            6 => {
                let away = workspace.admins.get(&someone).is_some_and(|admin| admin.away);
                workspace.set_away(someone, !away, now);
                "admin.away_mode_updated"
            }
            7 => self.change_role(workspace, someone, owner, now),
            8 => {
                workspace.sign_out(someone, now);
                "admin.logged_out"
            }
            9 => self.leave(workspace, owner, now),
            _ => {
                let two_factor =
                    workspace.admins.get(&someone).is_some_and(|admin| admin.two_factor);
                if two_factor {
                    workspace.use_data(DataUse::PdfExport, 1, someone, now);
                } else {
                    workspace.set_two_factor(someone, true, now);
                }
                LOG_ENTRY
            }
        };
        Some(Notification::new(workspace, topic, self.turn, now))
    }

    fn sign_in(&mut self, workspace: &mut Workspace, id: u64, now: i64) -> &'static str {
        let method = *self.dice.pick(SIGN_IN);
        workspace.sign_in(id, method, now);
        "admin.logged_in"
    }

    fn invite(&mut self, workspace: &mut Workspace, by: u64, now: i64) -> &'static str {
        let newcomer = &LATER[self.invited % LATER.len()];
        let taken = workspace.admins().any(|(_, admin)| admin.email == newcomer.email());
        if taken || self.joined.len() >= LEAVERS_A_DAY {
            return self.sign_in(workspace, by, now);
        }
        workspace.invite(&newcomer.email(), &newcomer.role(), by, now);
        LOG_ENTRY
    }

    fn join(&mut self, workspace: &mut Workspace, otherwise: u64, now: i64) -> &'static str {
        let newcomer = &LATER[self.invited % LATER.len()];
        match workspace.accept_invitation(newcomer.admin(), now) {
            Some(id) => {
                self.invited += 1;
                self.joined.push_back(id);
                "admin.added_to_workspace"
            }
            None => self.sign_in(workspace, otherwise, now),
        }
    }

    /// Removes the newcomer who joined first.
    fn leave(&mut self, workspace: &mut Workspace, by: u64, now: i64) -> &'static str {
        while self.departures.pop_front_if(|left| *left + DAY <= now).is_some() {}
        if self.departures.len() >= LEAVERS_A_DAY {
            return self.sign_in(workspace, by, now);
        }
        match self.joined.pop_front() {
            Some(id) => {
                self.departures.push_back(now);
                workspace.remove_admin(id, by, now);
                "admin.removed_from_workspace"
            }
            None => self.sign_in(workspace, by, now),
        }
    }

    fn move_member(
        &mut self,
        workspace: &mut Workspace,
        someone: u64,
        by: u64,
        now: i64,
    ) -> &'static str {
        if let Some((team, member)) = self.membership.take() {
            workspace.change_members(team, &[], &[member], by, now);
            return LOG_ENTRY;
        }
        let teams: Vec<u64> = workspace
            .teams()
            .filter(|(_, team)| !team.members.contains_key(&someone))
            .map(|(id, _)| id)
            .collect();
        match self.dice.choose(&teams) {
            Some(team) => {
                self.membership = Some((team, someone));
                workspace.change_members(team, &[someone], &[], by, now);
                LOG_ENTRY
            }
            None => self.sign_in(workspace, someone, now),
        }
    }

    fn change_seat(
        &mut self,
        workspace: &mut Workspace,
        someone: u64,
        by: u64,
        now: i64,
    ) -> &'static str {
        if let Some(id) = self.without_seat.take() {
            workspace.set_seat(id, true, by, now);
        } else if workspace.admins.get(&someone).is_some_and(|admin| admin.has_inbox_seat) {
            self.without_seat = Some(someone);
            workspace.set_seat(someone, false, by, now);
        } else {
            return self.sign_in(workspace, someone, now);
        }
        LOG_ENTRY
    }

    /// Makes a person an admin, or gives the person of the last call the earlier role back.
    fn change_role(
        &mut self,
        workspace: &mut Workspace,
        someone: u64,
        by: u64,
        now: i64,
    ) -> &'static str {
        if let Some((id, before)) = self.other_role.take() {
            let before = before.unwrap_or_else(|| role(AGENT));
            workspace.change_role(id, &before, by, now);
        } else {
            let before = workspace.admins.get(&someone).and_then(|admin| admin.role.clone());
            if before.as_ref() == Some(&role(ADMIN)) || someone == by {
                return self.sign_in(workspace, someone, now);
            }
            self.other_role = Some((someone, before));
            workspace.change_role(someone, &role(ADMIN), by, now);
        }
        LOG_ENTRY
    }
}

const LOG_ENTRY: &str = "admin.activity_log_event.created";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Company, seed};

    #[test]
    fn something_happens_each_time_and_the_company_stays_as_large_as_it_is() {
        for admins in [1, 2, 40] {
            let company = Company { admins, teams: 3, seed: 7, now: 1_790_000_000 };
            let mut workspace = seed(company, "t");
            let mut life = Life::new(7);
            for minute in 0..4_000 {
                let entries = workspace.log.len();
                let now = company.now + 30 * minute;
                assert!(life.happen(&mut workspace, now).is_some());
                assert!(workspace.log.len() > entries, "turn {minute}");
                let people = workspace.admins().count();
                assert!(people <= admins as usize + 1 + LEAVERS_A_DAY);
            }
            let day = |entry: &&crate::Entry| entry.created_at < company.now + DAY;
            let left = |entry: &&crate::Entry| entry.activity_type == "admin_deletion";
            let leavers = workspace.log.iter().filter(day).filter(left).count();
            assert_eq!(leavers, LEAVERS_A_DAY);
        }
    }
}
