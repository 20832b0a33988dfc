//! From wire to domain. A reading is a [`Draft`] until both sides of every membership are settled.
//!
//! Intercom tells each membership twice, in `team.admin_ids` and in `admin.team_ids`, in two answers
//! taken at two moments. Where the two disagree, the things concerned are read again; what still
//! disagrees then is a warning, and the team's own list wins.
//!
//! People and teams decide access; everything else explains it. So a member of a record that cannot be read is unknown for
//! that record, and an entry that cannot be identified is skipped; both are warnings that name the record and never a value.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

use super::wire::{self, Object};
use crate::directory::{
    Field, Group, GroupId, Membership, Priority, Role, Sighting, Unknown, User, UserId, Volatile, Warning,
};
use crate::limits::INTERCOM_TEXT_BYTES;

/// Both lists, read and checked one by one.
#[derive(Debug, Default)]
pub(super) struct Draft {
    admins: BTreeMap<UserId, AdminEntry>,
    teams: BTreeMap<GroupId, TeamEntry>,
    lists_in_part: bool,
    /// Entries of the list of admins that are no people.
    no_people: usize,
    warnings: Vec<Warning>,
}

/// An admin, as one record describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AdminEntry {
    seen: Sighting,
    /// The teams that it names; none where it names none that could be read, which is no disagreement.
    teams: Option<BTreeMap<GroupId, Option<Priority>>>,
    unknown: BTreeSet<Field>,
}

/// A team, as one record describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TeamEntry {
    group: Group,
    /// The members that it names, as far as they could be read; see [`TeamEntry::is_whole`].
    members: BTreeMap<UserId, Option<Priority>>,
    unknown: BTreeSet<Field>,
}

impl TeamEntry {
    /// Whether all its members could be read.
    fn is_whole(&self) -> bool {
        !self.unknown.contains(&Field::AdminIds)
    }
}

/// What became of one record.
#[derive(Debug)]
pub(super) enum Reading<T> {
    /// It could be identified.
    Entry(T),
    /// It has no readable id.
    Unidentified,
    /// It is in a list of people, and describes none.
    NoPerson,
}

/// What the two lists disagree about.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Disagreement {
    pub admins: BTreeSet<UserId>,
    pub teams: BTreeSet<GroupId>,
}

/// Where a record was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// The resource, for example `/admins`.
    pub resource: &'a str,
    /// Which entry of its list.
    pub at: usize,
}

impl Draft {
    /// Notes that a list is not provably whole, and why.
    pub fn list_in_part(&mut self, resource: &str, why: &str) {
        self.lists_in_part = true;
        self.warnings.push(Warning::new(
            "list_incomplete",
            format!("{resource} may be a part of the whole list ({why}), so nobody and nothing is taken as removed"),
        ));
    }

    fn unidentified(&mut self, place: Place<'_>) {
        self.lists_in_part = true;
        self.warnings.push(Warning::new(
            "entry_unidentified",
            format!(
                "entry {} of {} has no id that can be read; it was skipped, and nobody and nothing is taken as removed",
                place.at, place.resource
            ),
        ));
    }

    /// Notes something odd.
    pub fn warn(&mut self, warning: Warning) {
        self.warnings.push(warning);
    }

    /// Takes an entry of the list of admins.
    pub fn add_admin(&mut self, raw: &RawValue, lossy: bool, place: Place<'_>) {
        match AdminEntry::of(Object::of(raw, lossy).as_ref()) {
            Reading::Unidentified => self.unidentified(place),
            Reading::NoPerson => self.no_people += 1,
            Reading::Entry(entry) => {
                let id = entry.seen.user.id.clone();
                if let Some(first) = self.admins.get_mut(&id) {
                    let fields = first.merge(entry);
                    self.listed_twice("admin", id.as_str(), &fields);
                } else {
                    self.admins.insert(id, entry);
                }
            }
        }
    }

    /// Takes an entry of the list of teams.
    pub fn add_team(&mut self, raw: &RawValue, lossy: bool, place: Place<'_>) {
        match TeamEntry::of(Object::of(raw, lossy).as_ref()) {
            Reading::Unidentified | Reading::NoPerson => self.unidentified(place),
            Reading::Entry(entry) => {
                let id = entry.group.id.clone();
                if let Some(first) = self.teams.get_mut(&id) {
                    let fields = first.merge(entry);
                    self.listed_twice("team", id.as_str(), &fields);
                } else {
                    self.teams.insert(id, entry);
                }
            }
        }
    }

