//! OAuth clients and long-lived tokens. The database stores no secret: only the hash of a client's
//! secret or its public keys, and the id of a token.

use std::collections::{HashMap, HashSet};
use std::fmt;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    TransactionTrait, UpdateMany,
};
use serde::Serialize;
use time::OffsetDateTime;

use super::AccessStore;
use crate::database::entities::{clients, tokens};
use crate::database::transaction::writing;
use crate::database::{AuditEntry, DatabaseError, record_events};
use crate::directory::text::folded;

/// An OAuth client.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct OAuthClient {
    /// `client_id`.
    pub id: String,
    /// The name for people.
    pub name: String,
    /// The hash of the secret: argon2id in PHC format. For a client that authenticates by signed
    /// JWTs, its public keys instead, as `access::ClientKeys` writes them.
    #[serde(skip)]
    pub secret_hash: String,
    /// The hash of the previous secret (or the previous keys), and until when that is valid.
    #[serde(skip)]
    pub previous: Option<(String, OffsetDateTime)>,
    /// The scopes that the client may request, separated by spaces.
    pub scope: String,
    /// The workspaces that it may read.
    pub workspaces: Vec<String>,
    /// When it was registered.
    #[serde(with = "crate::date_time")]
    pub created_at: OffsetDateTime,
    /// When it got its present secret, unless that is its first.
    #[serde(with = "crate::date_time::option")]
    pub rotated_at: Option<OffsetDateTime>,
    /// Since when it gets no tokens.
    #[serde(with = "crate::date_time::option")]
    pub disabled_at: Option<OffsetDateTime>,
}

impl fmt::Debug for OAuthClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthClient").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A long-lived token that was issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IssuedToken {
    /// `jti`.
    pub id: String,
    /// The id of the key that signed it.
    pub key_id: String,
    /// The subject.
    pub subject: String,
    /// Its scopes, separated by spaces.
    pub scope: String,
    /// The workspaces that it is for.
    pub workspaces: Vec<String>,
    /// When it was issued.
    #[serde(with = "crate::date_time")]
    pub issued_at: OffsetDateTime,
    /// When it expires.
    #[serde(with = "crate::date_time")]
    pub expires_at: OffsetDateTime,
    /// When it was revoked.
    #[serde(with = "crate::date_time::option")]
    pub revoked_at: Option<OffsetDateTime>,
}

/// Clients and tokens that are not valid any more, although the signature of a token is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revocations {
    /// Disabled clients.
    pub clients: HashSet<String>,
    /// Revoked tokens.
    pub tokens: HashSet<String>,
    /// Clients with a new secret, and which of their older tokens are still valid.
    pub rotated: HashMap<String, Rotation>,
}

/// The latest rotation of a client's secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Rotation {
    /// When the secret was rotated.
    pub at: OffsetDateTime,
    /// The hashes of the secrets whose tokens stay valid until they expire: the present one, and
    /// the previous one if it stayed valid for a while. Tokens from any other secret have ended.
    pub hashes: Vec<String>,
}

impl fmt::Debug for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rotation").field("at", &self.at).finish_non_exhaustive()
    }
}

