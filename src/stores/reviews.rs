//! Access reviews. Each change is made under a lock of the workspace, and only while the review is
//! open: a signed review never changes, whoever else works on it at the same time.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, Select, TransactionTrait,
};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::requests::{NewRequest, insert_request};
use crate::database::entities::{evidence, review_items, reviews};
use crate::database::transaction::{insert, patience, writing};
use crate::database::{AuditEntry, Database, DatabaseError, record_events};
use crate::ledger::{LedgerError, lock};
use crate::limits;
use crate::reviews::{
    Decision, NewReview, Review, ReviewDecision, ReviewItem, ReviewProgress, ReviewState, Signature,
};
use crate::words::Words;

/// The class of the lock under which a workspace's reviews change.
const REVIEWS_LOCK: i32 = 0x72_6576;

/// What became of a change of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewChanged {
    /// It was made.
    Done,
    /// There is no such review.
    Unknown,
    /// The review is signed or discarded, so nothing was changed.
    Closed,
    /// Accounts have no decision yet, so the review was not signed.
    Undecided,
}

/// A decision to record: the account, the decision and the comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The account.
    pub account: String,
    /// What is decided.
    pub decision: ReviewDecision,
    /// The comment.
    pub comment: Option<String>,
}

/// Which accounts of a review are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedItems {
    /// All.
    All,
    /// Those without a decision.
    Undecided,
    /// Those with this decision.
    With(ReviewDecision),
}

/// Who signs a review, and what the signature consists of.
pub struct Signing<'a> {
    /// Who signs.
    pub by: &'a str,
    /// What that person declares.
    pub statement: Option<String>,
    /// When.
    pub at: OffsetDateTime,
    /// The request to make for an account that is to be removed; `None` if none can be made.
    pub request: &'a (dyn Fn(&ReviewItem) -> Option<NewRequest> + Sync),
    /// The SHA-256 of the manifest of the signed review; `None` if it cannot be made.
    pub manifest: &'a (dyn Fn(&Review, &[ReviewItem]) -> Option<String> + Sync),
}

/// Access reviews.
#[derive(Clone, Debug)]
pub struct ReviewStore {
    database: Database,
}

