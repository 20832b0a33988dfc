//! OAuth clients, and tokens that are held for long. Neither holds a secret: clients have the hash of theirs, and of a
//! token there is only its id.

use std::collections::{HashMap, HashSet};
use std::fmt;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, TransactionTrait, UpdateMany,
};
use serde::Serialize;
use time::OffsetDateTime;

use super::audit::record;
use super::commit::writing;
use super::entities::{clients, tokens};
use super::{AuditEntry, Ledger, LedgerError};

/// An OAuth client.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct OAuthClient {
    /// `client_id`.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its secret, as argon2id in PHC form.
    #[serde(skip)]
    pub secret_hash: String,
    /// The secret before, and until when it is good.
    #[serde(skip)]
    pub previous: Option<(String, OffsetDateTime)>,
    /// What it may do at the most, as words with spaces between.
    pub scope: String,
    /// In which workspaces.
    pub workspaces: Vec<String>,
    /// When it was made.
    #[serde(with = "crate::date_time")]
    pub created_at: OffsetDateTime,
    /// When it got its present secret, if that is not its first.
    #[serde(with = "crate::date_time::option")]
    pub rotated_at: Option<OffsetDateTime>,
    /// From when on it gets nothing any more.
    #[serde(with = "crate::date_time::option")]
    pub disabled_at: Option<OffsetDateTime>,
}

impl fmt::Debug for OAuthClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthClient").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A token that was issued to be held for long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IssuedToken {
    /// `jti`.
    pub id: String,
    /// Which key signed it.
    pub key_id: String,
    /// Whom it is for.
    pub subject: String,
    /// What it may do, as words with spaces between.
    pub scope: String,
    /// In which workspaces.
    pub workspaces: Vec<String>,
    /// When it was issued.
    #[serde(with = "crate::date_time")]
    pub issued_at: OffsetDateTime,
    /// When it ends.
    #[serde(with = "crate::date_time")]
    pub expires_at: OffsetDateTime,
    /// When it was taken back.
    #[serde(with = "crate::date_time::option")]
    pub revoked_at: Option<OffsetDateTime>,
}

/// What is good no more, although a signature says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revocations {
    /// Clients that were disabled.
    pub clients: HashSet<String>,
    /// Tokens that were taken back.
    pub tokens: HashSet<String>,
    /// Clients that were given another secret: what became of tokens that they got with the ones before.
    pub rotated: HashMap<String, Rotation>,
}

/// A client's latest change of its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Rotation {
    /// When.
    pub at: OffsetDateTime,
    /// The hashes of the secrets whose tokens are good as long as they last: the present one, and the one before if it stayed
    /// good for a while. Tokens of all others have ended.
    pub hashes: Vec<String>,
}

impl fmt::Debug for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rotation").field("at", &self.at).finish_non_exhaustive()
    }
}