    /// The same record twice is harmless; where the two differ, what was known before stays.
    fn listed_twice(&mut self, what: &str, id: &str, fields: &BTreeSet<Field>) {
        let names: Vec<&str> = fields.iter().map(|field| field.as_str()).collect();
        let detail = if names.is_empty() {
            format!("{what} {id} stands in the list twice; it was taken once")
        } else {
            format!(
                "{what} {id} stands in the list twice, with different {}; it was taken once, with the last known values or else the first ones",
                names.join(", ")
            )
        };
        self.warnings.push(Warning::new("listed_twice", detail));
    }

    /// Where the two sides of a membership are not the same, or where one could not be read.
    pub fn disagreement(&self) -> Disagreement {
        let mut odd = Disagreement::default();
        for (team_id, team) in &self.teams {
            for admin_id in team.members.keys() {
                let agrees = self.admins.get(admin_id).is_some_and(|admin| admin.may_be_in(team_id));
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
                if !team.is_some_and(|team| team.members.contains_key(admin_id) || !team.is_whole()) {
                    odd.admins.insert(admin_id.clone());
                    odd.teams.insert(team_id.clone());
                }
            }
        }
        odd
    }

    /// Whether the list names this admin.
    pub fn lists_admin(&self, id: &UserId) -> bool {
        self.admins.contains_key(id)
    }

    /// Whether the list names this team.
    pub fn lists_team(&self, id: &GroupId) -> bool {
        self.teams.contains_key(id)
    }

    /// Takes what a single read said of an admin, if it is that admin. What the list could tell and the single read could
    /// not stays.
    pub fn replace_admin(&mut self, id: &UserId, reading: Reading<AdminEntry>) -> bool {
        let Reading::Entry(mut entry) = reading else { return false };
        if entry.seen.user.id != *id {
            return false;
        }
        if let Some(listed) = self.admins.remove(id) {
            entry.fill_from(listed);
        }
        self.admins.insert(id.clone(), entry);
        true
    }

    /// Takes what a single read said of a team, if it is that team. What the list could tell and the single read could not
    /// stays.
    pub fn replace_team(&mut self, id: &GroupId, reading: Reading<TeamEntry>) -> bool {
        let Reading::Entry(mut entry) = reading else { return false };
        if entry.group.id != *id {
            return false;
        }
        if let Some(listed) = self.teams.remove(id) {
            entry.fill_from(listed);
        }
        self.teams.insert(id.clone(), entry);
        true
    }

