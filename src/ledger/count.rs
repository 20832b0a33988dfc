//! Counts the changes of the history after a position.

use sea_orm::sea_query::{Expr, Query, SelectStatement, UnionType};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter,
    QuerySelect, QueryTrait, Select,
};

use super::chain::ChangeCounts;
use super::generation_rows::generation;
use super::versions::{GROUPS, MEMBERSHIPS, ROLES, USERS, Versions};
use super::{ChangeQuestion, LedgerError};
use crate::directory::{ChangeKind, ChangePosition, Generation};

/// The number of changes after a position, for queries about everybody.
pub(super) async fn count_after(
    db: &DatabaseConnection,
    workspace: &str,
    since: &ChangePosition,
    latest: Generation,
    question: &ChangeQuestion,
) -> Result<u64, LedgerError> {
    let kinds = || question.kinds();
    let so_far = async |number: Generation| match generation(db, workspace, number).await? {
        None => Ok(ChangeCounts::default()),
        Some(row) => ChangeCounts::from_row(&row),
    };
    let (end, start) = (so_far(latest).await?, so_far(since.generation).await?);
    let mut count =
        kinds().map(|kind| end.of(kind).so_far.saturating_sub(start.of(kind).so_far)).sum();
    if let Some((at, key)) = &since.after {
        for kind in kinds().filter(|kind| kind >= at) {
            count += if kind > *at {
                start.of(kind).changed
            } else {
                count_rest(db, workspace, since.generation, kind, key).await?
            };
        }
    }
    Ok(count)
}

/// The number of changes of some people or of a team after a position, up to a generation.
pub(super) async fn count_about(
    db: &DatabaseConnection,
    workspace: &str,
    start: &ChangePosition,
    last: Generation,
    question: &ChangeQuestion,
) -> Result<u64, LedgerError> {
    async fn count<E>(
        db: &DatabaseConnection,
        versions: &Versions<E>,
        workspace: &str,
        only: Condition,
        start: &ChangePosition,
        last: Generation,
        kind: ChangeKind,
    ) -> Result<u64, LedgerError>
    where
        E: EntityTrait,
        E::Model: Sync,
    {
        let touched = |column: E::Column| {
            let later = Condition::all().add(column.gt(start.generation)).add(column.lte(last));
            let rest = start.after.as_ref().filter(|(at, _)| kind >= *at).map(|(at, key)| {
                let key = (kind == *at).then_some(key.as_str());
                Condition::all().add(column.eq(start.generation)).add(versions.after(key))
            });
            let query =
                E::find().select_only().column(column).columns(versions.key.iter().copied());
            let query = query.filter(versions.workspace.eq(workspace)).filter(only.clone());
            query.filter(Condition::any().add(later).add_option(rest)).into_query()
        };
        // One change for each generation and key whose version began or ended there.
        let mut both = touched(versions.from);
        both.union(UnionType::Distinct, touched(versions.to));
        count_rows(db, both).await
    }
    let mut all = 0;
    for kind in question.kinds() {
        all += match kind {
            ChangeKind::User => {
                count(db, &USERS, workspace, question.user_condition(), start, last, kind).await?
            }
            ChangeKind::Group => {
                count(db, &GROUPS, workspace, question.group_condition(), start, last, kind).await?
            }
            ChangeKind::Membership => {
                let only = question.membership_condition();
                count(db, &MEMBERSHIPS, workspace, only, start, last, kind).await?
            }
            ChangeKind::Role => {
                count(db, &ROLES, workspace, Condition::all(), start, last, kind).await?
            }
        };
    }
    Ok(all)
}

/// The number of changes of one kind in a generation after a key.
async fn count_rest(
    db: &DatabaseConnection,
    workspace: &str,
    generation: Generation,
    kind: ChangeKind,
    key: &str,
) -> Result<u64, LedgerError> {
    async fn rest<E>(
        db: &DatabaseConnection,
        versions: &Versions<E>,
        workspace: &str,
        generation: Generation,
        key: &str,
    ) -> Result<u64, LedgerError>
    where
        E: EntityTrait,
        E::Model: Sync,
    {
        // One change for each key whose version began or ended there.
        let keys = |query: Select<E>| {
            let query = query.select_only().columns(versions.key.iter().copied());
            query.filter(versions.after(Some(key))).into_query()
        };
        let mut both = keys(versions.opened_by(workspace, generation));
        both.union(UnionType::Distinct, keys(versions.closed_by(workspace, generation)));
        count_rows(db, both).await
    }
    match kind {
        ChangeKind::User => rest(db, &USERS, workspace, generation, key).await,
        ChangeKind::Group => rest(db, &GROUPS, workspace, generation, key).await,
        ChangeKind::Membership => rest(db, &MEMBERSHIPS, workspace, generation, key).await,
        ChangeKind::Role => rest(db, &ROLES, workspace, generation, key).await,
    }
}

/// The number of rows that a query returns.
async fn count_rows(db: &DatabaseConnection, query: SelectStatement) -> Result<u64, LedgerError> {
    let count =
        Query::select().expr(Expr::cust("COUNT(*)")).from_subquery(query, "touched").to_owned();
    let row = db.query_one(&count).await?;
    let count = row.map(|row| row.try_get_by_index::<i64>(0)).transpose()?.unwrap_or(0);
    Ok(count.unsigned_abs())
}
