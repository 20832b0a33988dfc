//! Turns Intercom's records into the domain. A reading is a [`Draft`] until both sides of every
//! membership are settled.
//!
//! Intercom reports each membership twice, in `team.admin_ids` and in `admin.team_ids`, in two
//! responses taken at two moments. Where the two disagree, the records concerned are read again. A
//! disagreement that remains is a warning, and the team's own list wins. If the lists disagree
//! about more than a share of all memberships, one of the lists is broken rather than late: what
//! only one of them contains is [disputed](Disputed), and stays as recorded.
//!
//! People and teams decide access; everything else explains it. So an unreadable field is unknown
//! for its record only, and an entry without a readable id is skipped. Both cause warnings, which
//! name the record and never a value.

use std::collections::{BTreeMap, BTreeSet};

use super::record::{AdminEntry, Reading, TeamEntry};
use crate::directory::{
    Disputed, Field, Group, GroupId, Membership, Sighting, Unknown, UserId, Warning,
};
use crate::limits;

/// Both lists, read and checked one by one.
#[derive(Debug, Default)]
pub(super) struct Draft {
    admins: BTreeMap<UserId, AdminEntry>,
    teams: BTreeMap<GroupId, TeamEntry>,
    lists_in_part: bool,
    /// The number of entries in the list of admins that are not admins.
    no_people: usize,
    /// The number of entries without a readable id.
    unidentified: usize,
    /// Admins and teams that only the other list names, and for which a single read returned 404.
    gone_admins: BTreeSet<UserId>,
    gone_teams: BTreeSet<GroupId>,
    warnings: Vec<Warning>,
}

/// The admins and teams about which the two lists disagree.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Disagreement {
    pub admins: BTreeSet<UserId>,
    pub teams: BTreeSet<GroupId>,
}

/// The position of a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// The resource, for example `/admins`.
    pub resource: &'a str,
    /// The number of the entry in its list, counted from 1.
    pub at: usize,
}

impl Draft {
    /// Records that a list may be incomplete, and why.
    pub fn list_in_part(&mut self, resource: &str, why: &str) {
        self.lists_in_part = true;
        self.warnings.push(Warning::new(
            "list_incomplete",
            format!("the list {resource} may be incomplete ({why}), so no person, team or membership is removed"),
        ));
    }

    fn unidentified(&mut self, place: Place<'_>) {
        self.lists_in_part = true;
        self.unidentified += 1;
        if self.unidentified > limits::RUN_WARNINGS_OF_A_KIND {
            return;
        }
        self.warnings.push(Warning::new(
            "entry_unidentified",
            format!(
                "entry {} of {} has no readable id; it was skipped, and no person, team or membership is removed",
                place.at, place.resource
            ),
        ));
    }

    /// Adds a warning.
    pub fn warn(&mut self, warning: Warning) {
        self.warnings.push(warning);
    }

    /// Adds an entry of the list of admins.
    pub fn add_admin(&mut self, reading: Reading<AdminEntry>, place: Place<'_>) {
        match reading {
            Reading::Unidentified => self.unidentified(place),
            Reading::NoPerson => self.no_people += 1,
            Reading::Entry(entry) => {
                let id = entry.seen.user.id.clone();
                if let Some(first) = self.admins.get_mut(&id) {
                    let fields = first.merge(*entry);
                    self.listed_twice("admin", id.as_str(), &fields);
                } else {
                    self.admins.insert(id, *entry);
                }
            }
        }
    }

    /// Adds an entry of the list of teams.
    pub fn add_team(&mut self, reading: Reading<TeamEntry>, place: Place<'_>) {
        match reading {
            Reading::Unidentified | Reading::NoPerson => self.unidentified(place),
            Reading::Entry(entry) => {
                let id = entry.group.id.clone();
                if let Some(first) = self.teams.get_mut(&id) {
                    let fields = first.merge(*entry);
                    self.listed_twice("team", id.as_str(), &fields);
                } else {
                    self.teams.insert(id, *entry);
                }
            }
        }
    }

    /// Warns that the list contains a record twice. If the two differ, the last recorded values
    /// stay.
    fn listed_twice(&mut self, what: &str, id: &str, fields: &BTreeSet<Field>) {
        let names: Vec<&str> = fields.iter().map(|field| field.as_str()).collect();
        let detail = if names.is_empty() {
            format!("{what} {id} is in the list twice; it was used once")
        } else {
            format!(
                "{what} {id} is in the list twice, with different {}; it was used once, with the last known values, or else the first ones",
                names.join(", ")
            )
        };
        self.warnings.push(Warning::new("listed_twice", detail));
    }

