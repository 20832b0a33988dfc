//! Access to the console: one-time links, and the sessions that they start. The database
//! stores only hashes.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, TransactionTrait};
use time::OffsetDateTime;

use crate::clock;
use crate::console::{ConsoleRole, SignInMethod, SignedIn};
use crate::database::entities::{page_sessions, sign_in_attempts};
use crate::database::transaction::writing;
use crate::database::{AuditEntry, Database, DatabaseError, record_events};
use crate::limits;
use crate::words::Words;

/// The sessions of the console, and the links that start them.
#[derive(Clone, Debug)]
pub struct PageSessionStore {
    database: Database,
}

impl PageSessionStore {
    /// The store in this database.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Adds a one-time link.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn add_login_link(
        &self,
        hash: &str,
        person: &SignedIn,
        expires_at: OffsetDateTime,
        events: Vec<AuditEntry>,
    ) -> Result<(), DatabaseError> {
        let db = self.database.connection.begin_with_options(writing()).await?;
        page_sessions::Entity::insert(row(hash, true, person, expires_at))
            .exec_without_returning(&db)
            .await?;
        record_events(&db, events).await?;
        Ok(db.commit().await?)
    }

    /// Exchanges a one-time link for a session, once. Returns the person for whom the link
    /// was made, or `None` if the link is unknown, was used or has expired.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn take_login_link(
        &self,
        link: &str,
        session: &str,
        now: OffsetDateTime,
        expires_at: OffsetDateTime,
        events: impl FnOnce(&SignedIn) -> Vec<AuditEntry>,
    ) -> Result<Option<SignedIn>, DatabaseError> {
        // Anyone can send this request, and a writer blocks others. So it writes only if the link
        // exists.
        let Some(known) = self.page_session(link, true, now).await? else { return Ok(None) };
        let db = self.database.connection.begin_with_options(writing()).await?;
        let taken = page_sessions::Entity::delete_by_id(link).exec(&db).await?;
        if taken.rows_affected == 0 {
            db.rollback().await?;
            return Ok(None);
        }
        page_sessions::Entity::insert(row(session, false, &known, expires_at))
            .exec_without_returning(&db)
            .await?;
        record_events(&db, events(&known)).await?;
        db.commit().await?;
        Ok(Some(known))
    }

    /// Begins a session of a person who signed in without a link.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn begin(
        &self,
        session: &str,
        person: &SignedIn,
        expires_at: OffsetDateTime,
        events: Vec<AuditEntry>,
    ) -> Result<(), DatabaseError> {
        let db = self.database.connection.begin_with_options(writing()).await?;
        page_sessions::Entity::insert(row(session, false, person, expires_at))
            .exec_without_returning(&db)
            .await?;
        record_events(&db, events).await?;
        Ok(db.commit().await?)
    }

    /// The person of a session. `None` if the session is unknown, was ended or has expired.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn find(
        &self,
        session: &str,
        now: OffsetDateTime,
    ) -> Result<Option<SignedIn>, DatabaseError> {
        self.page_session(session, false, now).await
    }

    /// Begins a sign-in by the identity provider.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn begin_sign_in(
        &self,
        hash: &str,
        expires_at: OffsetDateTime,
    ) -> Result<(), DatabaseError> {
        let row = sign_in_attempts::ActiveModel {
            hash: Set(hash.to_owned()),
            expires_at: Set(expires_at),
        };
        sign_in_attempts::Entity::insert(row)
            .exec_without_returning(&self.database.connection)
            .await?;
        Ok(())
    }

    /// Ends a sign-in, once. Returns false if it is unknown, was ended or has expired.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn take_sign_in(
        &self,
        hash: &str,
        now: OffsetDateTime,
    ) -> Result<bool, DatabaseError> {
        let known =
            sign_in_attempts::Entity::find_by_id(hash).one(&self.database.connection).await?;
        let is_good =
            known.is_some_and(|row| clock::is_good(now, row.expires_at, limits::SIGN_IN_ATTEMPT));
        if !is_good {
            return Ok(false);
        }
        let taken =
            sign_in_attempts::Entity::delete_by_id(hash).exec(&self.database.connection).await?;
        Ok(taken.rows_affected > 0)
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn end(&self, session: &str, events: Vec<AuditEntry>) -> Result<(), DatabaseError> {
        let db = self.database.connection.begin_with_options(writing()).await?;
        page_sessions::Entity::delete_by_id(session).exec(&db).await?;
        record_events(&db, events).await?;
        Ok(db.commit().await?)
    }

    /// Ends all sessions and unused links. Returns how many there were.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn end_all(&self, events: Vec<AuditEntry>) -> Result<u64, DatabaseError> {
        let db = self.database.connection.begin_with_options(writing()).await?;
        let ended = page_sessions::Entity::delete_many().exec(&db).await?.rows_affected;
        record_events(&db, events).await?;
        db.commit().await?;
        Ok(ended)
    }

    /// Deletes expired links and sessions.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn forget_old(&self, now: OffsetDateTime) -> Result<(), DatabaseError> {
        let rows = page_sessions::Entity::find().all(&self.database.connection).await?;
        let is_good =
            |row: &page_sessions::Model| clock::is_good(now, row.expires_at, limits::PAGE_SESSION);
        for row in rows.into_iter().filter(|row| !is_good(row)) {
            page_sessions::Entity::delete_by_id(row.hash).exec(&self.database.connection).await?;
        }
        let attempts = sign_in_attempts::Entity::find().all(&self.database.connection).await?;
        let is_good = |row: &sign_in_attempts::Model| {
            clock::is_good(now, row.expires_at, limits::SIGN_IN_ATTEMPT)
        };
        for row in attempts.into_iter().filter(|row| !is_good(row)) {
            sign_in_attempts::Entity::delete_by_id(row.hash)
                .exec(&self.database.connection)
                .await?;
        }
        Ok(())
    }

    async fn page_session(
        &self,
        hash: &str,
        is_link: bool,
        now: OffsetDateTime,
    ) -> Result<Option<SignedIn>, DatabaseError> {
        let row = page_sessions::Entity::find_by_id(hash)
            .filter(page_sessions::Column::IsLink.eq(is_link))
            .one(&self.database.connection)
            .await?;
        let longest = if is_link { limits::LOGIN_LINK } else { limits::PAGE_SESSION };
        Ok(row.filter(|row| clock::is_good(now, row.expires_at, longest)).map(signed_in))
    }
}

fn signed_in(row: page_sessions::Model) -> SignedIn {
    SignedIn {
        name: row.name,
        // A word of a later version gives no rights.
        role: ConsoleRole::from_word(&row.role).unwrap_or(ConsoleRole::Viewer),
        method: SignInMethod::from_word(&row.method).unwrap_or(SignInMethod::Link),
        workspaces: row.workspaces.split_whitespace().map(str::to_owned).collect(),
    }
}

fn row(
    hash: &str,
    is_link: bool,
    person: &SignedIn,
    expires_at: OffsetDateTime,
) -> page_sessions::ActiveModel {
    page_sessions::ActiveModel {
        hash: Set(hash.to_owned()),
        is_link: Set(is_link),
        workspaces: Set(person.workspaces.join(" ")),
        name: Set(person.name.clone()),
        role: Set(person.role.as_str().to_owned()),
        method: Set(person.method.as_str().to_owned()),
        expires_at: Set(expires_at),
    }
}