impl ReviewStore {
    /// The store in this database.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    async fn changing(&self, workspace: &str) -> Result<DatabaseTransaction, DatabaseError> {
        self.database.file_is_there()?;
        let db = self.database.connection.begin_with_options(writing()).await?;
        patience(&db, limits::DATABASE_WAIT, limits::DATABASE_WAIT).await?;
        lock(&db, REVIEWS_LOCK, workspace).await?;
        Ok(db)
    }

    /// Begins a review of these rows, each with the id of its account. Returns its number.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn begin(
        &self,
        new: &NewReview,
        rows: Vec<(String, Value)>,
        events: impl FnOnce(i64) -> Vec<AuditEntry> + Send,
    ) -> Result<i64, DatabaseError> {
        let db = self.changing(&new.workspace).await?;
        let newest: Option<i64> = of_workspace(&new.workspace)
            .select_only()
            .column(reviews::Column::Number)
            .order_by_desc(reviews::Column::Number)
            .into_tuple()
            .one(&db)
            .await?;
        let number = newest.unwrap_or(0) + 1;
        let review = reviews::ActiveModel {
            workspace: Set(new.workspace.clone()),
            number: Set(number),
            made_at: Set(new.made_at),
            made_by: Set(new.made_by.clone()),
            as_of: Set(new.as_of),
            since: Set(new.since),
            generation: Set(new.generation),
            generation_hash: Set(new.generation_hash.clone()),
            state: Set(ReviewState::Open.as_str().to_owned()),
            signed_at: NotSet,
            signed_by: NotSet,
            statement: NotSet,
            head: NotSet,
            manifest_sha256: NotSet,
        };
        reviews::Entity::insert(review).exec_without_returning(&db).await?;
        let items =
            rows.into_iter().zip(0..).map(|((account, row), place)| review_items::ActiveModel {
                workspace: Set(new.workspace.clone()),
                number: Set(number),
                account: Set(account),
                place: Set(place),
                row: Set(row),
                decision: NotSet,
                comment: NotSet,
                decided_by: NotSet,
                decided_at: NotSet,
                request: NotSet,
            });
        insert(&db, items.collect(), None).await?;
        record_events(&db, events(number)).await?;
        db.commit().await?;
        Ok(number)
    }

    /// The newest reviews of a workspace, newest first, each with its progress.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn list(
        &self,
        workspace: &str,
        most: u64,
    ) -> Result<Vec<(Review, ReviewProgress)>, LedgerError> {
        let query = of_workspace(workspace).order_by_desc(reviews::Column::Number).limit(most);
        let mut found = Vec::new();
        for row in query.all(&self.database.connection).await? {
            let number = row.number;
            found.push((review(row)?, self.progress(workspace, number).await?));
        }
        Ok(found)
    }

    /// A review with its progress; `None` if there is none with this number.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn get(
        &self,
        workspace: &str,
        number: i64,
    ) -> Result<Option<(Review, ReviewProgress)>, LedgerError> {
        let Some(row) = find(&self.database.connection, workspace, number).await? else {
            return Ok(None);
        };
        Ok(Some((review(row)?, self.progress(workspace, number).await?)))
    }

    async fn progress(&self, workspace: &str, number: i64) -> Result<ReviewProgress, DbErr> {
        let counts: Vec<(Option<String>, i64)> = items_of(workspace, number)
            .select_only()
            .column(review_items::Column::Decision)
            .column_as(review_items::Column::Account.count(), "accounts")
            .group_by(review_items::Column::Decision)
            .into_tuple()
            .all(&self.database.connection)
            .await?;
        let mut progress = ReviewProgress::default();
        for (decision, count) in counts {
            let count = u64::try_from(count).unwrap_or_default();
            progress.total += count;
            match decision.as_deref().and_then(ReviewDecision::from_word) {
                Some(ReviewDecision::Keep) => progress.keep += count,
                Some(ReviewDecision::Remove) => progress.remove += count,
                Some(ReviewDecision::Ask) => progress.ask += count,
                None => {}
            }
        }
        Ok(progress)
    }

    /// A part of the accounts of a review in the order of the export, and how many match.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn items(
        &self,
        workspace: &str,
        number: i64,
        wanted: WantedItems,
        offset: u64,
        most: u64,
    ) -> Result<(Vec<ReviewItem>, u64), LedgerError> {
        let column = review_items::Column::Decision;
        let query = items_of(workspace, number);
        let query = match wanted {
            WantedItems::All => query,
            WantedItems::Undecided => query.filter(column.is_null()),
            WantedItems::With(decision) => query.filter(column.eq(decision.as_str())),
        };
        let total = query.clone().count(&self.database.connection).await?;
        let rows = query
            .order_by_asc(review_items::Column::Place)
            .offset(offset)
            .limit(most)
            .all(&self.database.connection)
            .await?;
        Ok((rows.into_iter().map(item).collect::<Result<_, _>>()?, total))
    }

    /// Records decisions about accounts of an open review. Accounts that it does not have are left
    /// out.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn decide(
        &self,
        workspace: &str,
        number: i64,
        decided: &[Decided],
        by: &str,
        at: OffsetDateTime,
        events: Vec<AuditEntry>,
    ) -> Result<ReviewChanged, LedgerError> {
        use review_items::Column;
        let db = self.changing(workspace).await?;
        if let Some(refused) = refused(&db, workspace, number).await? {
            return Ok(refused);
        }
        for one in decided {
            review_items::Entity::update_many()
                .col_expr(Column::Decision, Expr::value(one.decision.as_str()))
                .col_expr(Column::Comment, Expr::value(one.comment.clone()))
                .col_expr(Column::DecidedBy, Expr::value(by))
                .col_expr(Column::DecidedAt, Expr::value(at))
                .filter(Column::Workspace.eq(workspace))
                .filter(Column::Number.eq(number))
                .filter(Column::Account.eq(one.account.as_str()))
                .exec(&db)
                .await?;
        }
        record_events(&db, events).await?;
        db.commit().await?;
        Ok(ReviewChanged::Done)
    }

    /// Gives an open review up.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn discard(
        &self,
        workspace: &str,
        number: i64,
        events: Vec<AuditEntry>,
    ) -> Result<ReviewChanged, LedgerError> {
        let db = self.changing(workspace).await?;
        if let Some(refused) = refused(&db, workspace, number).await? {
            return Ok(refused);
        }
        let state = Expr::value(ReviewState::Discarded.as_str());
        one_open(workspace, number).col_expr(reviews::Column::State, state).exec(&db).await?;
        record_events(&db, events).await?;
        db.commit().await?;
        Ok(ReviewChanged::Done)
    }

    /// Signs an open review whose accounts all have a decision, and makes a request for each
    /// account that is to be removed: all in one transaction. After it, nothing of the review
    /// changes any more.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn sign(
        &self,
        workspace: &str,
        number: i64,
        signing: Signing<'_>,
        events: impl FnOnce(&str) -> Vec<AuditEntry> + Send,
    ) -> Result<ReviewChanged, LedgerError> {
        let db = self.changing(workspace).await?;
        if let Some(refused) = refused(&db, workspace, number).await? {
            return Ok(refused);
        }
        let rows =
            items_of(workspace, number).order_by_asc(review_items::Column::Place).all(&db).await?;
        let mut items = rows.into_iter().map(item).collect::<Result<Vec<_>, _>>()?;
        if items.iter().any(|item| item.decision.is_none()) {
            return Ok(ReviewChanged::Undecided);
        }
        for item in &mut items {
            make_request(&db, workspace, number, item, signing.request).await?;
        }
        let Some(row) = find(&db, workspace, number).await? else {
            return Ok(ReviewChanged::Unknown);
        };
        let mut signed = review(row)?;
        signed.state = ReviewState::Signed;
        let mut signature = Signature {
            at: signing.at,
            by: signing.by.to_owned(),
            statement: signing.statement,
            head: head(&db, workspace).await?,
            manifest_sha256: String::new(),
        };
        signed.signature = Some(signature.clone());
        let manifest = (signing.manifest)(&signed, &items);
        signature.manifest_sha256 = manifest
            .ok_or_else(|| LedgerError::Corrupt { what: format!("the rows of review {number}") })?;
        write_signature(&db, workspace, number, &signature).await?;
        record_events(&db, events(&signature.manifest_sha256)).await?;
        db.commit().await?;
        Ok(ReviewChanged::Done)
    }
}

