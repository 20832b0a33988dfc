//! Converts rows of the table `imports` to runs and back.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::LedgerError;
use crate::database::entities::imports;
use crate::directory::{Mode, Run, RunStatus, Trigger};
use crate::words::Words;

/// The word for a status in the database. NB: a queued run is stored as `running`, without a fence,
/// because the previous version of the bridge knows no other word (see the migration).
pub(super) fn stored(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Queued => RunStatus::Running.as_str(),
        other => other.as_str(),
    }
}

/// Records how a run ended. Returns false if another process has recorded its end.
pub(super) async fn update(db: &impl ConnectionTrait, run: &Run) -> Result<bool, LedgerError> {
    let status = imports::Column::Status;
    let updated = imports::Entity::update_many()
        .set(row(run))
        .filter(imports::Column::Id.eq(run.id))
        .filter(status.eq(RunStatus::Running.as_str()))
        .exec(db)
        .await?;
    Ok(updated.rows_affected > 0)
}

pub(super) fn row(run: &Run) -> imports::ActiveModel {
    imports::ActiveModel {
        id: Set(run.id),
        workspace: Set(run.workspace.clone()),
        mode: Set(run.mode.as_str().to_owned()),
        trigger: Set(run.trigger.as_str().to_owned()),
        requested_by: Set(run.requested_by.clone()),
        allow_removals: Set(run.allow_removals),
        fence: sea_orm::ActiveValue::NotSet,
        status: Set(stored(run.status).to_owned()),
        queued_at: Set(run.queued_at),
        started_at: Set(run.started_at),
        observed_at: Set(run.observed_at),
        finished_at: Set(run.finished_at),
        generation: Set(run.generation),
        counts: Set(json!(run.counts)),
        activity_watermark: Set(run.activity_watermark),
        intercom_calls: Set(i64::try_from(run.intercom_calls).unwrap_or(i64::MAX)),
        intercom_retries: Set(i64::try_from(run.intercom_retries).unwrap_or(i64::MAX)),
        progress: Set(run.progress.clone()),
        warnings: Set(json!(run.warnings)),
        error: Set(run.error.as_ref().map(|error| json!(error))),
        held_by: Set((!run.held_by.is_empty()).then(|| json!(run.held_by))),
        // The salt is added together with the record.
        proof: sea_orm::ActiveValue::NotSet,
    }
}

pub(super) fn run(row: imports::Model) -> Result<Run, LedgerError> {
    let corrupt =
        |column: &str| LedgerError::Corrupt { what: format!("imports.{column} of run {}", row.id) };
    Ok(Run {
        id: row.id,
        mode: Mode::from_word(&row.mode).ok_or_else(|| corrupt("mode"))?,
        trigger: Trigger::from_word(&row.trigger).ok_or_else(|| corrupt("trigger"))?,
        status: match RunStatus::from_word(&row.status).ok_or_else(|| corrupt("status"))? {
            RunStatus::Running if row.queued_at.is_some() && row.fence.is_none() => {
                RunStatus::Queued
            }
            status => status,
        },
        queued_at: row.queued_at,
        requested_by: row.requested_by,
        allow_removals: row.allow_removals,
        started_at: row.started_at,
        observed_at: row.observed_at,
        finished_at: row.finished_at,
        generation: row.generation,
        counts: decode(&row.counts, || corrupt("counts"))?,
        activity_watermark: row.activity_watermark,
        intercom_calls: row.intercom_calls.unsigned_abs(),
        intercom_retries: row.intercom_retries.unsigned_abs(),
        progress: row.progress,
        warnings: decode(&row.warnings, || corrupt("warnings"))?,
        error: row.error.as_ref().map(|error| decode(error, || corrupt("error"))).transpose()?,
        held_by: row
            .held_by
            .as_ref()
            .map_or_else(|| Ok(Vec::new()), |by| decode(by, || corrupt("held_by")))?,
        workspace: row.workspace,
    })
}

fn decode<T: DeserializeOwned>(
    value: &Value,
    error: impl FnOnce() -> LedgerError,
) -> Result<T, LedgerError> {
    T::deserialize(value).map_err(|_| error())
}

/// The condition of runs that are in progress or queued. It has a literal instead of a bound value:
/// only then does the database see that the partial indexes apply.
pub(super) fn is_running() -> Expr {
    Expr::cust("status = 'running'")
}
