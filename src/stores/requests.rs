//! The record of changes that a client requested and a person must make in Intercom.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select, TransactionTrait,
};
use time::OffsetDateTime;

use crate::database::Database;
use crate::database::entities::lifecycle_requests;
use crate::database::transaction::{patience, writing};
use crate::ledger::LedgerError;
use crate::ledger::evidence::{self, Kind};
use crate::ledger::salted::Proof;
use crate::limits;
use crate::requests::{Operation, Request, RequestEnd, RequestSource, RequestState};
use crate::words::Words;

/// A request to record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRequest {
    /// `req_` and random characters.
    pub reference: String,
    /// The workspace to change.
    pub workspace: String,
    /// When it was made.
    pub at: OffsetDateTime,
    /// Where it came from.
    pub source: RequestSource,
    /// The subject of the client's token.
    pub requester: String,
    /// The id of the HTTP request, as in the header `X-Request-Id` of the response.
    pub request_id: String,
    /// The HTTP method.
    pub method: String,
    /// The requested change.
    pub operation: Operation,
    /// The id of the resource to change, if the client named it.
    pub target: Option<String>,
    /// The id of the entitlement, if the request is about one.
    pub entitlement: Option<String>,
    /// The sign-in address of the person whom it is about.
    pub user_name: Option<String>,
    /// Further details of the request.
    pub comment: Option<String>,
}

/// Which requests are wanted. A field that is `None` does not restrict them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestQuestion {
    /// Only requests in this state.
    pub state: Option<RequestState>,
    /// Only requests for this operation.
    pub operation: Option<Operation>,
    /// Only requests about this target.
    pub target: Option<String>,
    /// Only requests that were made before this one.
    pub before: Option<String>,
}

/// How a request is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// Who closes it.
    pub by: String,
    /// Their explanation.
    pub note: Option<String>,
    /// The result.
    pub end: RequestEnd,
    /// When it is closed.
    pub at: OffsetDateTime,
}

/// The changes that a person must make in Intercom.
#[derive(Clone, Debug)]
pub struct RequestStore {
    database: Database,
}

impl RequestStore {
    /// The store in this database.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Records a request and returns its reference. A refused write that equals an open request of
    /// the same client is not recorded again. It is counted there, and the reference of that
    /// request is returned.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn record(&self, request: NewRequest) -> Result<String, LedgerError> {
        self.database.file_is_there()?;
        let db = self.database.connection.begin_with_options(writing()).await?;
        patience(&db, limits::DATABASE_WAIT, limits::DATABASE_WAIT).await?;
        if request.source == RequestSource::Refused {
            // If equal requests come at the same time, one waits for the other.
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
        let reference = request.reference.clone();
        insert_request(&db, request).await?;
        db.commit().await?;
        Ok(reference)
    }

    /// The request of a workspace with this reference.
    ///
    /// # Errors
    /// [`LedgerError::Database`], or [`LedgerError::Corrupt`] for a row the bridge did not
    /// write.
    pub async fn get(
        &self,
        workspace: &str,
        reference: &str,
    ) -> Result<Option<Request>, LedgerError> {
        find(&self.database.connection, workspace, reference).await?.map(from_row).transpose()
    }

    /// The newest matching requests of a workspace, newest first, and the number of all that match.
    ///
    /// # Errors
    /// [`LedgerError::Database`], or [`LedgerError::Corrupt`] for a row the bridge did not
    /// write.
    pub async fn list(
        &self,
        workspace: &str,
        question: &RequestQuestion,
        most: u64,
    ) -> Result<(Vec<Request>, u64), LedgerError> {
        use lifecycle_requests::Column;
        let equal = [
            (Column::State, question.state.map(RequestState::as_str)),
            (Column::Operation, question.operation.map(Operation::as_str)),
            (Column::Target, question.target.as_deref()),
        ];
        let mut query = workspace_requests(workspace);
        for (column, value) in equal {
            if let Some(value) = value {
                query = query.filter(column.eq(value));
            }
        }
        if let Some(before) = &question.before {
            let known = find(&self.database.connection, workspace, before).await?;
            query = query.filter(Column::Id.lt(known.map_or(0, |row| row.id)));
        }
        let total = query.clone().count(&self.database.connection).await?;
        let rows =
            query.order_by_desc(Column::Id).limit(most).all(&self.database.connection).await?;
        Ok((rows.into_iter().map(from_row).collect::<Result<_, _>>()?, total))
    }

