//! Workspaces that were connected by OAuth: Intercom's access token, encrypted; and attempts to
//! connect a workspace that are in progress.

use std::fmt;

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, TransactionTrait,
};
use time::OffsetDateTime;

use crate::clock;
use crate::database::entities::{connect_attempts, connections};
use crate::database::transaction::writing;
use crate::database::{AuditEntry, Database, DatabaseError, record_events};
use crate::limits;

/// A connected workspace.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedConnection {
    /// Its name.
    pub workspace: String,
    /// The access token, encrypted.
    pub sealed: Vec<u8>,
    /// Intercom's id of the workspace.
    pub intercom_id: Option<String>,
    /// When it was connected.
    pub connected_at: OffsetDateTime,
}

impl fmt::Debug for SealedConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedConnection")
            .field("workspace", &self.workspace)
            .finish_non_exhaustive()
    }
}

/// Proves that both steps of an attempt are made by the same person. Contains only hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectProof {
    /// The hash of the `state` that is sent to Intercom and comes back.
    pub state_hash: String,
    /// The hash of the session cookie.
    pub session_hash: String,
}

/// The connections to Intercom, and attempts to make one.
#[derive(Clone, Debug)]
pub struct ConnectionStore {
    database: Database,
}

impl ConnectionStore {
    /// The store in this database.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Records a ticket that permits an attempt to connect a workspace.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn begin(
        &self,
        workspace: &str,
        ticket_hash: &str,
        expires_at: OffsetDateTime,
        events: Vec<AuditEntry>,
    ) -> Result<(), DatabaseError> {
        let row = connect_attempts::ActiveModel {
            ticket_hash: Set(ticket_hash.to_owned()),
            workspace: Set(workspace.to_owned()),
            expires_at: Set(expires_at),
            state_hash: Set(None),
            session_hash: Set(None),
            used_at: Set(None),
        };
        let db = self.database.connection.begin_with_options(writing()).await?;
        connect_attempts::Entity::insert(row).exec_without_returning(&db).await?;
        record_events(&db, events).await?;
        Ok(db.commit().await?)
    }

    /// Redeems a ticket, once; from then on `proof` identifies the attempt. Returns its workspace,
    /// or `None` if the ticket is unknown, was used or has expired.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn take_ticket(
        &self,
        ticket_hash: &str,
        proof: &ConnectProof,
        now: OffsetDateTime,
    ) -> Result<Option<String>, DatabaseError> {
        use connect_attempts::Column;
        // Anyone can send this request, and a writer blocks others. So it writes only if the ticket
        // exists.
        if connect_attempts::Entity::find_by_id(ticket_hash)
            .one(&self.database.connection)
            .await?
            .is_none()
        {
            return Ok(None);
        }
        let taken = connect_attempts::Entity::update_many()
            .col_expr(Column::StateHash, Expr::value(proof.state_hash.as_str()))
            .col_expr(Column::SessionHash, Expr::value(proof.session_hash.as_str()))
            .filter(Column::TicketHash.eq(ticket_hash))
            .filter(Column::StateHash.is_null())
            .exec(&self.database.connection)
            .await?;
        if taken.rows_affected == 0 {
            return Ok(None);
        }
        let row = connect_attempts::Entity::find_by_id(ticket_hash)
            .one(&self.database.connection)
            .await?;
        Ok(row.filter(|row| is_good(row, now)).map(|row| row.workspace))
    }

    /// Ends an attempt, once. Returns its workspace, or `None` if this session has no such attempt,
    /// or it has ended or expired.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn finish(
        &self,
        proof: &ConnectProof,
        now: OffsetDateTime,
    ) -> Result<Option<String>, DatabaseError> {
        use connect_attempts::Column;
        let this = Condition::all()
            .add(Column::StateHash.eq(proof.state_hash.as_str()))
            .add(Column::SessionHash.eq(proof.session_hash.as_str()));
        if connect_attempts::Entity::find()
            .filter(this.clone())
            .one(&self.database.connection)
            .await?
            .is_none()
        {
            return Ok(None);
        }
        let used = connect_attempts::Entity::update_many()
            .col_expr(Column::UsedAt, Expr::value(now))
            .filter(this.clone())
            .filter(Column::UsedAt.is_null())
            .exec(&self.database.connection)
            .await?;
        if used.rows_affected == 0 {
            return Ok(None);
        }
        let row =
            connect_attempts::Entity::find().filter(this).one(&self.database.connection).await?;
        Ok(row.filter(|row| is_good(row, now)).map(|row| row.workspace))
    }

    /// Stores a connection in place of the previous one.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn connect(
        &self,
        connection: SealedConnection,
        events: Vec<AuditEntry>,
    ) -> Result<(), DatabaseError> {
        use connections::Column;
        let row = connections::ActiveModel {
            workspace: Set(connection.workspace),
            sealed: Set(connection.sealed),
            intercom_id: Set(connection.intercom_id),
            connected_at: Set(connection.connected_at),
        };
        let mut again = OnConflict::column(Column::Workspace);
        again.update_columns([Column::Sealed, Column::IntercomId, Column::ConnectedAt]);
        let db = self.database.connection.begin_with_options(writing()).await?;
        connections::Entity::insert(row).on_conflict(again).exec_without_returning(&db).await?;
        record_events(&db, events).await?;
        Ok(db.commit().await?)
    }

    /// Replaces the encrypted form of a connection's token, unless the connection has changed
    /// meanwhile.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn reseal(
        &self,
        connection: &SealedConnection,
        sealed: Vec<u8>,
    ) -> Result<(), DatabaseError> {
        use connections::Column;
        let update =
            connections::Entity::update_many().col_expr(Column::Sealed, Expr::value(sealed));
        let this = update.filter(Column::Workspace.eq(connection.workspace.as_str()));
        this.filter(Column::Sealed.eq(connection.sealed.clone()))
            .exec(&self.database.connection)
            .await?;
        Ok(())
    }

    /// Deletes a connection. Returns false if there is none.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn disconnect(
        &self,
        workspace: &str,
        events: Vec<AuditEntry>,
    ) -> Result<bool, DatabaseError> {
        let db = self.database.connection.begin_with_options(writing()).await?;
        let known = connections::Entity::delete_by_id(workspace).exec(&db).await?.rows_affected > 0;
        if known {
            record_events(&db, events).await?;
        }
        db.commit().await?;
        Ok(known)
    }

    /// All connections.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn all(&self) -> Result<Vec<SealedConnection>, DatabaseError> {
        let rows = connections::Entity::find().all(&self.database.connection).await?;
        Ok(rows
            .into_iter()
            .map(|row| SealedConnection {
                workspace: row.workspace,
                sealed: row.sealed,
                intercom_id: row.intercom_id,
                connected_at: row.connected_at,
            })
            .collect())
    }

    /// Deletes attempts that have ended or expired.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn forget_old_tickets(&self, now: OffsetDateTime) -> Result<(), DatabaseError> {
        let rows = connect_attempts::Entity::find().all(&self.database.connection).await?;
        for row in rows.into_iter().filter(|row| !is_good(row, now)) {
            connect_attempts::Entity::delete_by_id(row.ticket_hash)
                .exec(&self.database.connection)
                .await?;
        }
        Ok(())
    }
}

/// Whether an attempt has not expired.
fn is_good(row: &connect_attempts::Model, now: OffsetDateTime) -> bool {
    clock::is_good(now, row.expires_at, limits::CONNECT_TICKET)
}
