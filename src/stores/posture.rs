//! Stores what people recorded about the checks of the posture, and when findings began and ended.

use std::collections::{BTreeSet, HashMap, HashSet};

use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, TransactionTrait,
};
use serde_json::Value;
use time::OffsetDateTime;

use crate::database::entities::{posture_findings, posture_records};
use crate::database::transaction::{insert, patience, writing};
use crate::database::{AuditEntry, Database, DatabaseError, record_events};
use crate::directory::Generation;
use crate::ledger::{KnownPerson, lock};
use crate::limits;

/// Stands for a text that was erased from a record.
const ERASED: &str = "(erased)";

/// The class of the lock under which a workspace's records and findings change.
const POSTURE_LOCK: i32 = 0x70_6f73;

/// An exception, an answer or a revocation, as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostureRecord {
    /// Its number in the workspace; the first is 1.
    pub number: i64,
    /// When it was recorded.
    pub at: OffsetDateTime,
    /// Who recorded it.
    pub by: String,
    /// What was recorded, as JSON.
    pub act: Value,
}

/// A finding to record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotedFinding {
    /// Its id in the report.
    pub id: String,
    /// The id of its check.
    pub check: &'static str,
    /// Its severity.
    pub severity: &'static str,
    /// Whether a person has accepted it. Nobody is notified of an accepted finding.
    pub is_excepted: bool,
}

/// A finding with the number under which people are notified of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberedFinding {
    /// Its number in the workspace; the first is 1.
    pub number: i64,
    /// Its id in the report.
    pub id: String,
    /// The id of its check.
    pub check: String,
    /// Its severity.
    pub severity: Option<String>,
    /// When it began to fail.
    pub began_at: OffsetDateTime,
    /// The generation of that moment.
    pub began_generation: Generation,
}

/// What people recorded about the checks of the posture, and when findings began and ended.
#[derive(Clone, Debug)]
pub struct PostureStore {
    database: Database,
}

impl PostureStore {
    /// The store in this database.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Begins a transaction in which only this process changes the workspace's records and
    /// findings.
    async fn changing(&self, workspace: &str) -> Result<DatabaseTransaction, DatabaseError> {
        let db = self.database.connection.begin_with_options(writing()).await?;
        patience(&db, limits::DATABASE_WAIT, limits::DATABASE_WAIT).await?;
        lock(&db, POSTURE_LOCK, workspace).await?;
        Ok(db)
    }

