//! A single record of an admin or a team, as far as it could be read.

use std::collections::{BTreeMap, BTreeSet};

use super::wire::{self, Object};
use crate::directory::{Field, Group, GroupId, Priority, Role, Sighting, User, UserId, Volatile};
use crate::limits::INTERCOM_TEXT_BYTES;

/// An admin, as one record describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AdminEntry {
    pub seen: Sighting,
    /// The fields in which two records of the admin differ.
    contradicted: BTreeSet<Field>,
    /// The teams that the record names; `None` if it names none or its list is unreadable, which is
    /// no disagreement.
    pub teams: Option<BTreeMap<GroupId, Option<Priority>>>,
    /// The fields that could not be read.
    pub unknown: BTreeSet<Field>,
}

/// A team, as one record describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TeamEntry {
    pub group: Group,
    /// The fields in which two records of the team differ.
    contradicted: BTreeSet<Field>,
    /// The members that the record names, as far as they could be read; see
    /// [`TeamEntry::is_whole`].
    pub members: BTreeMap<UserId, Option<Priority>>,
    /// The fields that could not be read.
    pub unknown: BTreeSet<Field>,
}

/// A way to combine a field of two records.
trait Combine {
    /// Combines the values of a field: `first` becomes the result.
    fn field<T: PartialEq>(&mut self, field: Field, first: &mut T, second: T);
}

/// Combines all fields of two records of an admin.
fn combine(first: &mut Sighting, second: Sighting, combine: &mut impl Combine) {
    let Sighting { user, volatile } = first;
    let Sighting { user: user2, volatile: volatile2 } = second;
    combine.field(Field::Email, &mut user.email, user2.email);
    combine.field(Field::Name, &mut user.name, user2.name);
    combine.field(Field::JobTitle, &mut user.job_title, user2.job_title);
    combine.field(Field::HasInboxSeat, &mut user.has_inbox_seat, user2.has_inbox_seat);
    combine.field(Field::Role, &mut user.role, user2.role);
    combine.field(
        Field::AwayModeEnabled,
        &mut volatile.away_mode_enabled,
        volatile2.away_mode_enabled,
    );
    combine.field(
        Field::AwayModeReassign,
        &mut volatile.away_mode_reassign,
        volatile2.away_mode_reassign,
    );
    combine.field(
        Field::AwayStatusReasonId,
        &mut volatile.away_status_reason_id,
        volatile2.away_status_reason_id,
    );
    combine.field(Field::Avatar, &mut volatile.avatar_url, volatile2.avatar_url);
}

impl TeamEntry {
    /// Whether the list of members could be read completely.
    pub fn is_whole(&self) -> bool {
        !self.unknown.contains(&Field::AdminIds)
    }

    /// Whether the team's own list names the admin, or could not be read completely.
    pub fn may_have(&self, admin: &UserId) -> bool {
        self.members.contains_key(admin) || !self.is_whole()
    }
}

/// The result of reading one record.
#[derive(Debug)]
pub(super) enum Reading<T> {
    /// A record with a readable id. Boxed, because a list may contain very many entries without
    /// one.
    Entry(Box<T>),
    /// A record without a readable id.
    Unidentified,
    /// An entry of the list of admins that does not describe an admin.
    NoPerson,
}

impl AdminEntry {
    /// Reads the record of an admin.
    pub fn from_object(object: Option<&Object<'_>>) -> Reading<Self> {
        let Some(object) = object else { return Reading::Unidentified };
        // Older API versions leave `type` out for admins.
        let is_admin = match object.text("type", 64) {
            wire::Field::Value(kind) => kind.eq_ignore_ascii_case("admin"),
            wire::Field::Absent | wire::Field::Null => true,
            // A string that is too long or invalid is not "admin". A value of another JSON type
            // says nothing.
            wire::Field::Unreadable => {
                object.raw("type").is_some_and(|kind| !kind.get().starts_with('"'))
            }
        };
        if !is_admin {
            return Reading::NoPerson;
        }
        let Some(id) = object.id("id").value() else { return Reading::Unidentified };
        let mut record = Record { object, unknown: BTreeSet::new() };
        let mut user = User::new(UserId::new(id));
        user.email = record.text(Field::Email);
        if user.email.is_none() {
            // Every admin of a workspace has an address, so a missing one counts as unreadable.
            record.unknown.insert(Field::Email);
        }
        user.name = record
            .take(Field::Name, |object, name| object.text(name, INTERCOM_TEXT_BYTES).not_null());
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
            last_other_activity: None,
        };
        let levels =
            record.levels(Field::TeamPriorityLevel, "primary_team_ids", "secondary_team_ids");
        let teams = record.ids(Field::TeamIds).map(|ids| with_priority(ids, levels, GroupId::new));
        let teams = teams.filter(|_| !record.unknown.contains(&Field::TeamIds));
        let seen = Sighting { user, volatile };
        Reading::Entry(Box::new(Self {
            seen,
            contradicted: BTreeSet::new(),
            teams,
            unknown: record.unknown,
        }))
    }

    /// Whether the admin's own list names the team, or could not be read.
    pub fn may_be_in(&self, team: &GroupId) -> bool {
        self.teams.as_ref().is_none_or(|teams| teams.contains_key(team))
    }

    /// Merges a second record of the same admin. Returns the fields in which the two differ.
    pub fn merge(&mut self, other: Self) -> BTreeSet<Field> {
        let mut merge = Merge::new(&mut self.unknown, &other.unknown, &mut self.contradicted);
        combine(&mut self.seen, other.seen, &mut merge);
        let differing = merge.differing;
        if self.teams != other.teams {
            // Only the teams' own lists can tell which of the two is right.
            self.teams = None;
        }
        differing
    }

    /// Fills unreadable fields from another record of the same admin.
    pub fn fill_from(&mut self, other: Self) {
        let mut fill = Fill { unknown: &mut self.unknown, known_by_other: &other.unknown };
        combine(&mut self.seen, other.seen, &mut fill);
        fill.field(Field::TeamIds, &mut self.teams, other.teams);
    }
}