    /// The people, teams and memberships of the reading, and what is not known of them. Whatever still disagrees is warned
    /// of.
    pub fn settle(mut self) -> Settled {
        self.warn_of_what_is_unknown();
        self.warn_of_disagreements();
        let mut unknown = Unknown { lists_in_part: self.lists_in_part, ..Unknown::default() };
        let mut memberships = Vec::new();
        for (group, team) in &self.teams {
            let mut members = team.members.clone();
            if !team.is_whole() {
                unknown.members.insert(group.clone());
                // The other side tells some of what this one does not.
                for (id, admin) in &self.admins {
                    if let Some(priority) = admin.teams.as_ref().and_then(|teams| teams.get(group)) {
                        members.entry(id.clone()).or_insert(*priority);
                    }
                }
            }
            for (user, level) in members {
                let Some(admin) = self.admins.get(&user) else { continue };
                let told = admin.teams.as_ref().and_then(|teams| teams.get(group).copied().flatten());
                memberships.push(Membership { group: group.clone(), user, priority: level.or(told) });
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

    fn warn_of_what_is_unknown(&mut self) {
        let warnings = &mut self.warnings;
        if self.no_people > 0 {
            let detail =
                format!("/admins has {} entries of another type than admin; they are no people", self.no_people);
            warnings.push(Warning::new("no_person", detail));
        }
        let mut unreadable = |what: &str, id: &str, field: Field| {
            let consequence = match field {
                Field::AdminIds => {
                    "nobody is taken out of the team, and its other members come from the admins' own lists"
                }
                Field::TeamIds => "the teams' own lists tell where the admin is",
                _ => "the last known value stays",
            };
            warnings.push(Warning::new(
                "field_unreadable",
                format!("{what} {id} has no `{}` that can be read; {consequence}", field.as_str()),
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
                warnings.push(Warning::new("incomplete", format!("team {id} has no name; its id stands in for it")));
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
                        format!("team {team_id} lists admin {admin_id}, whom Intercom does not know; left out"),
                    )),
                    Some(admin) if !admin.may_be_in(team_id) => self.warnings.push(odd(format!(
                        "team {team_id} lists admin {admin_id}, who does not list the team; taken as a member"
                    ))),
                    Some(_) => {}
                }
            }
        }
        for (admin_id, admin) in &self.admins {
            for team_id in admin.teams.iter().flat_map(BTreeMap::keys) {
                let team = self.teams.get(team_id);
                if !team.is_some_and(|team| team.members.contains_key(admin_id) || !team.is_whole()) {
                    self.warnings.push(odd(format!(
                        "admin {admin_id} lists team {team_id}, which does not list the admin; not taken as a member"
                    )));
                }
            }
        }
    }
}

/// What a draft comes to.
#[derive(Debug)]
pub(super) struct Settled {
    pub users: Vec<Sighting>,
    pub groups: Vec<Group>,
    pub memberships: Vec<Membership>,
    pub unknown: Unknown,
    pub warnings: Vec<Warning>,
}

impl AdminEntry {
    /// Reads a record of an admin.
    pub fn of(object: Option<&Object<'_>>) -> Reading<Self> {
        let Some(object) = object else { return Reading::Unidentified };
        // Absent means admin: older API versions leave it out.
        if object.text("type", 64).value().is_some_and(|kind| !kind.eq_ignore_ascii_case("admin")) {
            return Reading::NoPerson;
        }
        let Some(id) = object.id("id").value() else { return Reading::Unidentified };
        let mut record = Record { object, unknown: BTreeSet::new() };
        let mut user = User::new(UserId::new(id));
        user.email = record.text(Field::Email);
        if user.email.is_none() {
            // Nobody is in a workspace without an address.
            record.unknown.insert(Field::Email);
        }
        user.name = record.take(Field::Name, |object, name| object.text(name, INTERCOM_TEXT_BYTES).not_null());
        user.job_title = record.text(Field::JobTitle).map(Into::into);
        user.has_inbox_seat = record.flag(Field::HasInboxSeat);
        user.role = record.role().map(Into::into);
        let volatile = Volatile {
            away_mode_enabled: record.flag(Field::AwayModeEnabled),
            away_mode_reassign: record.flag(Field::AwayModeReassign),
            away_status_reason_id: record.take(Field::AwayStatusReasonId, Object::integer),
            avatar_url: record.avatar(),
            last_sign_in_at: None,
            last_sign_in_method: None,
        };
        let levels = record.levels(Field::TeamPriorityLevel, "primary_team_ids", "secondary_team_ids");
        let teams = record.ids(Field::TeamIds).map(|ids| with_priority(ids, levels, GroupId::new));
        let teams = teams.filter(|_| !record.unknown.contains(&Field::TeamIds));
        Reading::Entry(Self { seen: Sighting { user, volatile }, teams, unknown: record.unknown })
    }

    /// Whether its own list names the team, or could not be read.
    fn may_be_in(&self, team: &GroupId) -> bool {
        self.teams.as_ref().is_none_or(|teams| teams.contains_key(team))
    }

    /// Takes a second record of the same admin. The fields in which the two differ.
    fn merge(&mut self, other: Self) -> BTreeSet<Field> {
        let mut merge = Merge { first: &mut self.unknown, second: &other.unknown, differing: BTreeSet::new() };
        let (user, volatile) = (&mut self.seen.user, &mut self.seen.volatile);
        let Sighting { user: user2, volatile: volatile2 } = other.seen;
        merge.field(Field::Email, &mut user.email, user2.email);
        merge.field(Field::Name, &mut user.name, user2.name);
        merge.field(Field::JobTitle, &mut user.job_title, user2.job_title);
        merge.field(Field::HasInboxSeat, &mut user.has_inbox_seat, user2.has_inbox_seat);
        merge.field(Field::Role, &mut user.role, user2.role);
        merge.field(Field::AwayModeEnabled, &mut volatile.away_mode_enabled, volatile2.away_mode_enabled);
        merge.field(Field::AwayModeReassign, &mut volatile.away_mode_reassign, volatile2.away_mode_reassign);
        merge.field(Field::AwayStatusReasonId, &mut volatile.away_status_reason_id, volatile2.away_status_reason_id);
        merge.field(Field::Avatar, &mut volatile.avatar_url, volatile2.avatar_url);
        let differing = merge.differing;
        if self.teams != other.teams {
            // Which of the two is true only the teams' own lists tell.
            self.teams = None;
        }
        differing
    }

