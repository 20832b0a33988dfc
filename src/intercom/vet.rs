//! From wire to domain. A reading is a [`Draft`] until both sides of every membership are settled.
//!
//! Intercom tells each membership twice, in `team.admin_ids` and in `admin.team_ids`, in two answers
//! taken at two moments. Where the two disagree, the things concerned are read again; what still
//! disagrees then is a warning, and the team's own list wins.

use std::collections::{BTreeMap, BTreeSet};

use super::client::malformed;
use super::{IntercomError, wire};
use crate::directory::{Group, GroupId, Membership, Priority, Role, Sighting, User, UserId, Volatile, Warning};

/// Both lists, read and checked one by one.
#[derive(Debug, Default)]
pub(super) struct Draft {
    admins: BTreeMap<UserId, AdminEntry>,
    teams: BTreeMap<GroupId, TeamEntry>,
    warnings: Vec<Warning>,
}

#[derive(Debug, PartialEq, Eq)]
struct AdminEntry {
    seen: Sighting,
    teams: BTreeMap<GroupId, Option<Priority>>,
}

#[derive(Debug, PartialEq, Eq)]
struct TeamEntry {
    group: Group,
    members: BTreeMap<UserId, Option<Priority>>,
}

/// What the two lists disagree about.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Disagreement {
    pub admins: BTreeSet<UserId>,
    pub teams: BTreeSet<GroupId>,
}

impl Draft {
    /// Takes both lists.
    ///
    /// # Errors
    /// `Malformed` names the first field that is missing, or an id that stands twice for two things.
    pub fn new(admins: wire::AdminList, teams: wire::TeamList) -> Result<Self, IntercomError> {
        let mut draft = Self::default();
        for (at, admin) in list(admins.admins, "/admins", "admins")?.into_iter().enumerate() {
            let here = format!("admins[{at}]");
            let entry = admin_entry(
                admin.ok_or_else(|| malformed("/admins", &format!("`{here}` is null")))?,
                "/admins",
                &here,
            )?;
            let id = entry.seen.user.id.clone();
            draft.warn_of_missing("admin", id.as_str(), "email", entry.seen.user.email.is_none());
            if let Some(before) = draft.admins.insert(id.clone(), entry) {
                draft.repeated("/admins", "admin", id.as_str(), draft.admins.get(&id) == Some(&before))?;
            }
        }
        for (at, team) in list(teams.teams, "/teams", "teams")?.into_iter().enumerate() {
            let here = format!("teams[{at}]");
            let entry =
                team_entry(team.ok_or_else(|| malformed("/teams", &format!("`{here}` is null")))?, "/teams", &here)?;
            let id = entry.group.id.clone();
            draft.warn_of_missing("team", id.as_str(), "name", entry.group.name.is_none());
            if let Some(before) = draft.teams.insert(id.clone(), entry) {
                draft.repeated("/teams", "team", id.as_str(), draft.teams.get(&id) == Some(&before))?;
            }
        }
        Ok(draft)
    }

    fn warn_of_missing(&mut self, what: &str, id: &str, field: &str, missing: bool) {
        if missing {
            self.warnings
                .push(Warning::new("incomplete", format!("{what} {id} has no {field}; its id stands in for it")));
        }
    }

    /// The same thing twice is harmless; two things under one id are not.
    fn repeated(&mut self, resource: &str, what: &str, id: &str, same: bool) -> Result<(), IntercomError> {
        if !same {
            return Err(malformed(resource, &format!("{what} {id} stands in it twice, with different content")));
        }
        self.warnings
            .push(Warning::new("listed_twice", format!("{what} {id} stands in the list twice; it was taken once")));
        Ok(())
    }

    /// Where the two sides of a membership are not the same.
    pub fn disagreement(&self) -> Disagreement {
        let mut odd = Disagreement::default();
        for (team_id, team) in &self.teams {
            for admin_id in team.members.keys() {
                if !self.admins.get(admin_id).is_some_and(|admin| admin.teams.contains_key(team_id)) {
                    odd.admins.insert(admin_id.clone());
                    odd.teams.insert(team_id.clone());
                }
            }
        }
        for (admin_id, admin) in &self.admins {
            for team_id in admin.teams.keys() {
                if !self.teams.get(team_id).is_some_and(|team| team.members.contains_key(admin_id)) {
                    odd.admins.insert(admin_id.clone());
                    odd.teams.insert(team_id.clone());
                }
            }
        }
        odd
    }

