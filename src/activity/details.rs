//! What the details of an entry say. Intercom documents few of their members, so each of them is
//! optional, and what is not understood changes nothing.

use std::collections::BTreeSet;

use serde_json::Value;

use super::kind::{Kind, Severity};
use super::table::kind_named;
use crate::directory::{Activity, GroupId, UserId, granted_permissions, id_text, two_factor_auth};

/// The permissions that let their holder change the workspace, its people, or take its data away.
const PRIVILEGED: [&str; 3] = ["access_workspace_settings", "export_data", "manage_teammates"];

/// The activities of OCSF that the details decide.
mod activity {
    pub const MFA_ENABLED: u8 = 10;
    pub const MFA_DISABLED: u8 = 11;
    pub const PRIVILEGES_ASSIGNED: u8 = 1;
    pub const PRIVILEGES_REVOKED: u8 = 2;
    pub const USER_ADDED: u8 = 3;
    pub const USER_REMOVED: u8 = 4;
}

/// An entry, as far as its details could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// The activity in the entry's class of OCSF.
    pub activity: u8,
    /// How serious the entry is.
    pub severity: Severity,
    /// The teammate that the entry is about, if it is known.
    pub subject: Option<UserId>,
    /// The team that the entry is about.
    pub team: Option<Team>,
    /// The permissions that were given. For seats: `seat`.
    pub granted: Vec<String>,
    /// The permissions that were taken.
    pub revoked: Vec<String>,
    /// Whether two-factor authentication was switched on.
    pub two_factor_auth: Option<bool>,
    /// The details themselves.
    pub metadata: Value,
}

/// A team, as an entry names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// Intercom's id.
    pub id: Option<GroupId>,
    /// The name at the time of the event.
    pub name: Option<String>,
}

/// Returns the teammate that an entry is about, if it is known.
#[must_use]
pub fn subject_of(entry: &Activity) -> Option<UserId> {
    Details::of(kind_named(&entry.kind), entry).subject
}

/// Returns how serious an entry is.
#[must_use]
pub fn severity_of(kind: &Kind, entry: &Activity) -> Severity {
    match kind.name {
        // Only the details of these decide.
        "admin_two_factor_auth_change" | "admin_permission_change" => {
            Details::of(kind, entry).severity
        }
        _ => kind.severity,
    }
}

impl Details {
    /// Reads the details of an entry.
    #[must_use]
    pub fn of(kind: &Kind, entry: &Activity) -> Self {
        let metadata = entry.metadata.value();
        let mut details = Self {
            activity: kind.activity,
            severity: kind.severity,
            subject: entry.subject().or_else(|| own_account(kind, entry)),
            team: team(&metadata, entry.team()),
            granted: Vec::new(),
            revoked: Vec::new(),
            two_factor_auth: None,
            metadata,
        };
        match kind.name {
            "admin_two_factor_auth_change" => details.read_two_factor_auth(),
            "admin_permission_change" => details.read_permissions(),
            "app_team_membership_modification" => details.read_members(),
            "seat_change" => details.granted.push("seat".to_owned()),
            "seat_revoke" => details.revoked.push("seat".to_owned()),
            _ => {}
        }
        details
    }

    fn read_two_factor_auth(&mut self) {
        let enabled = two_factor_auth(&self.metadata);
        (self.activity, self.severity) = match enabled {
            Some(true) => (activity::MFA_ENABLED, Severity::Informational),
            Some(false) => (activity::MFA_DISABLED, Severity::High),
            None => return,
        };
        self.two_factor_auth = enabled;
    }

    fn read_permissions(&mut self) {
        let held = |place: &str| granted_permissions(&self.metadata, place);
        let (Some(before), Some(after)) = (held("/before/permissions"), held("/after/permissions"))
        else {
            return;
        };
        self.granted = after.difference(&before).cloned().collect();
        self.revoked = before.difference(&after).cloned().collect();
        match (self.granted.is_empty(), self.revoked.is_empty()) {
            (false, true) => self.activity = activity::PRIVILEGES_ASSIGNED,
            (true, false) => self.activity = activity::PRIVILEGES_REVOKED,
            _ => {}
        }
        if self.granted.iter().any(|name| PRIVILEGED.contains(&name.as_str())) {
            self.severity = Severity::High;
        } else if !self.granted.is_empty() {
            self.severity = Severity::Medium;
        }
    }