    /// Returns the admins and teams whose memberships differ between the two lists, or were
    /// unreadable in the team's list.
    pub fn disagreement(&self) -> Disagreement {
        let mut odd = Disagreement::default();
        for (team_id, team) in &self.teams {
            for admin_id in team.members.keys() {
                let agrees =
                    self.admins.get(admin_id).is_some_and(|admin| admin.may_be_in(team_id));
                if !agrees {
                    odd.admins.insert(admin_id.clone());
                    odd.teams.insert(team_id.clone());
                }
            }
            if !team.is_whole() {
                odd.teams.insert(team_id.clone());
            }
        }
        for (admin_id, admin) in &self.admins {
            for team_id in admin.teams.iter().flat_map(BTreeMap::keys) {
                let team = self.teams.get(team_id);
                if !team.is_some_and(|team| team.may_have(admin_id)) {
                    odd.admins.insert(admin_id.clone());
                    odd.teams.insert(team_id.clone());
                }
            }
        }
        odd
    }

    /// Whether the list contains this admin.
    pub fn lists_admin(&self, id: &UserId) -> bool {
        self.admins.contains_key(id)
    }

    /// Whether the list contains this team.
    pub fn lists_team(&self, id: &GroupId) -> bool {
        self.teams.contains_key(id)
    }

    /// Records that Intercom does not know an admin that only teams name.
    pub fn admin_is_gone(&mut self, id: &UserId) {
        self.gone_admins.insert(id.clone());
    }

    /// Records that Intercom does not know a team that only admins name.
    pub fn team_is_gone(&mut self, id: &GroupId) {
        self.gone_teams.insert(id.clone());
    }

    /// Replaces an admin's record by that of a single read, if that has the same id. Fields that
    /// are unreadable in the single read keep the values from the list. Returns whether the record
    /// was replaced.
    pub fn replace_admin(&mut self, id: &UserId, reading: Reading<AdminEntry>) -> bool {
        let Reading::Entry(mut entry) = reading else { return false };
        if entry.seen.user.id != *id {
            return false;
        }
        if let Some(listed) = self.admins.remove(id) {
            entry.fill_from(listed);
        }
        self.admins.insert(id.clone(), *entry);
        true
    }

    /// Replaces a team's record by that of a single read, if that has the same id. Fields that are
    /// unreadable in the single read keep the values from the list. Returns whether the record was
    /// replaced.
    pub fn replace_team(&mut self, id: &GroupId, reading: Reading<TeamEntry>) -> bool {
        let Reading::Entry(mut entry) = reading else { return false };
        if entry.group.id != *id {
            return false;
        }
        if let Some(listed) = self.teams.remove(id) {
            entry.fill_from(listed);
        }
        self.teams.insert(id.clone(), *entry);
        true
    }

    /// Returns the people, teams and memberships of the reading, and what is unknown. Adds a
    /// warning for each disagreement that remains.
    pub fn settle(mut self) -> Settled {
        self.warn_of_what_is_unknown();
        self.warn_of_disagreements();
        let disputed = self.disputes();
        let mut unknown =
            Unknown { lists_in_part: self.lists_in_part, disputed, ..Unknown::default() };
        let mut memberships = Vec::new();
        for (group, team) in &self.teams {
            let mut members = team.members.clone();
            if !team.is_whole() {
                unknown.members.insert(group.clone());
                // The admins' own lists supply some of the members that the team's list lacks.
                for (id, admin) in &self.admins {
                    if let Some(priority) = admin.teams.as_ref().and_then(|teams| teams.get(group))
                    {
                        members.entry(id.clone()).or_insert(*priority);
                    }
                }
            }
            for (user, level) in members {
                let Some(admin) = self.admins.get(&user) else { continue };
                let own_level =
                    admin.teams.as_ref().and_then(|teams| teams.get(group).copied().flatten());
                memberships.push(Membership {
                    group: group.clone(),
                    user,
                    priority: level.or(own_level),
                });
            }
            if !team.unknown.is_empty() {
                unknown.groups.insert(group.clone(), team.unknown.clone());
            }
        }
        for (id, admin) in &self.admins {
            if !admin.unknown.is_empty() {
                unknown.users.insert(id.clone(), admin.unknown.clone());
            }
        }
        Settled {
            users: self.admins.into_values().map(|entry| entry.seen).collect(),
            groups: self.teams.into_values().map(|entry| entry.group).collect(),
            memberships,
            unknown,
            warnings: self.warnings,
        }
    }