    /// Takes what a single read said of an admin; `None` where there is none.
    pub fn replace_admin(&mut self, id: &UserId, admin: Option<wire::Admin>) -> Result<(), IntercomError> {
        let resource = format!("/admins/{id}");
        match admin.map(|admin| admin_entry(admin, &resource, "admin")).transpose()? {
            Some(entry) if entry.seen.user.id != *id => {
                return Err(malformed(&resource, "`id` is another one than was asked for"));
            }
            Some(entry) => self.admins.insert(id.clone(), entry),
            None => self.admins.remove(id),
        };
        Ok(())
    }

    /// Takes what a single read said of a team; `None` where there is none.
    pub fn replace_team(&mut self, id: &GroupId, team: Option<wire::Team>) -> Result<(), IntercomError> {
        let resource = format!("/teams/{id}");
        match team.map(|team| team_entry(team, &resource, "team")).transpose()? {
            Some(entry) if entry.group.id != *id => {
                return Err(malformed(&resource, "`id` is another one than was asked for"));
            }
            Some(entry) => self.teams.insert(id.clone(), entry),
            None => self.teams.remove(id),
        };
        Ok(())
    }

    /// The people, teams and memberships of the reading. Whatever still disagrees is warned of.
    pub fn settle(mut self) -> (Vec<Sighting>, Vec<Group>, Vec<Membership>, Vec<Warning>) {
        let odd = |detail| Warning::new("membership_disagreement", detail);
        for (team_id, team) in &self.teams {
            for admin_id in team.members.keys() {
                match self.admins.get(admin_id) {
                    None => self.warnings.push(Warning::new(
                        "unknown_member",
                        format!("team {team_id} lists admin {admin_id}, whom Intercom does not know; left out"),
                    )),
                    Some(admin) if !admin.teams.contains_key(team_id) => self.warnings.push(odd(format!(
                        "team {team_id} lists admin {admin_id}, who does not list the team; taken as a member"
                    ))),
                    Some(_) => {}
                }
            }
        }
        for (admin_id, admin) in &self.admins {
            for team_id in admin.teams.keys() {
                if !self.teams.get(team_id).is_some_and(|team| team.members.contains_key(admin_id)) {
                    self.warnings.push(odd(format!(
                        "admin {admin_id} lists team {team_id}, which does not list the admin; not taken as a member"
                    )));
                }
            }
        }
        let memberships = self
            .teams
            .iter()
            .flat_map(|(team_id, team)| team.members.iter().map(move |(admin_id, level)| (team_id, admin_id, *level)))
            .filter_map(|(group, user, level)| {
                let admin = self.admins.get(user)?;
                let priority = level.or_else(|| admin.teams.get(group).copied().flatten());
                Some(Membership { group: group.clone(), user: user.clone(), priority })
            })
            .collect();
        (
            self.admins.into_values().map(|entry| entry.seen).collect(),
            self.teams.into_values().map(|entry| entry.group).collect(),
            memberships,
            self.warnings,
        )
    }
}

fn list<T>(list: Option<Vec<T>>, resource: &str, field: &str) -> Result<Vec<T>, IntercomError> {
    list.ok_or_else(|| malformed(resource, &format!("`{field}` is missing")))
}

/// Checks an id: it becomes part of URLs and of SCIM ids, so only letters, digits, `-` and `_` will do.
fn id(id: Option<wire::Id>, resource: &str, here: &str) -> Result<String, IntercomError> {
    let wire::Id(id) = id.ok_or_else(|| malformed(resource, &format!("`{here}.id` is missing")))?;
    if (1..=64).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    {
        Ok(id)
    } else {
        Err(malformed(resource, &format!("`{here}.id` is not an id")))
    }
}