    /// What was recorded, oldest first; with `as_of` only what was recorded by that moment of the
    /// past. Numbers order it, because clocks may be wrong: for now, each record counts, even one
    /// with a time in the future.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn records(
        &self,
        workspace: &str,
        as_of: Option<OffsetDateTime>,
    ) -> Result<Vec<PostureRecord>, DatabaseError> {
        use posture_records::Column;
        let query = posture_records::Entity::find()
            .filter(Column::Workspace.eq(workspace))
            .order_by_asc(Column::Number);
        let rows = query.all(&self.database.connection).await?.into_iter();
        // Compared here: SQLite compares times as texts, which is exact to the second only.
        let recorded = rows.filter(|row| as_of.is_none_or(|moment| row.at <= moment));
        let recorded = recorded.map(|row| PostureRecord {
            number: row.number,
            at: row.at,
            by: row.by,
            act: row.act,
        });
        Ok(recorded.collect())
    }

    /// Records an exception, an answer or a revocation, together with its entry of the audit trail.
    /// `entry` makes the entry from the number. Returns the number.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn record(
        &self,
        workspace: &str,
        at: OffsetDateTime,
        by: &str,
        act: Value,
        entry: impl FnOnce(i64) -> Vec<AuditEntry> + Send,
    ) -> Result<i64, DatabaseError> {
        use posture_records::Column;
        self.database.file_is_there()?;
        let db = self.changing(workspace).await?;
        let newest = posture_records::Entity::find()
            .select_only()
            .column(Column::Number)
            .filter(Column::Workspace.eq(workspace))
            .order_by_desc(Column::Number);
        let newest: Option<i64> = newest.into_tuple().one(&db).await?;
        let number = newest.unwrap_or(0) + 1;
        let row = posture_records::ActiveModel {
            workspace: Set(workspace.to_owned()),
            number: Set(number),
            at: Set(at),
            by: Set(by.to_owned()),
            act: Set(act),
        };
        insert(&db, vec![row], None).await?;
        record_events(&db, entry(number)).await?;
        db.commit().await?;
        Ok(number)
    }

    /// Erases what the records say of a person: an address as subject, the reason, note and ticket of
    /// records about the person or with the person's name, and the person as the one who recorded
    /// something. Ids stay. Returns the number of records. With `is_trial`, nothing is stored.
    ///
    /// # Errors
    /// [`DatabaseError`]; then nothing is erased.
    pub async fn erase(
        &self,
        workspace: &str,
        person: &KnownPerson,
        is_trial: bool,
    ) -> Result<u64, DatabaseError> {
        use posture_records::Column;
        let db = self.changing(workspace).await?;
        let query = posture_records::Entity::find().filter(Column::Workspace.eq(workspace));
        let mut erased = 0;
        for row in query.all(&db).await? {
            let by = if person.is_named_in(&row.by) { ERASED } else { row.by.as_str() };
            let act = without_person(&row.act, person);
            if by == row.by && act == row.act {
                continue;
            }
            erased += 1;
            posture_records::Entity::update_many()
                .col_expr(Column::By, Expr::value(by))
                .col_expr(Column::Act, Expr::value(act))
                .filter(Column::Workspace.eq(workspace))
                .filter(Column::Number.eq(row.number))
                .exec(&db)
                .await?;
        }
        if is_trial {
            db.rollback().await?;
        } else {
            db.commit().await?;
        }
        Ok(erased)
    }

    /// Records which findings a generation has: those that are new begin, and those that are gone
    /// end, except those of the checks `unknown`, whose findings cannot be evaluated now. A new one
    /// gets a number, an excepted one when its exception is over. Returns how many got one; `None`
    /// if findings of a later generation are recorded, and so nothing was.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn note_findings(
        &self,
        workspace: &str,
        at: OffsetDateTime,
        generation: Generation,
        findings: &BTreeSet<NotedFinding>,
        unknown: &BTreeSet<&str>,
    ) -> Result<Option<usize>, DatabaseError> {
        use posture_findings::Column;
        let db = self.changing(workspace).await?;
        // Another process has noted a later state. Times cannot tell that: clocks may be wrong.
        if newest_generation(&db, workspace).await?.is_some_and(|newest| newest > generation) {
            return Ok(None);
        }
        let open = posture_findings::Entity::find()
            .select_only()
            .columns([Column::Id, Column::CheckId, Column::Number])
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::EndedAt.is_null());
        let open = open.into_tuple::<(String, String, Option<i64>)>().all(&db).await?;
        let open: HashMap<String, (String, Option<i64>)> =
            open.into_iter().map(|(id, check, number)| (id, (check, number))).collect();
        let there: HashSet<&str> = findings.iter().map(|finding| finding.id.as_str()).collect();
        let is_gone = |id: &str, check: &str| !there.contains(id) && !unknown.contains(check);
        let gone: Vec<&String> =
            open.iter().filter(|(id, (check, _))| is_gone(id, check)).map(|(id, _)| id).collect();
        for ids in gone.chunks(limits::SQL_VALUES / 2) {
            posture_findings::Entity::update_many()
                .col_expr(Column::EndedAt, Expr::value(at))
                .filter(Column::Workspace.eq(workspace))
                .filter(Column::EndedAt.is_null())
                .filter(Column::Id.is_in(ids.iter().map(|id| id.as_str())))
                .exec(&db)
                .await?;
        }
        let first = last_finding(&db, workspace).await? + 1;
        let mut next = first;
        let mut rows = Vec::new();
        for finding in findings {
            let known = open.get(&finding.id);
            if known.is_some_and(|(_, number)| number.is_some() || finding.is_excepted) {
                continue;
            }
            let number = (!finding.is_excepted).then_some(next);
            next += i64::from(number.is_some());
            match known {
                Some(_) => number_finding(&db, workspace, &finding.id, number).await?,
                None => rows.push(posture_findings::ActiveModel {
                    workspace: Set(workspace.to_owned()),
                    id: Set(finding.id.clone()),
                    began_at: Set(at),
                    began_generation: Set(generation),
                    check_id: Set(finding.check.to_owned()),
                    ended_at: Set(None),
                    number: Set(number),
                    severity: Set(Some(finding.severity.to_owned())),
                }),
            }
        }
        insert(&db, rows, None).await?;
        db.commit().await?;
        Ok(Some(usize::try_from(next - first).unwrap_or_default()))
    }

    /// The number of the last finding; 0 if there is none.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn last_finding(&self, workspace: &str) -> Result<i64, DatabaseError> {
        last_finding(&self.database.connection, workspace).await
    }

    /// The number of the last finding that began before a moment; 0 if there is none.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn finding_before(
        &self,
        workspace: &str,
        moment: OffsetDateTime,
    ) -> Result<i64, DatabaseError> {
        use posture_findings::Column;
        let query = posture_findings::Entity::find()
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::BeganAt.lte(moment.saturating_add(time::Duration::SECOND)))
            .filter(Column::Number.is_not_null());
        let rows = query.all(&self.database.connection).await?.into_iter();
        // Compared here: SQLite compares times as texts, which is exact to the second only.
        let before = rows.filter(|row| row.began_at < moment).filter_map(|row| row.number);
        Ok(before.max().unwrap_or_default())
    }

    /// The findings after a number, in the order of their numbers.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn findings_after(
        &self,
        workspace: &str,
        number: i64,
        limit: usize,
    ) -> Result<Vec<NumberedFinding>, DatabaseError> {
        use posture_findings::Column;
        let query = posture_findings::Entity::find()
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Number.gt(number))
            .order_by_asc(Column::Number)
            .limit(limit as u64);
        let rows = query.all(&self.database.connection).await?.into_iter();
        let finding = |row: posture_findings::Model| {
            Some(NumberedFinding {
                number: row.number?,
                id: row.id,
                check: row.check_id,
                severity: row.severity,
                began_at: row.began_at,
                began_generation: row.began_generation,
            })
        };
        Ok(rows.filter_map(finding).collect())
    }

    /// When the findings that there are now, or were at a moment of the past, began, and the
    /// generation of that time.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn findings_began(
        &self,
        workspace: &str,
        as_of: Option<OffsetDateTime>,
    ) -> Result<HashMap<String, (OffsetDateTime, Generation)>, DatabaseError> {
        use posture_findings::Column;
        let began = |row: posture_findings::Model| (row.id, (row.began_at, row.began_generation));
        let Some(moment) = as_of else {
            let open = posture_findings::Entity::find()
                .filter(Column::Workspace.eq(workspace))
                .filter(Column::EndedAt.is_null());
            let rows = open.all(&self.database.connection).await?;
            return Ok(rows.into_iter().map(began).collect());
        };
        // Texts of times are compared in whole seconds, so the query finds a second more on each
        // side. Nothing is before the first or after the last moment that can be written.
        let second = time::Duration::SECOND;
        let query = posture_findings::Entity::find()
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::BeganAt.lte(moment.saturating_add(second)))
            .filter(
                Condition::any()
                    .add(Column::EndedAt.is_null())
                    .add(Column::EndedAt.gt(moment.saturating_sub(second))),
            );
        let rows = query.all(&self.database.connection).await?.into_iter();
        let there = rows.filter(|row| {
            row.began_at <= moment && row.ended_at.is_none_or(|ended| ended > moment)
        });
        Ok(there.map(began).collect())
    }
}

