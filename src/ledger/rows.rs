//! Converts rows to domain values.

use super::LedgerError;
use super::salted::has_erased_fields;
use crate::database::entities::{
    activity, group_versions, membership_versions, role_versions, user_versions, volatile,
};
use crate::directory::{
    Activity, ActivitySource, Actor, Group, GroupId, LastActivity, ListedRole, Membership,
    Priority, Role, User, UserId, Volatile,
};
use crate::words::Words;

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

pub(super) fn group(row: group_versions::Model) -> Group {
    Group {
        id: GroupId::new(row.group_id),
        name: row.name,
        distribution_method: row.distribution_method,
        assignment_limit: row.assignment_limit,
    }
}

pub(super) fn role(row: role_versions::Model) -> ListedRole {
    ListedRole { id: row.role_id, name: row.name, description: row.description }
}

pub(super) fn membership(row: membership_versions::Model) -> Result<Membership, LedgerError> {
    let corrupt = || LedgerError::Corrupt {
        what: format!(
            "membership_versions.priority of user {} in group {}",
            row.user_id, row.group_id
        ),
    };
    let priority = row.priority.as_deref();
    let priority =
        priority.map(|word| Priority::from_word(word).ok_or_else(corrupt)).transpose()?;
    Ok(Membership { group: GroupId::new(row.group_id), user: UserId::new(row.user_id), priority })
}

pub(super) fn volatile(row: volatile::Model) -> (UserId, Volatile) {
    // A word of a later version of the bridge is ignored: the next full import reads the log again.
    let source = row.last_activity_source.as_deref().and_then(ActivitySource::from_word);
    let values = Volatile {
        away_mode_enabled: row.away_mode_enabled,
        away_mode_reassign: row.away_mode_reassign,
        away_status_reason_id: row.away_status_reason_id,
        avatar_url: row.avatar_url,
        last_sign_in_at: row.last_sign_in_at,
        last_sign_in_method: row.last_sign_in_method.map(Into::into),
        last_other_activity: row
            .last_activity_at
            .zip(source)
            .map(|(at, source)| LastActivity { at, source }),
    };
    (UserId::new(row.user_id), values)
}

pub(super) fn activity(row: activity::Model) -> Activity {
    Activity {
        id: row.id,
        at: row.at,
        kind: row.kind,
        performed_by: Some(Actor {
            kind: row.actor_type,
            id: row.performed_by_id.map(UserId::new),
            email: row.performed_by_email,
            ip: row.ip,
        })
        .filter(|actor| *actor != Actor::default()),
        description: row.description,
        metadata: row.metadata.into(),
    }
}