fn admin_entry(admin: wire::Admin, resource: &str, here: &str) -> Result<AdminEntry, IntercomError> {
    let mut user = User::new(UserId::new(id(admin.id, resource, here)?));
    user.email = text(admin.email);
    user.name = text(admin.name);
    user.job_title = text(admin.job_title).map(Into::into);
    user.has_inbox_seat = admin.has_inbox_seat;
    let role = |role: wire::Role| Some(Role { id: text(Some(role.id?.0))?, name: text(role.name) }.into());
    user.role = admin.role.and_then(role);
    let volatile = Volatile {
        away_mode_enabled: admin.away_mode_enabled,
        away_mode_reassign: admin.away_mode_reassign,
        away_status_reason_id: admin.away_status_reason_id,
        avatar_url: text(admin.avatar.and_then(wire::Avatar::into_url)),
        last_sign_in_at: None,
        last_sign_in_method: None,
    };
    let level = admin.team_priority_level.unwrap_or_default();
    let teams = with_priority(admin.team_ids, level.primary_team_ids, level.secondary_team_ids, GroupId::new);
    Ok(AdminEntry { seen: Sighting { user, volatile }, teams })
}

fn team_entry(team: wire::Team, resource: &str, here: &str) -> Result<TeamEntry, IntercomError> {
    let group = Group {
        id: GroupId::new(id(team.id, resource, here)?),
        name: text(team.name),
        distribution_method: text(team.distribution_method),
        assignment_limit: team.assignment_limit,
    };
    // A team without its list of members would look like a team that everybody left.
    let members = list(team.admin_ids, resource, &format!("{here}.admin_ids"))?;
    let level = team.admin_priority_level.unwrap_or_default();
    let members = with_priority(Some(members), level.primary_admin_ids, level.secondary_admin_ids, UserId::new);
    Ok(TeamEntry { group, members })
}

fn with_priority<K: Ord>(
    ids: Option<Vec<wire::Id>>,
    primary: Option<Vec<wire::Id>>,
    secondary: Option<Vec<wire::Id>>,
    key: impl Fn(String) -> K,
) -> BTreeMap<K, Option<Priority>> {
    let mut members: BTreeMap<K, Option<Priority>> =
        ids.unwrap_or_default().into_iter().map(|id| (key(id.0), None)).collect();
    // Primary last: it wins where both name somebody.
    for (ids, level) in [(secondary, Priority::Secondary), (primary, Priority::Primary)] {
        for wire::Id(id) in ids.unwrap_or_default() {
            if let Some(priority) = members.get_mut(&key(id)) {
                *priority = Some(level);
            }
        }
    }
    members
}