/// A record without what it says of a person.
fn without_person(act: &Value, person: &KnownPerson) -> Value {
    let mut act = act.clone();
    let Some(members) = act.as_object_mut() else { return act };
    let text = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or_default();
    let names_person = person.is_named_in(text("subject"));
    let is_about = names_person || has_id(text("subject"), person);
    let mut blank = Vec::new();
    if names_person {
        blank.push("subject");
    }
    for name in ["reason", "note", "ticket"] {
        if !text(name).is_empty() && (is_about || person.is_named_in(text(name))) {
            blank.push(name);
        }
    }
    for name in blank {
        members.insert(name.to_owned(), Value::from(ERASED));
    }
    act
}

/// Whether the id of a subject is or contains the id of an account of the person.
fn has_id(subject: &str, person: &KnownPerson) -> bool {
    let words = subject.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    words.filter_map(|word| word.strip_prefix("adm_")).any(|id| person.ids.contains(id))
}

/// The newest generation in which a finding began.
async fn newest_generation(
    db: &DatabaseTransaction,
    workspace: &str,
) -> Result<Option<Generation>, DatabaseError> {
    use posture_findings::Column;
    let newest = posture_findings::Entity::find()
        .select_only()
        .column(Column::BeganGeneration)
        .filter(Column::Workspace.eq(workspace))
        .order_by_desc(Column::BeganGeneration);
    Ok(newest.into_tuple().one(db).await?)
}

async fn last_finding(db: &impl ConnectionTrait, workspace: &str) -> Result<i64, DatabaseError> {
    use posture_findings::Column;
    let query = posture_findings::Entity::find()
        .select_only()
        .column(Column::Number)
        .filter(Column::Workspace.eq(workspace))
        .filter(Column::Number.is_not_null())
        .order_by_desc(Column::Number);
    let last = query.into_tuple::<Option<i64>>().one(db).await?;
    Ok(last.flatten().unwrap_or_default())
}

async fn number_finding(
    db: &DatabaseTransaction,
    workspace: &str,
    id: &str,
    number: Option<i64>,
) -> Result<(), DatabaseError> {
    use posture_findings::Column;
    posture_findings::Entity::update_many()
        .col_expr(Column::Number, Expr::value(number))
        .filter(Column::Workspace.eq(workspace))
        .filter(Column::Id.eq(id))
        .filter(Column::EndedAt.is_null())
        .exec(db)
        .await?;
    Ok(())
}