impl TeamEntry {
    /// Reads the record of a team.
    pub fn from_object(object: Option<&Object<'_>>) -> Reading<Self> {
        let Some(object) = object else { return Reading::Unidentified };
        let Some(id) = object.id("id").value() else { return Reading::Unidentified };
        let mut record = Record { object, unknown: BTreeSet::new() };
        let group = Group {
            id: GroupId::new(id),
            name: record.take(Field::Name, |object, name| {
                object.text(name, INTERCOM_TEXT_BYTES).not_null()
            }),
            distribution_method: record.text(Field::DistributionMethod),
            assignment_limit: record.take(Field::AssignmentLimit, Object::integer),
        };
        let members = record.ids(Field::AdminIds);
        if members.is_none() {
            // Without this, a team whose list of members is missing would look like an empty team.
            record.unknown.insert(Field::AdminIds);
        }
        let levels =
            record.levels(Field::AdminPriorityLevel, "primary_admin_ids", "secondary_admin_ids");
        let members = with_priority(members.unwrap_or_default(), levels, UserId::new);
        Reading::Entry(Box::new(Self {
            group,
            contradicted: BTreeSet::new(),
            members,
            unknown: record.unknown,
        }))
    }

    /// Merges a second record of the same team. Returns the fields in which the two differ.
    pub fn merge(&mut self, other: Self) -> BTreeSet<Field> {
        let mut merge = Merge::new(&mut self.unknown, &other.unknown, &mut self.contradicted);
        let group = &mut self.group;
        let group2 = other.group;
        merge.field(Field::Name, &mut group.name, group2.name);
        merge.field(
            Field::DistributionMethod,
            &mut group.distribution_method,
            group2.distribution_method,
        );
        merge.field(Field::AssignmentLimit, &mut group.assignment_limit, group2.assignment_limit);
        let mut differing = merge.differing;
        let second_is_whole = !other.unknown.contains(&Field::AdminIds);
        let contradicted = self.contradicted.contains(&Field::AdminIds);
        if !self.is_whole() && second_is_whole && !contradicted {
            self.members = other.members;
            self.unknown.remove(&Field::AdminIds);
        } else if second_is_whole && !self.members.keys().eq(other.members.keys()) {
            // The members are those that both records name. About the others, the single read or
            // the admins' own lists decide.
            self.members.retain(|id, _| other.members.contains_key(id));
            self.unknown.insert(Field::AdminIds);
            self.contradicted.insert(Field::AdminIds);
            differing.insert(Field::AdminIds);
        }
        differing
    }