    /// The number of open requests of a workspace, and when the oldest of them was made.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn open(
        &self,
        workspace: &str,
    ) -> Result<(u64, Option<OffsetDateTime>), LedgerError> {
        use lifecycle_requests::Column;
        self.database.file_is_there()?;
        let open =
            workspace_requests(workspace).filter(Column::State.eq(RequestState::Open.as_str()));
        let oldest = open.clone().order_by_asc(Column::Id).one(&self.database.connection).await?;
        Ok((open.count(&self.database.connection).await?, oldest.map(|request| request.at)))
    }

    /// Closes an open request. Returns false if it is not open.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn close(
        &self,
        workspace: &str,
        reference: &str,
        closing: Closing,
    ) -> Result<bool, LedgerError> {
        use lifecycle_requests::Column;
        let at = closing.at;
        let db = self.database.connection.begin_with_options(writing()).await?;
        patience(&db, limits::DATABASE_WAIT, limits::DATABASE_WAIT).await?;
        let closed = lifecycle_requests::Entity::update_many()
            .col_expr(Column::State, Expr::value(RequestState::from(closing.end).as_str()))
            .col_expr(Column::ClosedAt, Expr::value(closing.at))
            .col_expr(Column::ClosedBy, Expr::value(closing.by))
            .col_expr(Column::Note, Expr::value(closing.note))
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Reference.eq(reference))
            .filter(Column::State.eq(RequestState::Open.as_str()))
            .exec(&db)
            .await?;
        let closed = closed.rows_affected > 0;
        if closed {
            evidence::record_request(&db, Kind::Closing, workspace, reference, at).await?;
        }
        db.commit().await?;
        Ok(closed)
    }

    /// Closes the requests that were last made before a moment, and returns how many there were.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn expire(
        &self,
        workspace: &str,
        before: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<u64, LedgerError> {
        use lifecycle_requests::Column;
        let open = workspace_requests(workspace)
            .filter(Column::State.eq(RequestState::Open.as_str()))
            .order_by_asc(Column::Id);
        // SQLite compares times as texts, which is exact to the second only. The exact comparison
        // follows below.
        let open = open.filter(Column::At.lt(before + time::Duration::SECOND));
        let waiting = open.select_only().columns([Column::Reference, Column::At, Column::LastAt]);
        let waiting = waiting.into_tuple::<(String, OffsetDateTime, Option<OffsetDateTime>)>();
        let mut expired = 0;
        for (reference, at, last_at) in waiting.all(&self.database.connection).await? {
            if last_at.unwrap_or(at) < before {
                let note = Some("nobody did it in time".to_owned());
                let closing =
                    Closing { by: "bridge".to_owned(), note, end: RequestEnd::Expired, at: now };
                expired += u64::from(self.close(workspace, &reference, closing).await?);
            }
        }
        Ok(expired)
    }
}

/// Records a request in the transaction, with its evidence.
pub(super) async fn insert_request(
    db: &DatabaseTransaction,
    request: NewRequest,
) -> Result<(), LedgerError> {
    let workspace = request.workspace.clone();
    let reference = request.reference.clone();
    let at = request.at;
    let row = lifecycle_requests::ActiveModel {
        reference: Set(request.reference),
        workspace: Set(request.workspace),
        at: Set(request.at),
        source: Set(request.source.as_str().to_owned()),
        requester: Set(request.requester),
        request_id: Set(request.request_id),
        method: Set(request.method),
        operation: Set(request.operation.as_str().to_owned()),
        target: Set(request.target),
        entitlement: Set(request.entitlement),
        user_name: Set(request.user_name),
        comment: Set(request.comment),
        state: Set(RequestState::Open.as_str().to_owned()),
        proof: Set(Some(Proof::fresh()?)),
        ..Default::default()
    };
    lifecycle_requests::Entity::insert(row).exec_without_returning(db).await?;
    evidence::record_request(db, Kind::Request, &workspace, &reference, at).await?;
    Ok(())
}

/// The oldest open request of the same client for the same change.
async fn same_request(
    db: &DatabaseTransaction,
    request: &NewRequest,
) -> Result<Option<lifecycle_requests::Model>, DbErr> {
    use lifecycle_requests::Column;
    let is = |column: Column, value: &Option<String>| match value {
        Some(value) => column.eq(value.as_str()),
        None => column.is_null(),
    };
    let query = workspace_requests(&request.workspace)
        .filter(Column::State.eq(RequestState::Open.as_str()))
        .filter(Column::Requester.eq(request.requester.as_str()))
        .filter(Column::Operation.eq(request.operation.as_str()))
        .filter(Column::Source.eq(request.source.as_str()))
        .filter(Column::Method.eq(request.method.as_str()))
        .filter(is(Column::Target, &request.target))
        .filter(is(Column::Entitlement, &request.entitlement))
        .filter(is(Column::UserName, &request.user_name))
        .filter(is(Column::Comment, &request.comment));
    query.order_by_asc(Column::Id).one(db).await
}

async fn find(
    db: &DatabaseConnection,
    workspace: &str,
    reference: &str,
) -> Result<Option<lifecycle_requests::Model>, DbErr> {
    let query =
        workspace_requests(workspace).filter(lifecycle_requests::Column::Reference.eq(reference));
    query.one(db).await
}

fn from_row(row: lifecycle_requests::Model) -> Result<Request, LedgerError> {
    let corrupt = |column: &str| LedgerError::Corrupt {
        what: format!("lifecycle_requests.{column} of {}", row.reference),
    };
    Ok(Request {
        state: RequestState::from_word(&row.state).ok_or_else(|| corrupt("state"))?,
        source: RequestSource::from_word(&row.source).ok_or_else(|| corrupt("source"))?,
        operation: Operation::from_word(&row.operation).ok_or_else(|| corrupt("operation"))?,
        reference: row.reference,
        target: row.target,
        entitlement: row.entitlement,
        user_name: row.user_name,
        comment: row.comment,
        requester: row.requester,
        requested_at: row.at,
        request_id: row.request_id,
        method: row.method,
        closed_at: row.closed_at,
        closed_by: row.closed_by,
        note: row.note,
        times: row.repeats.unwrap_or_default().saturating_add(1),
        last_requested_at: row.last_at.unwrap_or(row.at),
    })
}

/// The requests of a workspace.
fn workspace_requests(workspace: &str) -> Select<lifecycle_requests::Entity> {
    lifecycle_requests::Entity::find().filter(lifecycle_requests::Column::Workspace.eq(workspace))
}