    /// The members before and after. Intercom does not document them.
    #[expect(clippy::single_match_else, reason = "both ways of naming members have equal weight")]
    fn read_members(&mut self) {
        let ids = |place: &str| -> Option<BTreeSet<String>> {
            let list = self.metadata.pointer(place)?.as_array()?;
            list.iter().map(id_of).collect()
        };
        let pair = |one: [&str; 3], other: [&str; 3]| {
            Some((one.into_iter().find_map(ids)?, other.into_iter().find_map(ids)?))
        };
        let between = pair(
            ["/before", "/before/admin_ids", "/before/admins"],
            ["/after", "/after/admin_ids", "/after/admins"],
        );
        let (added, removed): (Vec<String>, Vec<String>) = match between {
            Some((before, after)) => (
                after.difference(&before).cloned().collect(),
                before.difference(&after).cloned().collect(),
            ),
            None => {
                let listed = |places: [&str; 3]| {
                    places.into_iter().find_map(ids).unwrap_or_default().into_iter().collect()
                };
                (
                    listed(["/added", "/added_admin_ids", "/admins_added"]),
                    listed(["/removed", "/removed_admin_ids", "/admins_removed"]),
                )
            }
        };
        match (added.as_slice(), removed.as_slice()) {
            ([id], []) => {
                self.activity = activity::USER_ADDED;
                self.subject = Some(UserId::new(id.as_str()));
            }
            ([], [id]) => {
                self.activity = activity::USER_REMOVED;
                self.subject = Some(UserId::new(id.as_str()));
            }
            _ => {}
        }
    }
}

/// The actor, for kinds that are about the actor's own account.
fn own_account(kind: &Kind, entry: &Activity) -> Option<UserId> {
    let own = [
        "admin_login_failure",
        "admin_unauthorized_sign_in_method",
        "admin_logout",
        "admin_password_reset_request",
        "admin_password_reset_success",
        "admin_impersonation_consent_approved",
        "admin_impersonation_consent_revoked",
        "admin_away_mode_change",
        "admin_occupancy_state_change",
        "admin_avatar_change",
    ];
    let actor = entry.performed_by.as_ref().and_then(|actor| actor.id.clone());
    actor.filter(|_| own.contains(&kind.name))
}

/// Returns an id, which Intercom writes alone or in an object.
fn id_of(value: &Value) -> Option<String> {
    match value {
        Value::Object(members) => id_of(members.get("id")?),
        value => id_text(value),
    }
}

fn team(metadata: &Value, id: Option<GroupId>) -> Option<Team> {
    let name = metadata.pointer("/team/name").and_then(Value::as_str).map(str::to_owned);
    (id.is_some() || name.is_some()).then_some(Team { id, name })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::OffsetDateTime;

    use super::*;
    use crate::activity::kind_named;
    use crate::directory::Actor;

    fn details(kind: &str, metadata: Value) -> Details {
        let entry = Activity {
            id: "e1".to_owned(),
            at: OffsetDateTime::UNIX_EPOCH,
            kind: kind.to_owned(),
            performed_by: Some(Actor { id: Some(UserId::new("7")), ..Actor::default() }),
            description: None,
            metadata: metadata.into(),
        };
        Details::of(kind_named(kind), &entry)
    }

    #[test]
    fn two_factor_authentication_that_is_switched_off_is_serious() {
        let of = |metadata| {
            let details = details("admin_two_factor_auth_change", metadata);
            (details.activity, details.severity)
        };
        assert_eq!(of(json!({"enabled": true})), (10, Severity::Informational));
        assert_eq!(of(json!({"after": false})), (11, Severity::High));
        assert_eq!(of(json!({"after": {"enabled": false}})), (11, Severity::High));
        assert_eq!(of(json!({"after": "?"})), (99, Severity::Medium));
    }

    #[test]
    fn granted_and_revoked_permissions_decide_the_type_of_a_permission_change() {
        let of = |before: Value, after: Value| {
            let metadata =
                json!({"before": {"permissions": before}, "after": {"permissions": after}});
            let details = details("admin_permission_change", metadata);
            (details.activity, details.severity)
        };
        let none = || json!({"export_data": false});
        assert_eq!(of(none(), json!({"export_data": true})), (1, Severity::High));
        assert_eq!(of(none(), json!({"manage_tags": true})), (1, Severity::Medium));
        assert_eq!(of(json!({"export_data": true}), none()), (2, Severity::Low));
        assert_eq!(of(json!({"a": true}), json!({"b": true})), (99, Severity::Medium));
        assert_eq!(of(none(), none()), (99, Severity::Low));
        assert_eq!(of(json!(1), json!({"export_data": true})), (99, Severity::Low));
    }

    #[test]
    fn one_member_more_or_less_names_the_member() {
        let of = |metadata| {
            let details = details("app_team_membership_modification", metadata);
            (details.activity, details.subject.map(|id| id.to_string()))
        };
        let some = |id: &str| Some(id.to_owned());
        assert_eq!(of(json!({"before": [1], "after": ["1", 2]})), (3, some("2")));
        assert_eq!(
            of(json!({"before": {"admin_ids": [1]}, "after": {"admin_ids": []}})),
            (4, some("1"))
        );
        assert_eq!(of(json!({"added": [{"id": 9}]})), (3, some("9")));
        assert_eq!(of(json!({"before": [1], "after": [2]})), (99, None));
        assert_eq!(of(json!({})), (99, None));
    }
}