    /// Returns what only one of the two lists contains, if the lists disagree about more than a
    /// share of what they contain. Two lists that were read a second apart differ by a few items.
    /// An item for which a single read returned 404 is not disputed.
    fn disputes(&mut self) -> Disputed {
        let mut disputed = Disputed::default();
        let mut named = 0_usize;
        let mut odd = 0_usize;
        for (group, team) in &self.teams {
            for user in team.members.keys().filter(|user| !self.gone_admins.contains(user)) {
                named += 1;
                if !self.admins.contains_key(user) {
                    odd += 1;
                    disputed.users.insert(user.clone());
                    disputed.memberships.insert((group.clone(), user.clone()));
                }
            }
        }
        for (user, admin) in &self.admins {
            for group in admin
                .teams
                .iter()
                .flat_map(BTreeMap::keys)
                .filter(|group| !self.gone_teams.contains(group))
            {
                let team = self.teams.get(group);
                if team.is_some_and(|team| team.members.contains_key(user)) {
                    continue;
                }
                named += 1;
                if team.is_some_and(|team| !team.is_whole()) {
                    continue;
                }
                odd += 1;
                disputed.memberships.insert((group.clone(), user.clone()));
                if team.is_none() {
                    disputed.groups.insert(group.clone());
                }
            }
        }
        if odd <= limits::DISPUTED_FEW || odd * 100 <= named * limits::DISPUTED_SHARE {
            return Disputed::default();
        }
        self.warnings.push(Warning::new(
            "lists_disagree",
            format!(
                "the lists of admins and of teams disagree about {odd} of {named} memberships, so one of them is wrong; \
                 no person, team or membership that one of them names is removed"
            ),
        ));
        disputed
    }

    fn warn_of_what_is_unknown(&mut self) {
        let warnings = &mut self.warnings;
        if self.unidentified > limits::RUN_WARNINGS_OF_A_KIND {
            let more = self.unidentified - limits::RUN_WARNINGS_OF_A_KIND;
            let detail = format!("{more} more entries have no readable id");
            warnings.push(Warning::new("entries_unidentified", detail));
        }
        if self.no_people > 0 {
            let detail = format!(
                "/admins has {} entries that are not of the type admin; they were skipped",
                self.no_people
            );
            warnings.push(Warning::new("no_person", detail));
        }
        let mut unreadable = |what: &str, id: &str, field: Field| {
            let consequence = match field {
                Field::AdminIds => {
                    "no member is removed from the team, and other members are taken from the admins' lists"
                }
                Field::TeamIds => "the admin's teams are taken from the teams' lists",
                _ => "the last known value is kept",
            };
            warnings.push(Warning::new(
                "field_unreadable",
                format!("{what} {id} has no readable `{}`; {consequence}", field.as_str()),
            ));
        };
        for (id, admin) in &self.admins {
            admin.unknown.iter().for_each(|field| unreadable("admin", id.as_str(), *field));
        }
        for (id, team) in &self.teams {
            team.unknown.iter().for_each(|field| unreadable("team", id.as_str(), *field));
        }
        for (id, team) in &self.teams {
            if team.group.name.is_none() && !team.unknown.contains(&Field::Name) {
                warnings.push(Warning::new(
                    "incomplete",
                    format!("team {id} has no name; its id is used instead"),
                ));
            }
        }
    }

    fn warn_of_disagreements(&mut self) {
        let odd = |detail| Warning::new("membership_disagreement", detail);
        for (team_id, team) in &self.teams {
            for admin_id in team.members.keys() {
                match self.admins.get(admin_id) {
                    None => self.warnings.push(Warning::new(
                        "unknown_member",
                        format!("team {team_id} lists admin {admin_id}, who does not exist in Intercom; the membership is ignored"),
                    )),
                    Some(admin) if !admin.may_be_in(team_id) => self.warnings.push(odd(format!(
                        "team {team_id} lists admin {admin_id}, who does not list the team; the admin counts as a member"
                    ))),
                    Some(_) => {}
                }
            }
        }
        for (admin_id, admin) in &self.admins {
            for team_id in admin.teams.iter().flat_map(BTreeMap::keys) {
                let team = self.teams.get(team_id);
                if !team.is_some_and(|team| team.may_have(admin_id)) {
                    self.warnings.push(odd(format!(
                        "admin {admin_id} lists team {team_id}, which does not list the admin; the admin does not count as a member"
                    )));
                }
            }
        }
    }
}

/// The result of a draft.
#[derive(Debug)]
pub(super) struct Settled {
    pub users: Vec<Sighting>,
    pub groups: Vec<Group>,
    pub memberships: Vec<Membership>,
    pub unknown: Unknown,
    pub warnings: Vec<Warning>,
}

#[cfg(test)]
mod tests;
