//! Finds everything that the ledger knows of a person: by Intercom's ids, and by every address and
//! name that it has recorded for them.

use std::collections::BTreeSet;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect,
};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::person::normalised;
use super::{KnownPerson, Ledger, LedgerError};
use crate::database::entities::{
    activity, audit, imports, lifecycle_requests, membership_versions, tokens, user_versions,
    volatile,
};
use crate::date_time;
use crate::directory::text::folded;
use crate::limits;

impl Ledger {
    /// Finds a person by an id (Intercom's, with or without `adm_`), or by any address that they
    /// ever had.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn find_person(
        &self,
        workspace: &str,
        named: &str,
    ) -> Result<KnownPerson, LedgerError> {
        let named = named.trim();
        let ids = if named.contains('@') {
            self.people_with_address(workspace, named)
                .await?
                .iter()
                .map(ToString::to_string)
                .collect()
        } else {
            BTreeSet::from([named.strip_prefix("adm_").unwrap_or(named).to_owned()])
        };
        let mut person = gather(&self.database.connection, workspace, ids).await?;
        if named.contains('@') {
            let address = folded(named);
            let others = others_now(&self.database.connection, workspace, &person.ids).await?;
            let has_address =
                |email: &Option<String>| email.as_ref().is_some_and(|one| folded(one) == address);
            if !others.iter().any(|(email, _)| has_address(email)) {
                person.addresses.insert(address.into_owned());
            }
        }
        Ok(person)
    }

    /// Returns everything that the database holds about a person, as one JSON document.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn all_of_person(
        &self,
        workspace: &str,
        person: &KnownPerson,
    ) -> Result<Value, LedgerError> {
        let db = &self.database.connection;
        let versions = versions_of(db, workspace, &person.ids).await?;
        let versions: Vec<Value> = versions.iter().map(version_document).collect();
        Ok(json!({
            "workspace": workspace,
            "ids": person.ids,
            "addresses": person.addresses,
            "names": person.names,
            "versions": versions,
            "memberships": memberships_of(db, workspace, person).await?,
            "current_values": current_values_of(db, workspace, person).await?,
            "activity": self.activity_of(workspace, person).await?,
            "requests": requests_about(db, workspace, person).await?,
            "imports_requested": runs_requested_by(db, workspace, person).await?,
            "tokens": tokens_of(db, person).await?,
            "audit": self.audit_of(workspace, person).await?,
        }))
    }

    /// Returns the log entries that name a person or are about them, oldest first.
    async fn activity_of(
        &self,
        workspace: &str,
        person: &KnownPerson,
    ) -> Result<Vec<Value>, LedgerError> {
        let (mut log, mut last) = (Vec::new(), String::new());
        loop {
            let rows = activity_page(&self.database.connection, workspace, &last).await?;
            let Some(row) = rows.last() else { break };
            last.clone_from(&row.id);
            log.extend(
                rows.into_iter()
                    .filter(|row| !person.fields_of_entry(row).is_empty() || person.is_in(row)),
            );
        }
        log.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        Ok(log.into_iter().map(|row| json!(super::rows::activity(row))).collect())
    }

    /// Returns the audit entries that name a person: as the actor, or as the account that the entry
    /// is about.
    async fn audit_of(
        &self,
        workspace: &str,
        person: &KnownPerson,
    ) -> Result<Vec<Value>, LedgerError> {
        use audit::Column;
        let (mut entries, mut after) = (Vec::new(), 0);
        let scope =
            Condition::any().add(Column::Workspace.eq(workspace)).add(Column::Workspace.is_null());
        loop {
            let query = audit::Entity::find().filter(scope.clone()).filter(Column::Id.gt(after));
            let rows = query
                .order_by_asc(Column::Id)
                .limit(limits::LIST_ITEMS as u64)
                .all(&self.database.connection)
                .await?;
            let Some(row) = rows.last() else { return Ok(entries) };
            after = row.id;
            for row in rows {
                let texts = [&row.actor, &row.identity, &row.target, &row.detail];
                let about = row.target.as_deref().and_then(|target| target.strip_prefix("adm_"));
                if about.is_some_and(|id| person.ids.contains(id))
                    || texts.into_iter().flatten().any(|text| person.is_named_in(text))
                {
                    entries.push(json!(crate::database::audit_entry::entry(row)));
                }
            }
        }
    }
}

