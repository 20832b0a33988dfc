//! Finds everything that the ledger knows of a person: by Intercom's ids, and by every address and
//! name that it has recorded for them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::{Value, json};

use super::entities::{
    activity, audit, imports, lifecycle_requests, membership_versions, tokens, user_versions,
    volatile,
};
use super::salted::{ACTIVITY_FIELDS, ERASED, PERSON, Proof, REQUEST_FIELDS, REQUESTED_BY};
use super::{Ledger, LedgerError, digests};
use crate::date_time;
use crate::limits;

/// A person, with all the ids, addresses and names that the ledger has for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// Intercom's ids of the admin.
    pub ids: BTreeSet<String>,
    /// Those of `ids` that belong to an active admin in the latest generation.
    pub active: BTreeSet<String>,
    /// Email addresses, in lower case.
    addresses: BTreeSet<String>,
    /// Names, in lower case.
    names: BTreeSet<String>,
}

/// The prefixes of log entry kinds that record only a sign-in, a sign-out or presence.
const SESSIONS: [&str; 4] =
    ["admin_login", "admin_logout", "admin_occupancy", "admin_unauthorized_sign_in"];

/// Whether log entries of this kind record nothing but a session: a sign-in, a sign-out or
/// presence.
pub(super) fn is_session_kind(kind: &str) -> bool {
    SESSIONS.iter().any(|session| kind.starts_with(session))
}

impl Ledger {
    /// Finds a person by an id (Intercom's, with or without `adm_`), or by any address that they
    /// ever had.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn find_person(&self, workspace: &str, named: &str) -> Result<Person, LedgerError> {
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
        let mut person = gather(&self.database, workspace, ids).await?;
        if named.contains('@') {
            let address = named.to_lowercase();
            let others = others_now(&self.database, workspace, &person.ids).await?;
            if !others.iter().any(|(email, _)| {
                email.as_ref().is_some_and(|email| email.to_lowercase() == address)
            }) {
                person.addresses.insert(address);
            }
        }
        Ok(person)
    }

    /// Returns everything that the database holds about a person, as one JSON document.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn all_of_person(
        &self,
        workspace: &str,
        person: &Person,
    ) -> Result<Value, LedgerError> {
        let db = &self.database;
        let ids: Vec<&str> = person.ids.iter().map(String::as_str).collect();
        let versions = versions_of(db, workspace, &person.ids).await?;
        let versions: Vec<Value> = versions.iter().map(version_document).collect();
        let memberships = membership_versions::Entity::find()
            .filter(membership_versions::Column::Workspace.eq(workspace))
            .filter(membership_versions::Column::UserId.is_in(ids.iter().copied()))
            .order_by_asc(membership_versions::Column::FromGeneration);
        let memberships: Vec<Value> = memberships
            .all(db)
            .await?
            .iter()
            .map(|row| {
                json!({"group_id": row.group_id, "user_id": row.user_id, "from_generation": row.from_generation,
                   "to_generation": row.to_generation, "priority": row.priority})
            })
            .collect();
        let current = volatile::Entity::find()
            .filter(volatile::Column::Workspace.eq(workspace))
            .filter(volatile::Column::UserId.is_in(ids.iter().copied()));
        let current: Vec<Value> = current
            .all(db)
            .await?
            .into_iter()
            .map(|row| {
                let (id, values) = super::rows::volatile(row);
                json!({"user_id": id, "values": values})
            })
            .collect();
        let (mut log, mut last) = (Vec::new(), String::new());
        loop {
            let rows = activity_page(db, workspace, &last).await?;
            let Some(row) = rows.last() else { break };
            last.clone_from(&row.id);
            log.extend(
                rows.into_iter()
                    .filter(|row| !person.fields_of_entry(row).is_empty() || person.is_in(row)),
            );
        }
        log.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        let log: Vec<Value> =
            log.into_iter().map(|row| json!(super::rows::activity(row))).collect();
        let requests = lifecycle_requests::Entity::find()
            .filter(lifecycle_requests::Column::Workspace.eq(workspace))
            .order_by_asc(lifecycle_requests::Column::Id);
        let requests: Vec<Value> = requests
            .all(db)
            .await?
            .iter()
            .filter(|row| person.is_about(row) || !person.fields_of_request(row).is_empty())
            .map(request_document)
            .collect();
        let runs = imports::Entity::find().filter(imports::Column::Workspace.eq(workspace));
        let runs = runs
            .filter(imports::Column::RequestedBy.is_not_null())
            .order_by_asc(imports::Column::Id);
        let runs: Vec<Value> = runs
            .all(db)
            .await?
            .iter()
            .filter(|row| row.requested_by.as_deref().is_some_and(|by| person.is_named_in(by)))
            .map(|row| {
                json!({"id": row.id, "requested_by": row.requested_by,
                              "started_at": date_time::written(row.started_at).to_string()})
            })
            .collect();
        let tokens: Vec<Value> = tokens::Entity::find()
            .all(db)
            .await?
            .iter()
            .filter(|row| person.is_named_in(&row.subject))
            .map(|row| {
                json!({"id": row.id, "subject": row.subject,
                              "issued_at": date_time::written(row.issued_at).to_string(),
                              "expires_at": date_time::written(row.expires_at).to_string()})
            })
            .collect();
        Ok(json!({
            "workspace": workspace,
            "ids": person.ids,
            "addresses": person.addresses,
            "names": person.names,
            "versions": versions,
            "memberships": memberships,
            "current_values": current,
            "activity": log,
            "requests": requests,
            "imports_requested": runs,
            "tokens": tokens,
            "audit": self.audit_of(workspace, person).await?,
        }))
    }

    /// Returns the audit entries that name a person: as the actor, or as the account that the entry
    /// is about.
    async fn audit_of(&self, workspace: &str, person: &Person) -> Result<Vec<Value>, LedgerError> {
        use audit::Column;
        let (mut entries, mut after) = (Vec::new(), 0);
        let scope =
            Condition::any().add(Column::Workspace.eq(workspace)).add(Column::Workspace.is_null());
        loop {
            let query = audit::Entity::find().filter(scope.clone()).filter(Column::Id.gt(after));
            let rows = query
                .order_by_asc(Column::Id)
                .limit(limits::LIST_ITEMS as u64)
                .all(&self.database)
                .await?;
            let Some(row) = rows.last() else { return Ok(entries) };
            after = row.id;
            for row in rows {
                let texts = [&row.actor, &row.identity, &row.target, &row.detail];
                let about = row.target.as_deref().and_then(|target| target.strip_prefix("adm_"));
                if about.is_some_and(|id| person.ids.contains(id))
                    || texts.into_iter().flatten().any(|text| person.is_named_in(text))
                {
                    entries.push(json!(super::audit::entry(row)));
                }
            }
        }
    }
}

