//! Changes as JSON documents and as rows.

use serde::Serialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::Row;
use crate::date_time;
use crate::directory::{
    Change, Changed, EntitlementType, Group, ListedRole, Membership, RecordedChange, User,
    account_id, entitlement_id, team_id,
};

/// A change of a user, a group or a membership.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangeDocument {
    /// The position after this change, for the parameter `since`.
    pub cursor: String,
    /// The generation: the number of the import among those that changed something. All changes of
    /// one import have the same generation.
    pub generation: i64,
    /// The number of the import that found the change.
    pub import_id: i64,
    /// When the bridge recorded the change.
    #[serde(with = "crate::date_time")]
    pub at: OffsetDateTime,
    /// `user`, `group` or `membership`; `role` only with `type=role`.
    pub r#type: &'static str,
    /// `created`, `updated`, `removed` or `restored`.
    pub action: &'static str,
    /// The id of the changed resource. For a membership: the id of the user, a colon, and the id of
    /// the group. For a role: `role_…`.
    pub id: String,
    /// The id of the user. Null for changes of groups.
    pub user_id: Option<String>,
    /// The user's name when the change was recorded.
    pub user_display_name: Option<String>,
    /// The user's address when the change was recorded.
    pub user_email: Option<String>,
    /// The id of the group. Null for changes of users.
    pub group_id: Option<String>,
    /// The group's name when the change was recorded.
    pub group_display_name: Option<String>,
    /// The previous values of the changed attributes. Null for a creation.
    pub before: Option<Map<String, Value>>,
    /// The new values of the changed attributes. A value that is now unknown is null. The whole
    /// object is null for a removal.
    pub after: Option<Map<String, Value>>,
    /// Who made the change in Intercom. Null if the activity log does not contain it.
    pub actor: Option<ChangedBy>,
    /// Whether the personal data of the user was erased from the bridge after the change. Address,
    /// names and title are then null.
    pub user_erased: bool,
}

/// Who made a change, according to Intercom's activity log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangedBy {
    /// The id of the teammate who made the change.
    pub id: Option<String>,
    /// The teammate's name when the change was recorded.
    pub display_name: Option<String>,
    /// The teammate's address at that time.
    pub email: Option<String>,
    /// When the change was made in Intercom.
    #[serde(with = "crate::date_time")]
    pub at: OffsetDateTime,
    /// Intercom's type of the activity.
    pub activity_type: String,
    /// Intercom's id of the entry of the activity log.
    pub activity_id: String,
}

impl From<&RecordedChange> for ChangeDocument {
    fn from(recorded: &RecordedChange) -> Self {
        let change = &recorded.change;
        let (before, after) = match change {
            Changed::User(change) => differences(change, attributes_of_user),
            Changed::Group(change) => differences(change, attributes_of_group),
            Changed::Membership(change) => differences(change, attributes_of_membership),
            Changed::Role(change) => differences(change, attributes_of_role),
        };
        let user_id = change.user().map(account_id);
        let group_id = change.group().map(team_id);
        let role_id = match change {
            Changed::Role(change) => change.after().or(change.before()),
            _ => None,
        };
        let role_id = role_id.map(|role| entitlement_id(EntitlementType::Role, &role.id));
        let ids = [user_id.as_deref(), group_id.as_deref(), role_id.as_deref()];
        let ids: Vec<&str> = ids.into_iter().flatten().collect();
        let names = &recorded.names;
        let actor = recorded.cause.as_ref().map(|entry| ChangedBy {
            id: entry.performed_by.as_ref().and_then(|actor| actor.id.as_ref()).map(account_id),
            display_name: names.actor.clone(),
            email: entry.performed_by.as_ref().and_then(|actor| actor.email.clone()),
            at: entry.at,
            activity_type: entry.kind.clone(),
            activity_id: entry.id.clone(),
        });
        Self {
            cursor: recorded.position.to_cursor(),
            generation: recorded.generation,
            import_id: recorded.run,
            at: recorded.at,
            r#type: change.kind().as_str(),
            action: change.action().as_str(),
            id: ids.join(":"),
            user_id,
            user_display_name: names.user.clone(),
            user_email: names.email.clone(),
            group_id,
            group_display_name: names.group.clone(),
            before,
            after,
            actor,
            user_erased: names.erased,
        }
    }
}