/// Makes the request for an account that is to be removed, and notes it there.
async fn make_request(
    db: &DatabaseTransaction,
    workspace: &str,
    number: i64,
    item: &mut ReviewItem,
    request: &(dyn Fn(&ReviewItem) -> Option<NewRequest> + Sync),
) -> Result<(), LedgerError> {
    use review_items::Column;
    let is_removed =
        item.decision.as_ref().is_some_and(|one| one.decision == ReviewDecision::Remove);
    let Some(new) = is_removed.then(|| request(item)).flatten() else { return Ok(()) };
    let reference = new.reference.clone();
    insert_request(db, new).await?;
    review_items::Entity::update_many()
        .col_expr(Column::Request, Expr::value(reference.as_str()))
        .filter(Column::Workspace.eq(workspace))
        .filter(Column::Number.eq(number))
        .filter(Column::Account.eq(item.account.as_str()))
        .exec(db)
        .await?;
    item.request = Some(reference);
    Ok(())
}

async fn write_signature(
    db: &DatabaseTransaction,
    workspace: &str,
    number: i64,
    signature: &Signature,
) -> Result<(), DbErr> {
    use reviews::Column;
    one_open(workspace, number)
        .col_expr(Column::State, Expr::value(ReviewState::Signed.as_str()))
        .col_expr(Column::SignedAt, Expr::value(signature.at))
        .col_expr(Column::SignedBy, Expr::value(signature.by.as_str()))
        .col_expr(Column::Statement, Expr::value(signature.statement.clone()))
        .col_expr(Column::Head, Expr::value(signature.head.clone()))
        .col_expr(Column::ManifestSha256, Expr::value(signature.manifest_sha256.as_str()))
        .exec(db)
        .await?;
    Ok(())
}