/// Collects the names and addresses that the ledger has for `ids`, without those that another
/// current person has too.
pub(super) async fn gather(
    db: &impl ConnectionTrait,
    workspace: &str,
    ids: BTreeSet<String>,
) -> Result<Person, LedgerError> {
    let mut person = Person::default();
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

fn normalised(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    (!text.is_empty() && text != ERASED).then_some(text)
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

impl Person {
    /// Whether the ledger has neither an id nor an address for the person.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.ids.is_empty() && self.addresses.is_empty()
    }

    /// Merges two sets of names, so that one search finds both.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.ids.extend(other.ids);
        self.active.extend(other.active);
        self.addresses.extend(other.addresses);
        self.names.extend(other.names);
        self
    }

    /// Whether a text contains an address or a name of the person as a separate word.
    #[must_use]
    pub fn is_named_in(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let word = |letter: char| letter.is_alphanumeric();
        self.addresses.iter().any(|address| {
            stands_alone(
                &text,
                address,
                |letter| word(letter) || "._+-%".contains(letter),
                |letter| word(letter) || letter == '-',
            )
        }) || self.names.iter().any(|name| stands_alone(&text, name, word, word))
    }

    fn is_id(&self, value: Option<&str>) -> bool {
        value.is_some_and(|id| self.ids.contains(id))
    }

    /// Whether the person did what the log entry records, or is its subject.
    fn is_in(&self, row: &activity::Model) -> bool {
        self.is_id(row.performed_by_id.as_deref()) || self.is_id(row.subject_id.as_deref())
    }

    /// The fields of a log entry that hold the person's data. An entry about a session has no other
    /// use, so the ids go as well.
    pub(super) fn fields_of_entry(&self, row: &activity::Model) -> Vec<&'static str> {
        let acted = self.is_id(row.performed_by_id.as_deref());
        let about = self.is_id(row.subject_id.as_deref());
        let has_address =
            row.performed_by_email.as_deref().is_some_and(|email| self.is_named_in(email));
        let of_themselves =
            is_session_kind(&row.kind) && (about || acted && row.subject_id.is_none());
        let details =
            row.metadata != json!({}) && (about || self.is_mentioned_in(&row.metadata, acted));
        let holds = |field: &str| match field {
            "actor" => of_themselves && acted,
            "subject" => of_themselves && about,
            "email" => row.performed_by_email.is_some() && (acted || has_address),
            _ => details,
        };
        ACTIVITY_FIELDS.into_iter().filter(|field| holds(field)).collect()
    }

    /// Whether a JSON value names the person. If the person `acted`, an IP address in it counts as
    /// theirs.
    fn is_mentioned_in(&self, details: &Value, acted: bool) -> bool {
        let mut open = vec![details];
        while let Some(value) = open.pop() {
            match value {
                Value::String(text)
                    if self.is_named_in(text) || acted && text.parse::<IpAddr>().is_ok() =>
                {
                    return true;
                }
                Value::Array(items) => open.extend(items),
                Value::Object(members) => {
                    let id = members.get("id").or_else(|| members.get("admin_id"));
                    let id = id.map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
                    let says_more =
                        members.iter().any(|(name, value)| name != "type" && value.is_string());
                    if self.is_id(id.as_deref()) && says_more {
                        return true;
                    }
                    open.extend(members.values());
                }
                _ => {}
            }
        }
        false
    }

    /// Whether a request is about the person's account.
    fn is_about(&self, row: &lifecycle_requests::Model) -> bool {
        let target =
            row.target.as_deref().map(|target| target.strip_prefix("adm_").unwrap_or(target));
        self.is_id(target)
            || [&row.target, &row.user_name]
                .into_iter()
                .flatten()
                .any(|text| self.is_named_in(text))
    }

    /// The fields of a request that hold the person's data.
    pub(super) fn fields_of_request(&self, row: &lifecycle_requests::Model) -> Vec<&'static str> {
        let about = self.is_about(row);
        let holds = |field: &str| {
            let value = request_field(row, field).filter(|value| *value != ERASED);
            value.is_some_and(|value| {
                about && matches!(field, "user_name" | "comment" | "note")
                    || self.is_named_in(value)
            })
        };
        REQUEST_FIELDS.into_iter().filter(|field| holds(field)).collect()
    }
}