/// Returns the versions of a person's memberships, oldest first.
async fn memberships_of(
    db: &DatabaseConnection,
    workspace: &str,
    person: &KnownPerson,
) -> Result<Vec<Value>, DbErr> {
    use membership_versions::Column;
    let rows = membership_versions::Entity::find()
        .filter(Column::Workspace.eq(workspace))
        .filter(Column::UserId.is_in(person.ids.iter().map(String::as_str)))
        .order_by_asc(Column::FromGeneration)
        .all(db)
        .await?;
    let document = |row: &membership_versions::Model| {
        json!({
            "group_id": row.group_id, "user_id": row.user_id,
            "from_generation": row.from_generation, "to_generation": row.to_generation,
            "priority": row.priority,
        })
    };
    Ok(rows.iter().map(document).collect())
}

/// Returns the values of a person of which no versions are kept.
async fn current_values_of(
    db: &DatabaseConnection,
    workspace: &str,
    person: &KnownPerson,
) -> Result<Vec<Value>, DbErr> {
    let rows = volatile::Entity::find()
        .filter(volatile::Column::Workspace.eq(workspace))
        .filter(volatile::Column::UserId.is_in(person.ids.iter().map(String::as_str)))
        .all(db)
        .await?;
    let document = |row| {
        let (id, values) = super::rows::volatile(row);
        json!({"user_id": id, "values": values})
    };
    Ok(rows.into_iter().map(document).collect())
}

/// Returns the requests that are about a person or name them, oldest first.
async fn requests_about(
    db: &DatabaseConnection,
    workspace: &str,
    person: &KnownPerson,
) -> Result<Vec<Value>, DbErr> {
    let rows = lifecycle_requests::Entity::find()
        .filter(lifecycle_requests::Column::Workspace.eq(workspace))
        .order_by_asc(lifecycle_requests::Column::Id)
        .all(db)
        .await?;
    let names_person = |row: &&lifecycle_requests::Model| {
        person.is_about(row) || !person.fields_of_request(row).is_empty()
    };
    Ok(rows.iter().filter(names_person).map(request_document).collect())
}

/// Returns the import runs that a person requested, oldest first.
async fn runs_requested_by(
    db: &DatabaseConnection,
    workspace: &str,
    person: &KnownPerson,
) -> Result<Vec<Value>, DbErr> {
    let rows = imports::Entity::find()
        .filter(imports::Column::Workspace.eq(workspace))
        .filter(imports::Column::RequestedBy.is_not_null())
        .order_by_asc(imports::Column::Id)
        .all(db)
        .await?;
    let is_by_person = |row: &&imports::Model| {
        row.requested_by.as_deref().is_some_and(|by| person.is_named_in(by))
    };
    let document = |row: &imports::Model| {
        json!({
            "id": row.id, "requested_by": row.requested_by,
            "started_at": time_text(row.started_at),
        })
    };
    Ok(rows.iter().filter(is_by_person).map(document).collect())
}

/// Returns the issued tokens whose subject names a person.
async fn tokens_of(db: &DatabaseConnection, person: &KnownPerson) -> Result<Vec<Value>, DbErr> {
    let rows = tokens::Entity::find().all(db).await?;
    let document = |row: &tokens::Model| {
        json!({
            "id": row.id, "subject": row.subject, "issued_at": time_text(row.issued_at),
            "expires_at": time_text(row.expires_at),
        })
    };
    Ok(rows.iter().filter(|row| person.is_named_in(&row.subject)).map(document).collect())
}

