//! The record of changes that somebody asked for and a person must make.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Select, TransactionTrait,
};
use time::OffsetDateTime;

use super::commit::writing;
use super::entities::lifecycle_requests;
use super::evidence::{self, Kind};
use super::lease::patience;
use super::salted::Proof;
use super::{Ledger, LedgerError};
use crate::limits;

/// A request, as it is recorded.
pub type RecordedRequest = lifecycle_requests::Model;

/// A request that is to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRequest {
    /// `req_` and something random.
    pub reference: String,
    /// Which workspace was to be changed.
    pub workspace: String,
    /// When.
    pub at: OffsetDateTime,
    /// `refused` or `ticket`.
    pub source: &'static str,
    /// The subject of the token.
    pub requester: String,
    /// The request's id, as in its answer's `X-Request-Id`.
    pub request_id: String,
    /// The HTTP method.
    pub method: String,
    /// What was asked for, for example `create_user`.
    pub operation: String,
    /// The id of what was to be changed, if it was named.
    pub target: Option<String>,
    /// The id of the entitlement.
    pub entitlement: Option<String>,
    /// The sign-in address of whom it is about.
    pub user_name: Option<String>,
    /// What else was said.
    pub comment: Option<String>,
}

/// Which requests are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestQuestion {
    /// `open`, `done`, `declined` or `expired`.
    pub state: Option<String>,
    /// Only of this operation.
    pub operation: Option<String>,
    /// Only about this target.
    pub target: Option<String>,
    /// Only those that were made before this one.
    pub before: Option<String>,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// Who says so.
    pub by: String,
    /// What they say.
    pub note: Option<String>,
    /// Which end that is.
    pub end: RequestEnd,
    /// When.
    pub at: OffsetDateTime,
}

/// Which end a request came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestEnd {
    /// Somebody did it, or an import has seen it done.
    Done,
    /// Somebody decided not to do it.
    Declined,
    /// Nobody did it within `limits.request_expiry`.
    Expired,
}

impl RequestEnd {
    fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Declined => "declined",
            Self::Expired => "expired",
        }
    }
}

/// What the source of refused writes is called.
const REFUSED: &str = "refused";

impl Ledger {
    /// Records a request, and gives its reference. A refused write that the same client asked for before, and that still
    /// waits for a person, is not recorded again: it is counted there, and that request's reference is given.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn record_request(&self, request: NewRequest) -> Result<String, LedgerError> {
        self.file_is_there()?;
        let db = self.database.begin_with_options(writing()).await?;
        patience(&db, limits::DATABASE_WAIT, limits::DATABASE_WAIT).await?;
        if request.source == REFUSED {
            // Of two that ask for the same at once, one waits for the other.
            evidence::lock(&db, evidence::REQUEST_LOCK, &request.workspace).await?;
            if let Some(known) = same_request(&db, &request).await? {
                let repeats = known.repeats.unwrap_or_default().saturating_add(1);
                let update = lifecycle_requests::Entity::update_many()
                    .col_expr(lifecycle_requests::Column::Repeats, Expr::value(repeats))
                    .col_expr(lifecycle_requests::Column::LastAt, Expr::value(request.at));
                update.filter(lifecycle_requests::Column::Id.eq(known.id)).exec(&db).await?;
                db.commit().await?;
                return Ok(known.reference);
            }
        }
        let (workspace, reference, at) = (request.workspace.clone(), request.reference.clone(), request.at);
        let row = lifecycle_requests::ActiveModel {
            reference: Set(request.reference),
            workspace: Set(request.workspace),
            at: Set(request.at),
            source: Set(request.source.to_owned()),
            requester: Set(request.requester),
            request_id: Set(request.request_id),
            method: Set(request.method),
            operation: Set(request.operation),
            target: Set(request.target),
            entitlement: Set(request.entitlement),
            user_name: Set(request.user_name),
            comment: Set(request.comment),
            state: Set("open".to_owned()),
            proof: Set(Some(Proof::fresh()?)),
            ..Default::default()
        };
        lifecycle_requests::Entity::insert(row).exec_without_returning(&db).await?;
        evidence::record_request(&db, Kind::Request, (&workspace, &reference), at).await?;
        db.commit().await?;
        Ok(reference)
    }

    /// One request of a workspace.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn request(&self, workspace: &str, reference: &str) -> Result<Option<RecordedRequest>, LedgerError> {
        let query = of(workspace).filter(lifecycle_requests::Column::Reference.eq(reference));
        Ok(query.one(&self.database).await?)
    }

    /// The requests of a workspace, newest first, and how many there are from there on.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn requests(
        &self,
        workspace: &str,
        question: &RequestQuestion,
        most: u64,
    ) -> Result<(Vec<RecordedRequest>, u64), LedgerError> {
        use lifecycle_requests::Column;
        let equal = [
            (Column::State, &question.state),
            (Column::Operation, &question.operation),
            (Column::Target, &question.target),
        ];
        let mut query = of(workspace);
        for (column, value) in equal {
            if let Some(value) = value {
                query = query.filter(column.eq(value.as_str()));
            }
        }
        if let Some(before) = &question.before {
            let known = self.request(workspace, before).await?;
            query = query.filter(Column::Id.lt(known.map_or(0, |request| request.id)));
        }
        let total = query.clone().count(&self.database).await?;
        Ok((query.order_by_desc(Column::Id).limit(most).all(&self.database).await?, total))
    }

    /// How many requests of a workspace wait for a person, and since when the oldest does.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn open_requests(&self, workspace: &str) -> Result<(u64, Option<OffsetDateTime>), LedgerError> {
        use lifecycle_requests::Column;
        self.file_is_there()?;
        let open = of(workspace).filter(Column::State.eq("open"));
        let oldest = open.clone().order_by_asc(Column::Id).one(&self.database).await?;
        Ok((open.count(&self.database).await?, oldest.map(|request| request.at)))
    }

    /// Closes a request that is open; false where it is not.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn close_request(&self, workspace: &str, reference: &str, closing: Closing) -> Result<bool, LedgerError> {
        use lifecycle_requests::Column;
        let at = closing.at;
        let db = self.database.begin_with_options(writing()).await?;
        patience(&db, limits::DATABASE_WAIT, limits::DATABASE_WAIT).await?;
        let closed = lifecycle_requests::Entity::update_many()
            .col_expr(Column::State, Expr::value(closing.end.as_str()))
            .col_expr(Column::ClosedAt, Expr::value(closing.at))
            .col_expr(Column::ClosedBy, Expr::value(closing.by))
            .col_expr(Column::Note, Expr::value(closing.note))
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Reference.eq(reference))
            .filter(Column::State.eq("open"))
            .exec(&db)
            .await?;
        let closed = closed.rows_affected > 0;
        if closed {
            evidence::record_request(&db, Kind::Closing, (workspace, reference), at).await?;
        }
        db.commit().await?;
        Ok(closed)
    }
}

