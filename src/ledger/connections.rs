//! Workspaces that were connected by OAuth: the access token that Intercom gave, sealed; and the ways of connecting
//! that somebody has begun.

use std::fmt;

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, TransactionTrait};
use time::OffsetDateTime;

use super::audit::record;
use super::commit::writing;
use super::entities::{connect_attempts, connections};
use super::{AuditEntry, Ledger, LedgerError};
use crate::clock;
use crate::limits;

/// A workspace that was connected.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedConnection {
    /// Which workspace.
    pub workspace: String,
    /// The access token, sealed.
    pub sealed: Vec<u8>,
    /// Intercom's id of the workspace.
    pub intercom_id: Option<String>,
    /// When.
    pub connected_at: OffsetDateTime,
}

impl fmt::Debug for SealedConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedConnection").field("workspace", &self.workspace).finish_non_exhaustive()
    }
}

/// What proves that two steps of connecting are taken by one person. All are hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectProof {
    /// Of the `state` that goes to Intercom and comes back.
    pub state_hash: String,
    /// Of the session's cookie.
    pub session_hash: String,
}

impl Ledger {
    /// Records that a workspace may be connected with a ticket.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn begin_connecting(
        &self,
        workspace: &str,
        ticket_hash: &str,
        expires_at: OffsetDateTime,
        events: Vec<AuditEntry>,
    ) -> Result<(), LedgerError> {
        let row = connect_attempts::ActiveModel {
            ticket_hash: Set(ticket_hash.to_owned()),
            workspace: Set(workspace.to_owned()),
            expires_at: Set(expires_at),
            state_hash: Set(None),
            session_hash: Set(None),
            used_at: Set(None),
        };
        let db = self.database.begin_with_options(writing()).await?;
        connect_attempts::Entity::insert(row).exec_without_returning(&db).await?;
        record(&db, events).await?;
        Ok(db.commit().await?)
    }

    /// Takes a ticket, once: from now on `proof` stands for it. The workspace that it is for; none where the ticket is
    /// unknown, taken or too old.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn take_ticket(
        &self,
        ticket_hash: &str,
        proof: &ConnectProof,
        now: OffsetDateTime,
    ) -> Result<Option<String>, LedgerError> {
        use connect_attempts::Column;
        // Anybody can ask, and a writer keeps others waiting: only what is there is written.
        if connect_attempts::Entity::find_by_id(ticket_hash).one(&self.database).await?.is_none() {
            return Ok(None);
        }
        let taken = connect_attempts::Entity::update_many()
            .col_expr(Column::StateHash, Expr::value(proof.state_hash.as_str()))
            .col_expr(Column::SessionHash, Expr::value(proof.session_hash.as_str()))
            .filter(Column::TicketHash.eq(ticket_hash))
            .filter(Column::StateHash.is_null())
            .exec(&self.database)
            .await?;
        if taken.rows_affected == 0 {
            return Ok(None);
        }
        let row = connect_attempts::Entity::find_by_id(ticket_hash).one(&self.database).await?;
        Ok(row.filter(|row| is_good(row, now)).map(|row| row.workspace))
    }

    /// Ends a way of connecting, once. The workspace; none where no such way was begun in this session, or it has ended,
    /// or is too old.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn finish_connecting(
        &self,
        proof: &ConnectProof,
        now: OffsetDateTime,
    ) -> Result<Option<String>, LedgerError> {
        use connect_attempts::Column;
        let this = Condition::all()
            .add(Column::StateHash.eq(proof.state_hash.as_str()))
            .add(Column::SessionHash.eq(proof.session_hash.as_str()));
        if connect_attempts::Entity::find().filter(this.clone()).one(&self.database).await?.is_none() {
            return Ok(None);
        }
        let used = connect_attempts::Entity::update_many()
            .col_expr(Column::UsedAt, Expr::value(now))
            .filter(this.clone())
            .filter(Column::UsedAt.is_null())
            .exec(&self.database)
            .await?;
        if used.rows_affected == 0 {
            return Ok(None);
        }
        let row = connect_attempts::Entity::find().filter(this).one(&self.database).await?;
        Ok(row.filter(|row| is_good(row, now)).map(|row| row.workspace))
    }

    /// Records a connection in place of the one before.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn connect(&self, connection: SealedConnection, events: Vec<AuditEntry>) -> Result<(), LedgerError> {
        use connections::Column;
        let row = connections::ActiveModel {
            workspace: Set(connection.workspace),
            sealed: Set(connection.sealed),
            intercom_id: Set(connection.intercom_id),
            connected_at: Set(connection.connected_at),
        };
        let mut again = OnConflict::column(Column::Workspace);
        again.update_columns([Column::Sealed, Column::IntercomId, Column::ConnectedAt]);
        let db = self.database.begin_with_options(writing()).await?;
        connections::Entity::insert(row).on_conflict(again).exec_without_returning(&db).await?;
        record(&db, events).await?;
        Ok(db.commit().await?)
    }

    /// Puts another seal on the token of a connection, unless the connection has changed meanwhile.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn reseal_connection(&self, connection: &SealedConnection, sealed: Vec<u8>) -> Result<(), LedgerError> {
        use connections::Column;
        let update = connections::Entity::update_many().col_expr(Column::Sealed, Expr::value(sealed));
        let this = update.filter(Column::Workspace.eq(connection.workspace.as_str()));
        this.filter(Column::Sealed.eq(connection.sealed.clone())).exec(&self.database).await?;
        Ok(())
    }

    /// Forgets a connection; false where there is none.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn disconnect(&self, workspace: &str, events: Vec<AuditEntry>) -> Result<bool, LedgerError> {
        let db = self.database.begin_with_options(writing()).await?;
        let known = connections::Entity::delete_by_id(workspace).exec(&db).await?.rows_affected > 0;
        if known {
            record(&db, events).await?;
        }
        db.commit().await?;
        Ok(known)
    }

    /// All connections.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn connections(&self) -> Result<Vec<SealedConnection>, LedgerError> {
        let rows = connections::Entity::find().all(&self.database).await?;
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

    /// Forgets the ways of connecting that have ended or are too old.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn forget_old_tickets(&self, now: OffsetDateTime) -> Result<(), LedgerError> {
        let rows = connect_attempts::Entity::find().all(&self.database).await?;
        for row in rows.into_iter().filter(|row| !is_good(row, now)) {
            connect_attempts::Entity::delete_by_id(row.ticket_hash).exec(&self.database).await?;
        }
        Ok(())
    }
}

/// Whether a way of connecting may still be gone on.
fn is_good(row: &connect_attempts::Model, now: OffsetDateTime) -> bool {
    clock::is_good(now, row.expires_at, limits::CONNECT_TICKET)
}