    /// Takes from another record of the same admin what this one could not tell.
    fn fill_from(&mut self, other: Self) {
        let (user, volatile) = (&mut self.seen.user, &mut self.seen.volatile);
        let Sighting { user: user2, volatile: volatile2 } = other.seen;
        let mut fill = Fill { unknown: &mut self.unknown, known_by_other: &other.unknown };
        fill.field(Field::Email, &mut user.email, user2.email);
        fill.field(Field::Name, &mut user.name, user2.name);
        fill.field(Field::JobTitle, &mut user.job_title, user2.job_title);
        fill.field(Field::HasInboxSeat, &mut user.has_inbox_seat, user2.has_inbox_seat);
        fill.field(Field::Role, &mut user.role, user2.role);
        fill.field(Field::AwayModeEnabled, &mut volatile.away_mode_enabled, volatile2.away_mode_enabled);
        fill.field(Field::AwayModeReassign, &mut volatile.away_mode_reassign, volatile2.away_mode_reassign);
        fill.field(Field::AwayStatusReasonId, &mut volatile.away_status_reason_id, volatile2.away_status_reason_id);
        fill.field(Field::Avatar, &mut volatile.avatar_url, volatile2.avatar_url);
        fill.field(Field::TeamIds, &mut self.teams, other.teams);
    }
}

impl TeamEntry {
    /// Reads a record of a team.
    pub fn of(object: Option<&Object<'_>>) -> Reading<Self> {
        let Some(object) = object else { return Reading::Unidentified };
        let Some(id) = object.id("id").value() else { return Reading::Unidentified };
        let mut record = Record { object, unknown: BTreeSet::new() };
        let group = Group {
            id: GroupId::new(id),
            name: record.take(Field::Name, |object, name| object.text(name, INTERCOM_TEXT_BYTES).not_null()),
            distribution_method: record.text(Field::DistributionMethod),
            assignment_limit: record.take(Field::AssignmentLimit, Object::integer),
        };
        let members = record.ids(Field::AdminIds);
        if members.is_none() {
            // A team without its list of members would look like a team that everybody left.
            record.unknown.insert(Field::AdminIds);
        }
        let levels = record.levels(Field::AdminPriorityLevel, "primary_admin_ids", "secondary_admin_ids");
        let members = with_priority(members.unwrap_or_default(), levels, UserId::new);
        Reading::Entry(Self { group, members, unknown: record.unknown })
    }

    /// Takes a second record of the same team. The fields in which the two differ.
    fn merge(&mut self, other: Self) -> BTreeSet<Field> {
        let mut merge = Merge { first: &mut self.unknown, second: &other.unknown, differing: BTreeSet::new() };
        let (group, group2) = (&mut self.group, other.group);
        merge.field(Field::Name, &mut group.name, group2.name);
        merge.field(Field::DistributionMethod, &mut group.distribution_method, group2.distribution_method);
        merge.field(Field::AssignmentLimit, &mut group.assignment_limit, group2.assignment_limit);
        let mut differing = merge.differing;
        let second_is_whole = !other.unknown.contains(&Field::AdminIds);
        if !self.is_whole() && second_is_whole {
            self.members = other.members;
            self.unknown.remove(&Field::AdminIds);
        } else if second_is_whole && !self.members.keys().eq(other.members.keys()) {
            // Members are those whom both records name; of the others the single read or their own lists tell.
            self.members.retain(|id, _| other.members.contains_key(id));
            self.unknown.insert(Field::AdminIds);
            differing.insert(Field::AdminIds);
        }
        differing
    }

    /// Takes from another record of the same team what this one could not tell.
    fn fill_from(&mut self, other: Self) {
        let whole = self.is_whole();
        let (group, group2) = (&mut self.group, other.group);
        let mut fill = Fill { unknown: &mut self.unknown, known_by_other: &other.unknown };
        fill.field(Field::Name, &mut group.name, group2.name);
        fill.field(Field::DistributionMethod, &mut group.distribution_method, group2.distribution_method);
        fill.field(Field::AssignmentLimit, &mut group.assignment_limit, group2.assignment_limit);
        if !whole {
            let known = !other.unknown.contains(&Field::AdminIds);
            self.members.extend(other.members);
            if known {
                self.unknown.remove(&Field::AdminIds);
            }
        }
    }
}

/// Joins two records of the same thing.
struct Merge<'a> {
    first: &'a mut BTreeSet<Field>,
    second: &'a BTreeSet<Field>,
    differing: BTreeSet<Field>,
}

