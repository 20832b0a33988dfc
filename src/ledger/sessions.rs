//! Access to the status page: one-time links, and the sessions that they start. The ledger stores
//! only hashes.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, TransactionTrait};
use time::OffsetDateTime;

use super::audit::record;
use super::entities::page_sessions;
use super::transaction::writing;
use super::{AuditEntry, Ledger, LedgerError};
use crate::clock;
use crate::limits;

impl Ledger {
    /// Adds a one-time link.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn add_login_link(
        &self,
        hash: &str,
        workspaces: &[String],
        expires_at: OffsetDateTime,
        events: Vec<AuditEntry>,
    ) -> Result<(), LedgerError> {
        let db = self.database.begin_with_options(writing()).await?;
        page_sessions::Entity::insert(row(hash, true, &workspaces.join(" "), expires_at))
            .exec_without_returning(&db)
            .await?;
        record(&db, events).await?;
        Ok(db.commit().await?)
    }

    /// Exchanges a one-time link for a session, once. Returns the workspaces that the session
    /// shows, or `None` if the link is unknown, was used or has expired.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn take_login_link(
        &self,
        link: &str,
        session: &str,
        (now, expires_at): (OffsetDateTime, OffsetDateTime),
        events: impl FnOnce(&[String]) -> Vec<AuditEntry>,
    ) -> Result<Option<Vec<String>>, LedgerError> {
        // Anyone can send this request, and a writer blocks others. So it writes only if the link
        // exists.
        let Some(known) = self.page_session(link, true, now).await? else { return Ok(None) };
        let db = self.database.begin_with_options(writing()).await?;
        let taken = page_sessions::Entity::delete_by_id(link).exec(&db).await?;
        if taken.rows_affected == 0 {
            db.rollback().await?;
            return Ok(None);
        }
        page_sessions::Entity::insert(row(session, false, &known.join(" "), expires_at))
            .exec_without_returning(&db)
            .await?;
        record(&db, events(&known)).await?;
        db.commit().await?;
        Ok(Some(known))
    }

    /// The workspaces that a session shows. `None` if the session is unknown, was ended or has
    /// expired.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn session(
        &self,
        session: &str,
        now: OffsetDateTime,
    ) -> Result<Option<Vec<String>>, LedgerError> {
        self.page_session(session, false, now).await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn end_session(
        &self,
        session: &str,
        events: Vec<AuditEntry>,
    ) -> Result<(), LedgerError> {
        let db = self.database.begin_with_options(writing()).await?;
        page_sessions::Entity::delete_by_id(session).exec(&db).await?;
        record(&db, events).await?;
        Ok(db.commit().await?)
    }

    /// Ends all sessions and unused links. Returns how many there were.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn end_all_sessions(&self, events: Vec<AuditEntry>) -> Result<u64, LedgerError> {
        let db = self.database.begin_with_options(writing()).await?;
        let ended = page_sessions::Entity::delete_many().exec(&db).await?.rows_affected;
        record(&db, events).await?;
        db.commit().await?;
        Ok(ended)
    }

    /// Deletes expired links and sessions.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn forget_old_sessions(&self, now: OffsetDateTime) -> Result<(), LedgerError> {
        let rows = page_sessions::Entity::find().all(&self.database).await?;
        let is_good =
            |row: &page_sessions::Model| clock::is_good(now, row.expires_at, limits::PAGE_SESSION);
        for row in rows.into_iter().filter(|row| !is_good(row)) {
            page_sessions::Entity::delete_by_id(row.hash).exec(&self.database).await?;
        }
        Ok(())
    }

    async fn page_session(
        &self,
        hash: &str,
        is_link: bool,
        now: OffsetDateTime,
    ) -> Result<Option<Vec<String>>, LedgerError> {
        let row = page_sessions::Entity::find_by_id(hash)
            .filter(page_sessions::Column::IsLink.eq(is_link))
            .one(&self.database)
            .await?;
        let longest = if is_link { limits::LOGIN_LINK } else { limits::PAGE_SESSION };
        Ok(row
            .filter(|row| clock::is_good(now, row.expires_at, longest))
            .map(|row| row.workspaces.split(' ').map(str::to_owned).collect()))
    }
}

fn row(
    hash: &str,
    is_link: bool,
    workspaces: &str,
    expires_at: OffsetDateTime,
) -> page_sessions::ActiveModel {
    page_sessions::ActiveModel {
        hash: Set(hash.to_owned()),
        is_link: Set(is_link),
        workspaces: Set(workspaces.to_owned()),
        expires_at: Set(expires_at),
    }
}