/// Whether `text` contains `word` where neither neighbouring character satisfies `before` or
/// `after`, that is: as a separate word.
fn stands_alone(
    text: &str,
    word: &str,
    before: impl Fn(char) -> bool,
    after: impl Fn(char) -> bool,
) -> bool {
    !word.is_empty()
        && text.match_indices(word).any(|(start, _)| {
            !text[..start].chars().next_back().is_some_and(&before)
                && !text[start + word.len()..].chars().next().is_some_and(&after)
        })
}

/// The value of one of the fields in [`REQUEST_FIELDS`].
pub(super) fn request_field<'a>(
    row: &'a lifecycle_requests::Model,
    field: &str,
) -> Option<&'a str> {
    match field {
        "requester" => Some(&row.requester),
        "target" => row.target.as_deref(),
        "user_name" => row.user_name.as_deref(),
        "comment" => row.comment.as_deref(),
        "closed_by" => row.closed_by.as_deref(),
        _ => row.note.as_deref(),
    }
}

/// Erases the personal fields of a version. Returns `None` if they are erased already.
pub(super) fn erase_version(
    mut row: user_versions::Model,
) -> Option<(user_versions::Model, Vec<&'static str>)> {
    let value = digests::person(&row);
    let mut proof = Proof::of(row.proof.as_deref()).unwrap_or_default();
    if proof.is_erased(PERSON) {
        return None;
    }
    proof.erase(PERSON, value.as_deref(), &[PERSON]);
    (row.email, row.name, row.first_name, row.last_name, row.job_title) =
        (None, None, None, None, None);
    row.proof = Some(proof.written());
    Some((row, vec![PERSON]))
}

