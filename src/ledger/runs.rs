//! The record of imports: every run, what it was asked, what came of it.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::entities::imports;
use super::{Ledger, LedgerError};
use crate::directory::{Counts, Generation, Warning};

/// Counts imports, over all workspaces of a ledger.
pub type RunId = i64;

/// One import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// What was imported.
    pub workspace: String,
    /// How much was to be read.
    pub mode: Mode,
    /// What set it off.
    pub trigger: Trigger,
    /// What came of it.
    pub status: RunStatus,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
    /// When Intercom was asked; what the run recorded was true then.
    #[serde(with = "time::serde::rfc3339::option")]
    pub observed_at: Option<OffsetDateTime>,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
    /// The generation it made, if anything had changed.
    pub generation: Option<Generation>,
    /// What changed, or, for a run that is held, would have.
    pub counts: Counts,
    /// Up to when the activity log is known.
    #[serde(with = "time::serde::rfc3339::option")]
    pub activity_watermark: Option<OffsetDateTime>,
    /// Requests to Intercom, repeated ones among them.
    pub intercom_calls: u64,
    /// Repeated requests.
    pub intercom_retries: u64,
    /// What was odd.
    pub warnings: Vec<Warning>,
    /// Why it did not succeed.
    pub error: Option<Failure>,
}

/// Why an import did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// One word for machines.
    pub code: String,
    /// What happened.
    pub detail: String,
    /// What to do about it.
    pub remedy: String,
}

/// Gives an enum its word in the database and in JSON.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident => $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant),+
        }

        impl $name {
            /// The word in the database and in JSON.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

words! {
    /// How much an import reads.
    Mode {
        /// Everything, with the activity log as far back as configured.
        Full => "full",
        /// Both lists, and the activity log since the last import.
        Incremental => "incremental",
    }
}

words! {
    /// What sets an import off.
    Trigger {
        /// The bridge has just started.
        Start => "start",
        /// It was time.
        Schedule => "schedule",
        /// Somebody asked, and what there was to show was too old.
        Query => "query",
        /// Somebody in a shell.
        Command => "command",
    }
}

words! {
    /// What comes of an import.
    RunStatus {
        /// It is under way.
        Running => "running",
        /// It is in the ledger.
        Succeeded => "succeeded",
        /// Nothing was recorded.
        Failed => "failed",
        /// It would have removed too many, and waits for a person.
        Held => "held",
        /// The process ended before it did.
        Interrupted => "interrupted",
    }
}

impl Ledger {
    /// Records that an import begins.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn start_run(
        &self,
        workspace: &str,
        mode: Mode,
        trigger: Trigger,
        now: OffsetDateTime,
    ) -> Result<Run, LedgerError> {
        let mut run = Run {
            id: 0,
            workspace: workspace.to_owned(),
            mode,
            trigger,
            status: RunStatus::Running,
            started_at: now,
            observed_at: None,
            finished_at: None,
            generation: None,
            counts: Counts::default(),
            activity_watermark: None,
            intercom_calls: 0,
            intercom_retries: 0,
            warnings: Vec::new(),
            error: None,
        };
        let mut row = row(&run);
        row.id = sea_orm::ActiveValue::NotSet;
        run.id = imports::Entity::insert(row).exec(&self.database).await?.last_insert_id;
        Ok(run)
    }

    /// Records how an import that changed nothing ended.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn finish_run(&self, run: &Run) -> Result<(), LedgerError> {
        update(&self.database, run).await
    }

    /// Marks the runs of a workspace that a dead process left behind, and tells how many there were.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn interrupt_runs(&self, workspace: &str, now: OffsetDateTime) -> Result<u64, LedgerError> {
        let result = imports::Entity::update_many()
            .col_expr(imports::Column::Status, Expr::value(RunStatus::Interrupted.as_str()))
            .col_expr(imports::Column::FinishedAt, Expr::value(now))
            .filter(imports::Column::Workspace.eq(workspace))
            .filter(imports::Column::Status.eq(RunStatus::Running.as_str()))
            .exec(&self.database)
            .await?;
        Ok(result.rows_affected)
    }

    /// The runs of a workspace, newest first.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`], or [`LedgerError::Corrupt`] for a row the bridge did not write.
    pub async fn runs(&self, workspace: &str, most: u64) -> Result<Vec<Run>, LedgerError> {
        let query = imports::Entity::find().filter(imports::Column::Workspace.eq(workspace));
        let rows = query.order_by_desc(imports::Column::Id).limit(most).all(&self.database).await?;
        rows.into_iter().map(run).collect()
    }

    /// The newest run of a workspace that succeeded.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`], or [`LedgerError::Corrupt`] for a row the bridge did not write.
    pub async fn last_success(&self, workspace: &str) -> Result<Option<Run>, LedgerError> {
        let query = imports::Entity::find()
            .filter(imports::Column::Workspace.eq(workspace))
            .filter(imports::Column::Status.eq(RunStatus::Succeeded.as_str()));
        query.order_by_desc(imports::Column::Id).one(&self.database).await?.map(run).transpose()
    }
}

pub(super) async fn update(db: &impl ConnectionTrait, run: &Run) -> Result<(), LedgerError> {
    row(run).update(db).await?;
    Ok(())
}

fn row(run: &Run) -> imports::ActiveModel {
    imports::ActiveModel {
        id: Set(run.id),
        workspace: Set(run.workspace.clone()),
        mode: Set(run.mode.as_str().to_owned()),
        trigger: Set(run.trigger.as_str().to_owned()),
        status: Set(run.status.as_str().to_owned()),
        started_at: Set(run.started_at),
        observed_at: Set(run.observed_at),
        finished_at: Set(run.finished_at),
        generation: Set(run.generation),
        counts: Set(json!(run.counts)),
        activity_watermark: Set(run.activity_watermark),
        intercom_calls: Set(i64::try_from(run.intercom_calls).unwrap_or(i64::MAX)),
        intercom_retries: Set(i64::try_from(run.intercom_retries).unwrap_or(i64::MAX)),
        warnings: Set(json!(run.warnings)),
        error: Set(run.error.as_ref().map(|error| json!(error))),
    }
}

fn run(row: imports::Model) -> Result<Run, LedgerError> {
    let corrupt = |column: &str| LedgerError::Corrupt { what: format!("imports.{column} of run {}", row.id) };
    Ok(Run {
        id: row.id,
        mode: Mode::from_word(&row.mode).ok_or_else(|| corrupt("mode"))?,
        trigger: Trigger::from_word(&row.trigger).ok_or_else(|| corrupt("trigger"))?,
        status: RunStatus::from_word(&row.status).ok_or_else(|| corrupt("status"))?,
        started_at: row.started_at,
        observed_at: row.observed_at,
        finished_at: row.finished_at,
        generation: row.generation,
        counts: decode(&row.counts, || corrupt("counts"))?,
        activity_watermark: row.activity_watermark,
        intercom_calls: row.intercom_calls.unsigned_abs(),
        intercom_retries: row.intercom_retries.unsigned_abs(),
        warnings: decode(&row.warnings, || corrupt("warnings"))?,
        error: row.error.as_ref().map(|error| decode(error, || corrupt("error"))).transpose()?,
        workspace: row.workspace,
    })
}

fn decode<T: DeserializeOwned>(value: &Value, error: impl FnOnce() -> LedgerError) -> Result<T, LedgerError> {
    T::deserialize(value).map_err(|_| error())
}