impl Ledger {
    /// Closes the requests that have waited for a person since before a moment, and gives how many those are. One that was
    /// asked for again since then still waits.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn expire_requests(
        &self,
        workspace: &str,
        before: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<u64, LedgerError> {
        use lifecycle_requests::Column;
        let open = of(workspace).filter(Column::State.eq("open")).order_by_asc(Column::Id);
        // SQLite compares times as texts, which is right to the second; what is compared below is right.
        let open = open.filter(Column::At.lt(before + time::Duration::SECOND));
        let waiting = open.select_only().columns([Column::Reference, Column::At, Column::LastAt]);
        let waiting = waiting.into_tuple::<(String, OffsetDateTime, Option<OffsetDateTime>)>();
        let mut expired = 0;
        for (reference, at, last_at) in waiting.all(&self.database).await? {
            if last_at.unwrap_or(at) < before {
                let note = Some("nobody did it in time".to_owned());
                let closing = Closing { by: "bridge".to_owned(), note, end: RequestEnd::Expired, at: now };
                expired += u64::from(self.close_request(workspace, &reference, closing).await?);
            }
        }
        Ok(expired)
    }
}

/// The request of the same client for the same change that still waits for a person.
async fn same_request(
    db: &DatabaseTransaction,
    request: &NewRequest,
) -> Result<Option<lifecycle_requests::Model>, DbErr> {
    use lifecycle_requests::Column;
    let is = |column: Column, value: &Option<String>| match value {
        Some(value) => column.eq(value.as_str()),
        None => column.is_null(),
    };
    let query = of(&request.workspace)
        .filter(Column::State.eq("open"))
        .filter(Column::Requester.eq(request.requester.as_str()))
        .filter(Column::Operation.eq(request.operation.as_str()))
        .filter(Column::Source.eq(request.source))
        .filter(Column::Method.eq(request.method.as_str()))
        .filter(is(Column::Target, &request.target))
        .filter(is(Column::Entitlement, &request.entitlement))
        .filter(is(Column::UserName, &request.user_name))
        .filter(is(Column::Comment, &request.comment));
    query.order_by_asc(Column::Id).one(db).await
}

fn of(workspace: &str) -> Select<lifecycle_requests::Entity> {
    lifecycle_requests::Entity::find().filter(lifecycle_requests::Column::Workspace.eq(workspace))
}