impl AccessStore {
    /// Adds a client.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn add_client(
        &self,
        client: &OAuthClient,
        events: Vec<AuditEntry>,
    ) -> Result<(), DatabaseError> {
        let db = self.database.connection.begin_with_options(writing()).await?;
        clients::Entity::insert(client_row(client)).exec_without_returning(&db).await?;
        record_events(&db, events).await?;
        Ok(db.commit().await?)
    }

    /// Adds a client, unless another one that is not disabled has its name. Returns false in that
    /// case. Case and Unicode form are ignored.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn add_named_client(
        &self,
        client: &OAuthClient,
        events: Vec<AuditEntry>,
    ) -> Result<bool, DatabaseError> {
        let db = self.database.connection.begin_with_options(writing()).await?;
        clients::Entity::insert(client_row(client)).exec_without_returning(&db).await?;
        // This takes the lock of the audit trail. So if two transactions add the same name, the
        // second sees the first.
        record_events(&db, events).await?;
        let others = clients::Entity::find()
            .select_only()
            .column(clients::Column::Name)
            .filter(clients::Column::Id.ne(client.id.as_str()))
            .filter(clients::Column::DisabledAt.is_null());
        let names: Vec<String> = others.into_tuple().all(&db).await?;
        let name = folded(client.name.trim());
        if names.iter().any(|other| folded(other.trim()) == name) {
            db.rollback().await?;
            return Ok(false);
        }
        db.commit().await?;
        Ok(true)
    }

    /// The client with this id.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn client(&self, id: &str) -> Result<Option<OAuthClient>, DatabaseError> {
        Ok(clients::Entity::find_by_id(id).one(&self.database.connection).await?.map(client))
    }

    /// All clients, by id.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn clients(&self) -> Result<Vec<OAuthClient>, DatabaseError> {
        let rows = clients::Entity::find()
            .order_by_asc(clients::Column::Id)
            .all(&self.database.connection)
            .await?;
        Ok(rows.into_iter().map(client).collect())
    }

    /// Disables a client. Returns false if there is none, or it is disabled already.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn disable_client(
        &self,
        id: &str,
        events: Vec<AuditEntry>,
        now: OffsetDateTime,
    ) -> Result<bool, DatabaseError> {
        use clients::Column;
        let update = clients::Entity::update_many().col_expr(Column::DisabledAt, Expr::value(now));
        let update = update.filter(Column::Id.eq(id)).filter(Column::DisabledAt.is_null());
        self.once(update, events).await
    }

    /// Gives a client a new secret. The present one stays valid until `until`. If that is `now`,
    /// tokens that the client got with it end too; see [`Revocations::rotated`].
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn rotate_client(
        &self,
        client: &OAuthClient,
        secret_hash: &str,
        until: OffsetDateTime,
        events: Vec<AuditEntry>,
        now: OffsetDateTime,
    ) -> Result<(), DatabaseError> {
        use clients::Column;
        let update = clients::Entity::update_many()
            .col_expr(Column::PreviousHash, Expr::value(client.secret_hash.as_str()))
            .col_expr(Column::PreviousUntil, Expr::value(until))
            .col_expr(Column::SecretHash, Expr::value(secret_hash))
            .col_expr(Column::RotatedAt, Expr::value(now))
            .filter(Column::Id.eq(client.id.as_str()));
        self.once(update, events).await.map(|_| ())
    }

    /// Adds a token that was issued.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn add_token(
        &self,
        token: &IssuedToken,
        events: Vec<AuditEntry>,
    ) -> Result<(), DatabaseError> {
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
        let db = self.database.connection.begin_with_options(writing()).await?;
        tokens::Entity::insert(row).exec_without_returning(&db).await?;
        record_events(&db, events).await?;
        Ok(db.commit().await?)
    }

    /// All long-lived tokens that were issued, newest first.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn tokens(&self) -> Result<Vec<IssuedToken>, DatabaseError> {
        let query = tokens::Entity::find()
            .order_by_desc(tokens::Column::IssuedAt)
            .order_by_asc(tokens::Column::Id);
        Ok(query.all(&self.database.connection).await?.into_iter().map(token).collect())
    }

    /// Revokes a token. Returns false if there is none, or it is revoked already.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn revoke_token(
        &self,
        id: &str,
        events: Vec<AuditEntry>,
        now: OffsetDateTime,
    ) -> Result<bool, DatabaseError> {
        use tokens::Column;
        let update = tokens::Entity::update_many().col_expr(Column::RevokedAt, Expr::value(now));
        let update = update.filter(Column::Id.eq(id)).filter(Column::RevokedAt.is_null());
        self.once(update, events).await
    }

    /// Updates a row and records that in the audit trail. Returns false, and records nothing, if
    /// there was no row to update.
    async fn once<E: EntityTrait>(
        &self,
        update: UpdateMany<E>,
        events: Vec<AuditEntry>,
    ) -> Result<bool, DatabaseError> {
        let db = self.database.connection.begin_with_options(writing()).await?;
        let changed = update.exec(&db).await?.rows_affected > 0;
        if changed {
            record_events(&db, events).await?;
        }
        db.commit().await?;
        Ok(changed)
    }

    /// The clients and tokens that are not valid any more.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn revocations(&self) -> Result<Revocations, DatabaseError> {
        let disabled = clients::Entity::find().select_only().column(clients::Column::Id);
        let disabled = disabled.filter(clients::Column::DisabledAt.is_not_null()).into_tuple();
        let revoked = tokens::Entity::find().select_only().column(tokens::Column::Id);
        let revoked = revoked.filter(tokens::Column::RevokedAt.is_not_null()).into_tuple();
        let rotated = clients::Entity::find().filter(clients::Column::DisabledAt.is_null());
        let rotated = rotated
            .filter(clients::Column::RotatedAt.is_not_null())
            .all(&self.database.connection)
            .await?;
        Ok(Revocations {
            clients: disabled.all(&self.database.connection).await?.into_iter().collect(),
            tokens: revoked.all(&self.database.connection).await?.into_iter().collect(),
            rotated: rotated.into_iter().map(client).filter_map(rotation).collect(),
        })
    }
}

/// The latest rotation of a client's secret, if there was one.
fn rotation(client: OAuthClient) -> Option<(String, Rotation)> {
    let at = client.rotated_at?;
    let before = client.previous.filter(|(_, until)| *until > at).map(|(hash, _)| hash);
    Some((
        client.id,
        Rotation { at, hashes: [client.secret_hash].into_iter().chain(before).collect() },
    ))
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
