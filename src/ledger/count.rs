//! How many changes of the history come after a place.

use sea_orm::sea_query::{Expr, Query, UnionType};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
    Select,
};

use super::chain::ChangeCounts;
use super::changes::generation;
use super::versions::{GROUPS, MEMBERSHIPS, USERS, Versions};
use super::{ChangeKind, ChangePosition, ChangeQuestion, LedgerError};
use crate::directory::Generation;

/// How many changes come after a place.
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
    let mut count = kinds().map(|kind| kind.counts_in(&end).so_far.saturating_sub(kind.counts_in(&start).so_far)).sum();
    if let Some((at, key)) = &since.after {
        for kind in kinds().filter(|kind| kind >= at) {
            count += if kind > *at {
                kind.counts_in(&start).changed
            } else {
                rest_of(db, workspace, since.generation, kind, key).await?
            };
        }
    }
    Ok(count)
}

/// How many changes of some people or of a team come after a place, up to a generation.
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
        (workspace, only): (&str, Condition),
        (start, last): (&ChangePosition, Generation),
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
            let query = E::find().select_only().column(column).columns(versions.key.iter().copied());
            let query = query.filter(versions.workspace.eq(workspace)).filter(only.clone());
            query.filter(Condition::any().add(later).add_option(rest)).into_query()
        };
        // One change for each generation and key that a version of began or ended.
        let mut both = touched(versions.from);
        both.union(UnionType::Distinct, touched(versions.to));
        let count = Query::select().expr(Expr::cust("COUNT(*)")).from_subquery(both, "touched").to_owned();
        let row = db.query_one(&count).await?;
        let count = row.map(|row| row.try_get_by_index::<i64>(0)).transpose()?.unwrap_or(0);
        Ok(count.unsigned_abs())
    }
    let (mut all, span) = (0, (start, last));
    for kind in question.kinds() {
        all += match kind {
            ChangeKind::User => count(db, &USERS, (workspace, question.of_users()), span, kind).await?,
            ChangeKind::Group => count(db, &GROUPS, (workspace, question.of_groups()), span, kind).await?,
            ChangeKind::Membership => {
                count(db, &MEMBERSHIPS, (workspace, question.of_memberships()), span, kind).await?
            }
        };
    }
    Ok(all)
}

/// How many changes of a kind a generation holds after a key.
async fn rest_of(
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
        // One change for each key that a version of began or ended.
        let keys = |query: Select<E>| {
            let query = query.select_only().columns(versions.key.iter().copied());
            query.filter(versions.after(Some(key))).into_query()
        };
        let mut both = keys(versions.opened_by(workspace, generation));
        both.union(UnionType::Distinct, keys(versions.closed_by(workspace, generation)));
        let count = Query::select().expr(Expr::cust("COUNT(*)")).from_subquery(both, "touched").to_owned();
        let row = db.query_one(&count).await?;
        let count = row.map(|row| row.try_get_by_index::<i64>(0)).transpose()?.unwrap_or(0);
        Ok(count.unsigned_abs())
    }
    match kind {
        ChangeKind::User => rest(db, &USERS, workspace, generation, key).await,
        ChangeKind::Group => rest(db, &GROUPS, workspace, generation, key).await,
        ChangeKind::Membership => rest(db, &MEMBERSHIPS, workspace, generation, key).await,
    }
}
