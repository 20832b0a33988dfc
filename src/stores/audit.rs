//! The audit trail: which client requested what, when, from where, and with which status; and what
//! was done to clients, tokens, keys and connections.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, Condition, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    TransactionTrait,
};
use time::OffsetDateTime;

use crate::clock::{from_millis, to_millis};
use crate::database::audit_entry::{ROWS_AT_ONCE, entry, record_events, row};
use crate::database::entities::audit;
use crate::database::transaction::writing;
use crate::database::{AuditEntry, Database, DatabaseError};
use crate::limits;

/// Which entries are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuestion {
    /// Only entries of this workspace; and, with `everything`, those that belong to no single
    /// workspace.
    pub workspace: Option<String>,
    /// Whether entries that belong to no single workspace are included.
    pub everything: bool,
    /// Only entries after this one.
    pub after: i64,
    /// Only entries at this moment or later.
    pub since: Option<OffsetDateTime>,
    /// Only entries before this moment.
    pub until: Option<OffsetDateTime>,
    /// Only entries of this actor.
    pub actor: Option<String>,
    /// Only entries of this kind.
    pub event: Option<String>,
}

/// The audit trail.
#[derive(Clone, Debug)]
pub struct AuditStore {
    database: Database,
}

impl AuditStore {
    /// The store in this database.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Adds entries.
    ///
    /// # Errors
    /// [`DatabaseError`]; then none of them is added.
    pub async fn record(&self, entries: Vec<AuditEntry>) -> Result<(), DatabaseError> {
        if entries.is_empty() {
            return Ok(());
        }
        self.database.file_is_there()?;
        if self.database.connection.get_database_backend() == DbBackend::Sqlite
            && entries.len() <= ROWS_AT_ONCE
        {
            // A single statement is a transaction of its own. A COMMIT that fails on a full disk
            // would leave a transaction open and block all other writers.
            let rows = entries.into_iter().map(row);
            audit::Entity::insert_many(rows)
                .exec_without_returning(&self.database.connection)
                .await?;
            return Ok(());
        }
        let db = self.database.connection.begin_with_options(writing()).await?;
        record_events(&db, entries).await?;
        db.commit().await?;
        Ok(())
    }

    /// The first entries that match, oldest first.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn entries(
        &self,
        question: &AuditQuestion,
        most: u64,
    ) -> Result<Vec<AuditEntry>, DatabaseError> {
        let query = matching(question).order_by_asc(audit::Column::Id).limit(most);
        Ok(query.all(&self.database.connection).await?.into_iter().map(entry).collect())
    }

    /// The last entries that match, newest first. With `before`, only those before this one.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn newest_entries(
        &self,
        question: &AuditQuestion,
        before: Option<i64>,
        most: u64,
    ) -> Result<Vec<AuditEntry>, DatabaseError> {
        let query = matching(question)
            .filter(audit::Column::Id.lt(before.unwrap_or(i64::MAX)))
            .order_by_desc(audit::Column::Id)
            .limit(most);
        Ok(query.all(&self.database.connection).await?.into_iter().map(entry).collect())
    }

    /// The last event of a kind about a workspace up to a moment.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn last_event(
        &self,
        workspace: &str,
        event: &str,
        moment: OffsetDateTime,
    ) -> Result<Option<AuditEntry>, DatabaseError> {
        let query = audit::Entity::find().filter(audit::Column::Event.eq(event));
        self.newest(query, workspace, moment).await
    }

    /// The last successful request for a route of a workspace up to a moment.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn last_request(
        &self,
        workspace: &str,
        route: &str,
        moment: OffsetDateTime,
    ) -> Result<Option<AuditEntry>, DatabaseError> {
        let routes = [route.to_owned(), format!("/workspaces/{{workspace}}{route}")];
        let query = audit::Entity::find()
            .filter(audit::Column::Event.eq("request"))
            .filter(audit::Column::Route.is_in(routes))
            .filter(audit::Column::Status.eq(200));
        self.newest(query, workspace, moment).await
    }

    async fn newest(
        &self,
        query: Select<audit::Entity>,
        workspace: &str,
        moment: OffsetDateTime,
    ) -> Result<Option<AuditEntry>, DatabaseError> {
        let query = query
            .filter(audit::Column::Workspace.eq(workspace))
            .filter(audit::Column::At.lte(to_millis(moment)))
            .order_by_desc(audit::Column::At)
            .limit(1);
        Ok(query.one(&self.database.connection).await?.map(entry))
    }

    /// When each of these identities was last active, according to the trail.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn last_uses(
        &self,
        identities: &[String],
    ) -> Result<HashMap<String, OffsetDateTime>, DatabaseError> {
        use audit::Column;
        let mut uses = HashMap::new();
        for part in identities.chunks(limits::SQL_VALUES) {
            let query = audit::Entity::find()
                .select_only()
                .column(Column::Identity)
                .column_as(Column::At.max(), "last")
                .filter(Column::Identity.is_in(part))
                .group_by(Column::Identity);
            let found: Vec<(String, i64)> =
                query.into_tuple().all(&self.database.connection).await?;
            uses.extend(found.into_iter().map(|(identity, at)| (identity, from_millis(at))));
        }
        Ok(uses)
    }

    /// Deletes the entries from before a moment, and returns how many there were.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn prune(&self, before: OffsetDateTime) -> Result<u64, DatabaseError> {
        let query = audit::Entity::delete_many().filter(audit::Column::At.lt(to_millis(before)));
        Ok(query.exec(&self.database.connection).await?.rows_affected)
    }
}

/// The entries that match a question.
fn matching(question: &AuditQuestion) -> Select<audit::Entity> {
    use audit::Column;
    let mut query = audit::Entity::find().filter(Column::Id.gt(question.after));
    if let Some(workspace) = &question.workspace {
        let mut scope = Condition::any().add(Column::Workspace.eq(workspace.as_str()));
        if question.everything {
            scope = scope.add(Column::Workspace.is_null());
        }
        query = query.filter(scope);
    }
    if let Some(since) = question.since {
        query = query.filter(Column::At.gte(to_millis(since)));
    }
    if let Some(until) = question.until {
        query = query.filter(Column::At.lt(to_millis(until)));
    }
    if let Some(actor) = &question.actor {
        query = query.filter(Column::Actor.eq(actor.as_str()));
    }
    if let Some(event) = &question.event {
        query = query.filter(Column::Event.eq(event.as_str()));
    }
    query
}
