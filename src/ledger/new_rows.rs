//! Rows of new versions and log entries, with their digests and salts.

use sea_orm::ActiveValue::Set;
use serde_json::json;

use super::salted::Proof;
use super::{LedgerError, chain, digests};
use crate::database::entities::{
    activity, group_versions, membership_versions, role_versions, user_versions, volatile,
};
use crate::directory::{
    Activity, Generation, Group, ListedRole, Membership, RunId, User, UserId, Volatile,
};

/// The row of a version that a generation opens, with a salt of its own.
pub(super) fn user_row(
    workspace: &str,
    from: Generation,
    user: &User,
) -> Result<user_versions::Model, LedgerError> {
    let (role_id, role_name) =
        user.role.as_ref().map(|role| (role.id.clone(), role.name.clone())).unzip();
    let row = user_versions::Model {
        workspace: workspace.to_owned(),
        user_id: user.id.to_string(),
        from_generation: from,
        to_generation: None,
        digest: String::new(),
        proof: Some(Proof::fresh()?),
        active: user.active,
        email: user.email.clone(),
        name: user.name.clone(),
        first_name: user.first_name.clone(),
        last_name: user.last_name.clone(),
        job_title: user.job_title.as_deref().map(str::to_owned),
        has_inbox_seat: user.has_inbox_seat,
        role_id,
        role_name: role_name.flatten(),
        permissions: user.permissions.as_ref().map(|permissions| json!(permissions)),
        two_factor_auth: user.two_factor_auth,
        joined_at: user.joined_at,
        removed_at: user.removed_at,
    };
    Ok(user_versions::Model { digest: digests::of_user(&row)?, ..row })
}

pub(super) fn group_row(workspace: &str, from: Generation, group: &Group) -> group_versions::Model {
    group_versions::Model {
        workspace: workspace.to_owned(),
        group_id: group.id.to_string(),
        from_generation: from,
        to_generation: None,
        digest: chain::digest(workspace, from, group),
        name: group.name.clone(),
        distribution_method: group.distribution_method.clone(),
        assignment_limit: group.assignment_limit,
    }
}

pub(super) fn role_row(
    workspace: &str,
    from: Generation,
    role: &ListedRole,
) -> role_versions::Model {
    role_versions::Model {
        workspace: workspace.to_owned(),
        role_id: role.id.clone(),
        from_generation: from,
        to_generation: None,
        digest: chain::digest(workspace, from, role),
        name: role.name.clone(),
        description: role.description.clone(),
    }
}

pub(super) fn membership_row(
    workspace: &str,
    from: Generation,
    membership: &Membership,
) -> membership_versions::Model {
    membership_versions::Model {
        workspace: workspace.to_owned(),
        group_id: membership.group.to_string(),
        user_id: membership.user.to_string(),
        from_generation: from,
        to_generation: None,
        digest: chain::digest(workspace, from, membership),
        priority: membership.priority.map(|priority| priority.as_str().to_owned()),
    }
}

pub(super) fn volatile_row(
    workspace: &str,
    user: &UserId,
    values: &Volatile,
) -> volatile::ActiveModel {
    volatile::ActiveModel {
        workspace: Set(workspace.to_owned()),
        user_id: Set(user.to_string()),
        away_mode_enabled: Set(values.away_mode_enabled),
        away_mode_reassign: Set(values.away_mode_reassign),
        away_status_reason_id: Set(values.away_status_reason_id),
        avatar_url: Set(values.avatar_url.clone()),
        last_sign_in_at: Set(values.last_sign_in_at),
        last_sign_in_method: Set(values.last_sign_in_method.clone().map(Into::into)),
        last_activity_at: Set(values.last_other_activity.map(|last| last.at)),
        last_activity_source: Set(values
            .last_other_activity
            .map(|last| last.source.as_str().to_owned())),
    }
}

/// The run that stores a log entry, when, and the entry's place in the feed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recording {
    pub run: RunId,
    /// Milliseconds since 1970.
    pub at: i64,
    pub seq: i64,
}

/// The row of a log entry that a run stores.
pub(super) fn activity_row(
    workspace: &str,
    recording: Recording,
    entry: &Activity,
) -> Result<activity::Model, LedgerError> {
    let actor = entry.performed_by.as_ref();
    let row = activity::Model {
        workspace: workspace.to_owned(),
        id: entry.id.clone(),
        at: entry.at,
        kind: entry.kind.clone(),
        performed_by_id: actor.and_then(|actor| actor.id.as_ref()).map(ToString::to_string),
        performed_by_email: actor.and_then(|actor| actor.email.clone()),
        subject_id: entry.subject().map(|id| id.to_string()),
        team_id: entry.team().map(|id| id.to_string()),
        metadata: entry.metadata.value(),
        import_id: Some(recording.run),
        digest: String::new(),
        proof: Some(Proof::fresh()?),
        digest_form: Some(digests::ACTIVITY_FORM),
        ip: actor.and_then(|actor| actor.ip.clone()),
        actor_type: actor.and_then(|actor| actor.kind.clone()),
        description: entry.description.clone(),
        recorded_at: Some(recording.at),
        seq: Some(recording.seq),
    };
    Ok(activity::Model { digest: digests::of_activity(&row), ..row })
}