/// A change as one row of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangeRow {
    cursor: String,
    generation: i64,
    import_id: i64,
    at: Value,
    r#type: &'static str,
    action: &'static str,
    id: String,
    user_id: Option<String>,
    user_display_name: Option<String>,
    user_email: Option<String>,
    group_id: Option<String>,
    group_display_name: Option<String>,
    /// As JSON text.
    before: Option<String>,
    /// As JSON text.
    after: Option<String>,
    actor_id: Option<String>,
    actor_display_name: Option<String>,
    actor_email: Option<String>,
    actor_at: Value,
    activity_type: Option<String>,
    activity_id: Option<String>,
    user_erased: bool,
}

impl From<ChangeDocument> for ChangeRow {
    fn from(change: ChangeDocument) -> Self {
        // The JSON is reused for the times, so that they are formatted as in the document.
        let written = json!(change);
        let actor = change.actor;
        let text = |attributes: Attributes| {
            attributes.map(|attributes| Value::Object(attributes).to_string())
        };
        let (actor_id, actor_display_name, actor_email, activity_type, activity_id) = match actor {
            None => (None, None, None, None, None),
            Some(by) => {
                (by.id, by.display_name, by.email, Some(by.activity_type), Some(by.activity_id))
            }
        };
        Self {
            cursor: change.cursor,
            generation: change.generation,
            import_id: change.import_id,
            at: written["at"].clone(),
            r#type: change.r#type,
            action: change.action,
            id: change.id,
            user_id: change.user_id,
            user_display_name: change.user_display_name,
            user_email: change.user_email,
            group_id: change.group_id,
            group_display_name: change.group_display_name,
            before: text(change.before),
            after: text(change.after),
            actor_id,
            actor_display_name,
            actor_email,
            actor_at: written["actor"]["at"].clone(),
            activity_type,
            activity_id,
            user_erased: change.user_erased,
        }
    }
}

impl Row for ChangeRow {
    const COLUMNS: &'static [&'static str] = &[
        "cursor",
        "generation",
        "import_id",
        "at",
        "type",
        "action",
        "id",
        "user_id",
        "user_display_name",
        "user_email",
        "group_id",
        "group_display_name",
        "before",
        "after",
        "actor_id",
        "actor_display_name",
        "actor_email",
        "actor_at",
        "activity_type",
        "activity_id",
        "user_erased",
    ];
}

type Attributes = Option<Map<String, Value>>;

/// The attributes that differ, before and after the change.
fn differences<T>(
    change: &Change<T>,
    attributes: fn(&T) -> Map<String, Value>,
) -> (Attributes, Attributes) {
    let mut before = change.before().map(attributes);
    let mut after = change.after().map(attributes);
    match (&mut before, &mut after) {
        (Some(before), Some(after)) => {
            let same: Vec<String> = before
                .iter()
                .filter(|(name, was)| after.get(*name) == Some(was))
                .map(|(name, _)| name.clone())
                .collect();
            for name in same {
                before.remove(&name);
                after.remove(&name);
            }
        }
        // For a new or removed item, unknown attributes are left out.
        (Some(known), None) | (None, Some(known)) => known.retain(|_, value| !value.is_null()),
        (None, None) => {}
    }
    (before, after)
}

fn object(members: Value) -> Map<String, Value> {
    match members {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn time(time: Option<OffsetDateTime>) -> Option<String> {
    time.map(|time| date_time::written(time).to_string())
}

/// Returns a person's attributes, under the names that they have in accounts.
#[must_use]
pub fn attributes_of_user(user: &User) -> Map<String, Value> {
    object(json!({
        "active": user.active,
        "email": user.email,
        "display_name": user.name,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "title": user.job_title,
        "role_id": user.role.as_ref().map(|role| &role.id),
        "role_name": user.role.as_ref().and_then(|role| role.name.as_ref()),
        "has_inbox_seat": user.has_inbox_seat,
        "permissions": user.permissions,
        "two_factor_auth": user.two_factor_auth,
        "joined_at": time(user.joined_at),
        "removed_at": time(user.removed_at),
    }))
}

/// Returns a team's attributes.
#[must_use]
pub fn attributes_of_group(group: &Group) -> Map<String, Value> {
    object(json!({
        "display_name": group.name,
        "distribution_method": group.distribution_method,
        "assignment_limit": group.assignment_limit,
    }))
}

/// The attributes of a listed role.
#[must_use]
pub fn attributes_of_role(role: &ListedRole) -> Map<String, Value> {
    object(json!({"name": role.name, "description": role.description}))
}

/// Returns a membership's attributes.
#[must_use]
pub fn attributes_of_membership(membership: &Membership) -> Map<String, Value> {
    object(json!({"priority": membership.priority}))
}