/// Collects the names and addresses that the ledger has for `ids`, without those that another
/// current person has too.
pub(super) async fn gather(
    db: &impl ConnectionTrait,
    workspace: &str,
    ids: BTreeSet<String>,
) -> Result<KnownPerson, LedgerError> {
    let mut person = KnownPerson::default();
    for row in versions_of(db, workspace, &ids).await? {
        person.ids.insert(row.user_id.clone());
        if row.active && row.to_generation.is_none() {
            person.active.insert(row.user_id);
        }
        person.addresses.extend(row.email.as_deref().and_then(normalised));
        person.names.extend(row.name.as_deref().and_then(normalised));
        if let (Some(first), Some(last)) = (&row.first_name, &row.last_name) {
            person.names.extend(normalised(&format!("{first} {last}")));
        }
    }
    let acted: Vec<Option<String>> = activity::Entity::find()
        .select_only()
        .column(activity::Column::PerformedByEmail)
        .distinct()
        .filter(activity::Column::Workspace.eq(workspace))
        .filter(activity::Column::PerformedById.is_in(ids.iter().map(String::as_str)))
        .into_tuple()
        .all(db)
        .await?;
    person.addresses.extend(acted.iter().flatten().filter_map(|email| normalised(email)));
    for (email, name) in others_now(db, workspace, &ids).await? {
        if let Some(email) = email.as_deref().and_then(normalised) {
            person.addresses.remove(&email);
        }
        if let Some(name) = name.as_deref().and_then(normalised) {
            person.names.remove(&name);
        }
    }
    // A short single word occurs in many texts that are not about the person.
    person.names.retain(|name| name.contains(char::is_whitespace) || name.chars().count() >= 5);
    Ok(person)
}

/// The present address and name of each person who is not in `ids`.
async fn others_now(
    db: &impl ConnectionTrait,
    workspace: &str,
    ids: &BTreeSet<String>,
) -> Result<Vec<(Option<String>, Option<String>)>, LedgerError> {
    let rows = user_versions::Entity::find()
        .select_only()
        .columns([
            user_versions::Column::UserId,
            user_versions::Column::Email,
            user_versions::Column::Name,
        ])
        .filter(user_versions::Column::Workspace.eq(workspace))
        .filter(user_versions::Column::ToGeneration.is_null())
        .into_tuple::<(String, Option<String>, Option<String>)>();
    let others = rows.all(db).await?.into_iter().filter(|(id, ..)| !ids.contains(id));
    Ok(others.map(|(_, email, name)| (email, name)).collect())
}

/// The versions of these people, by id and then oldest first.
pub(super) async fn versions_of(
    db: &impl ConnectionTrait,
    workspace: &str,
    ids: &BTreeSet<String>,
) -> Result<Vec<user_versions::Model>, LedgerError> {
    let query = user_versions::Entity::find()
        .filter(user_versions::Column::Workspace.eq(workspace))
        .filter(user_versions::Column::UserId.is_in(ids.iter().map(String::as_str)));
    let query = query
        .order_by_asc(user_versions::Column::UserId)
        .order_by_asc(user_versions::Column::FromGeneration);
    Ok(query.all(db).await?)
}

/// One page of log entries, by id, after the id `after`.
pub(super) async fn activity_page(
    db: &impl ConnectionTrait,
    workspace: &str,
    after: &str,
) -> Result<Vec<activity::Model>, LedgerError> {
    use activity::Column;
    let query = activity::Entity::find()
        .filter(Column::Workspace.eq(workspace))
        .filter(Column::Id.gt(after));
    Ok(query.order_by_asc(Column::Id).limit(limits::LIST_ITEMS as u64).all(db).await?)
}

fn time_text(at: OffsetDateTime) -> String {
    date_time::written(at).to_string()
}

fn version_document(row: &user_versions::Model) -> Value {
    json!({
        "user_id": row.user_id,
        "from_generation": row.from_generation,
        "to_generation": row.to_generation,
        "active": row.active,
        "email": row.email,
        "name": row.name,
        "first_name": row.first_name,
        "last_name": row.last_name,
        "job_title": row.job_title,
        "has_inbox_seat": row.has_inbox_seat,
        "role_id": row.role_id,
        "role_name": row.role_name,
        "permissions": row.permissions,
        "two_factor_auth": row.two_factor_auth,
        "joined_at": row.joined_at.map(time_text),
        "removed_at": row.removed_at.map(time_text),
    })
}

fn request_document(row: &lifecycle_requests::Model) -> Value {
    json!({
        "id": row.reference,
        "at": time_text(row.at),
        "state": row.state,
        "requester": row.requester,
        "operation": row.operation,
        "target": row.target,
        "entitlement": row.entitlement,
        "user_name": row.user_name,
        "comment": row.comment,
        "closed_at": row.closed_at.map(time_text),
        "closed_by": row.closed_by,
        "note": row.note,
    })
}
