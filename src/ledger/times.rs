//! Recorded times that lie in the future: of a run, a generation or a version of the roster that
//! was recorded while a clock was ahead.
//!
//! Nothing depends on them, since all of these are ordered by number. But the operator must know
//! that they are wrong. The store of rosters finds those of its versions.

use std::fmt;

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::OffsetDateTime;

use super::{Ledger, LedgerError};
use crate::clock::after;
use crate::database::entities::{generations, imports};
use crate::date_time;
use crate::directory::{Failure, Generation, RunId};
use crate::limits;

/// What a recorded time belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearer {
    /// A run.
    Import(RunId),
    /// A generation.
    Generation(Generation),
    /// A version of the roster.
    Roster(u64),
}

impl fmt::Display for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Import(id) => write!(f, "import {id}"),
            Self::Generation(number) => write!(f, "generation {number}"),
            Self::Roster(version) => write!(f, "version {version} of the roster"),
        }
    }
}

/// The recorded time that lies farthest in the future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// What it belongs to.
    pub bearer: Bearer,
    /// The time.
    pub at: OffsetDateTime,
}

impl Ahead {
    /// How many seconds the time is ahead of `now`.
    #[must_use]
    pub fn seconds(&self, now: OffsetDateTime) -> i64 {
        (self.at - now).whole_seconds().max(0)
    }

    /// The notice for the operator: what it means, and what to do.
    #[must_use]
    pub fn failure(&self, now: OffsetDateTime) -> Failure {
        Failure {
            code: "times_in_the_future".to_owned(),
            detail: format!(
                "{} has the time {}, which is {} ahead of this machine's clock: some clock was \
                 ahead when it was recorded, or this one is behind now. The time counts as unknown",
                self.bearer,
                date_time::written(self.at),
                length(self.seconds(now))
            ),
            remedy: "let NTP set the clocks of all machines that run a bridge on this database (`intercom-scim-bridge check` \
                     compares this machine's with Intercom's). Imports and pulls go on meanwhile, and this notice ends when \
                     that time has come"
                .to_owned(),
        }
    }
}

/// A duration in words.
fn length(seconds: i64) -> String {
    match seconds {
        ..7_200 => format!("{seconds} seconds"),
        7_200..172_800 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

impl Ledger {
    /// The recorded time that lies farthest in the future, beyond [`limits::STORED_AHEAD`], among
    /// the newest [`limits::TIMES_CHECKED`] runs and generations of a workspace.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn times_ahead(
        &self,
        workspace: &str,
        now: OffsetDateTime,
    ) -> Result<Option<Ahead>, LedgerError> {
        let limit = after(now, limits::STORED_AHEAD);
        let newest = self.newest_number(workspace).await?;
        let runs = {
            use imports::Column;
            // SQLite compares times as texts, which is exact to the second only. The exact
            // comparison follows below.
            let ahead = Condition::any()
                .add(Column::StartedAt.gt(limit))
                .add(Column::ObservedAt.gt(limit))
                .add(Column::FinishedAt.gt(limit));
            let query = imports::Entity::find()
                .select_only()
                .columns([Column::Id, Column::StartedAt, Column::ObservedAt, Column::FinishedAt])
                .filter(Column::Workspace.eq(workspace))
                .filter(Column::Id.gt(newest.saturating_sub(limits::TIMES_CHECKED)))
                .filter(ahead);
            let query = query.order_by_desc(Column::Id).limit(limits::LIST_ITEMS as u64);
            query.into_tuple::<(i64, OffsetDateTime, Option<OffsetDateTime>, Option<OffsetDateTime>)>()
        };
        let generations = {
            use generations::Column;
            let latest = self.generation(workspace).await?;
            let query = generations::Entity::find()
                .select_only()
                .columns([Column::Number, Column::At])
                .filter(Column::Workspace.eq(workspace))
                .filter(Column::Number.gt(latest.saturating_sub(limits::TIMES_CHECKED)))
                .filter(Column::At.gt(limit));
            let query = query.order_by_desc(Column::Number).limit(limits::LIST_ITEMS as u64);
            query.into_tuple::<(i64, OffsetDateTime)>()
        };
        let runs = runs.all(&self.database.connection).await?.into_iter().map(
            |(id, started, observed, finished)| {
                let at = [Some(started), observed, finished]
                    .into_iter()
                    .flatten()
                    .fold(started, Ord::max);
                Ahead { bearer: Bearer::Import(id), at }
            },
        );
        let generations = generations.all(&self.database.connection).await?.into_iter();
        let generations =
            generations.map(|(number, at)| Ahead { bearer: Bearer::Generation(number), at });
        Ok(runs.chain(generations).filter(|ahead| ahead.at > limit).max_by_key(|ahead| ahead.at))
    }
}