    /// Fills unreadable fields from another record of the same team.
    pub fn fill_from(&mut self, other: Self) {
        let whole = self.is_whole();
        let group = &mut self.group;
        let group2 = other.group;
        let mut fill = Fill { unknown: &mut self.unknown, known_by_other: &other.unknown };
        fill.field(Field::Name, &mut group.name, group2.name);
        fill.field(
            Field::DistributionMethod,
            &mut group.distribution_method,
            group2.distribution_method,
        );
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

/// Merges two records of the same admin or team.
struct Merge<'a> {
    /// The unknown fields of the first record. A field in which the two differ becomes unknown.
    first: &'a mut BTreeSet<Field>,
    /// The unknown fields of the second record.
    second: &'a BTreeSet<Field>,
    /// The fields in which records merged before differ. No further record can tell which of them
    /// was right.
    contradicted: &'a mut BTreeSet<Field>,
    differing: BTreeSet<Field>,
}

impl<'a> Merge<'a> {
    fn new(
        first: &'a mut BTreeSet<Field>,
        second: &'a BTreeSet<Field>,
        contradicted: &'a mut BTreeSet<Field>,
    ) -> Self {
        Self { first, second, contradicted, differing: BTreeSet::new() }
    }
}

impl Combine for Merge<'_> {
    fn field<T: PartialEq>(&mut self, field: Field, first: &mut T, second: T) {
        match (self.first.contains(&field), self.second.contains(&field)) {
            (true, false) if self.contradicted.contains(&field) => {}
            (true, false) => {
                *first = second;
                self.first.remove(&field);
            }
            (false, false) if *first != second => {
                self.first.insert(field);
                self.contradicted.insert(field);
                self.differing.insert(field);
            }
            (_, true) | (false, false) => {}
        }
    }
}

/// Fills unreadable fields of a record from another record of the same admin or team.
struct Fill<'a> {
    unknown: &'a mut BTreeSet<Field>,
    known_by_other: &'a BTreeSet<Field>,
}

impl Combine for Fill<'_> {
    fn field<T: PartialEq>(&mut self, field: Field, first: &mut T, second: T) {
        if self.unknown.contains(&field) && !self.known_by_other.contains(&field) {
            *first = second;
            self.unknown.remove(&field);
        }
    }
}

/// Reads the fields of a record and collects those that are unreadable.
struct Record<'a> {
    object: &'a Object<'a>,
    unknown: BTreeSet<Field>,
}

impl<'a> Record<'a> {
    fn take<T>(
        &mut self,
        field: Field,
        read: impl FnOnce(&Object<'a>, &str) -> wire::Field<T>,
    ) -> Option<T> {
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

    /// Reads a list of ids. If some ids are unreadable, returns the others.
    fn ids(&mut self, field: Field) -> Option<Vec<String>> {
        let ids = self.take(field, |object, name| object.ids(name).not_null())?;
        if ids.unreadable > 0 {
            self.unknown.insert(field);
        }
        Some(ids.ids)
    }

    /// Reads the priority levels, as (id, level).
    fn levels(&mut self, field: Field, primary: &str, secondary: &str) -> Vec<(String, Priority)> {
        let Some(level) = self.take(field, Object::object) else { return Vec::new() };
        let mut levels = Vec::new();
        // Primary comes last, so that it wins if both lists contain an id.
        for (name, priority) in [(secondary, Priority::Secondary), (primary, Priority::Primary)] {
            let ids = level.ids(name);
            if ids.is_unreadable() || matches!(&ids, wire::Field::Value(ids) if ids.unreadable > 0)
            {
                self.unknown.insert(field);
            }
            levels.extend(ids.value().unwrap_or_default().ids.into_iter().map(|id| (id, priority)));
        }
        levels
    }

    fn role(&mut self) -> Option<Role> {
        let role = self.take(Field::Role, Object::object)?;
        let id = role.text("id", 64);
        let name = role.text("name", INTERCOM_TEXT_BYTES);
        let id = match id {
            wire::Field::Unreadable => role.id("id"),
            id => id,
        };
        if id.is_unreadable() || name.is_unreadable() {
            self.unknown.insert(Field::Role);
        }
        match (id.value().filter(|id| id != "0"), name.value()) {
            (Some(id), name) => Some(Role { id, name }),
            // The role has only a name.
            (None, Some(name)) => Some(Role { id: name.clone(), name: Some(name) }),
            (None, None) => None,
        }
    }

    /// Reads the avatar's URL. Intercom documents a string; live responses contain an object.
    fn avatar(&mut self) -> Option<String> {
        self.take(Field::Avatar, |object, name| match object.object(name) {
            wire::Field::Unreadable => object.text(name, INTERCOM_TEXT_BYTES),
            avatar => avatar.and_then(|avatar| avatar.text("image_url", INTERCOM_TEXT_BYTES)),
        })
    }
}

/// Returns each id as a key, with its priority level. Levels of other ids are ignored.
fn with_priority<K: Ord>(
    ids: Vec<String>,
    levels: Vec<(String, Priority)>,
    key: impl Fn(String) -> K,
) -> BTreeMap<K, Option<Priority>> {
    let mut members: BTreeMap<K, Option<Priority>> =
        ids.into_iter().map(|id| (key(id), None)).collect();
    for (id, level) in levels {
        if let Some(priority) = members.get_mut(&key(id)) {
            *priority = Some(level);
        }
    }
    members
}
