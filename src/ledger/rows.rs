//! Converts rows to domain values and back.

use sea_orm::ActiveValue::Set;
use serde_json::json;

use super::entities::{activity, group_versions, membership_versions, user_versions, volatile};
use super::salted::{Proof, has_erased_fields};
use super::{LedgerError, RunId, chain, digests};
use crate::directory::{
    Activity, Actor, Generation, Group, GroupId, Membership, Priority, Role, User, UserId, Volatile,
};

pub(super) fn user(row: user_versions::Model) -> Result<User, LedgerError> {
    let permissions = row.permissions.map(serde_json::from_value).transpose().map_err(|_| {
        LedgerError::Corrupt {
            what: format!(
                "user_versions.permissions of user {} at generation {}",
                row.user_id, row.from_generation
            ),
        }
    })?;
    Ok(User {
        id: UserId::new(row.user_id),
        active: row.active,
        email: row.email,
        name: row.name,
        first_name: row.first_name,
        last_name: row.last_name,
        job_title: row.job_title.map(Into::into),
        has_inbox_seat: row.has_inbox_seat,
        role: row.role_id.map(|id| Role { id, name: row.role_name }.into()),
        permissions,
        two_factor_auth: row.two_factor_auth,
        joined_at: row.joined_at,
        removed_at: row.removed_at,
        erased: has_erased_fields(row.proof.as_deref()),
    })
}

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

pub(super) fn group(row: group_versions::Model) -> Group {
    Group {
        id: GroupId::new(row.group_id),
        name: row.name,
        distribution_method: row.distribution_method,
        assignment_limit: row.assignment_limit,
    }
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

pub(super) fn membership(row: membership_versions::Model) -> Result<Membership, LedgerError> {
    let priority = match row.priority.as_deref() {
        None => None,
        Some("primary") => Some(Priority::Primary),
        Some("secondary") => Some(Priority::Secondary),
        Some(_) => {
            let what = format!(
                "membership_versions.priority of user {} in group {}",
                row.user_id, row.group_id
            );
            return Err(LedgerError::Corrupt { what });
        }
    };
    Ok(Membership { group: GroupId::new(row.group_id), user: UserId::new(row.user_id), priority })
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

pub(super) fn volatile(row: volatile::Model) -> (UserId, Volatile) {
    let values = Volatile {
        away_mode_enabled: row.away_mode_enabled,
        away_mode_reassign: row.away_mode_reassign,
        away_status_reason_id: row.away_status_reason_id,
        avatar_url: row.avatar_url,
        last_sign_in_at: row.last_sign_in_at,
        last_sign_in_method: row.last_sign_in_method.map(Into::into),
    };
    (UserId::new(row.user_id), values)
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
    }
}

/// The row of a log entry that a run stores.
pub(super) fn activity_row(
    workspace: &str,
    run: RunId,
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
        import_id: Some(run),
        digest: String::new(),
        proof: Some(Proof::fresh()?),
    };
    Ok(activity::Model { digest: digests::of_activity(&row), ..row })
}

pub(super) fn activity(row: activity::Model) -> Activity {
    Activity {
        id: row.id,
        at: row.at,
        kind: row.kind,
        performed_by: (row.performed_by_id.is_some() || row.performed_by_email.is_some()).then(
            || Actor { id: row.performed_by_id.map(UserId::new), email: row.performed_by_email },
        ),
        metadata: row.metadata.into(),
    }
}