impl Merge<'_> {
    fn field<T: PartialEq>(&mut self, field: Field, first: &mut T, second: T) {
        match (self.first.contains(&field), self.second.contains(&field)) {
            (_, true) => {}
            (true, false) => {
                *first = second;
                self.first.remove(&field);
            }
            (false, false) if *first != second => {
                self.first.insert(field);
                self.differing.insert(field);
            }
            (false, false) => {}
        }
    }
}

/// Completes a record by another one of the same thing.
struct Fill<'a> {
    unknown: &'a mut BTreeSet<Field>,
    known_by_other: &'a BTreeSet<Field>,
}

impl Fill<'_> {
    fn field<T>(&mut self, field: Field, value: &mut T, other: T) {
        if self.unknown.contains(&field) && !self.known_by_other.contains(&field) {
            *value = other;
            self.unknown.remove(&field);
        }
    }
}

/// Reads the members of a record, and keeps which could not be read.
struct Record<'a> {
    object: &'a Object<'a>,
    unknown: BTreeSet<Field>,
}

impl<'a> Record<'a> {
    fn take<T>(&mut self, field: Field, read: impl FnOnce(&Object<'a>, &str) -> wire::Field<T>) -> Option<T> {
        let value = read(self.object, field.as_str());
        if value.is_unreadable() {
            self.unknown.insert(field);
        }
        value.value()
    }

    fn text(&mut self, field: Field) -> Option<String> {
        self.take(field, |object, name| object.text(name, INTERCOM_TEXT_BYTES))
    }

    fn flag(&mut self, field: Field) -> Option<bool> {
        self.take(field, |object, name| object.flag(name).not_null())
    }

    /// The ids of a list; those that could be read, where some could not.
    fn ids(&mut self, field: Field) -> Option<Vec<String>> {
        let ids = self.take(field, |object, name| object.ids(name).not_null())?;
        if ids.unreadable > 0 {
            self.unknown.insert(field);
        }
        Some(ids.ids)
    }

    /// Who or what is primary and secondary.
    fn levels(&mut self, field: Field, primary: &str, secondary: &str) -> Vec<(String, Priority)> {
        let Some(level) = self.take(field, Object::object) else { return Vec::new() };
        let mut levels = Vec::new();
        // Primary last: it wins where both name somebody.
        for (name, priority) in [(secondary, Priority::Secondary), (primary, Priority::Primary)] {
            let ids = level.ids(name);
            if ids.is_unreadable() || matches!(&ids, wire::Field::Value(ids) if ids.unreadable > 0) {
                self.unknown.insert(field);
            }
            levels.extend(ids.value().unwrap_or_default().ids.into_iter().map(|id| (id, priority)));
        }
        levels
    }

    fn role(&mut self) -> Option<Role> {
        let role = self.take(Field::Role, Object::object)?;
        let (id, name) = (role.text("id", 64), role.text("name", INTERCOM_TEXT_BYTES));
        let id = match id {
            wire::Field::Unreadable => role.id("id"),
            id => id,
        };
        if id.is_unreadable() || name.is_unreadable() {
            self.unknown.insert(Field::Role);
        }
        match (id.value().filter(|id| id != "0"), name.value()) {
            (Some(id), name) => Some(Role { id, name }),
            // A role that is known by its name alone.
            (None, Some(name)) => Some(Role { id: name.clone(), name: Some(name) }),
            (None, None) => None,
        }
    }

    /// Intercom's description says a text; live answers give an object.
    fn avatar(&mut self) -> Option<String> {
        self.take(Field::Avatar, |object, name| match object.object(name) {
            wire::Field::Unreadable => object.text(name, INTERCOM_TEXT_BYTES),
            avatar => avatar.and_then(|avatar| avatar.text("image_url", INTERCOM_TEXT_BYTES)),
        })
    }
}

fn with_priority<K: Ord>(
    ids: Vec<String>,
    levels: Vec<(String, Priority)>,
    key: impl Fn(String) -> K,
) -> BTreeMap<K, Option<Priority>> {
    let mut members: BTreeMap<K, Option<Priority>> = ids.into_iter().map(|id| (key(id), None)).collect();
    for (id, level) in levels {
        if let Some(priority) = members.get_mut(&key(id)) {
            *priority = Some(level);
        }
    }
    members
}

#[cfg(test)]
mod tests;