/// RFC 7643 §2.5: null, empty and absent are one state; so is a text of spaces. NUL is left out: it means nothing in
/// a name, and PostgreSQL cannot keep it.
fn text(text: Option<String>) -> Option<String> {
    text.map(|text| text.replace('\0', "").trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "called with `json!` literals")]
    fn draft(admins: Value, teams: Value) -> Result<Draft, IntercomError> {
        Draft::new(
            serde_json::from_value(json!({"admins": admins})).unwrap(),
            serde_json::from_value(json!({"teams": teams})).unwrap(),
        )
    }

    fn memberships(draft: Draft) -> (Vec<String>, Vec<String>) {
        let (_, _, memberships, warnings) = draft.settle();
        (
            memberships.iter().map(|m| format!("{} in {}", m.user, m.group)).collect(),
            warnings.into_iter().map(|warning| warning.code).collect(),
        )
    }

    #[test]
    fn two_lists_that_agree_need_no_second_look() {
        let draft = draft(
            json!([{"id": "1", "email": "a@b.c", "team_ids": [9]}]),
            json!([{"id": "9", "name": "T", "admin_ids": [1]}]),
        )
        .unwrap();
        assert_eq!(draft.disagreement(), Disagreement::default());
        assert_eq!(memberships(draft), (vec!["1 in 9".to_owned()], vec![]));
    }

    #[test]
    fn an_admin_without_an_id_is_an_error_that_names_the_field() {
        let error = draft(json!([{"id": "1"}, {"name": "x"}]), json!([])).unwrap_err();
        assert_eq!(error.to_string(), "Intercom's answer for /admins cannot be read: `admins[1].id` is missing");
        let error = draft(json!([{"id": "../1"}]), json!([])).unwrap_err();
        assert_eq!(error.to_string(), "Intercom's answer for /admins cannot be read: `admins[0].id` is not an id");
    }

    #[test]
    fn a_list_that_is_not_there_is_an_error_and_not_an_empty_workspace() {
        let error = Draft::new(
            serde_json::from_value(json!({})).unwrap(),
            serde_json::from_value(json!({"teams": []})).unwrap(),
        );
        assert_eq!(error.unwrap_err().to_string(), "Intercom's answer for /admins cannot be read: `admins` is missing");
        let error = draft(json!([]), json!([{"id": "9"}])).unwrap_err();
        assert_eq!(error.to_string(), "Intercom's answer for /teams cannot be read: `teams[0].admin_ids` is missing");
        let error = draft(json!([null]), json!([])).unwrap_err();
        assert_eq!(error.to_string(), "Intercom's answer for /admins cannot be read: `admins[0]` is null");
    }

    #[test]
    fn the_same_admin_twice_is_taken_once_and_two_under_one_id_are_an_error() {
        let twice = draft(json!([{"id": "1", "email": "a@b.c"}, {"id": "1", "email": "a@b.c"}]), json!([])).unwrap();
        let (users, _, _, warnings) = twice.settle();
        assert_eq!((users.len(), warnings[0].code.as_str()), (1, "listed_twice"));
        assert!(draft(json!([{"id": "1", "email": "a@b.c"}, {"id": "1", "email": "d@b.c"}]), json!([])).is_err());
    }

    #[test]
    fn where_the_sides_still_disagree_the_teams_own_list_wins_with_a_warning() {
        let draft = draft(
            json!([{"id": "1", "email": "a@b.c", "team_ids": [9]}, {"id": "2", "email": "b@b.c", "team_ids": []}]),
            json!([{"id": "9", "name": "T", "admin_ids": [2, 3]}]),
        )
        .unwrap();
        let odd = draft.disagreement();
        assert_eq!(odd.admins.iter().map(UserId::as_str).collect::<Vec<_>>(), ["1", "2", "3"]);
        assert_eq!(odd.teams.iter().map(GroupId::as_str).collect::<Vec<_>>(), ["9"]);
        let (members, warnings) = memberships(draft);
        assert_eq!(members, ["2 in 9"]);
        assert_eq!(warnings, ["membership_disagreement", "unknown_member", "membership_disagreement"]);
    }

    #[test]
    fn a_single_read_replaces_what_the_list_said() {
        let mut draft = draft(
            json!([{"id": "1", "email": "a@b.c", "team_ids": [9]}]),
            json!([{"id": "9", "name": "T", "admin_ids": [1, 2]}]),
        )
        .unwrap();
        let joined = serde_json::from_value(json!({"id": "2", "email": "b@b.c", "team_ids": [9]})).unwrap();
        draft.replace_admin(&UserId::new("2"), Some(joined)).unwrap();
        assert_eq!(draft.disagreement(), Disagreement::default());
        draft.replace_team(&GroupId::new("9"), None).unwrap();
        assert_eq!(memberships(draft).0, Vec::<String>::new());
    }

    #[test]
    fn priorities_come_from_the_team_else_from_the_admin() {
        let draft = draft(
            json!([
                {"id": "1", "email": "a@b.c", "team_ids": [9], "team_priority_level": {"secondary_team_ids": [9]}},
                {"id": "2", "email": "b@b.c", "team_ids": [9], "team_priority_level": {"secondary_team_ids": [9]}},
                {"id": "3", "email": "c@b.c", "team_ids": [9], "team_priority_level": {}},
            ]),
            json!([{"id": "9", "name": "T", "admin_ids": [1, 2, 3], "admin_priority_level": {"primary_admin_ids": [1], "secondary_admin_ids": null}}]),
        )
        .unwrap();
        let (_, _, memberships, _) = draft.settle();
        assert_eq!(
            memberships.iter().map(|m| m.priority).collect::<Vec<_>>(),
            [Some(Priority::Primary), Some(Priority::Secondary), None]
        );
    }
}
