//! Reads the rows of generations and of prunings.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::OffsetDateTime;

use super::LedgerError;
use super::seconds::a_second_after;
use crate::database::entities::{generations, prunings};
use crate::directory::Generation;
use crate::limits;

/// The number of the generation that was the latest at a moment; 0 before the first.
pub(super) async fn number_at(
    db: &impl ConnectionTrait,
    workspace: &str,
    moment: OffsetDateTime,
) -> Result<Generation, LedgerError> {
    use generations::Column;
    // The generation with the highest number that bears an earlier time. Times grow with the
    // numbers, except for a time that was recorded while a clock was ahead: that generation is
    // passed over for its neighbours.
    //
    // The exact comparison follows below.
    let about = a_second_after(moment);
    let mut below = Generation::MAX;
    loop {
        let query = generations::Entity::find().select_only().columns([Column::Number, Column::At]);
        let query = query.filter(Column::Workspace.eq(workspace)).filter(Column::Number.lt(below));
        let query = query.filter(Column::At.lte(about)).order_by_desc(Column::Number);
        let rows =
            query.limit(limits::GENERATIONS_AT_ONCE).into_tuple::<(Generation, OffsetDateTime)>();
        let rows = rows.all(db).await?;
        if let Some((number, _)) = rows.iter().find(|(_, at)| *at <= moment) {
            return Ok(*number);
        }
        match rows.last() {
            Some((number, _)) => below = *number,
            None => return Ok(0),
        }
    }
}

/// The row of a generation. `None` if there is no such generation.
pub(super) async fn generation(
    db: &impl ConnectionTrait,
    workspace: &str,
    number: Generation,
) -> Result<Option<generations::Model>, LedgerError> {
    Ok(generations::Entity::find_by_id((workspace.to_owned(), number)).one(db).await?)
}

/// The row of the latest generation. `None` before the first.
pub(super) async fn latest_generation(
    db: &impl ConnectionTrait,
    workspace: &str,
) -> Result<Option<generations::Model>, LedgerError> {
    Ok(generations::Entity::find()
        .filter(generations::Column::Workspace.eq(workspace))
        .order_by_desc(generations::Column::Number)
        .one(db)
        .await?)
}

/// The next generations from `first` up to `last`, at most [`limits::GENERATIONS_AT_ONCE`] of them.
pub(super) async fn generations_between(
    db: &impl ConnectionTrait,
    workspace: &str,
    first: Generation,
    last: Generation,
) -> Result<Vec<generations::Model>, LedgerError> {
    use generations::Column;
    let query = generations::Entity::find()
        .filter(Column::Workspace.eq(workspace))
        .filter(Column::Number.between(first, last));
    Ok(query.order_by_asc(Column::Number).limit(limits::GENERATIONS_AT_ONCE).all(db).await?)
}

/// The time since which everything is kept, if the history was pruned.
pub(super) async fn kept_since(
    db: &impl ConnectionTrait,
    workspace: &str,
) -> Result<Option<OffsetDateTime>, LedgerError> {
    match last_pruned(db, workspace).await? {
        None => Ok(None),
        Some(pruned) => generation_time(db, workspace, pruned.generation).await.map(Some),
    }
}

/// The time at which a generation was committed.
pub(super) async fn generation_time(
    db: &impl ConnectionTrait,
    workspace: &str,
    number: Generation,
) -> Result<OffsetDateTime, LedgerError> {
    let row = generation(db, workspace, number).await?;
    row.map(|row| row.at)
        .ok_or_else(|| LedgerError::Corrupt { what: format!("generation {number} is missing") })
}

/// The last pruning of the history, if there was one.
pub(super) async fn last_pruned(
    db: &impl ConnectionTrait,
    workspace: &str,
) -> Result<Option<prunings::Model>, LedgerError> {
    let query = prunings::Entity::find().filter(prunings::Column::Workspace.eq(workspace));
    Ok(query.order_by_desc(prunings::Column::Generation).one(db).await?)
}