impl Ledger {
    /// Records a new client.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn add_client(&self, client: &OAuthClient, events: Vec<AuditEntry>) -> Result<(), LedgerError> {
        let db = self.database.begin_with_options(writing()).await?;
        clients::Entity::insert(client_row(client)).exec_without_returning(&db).await?;
        record(&db, events).await?;
        Ok(db.commit().await?)
    }

    /// Records a new client, unless another one that is not disabled has its name; false where one has. The case of letters
    /// does not matter.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn add_named_client(&self, client: &OAuthClient, events: Vec<AuditEntry>) -> Result<bool, LedgerError> {
        let db = self.database.begin_with_options(writing()).await?;
        clients::Entity::insert(client_row(client)).exec_without_returning(&db).await?;
        // Those who record events wait for each other, so of two at once the second sees the first.
        record(&db, events).await?;
        let others = clients::Entity::find()
            .select_only()
            .column(clients::Column::Name)
            .filter(clients::Column::Id.ne(client.id.as_str()))
            .filter(clients::Column::DisabledAt.is_null());
        let names: Vec<String> = others.into_tuple().all(&db).await?;
        let folded = |name: &str| name.trim().to_lowercase();
        if names.iter().any(|name| folded(name) == folded(&client.name)) {
            db.rollback().await?;
            return Ok(false);
        }
        db.commit().await?;
        Ok(true)
    }

    /// A client.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn client(&self, id: &str) -> Result<Option<OAuthClient>, LedgerError> {
        Ok(clients::Entity::find_by_id(id).one(&self.database).await?.map(client))
    }

    /// All clients, by id.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn clients(&self) -> Result<Vec<OAuthClient>, LedgerError> {
        let rows = clients::Entity::find().order_by_asc(clients::Column::Id).all(&self.database).await?;
        Ok(rows.into_iter().map(client).collect())
    }

    /// Disables a client; false where there is none, or it was already.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn disable_client(
        &self,
        id: &str,
        events: Vec<AuditEntry>,
        now: OffsetDateTime,
    ) -> Result<bool, LedgerError> {
        use clients::Column;
        let update = clients::Entity::update_many().col_expr(Column::DisabledAt, Expr::value(now));
        let update = update.filter(Column::Id.eq(id)).filter(Column::DisabledAt.is_null());
        self.once(update, events).await
    }

    /// Gives a client another secret; the one that it has stays good until a moment. Where that is `now`, what it got with it
    /// ends too; see [`Revocations::rotated`].
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn rotate_client(
        &self,
        client: &OAuthClient,
        secret_hash: &str,
        until: OffsetDateTime,
        events: Vec<AuditEntry>,
        now: OffsetDateTime,
    ) -> Result<(), LedgerError> {
        use clients::Column;
        let update = clients::Entity::update_many()
            .col_expr(Column::PreviousHash, Expr::value(client.secret_hash.as_str()))
            .col_expr(Column::PreviousUntil, Expr::value(until))
            .col_expr(Column::SecretHash, Expr::value(secret_hash))
            .col_expr(Column::RotatedAt, Expr::value(now))
            .filter(Column::Id.eq(client.id.as_str()));
        self.once(update, events).await.map(|_| ())
    }

    /// Records a token that was issued.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn add_token(&self, token: &IssuedToken, events: Vec<AuditEntry>) -> Result<(), LedgerError> {
        let row = tokens::ActiveModel {
            id: Set(token.id.clone()),
            key_id: Set(token.key_id.clone()),
            subject: Set(token.subject.clone()),
            scopes: Set(token.scope.clone()),
            workspaces: Set(token.workspaces.join(" ")),
            issued_at: Set(token.issued_at),
            expires_at: Set(token.expires_at),
            revoked_at: Set(token.revoked_at),
        };
        let db = self.database.begin_with_options(writing()).await?;
        tokens::Entity::insert(row).exec_without_returning(&db).await?;
        record(&db, events).await?;
        Ok(db.commit().await?)
    }

    /// All tokens that were issued to be held for long, newest first.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn tokens(&self) -> Result<Vec<IssuedToken>, LedgerError> {
        let query = tokens::Entity::find().order_by_desc(tokens::Column::IssuedAt).order_by_asc(tokens::Column::Id);
        Ok(query.all(&self.database).await?.into_iter().map(token).collect())
    }

    /// Takes a token back; false where there is none, or it was already.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn revoke_token(
        &self,
        id: &str,
        events: Vec<AuditEntry>,
        now: OffsetDateTime,
    ) -> Result<bool, LedgerError> {
        use tokens::Column;
        let update = tokens::Entity::update_many().col_expr(Column::RevokedAt, Expr::value(now));
        let update = update.filter(Column::Id.eq(id)).filter(Column::RevokedAt.is_null());
        self.once(update, events).await
    }

    /// Changes a row and records that; false, and nothing recorded, where there is none to change.
    async fn once<E: EntityTrait>(&self, update: UpdateMany<E>, events: Vec<AuditEntry>) -> Result<bool, LedgerError> {
        let db = self.database.begin_with_options(writing()).await?;
        let changed = update.exec(&db).await?.rows_affected > 0;
        if changed {
            record(&db, events).await?;
        }
        db.commit().await?;
        Ok(changed)
    }

    /// What is good no more.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn revocations(&self) -> Result<Revocations, LedgerError> {
        let disabled = clients::Entity::find().select_only().column(clients::Column::Id);
        let disabled = disabled.filter(clients::Column::DisabledAt.is_not_null()).into_tuple();
        let revoked = tokens::Entity::find().select_only().column(tokens::Column::Id);
        let revoked = revoked.filter(tokens::Column::RevokedAt.is_not_null()).into_tuple();
        let rotated = clients::Entity::find().filter(clients::Column::DisabledAt.is_null());
        let rotated = rotated.filter(clients::Column::RotatedAt.is_not_null()).all(&self.database).await?;
        Ok(Revocations {
            clients: disabled.all(&self.database).await?.into_iter().collect(),
            tokens: revoked.all(&self.database).await?.into_iter().collect(),
            rotated: rotated.into_iter().map(client).filter_map(rotation).collect(),
        })
    }
}

/// The latest change of a client's secret, if there was one.
fn rotation(client: OAuthClient) -> Option<(String, Rotation)> {
    let at = client.rotated_at?;
    let before = client.previous.filter(|(_, until)| *until > at).map(|(hash, _)| hash);
    Some((client.id, Rotation { at, hashes: [client.secret_hash].into_iter().chain(before).collect() }))
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn client_row(client: &OAuthClient) -> clients::ActiveModel {
    clients::ActiveModel {
        id: Set(client.id.clone()),
        name: Set(client.name.clone()),
        secret_hash: Set(client.secret_hash.clone()),
        previous_hash: Set(client.previous.as_ref().map(|(hash, _)| hash.clone())),
        previous_until: Set(client.previous.as_ref().map(|(_, until)| *until)),
        scopes: Set(client.scope.clone()),
        workspaces: Set(client.workspaces.join(" ")),
        created_at: Set(client.created_at),
        rotated_at: Set(client.rotated_at),
        disabled_at: Set(client.disabled_at),
    }
}

fn client(row: clients::Model) -> OAuthClient {
    OAuthClient {
        workspaces: words(&row.workspaces),
        id: row.id,
        name: row.name,
        secret_hash: row.secret_hash,
        previous: row.previous_hash.zip(row.previous_until),
        scope: row.scopes,
        created_at: row.created_at,
        rotated_at: row.rotated_at,
        disabled_at: row.disabled_at,
    }
}

fn token(row: tokens::Model) -> IssuedToken {
    IssuedToken {
        workspaces: words(&row.workspaces),
        id: row.id,
        key_id: row.key_id,
        subject: row.subject,
        scope: row.scopes,
        issued_at: row.issued_at,
        expires_at: row.expires_at,
        revoked_at: row.revoked_at,
    }
}