/// Erases these fields of a log entry.
pub(super) fn erase_entry(mut row: activity::Model, fields: &[&'static str]) -> activity::Model {
    let mut proof = Proof::of(row.proof.as_deref()).unwrap_or_default();
    for field in fields {
        let details = digests::one_form(&row.metadata);
        let value = match *field {
            "actor" => row.performed_by_id.take(),
            "email" => row.performed_by_email.take(),
            "subject" => row.subject_id.take(),
            _ => Some(details),
        };
        proof.erase(field, value.as_deref(), &ACTIVITY_FIELDS);
        if *field == "metadata" {
            row.metadata = json!({});
        }
    }
    activity::Model { proof: Some(proof.written()), ..row }
}

/// Erases these fields of a request.
pub(super) fn erase_request(
    mut row: lifecycle_requests::Model,
    fields: &[&'static str],
) -> lifecycle_requests::Model {
    let mut proof = Proof::of(row.proof.as_deref()).unwrap_or_default();
    for field in fields {
        proof.erase(field, request_field(&row, field), &REQUEST_FIELDS);
        let erased = ERASED.to_owned();
        match *field {
            "requester" => row.requester = erased,
            "target" => row.target = Some(erased),
            "user_name" => row.user_name = Some(erased),
            "comment" => row.comment = Some(erased),
            "closed_by" => row.closed_by = Some(erased),
            _ => row.note = Some(erased),
        }
    }
    lifecycle_requests::Model { proof: Some(proof.written()), ..row }
}

/// Erases who requested a run.
pub(super) fn erase_run(mut row: imports::Model) -> imports::Model {
    let mut proof = Proof::of(row.proof.as_deref()).unwrap_or_default();
    proof.erase(REQUESTED_BY, row.requested_by.as_deref(), &[REQUESTED_BY]);
    row.requested_by = Some(ERASED.to_owned());
    imports::Model { proof: Some(proof.written()), ..row }
}

fn version_document(row: &user_versions::Model) -> Value {
    let time = |at: Option<time::OffsetDateTime>| at.map(|at| date_time::written(at).to_string());
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
        "joined_at": time(row.joined_at),
        "removed_at": time(row.removed_at),
    })
}

fn request_document(row: &lifecycle_requests::Model) -> Value {
    let time = |at: time::OffsetDateTime| date_time::written(at).to_string();
    json!({
        "id": row.reference,
        "at": time(row.at),
        "state": row.state,
        "requester": row.requester,
        "operation": row.operation,
        "target": row.target,
        "entitlement": row.entitlement,
        "user_name": row.user_name,
        "comment": row.comment,
        "closed_at": row.closed_at.map(time),
        "closed_by": row.closed_by,
        "note": row.note,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ada() -> Person {
        Person {
            ids: BTreeSet::from(["7".to_owned()]),
            active: BTreeSet::new(),
            addresses: BTreeSet::from(["ada@example.com".to_owned()]),
            names: BTreeSet::from(["ada lovelace".to_owned()]),
        }
    }

    #[test]
    fn a_person_is_named_by_whole_words_alone() {
        for text in [
            "Ada@Example.com",
            "issuer okta ada@example.com",
            "<ada@example.com>.",
            "ask ADA LOVELACE, please",
        ] {
            assert!(ada().is_named_in(text), "{text}");
        }
        for text in [
            "canada@example.com",
            "ada@example.com-x",
            "ada@example.community",
            "Ada",
            "ada lovelaces",
            "",
        ] {
            assert!(!ada().is_named_in(text), "{text}");
        }
    }

    #[test]
    fn details_tell_of_a_person_by_id_by_name_and_by_where_they_were() {
        let mentioned = |details: Value, acted| ada().is_mentioned_in(&details, acted);
        assert!(mentioned(json!({"admins": [{"id": 7, "first_name": "A."}]}), false));
        assert!(mentioned(json!({"invitee": {"emails": ["ada@example.com"]}}), false));
        assert!(mentioned(json!({"from": "192.0.2.7"}), true));
        assert!(!mentioned(json!({"from": "192.0.2.7"}), false), "that is where somebody else was");
        assert!(!mentioned(
            json!({"admin": {"id": 8, "first_name": "Bo"}, "after": {"id": 7}}),
            true
        ));
    }
}