/// Why a review cannot be changed; `None` if it is open.
async fn refused(
    db: &DatabaseTransaction,
    workspace: &str,
    number: i64,
) -> Result<Option<ReviewChanged>, DbErr> {
    Ok(match find(db, workspace, number).await? {
        None => Some(ReviewChanged::Unknown),
        Some(row) if row.state != ReviewState::Open.as_str() => Some(ReviewChanged::Closed),
        Some(_) => None,
    })
}

/// The hash of the ledger's last record.
async fn head(db: &DatabaseTransaction, workspace: &str) -> Result<Option<String>, DbErr> {
    let last = evidence::Entity::find()
        .filter(evidence::Column::Workspace.eq(workspace))
        .order_by_desc(evidence::Column::Sequence);
    Ok(last.one(db).await?.map(|row| row.hash))
}

fn of_workspace(workspace: &str) -> Select<reviews::Entity> {
    reviews::Entity::find().filter(reviews::Column::Workspace.eq(workspace))
}

fn items_of(workspace: &str, number: i64) -> Select<review_items::Entity> {
    review_items::Entity::find()
        .filter(review_items::Column::Workspace.eq(workspace))
        .filter(review_items::Column::Number.eq(number))
}

/// An update of a review that is open.
fn one_open(workspace: &str, number: i64) -> sea_orm::UpdateMany<reviews::Entity> {
    reviews::Entity::update_many()
        .filter(reviews::Column::Workspace.eq(workspace))
        .filter(reviews::Column::Number.eq(number))
        .filter(reviews::Column::State.eq(ReviewState::Open.as_str()))
}

async fn find(
    db: &impl ConnectionTrait,
    workspace: &str,
    number: i64,
) -> Result<Option<reviews::Model>, DbErr> {
    reviews::Entity::find_by_id((workspace.to_owned(), number)).one(db).await
}

fn review(row: reviews::Model) -> Result<Review, LedgerError> {
    let corrupt = || LedgerError::Corrupt { what: format!("reviews.state of {}", row.number) };
    let state = ReviewState::from_word(&row.state).ok_or_else(corrupt)?;
    let signature = match (row.signed_at, row.signed_by, row.manifest_sha256) {
        (Some(at), Some(by), Some(manifest_sha256)) => {
            Some(Signature { at, by, statement: row.statement, head: row.head, manifest_sha256 })
        }
        _ => None,
    };
    Ok(Review {
        number: row.number,
        made: NewReview {
            workspace: row.workspace,
            made_at: row.made_at,
            made_by: row.made_by,
            as_of: row.as_of,
            since: row.since,
            generation: row.generation,
            generation_hash: row.generation_hash,
        },
        state,
        signature,
    })
}

fn item(row: review_items::Model) -> Result<ReviewItem, LedgerError> {
    let corrupt = |column: &str| LedgerError::Corrupt {
        what: format!("review_items.{column} of review {}", row.number),
    };
    let decision = row
        .decision
        .as_deref()
        .map(|word| ReviewDecision::from_word(word).ok_or_else(|| corrupt("decision")))
        .transpose()?;
    let decision = match (decision, row.decided_by, row.decided_at) {
        (Some(decision), Some(by), Some(at)) => {
            Some(Decision { decision, comment: row.comment, by, at })
        }
        _ => None,
    };
    let members: Map<String, Value> = match row.row {
        Value::Object(members) => members,
        _ => {
            return Err(LedgerError::Corrupt {
                what: format!("review_items.row of review {}", row.number),
            });
        }
    };
    Ok(ReviewItem { account: row.account, row: members, decision, request: row.request })
}
