//! What Intercom's activity log says of people up to a moment, for access reviews.

use std::collections::HashMap;
use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Value;
use time::OffsetDateTime;

use super::runs::runs_with_watermark;
use super::{Ledger, LedgerError, generation_rows};
use crate::clock;
use crate::database::entities::{activity, imports};
use crate::directory::{LogFacts, SignIn, UserId};
use crate::limits;

impl Ledger {
    /// Returns what the log says up to a moment, as far as it had been read then. `lookback` is how
    /// far back a full import reads it.
    ///
    /// NB: `lookback` is the present setting. If it was raised since, the log counts as known
    /// further back than it is, until the next full import has read it anew.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn log_facts(
        &self,
        workspace: &str,
        moment: OffsetDateTime,
        lookback: Duration,
    ) -> Result<LogFacts, LedgerError> {
        use imports::Column;
        let read = || runs_with_watermark(workspace);
        // SQLite compares times as texts, which is exact to the second only. The exact comparison
        // follows below.
        let about = read().filter(Column::ActivityWatermark.lte(moment + time::Duration::SECOND));
        let last = about
            .order_by_desc(Column::Id)
            .limit(limits::LIST_ITEMS as u64)
            .all(&self.database.connection)
            .await?;
        let by_then = |run: &imports::Model| {
            run.activity_watermark.filter(|until| *until <= moment).map(|at| (run.id, at))
        };
        let Some((last, until)) = last.iter().find_map(by_then) else {
            return Ok(LogFacts::default());
        };
        // A gap in the numbers means that runs were folded. They read the log on from there, up to
        // shortly before the next listed run.
        let next = read()
            .filter(Column::Id.gt(last))
            .order_by_asc(Column::Id)
            .one(&self.database.connection)
            .await?;
        let until = match next {
            Some(next) => {
                let between = imports::Entity::find().filter(Column::Workspace.eq(workspace));
                let between = between.filter(Column::Id.gt(last)).filter(Column::Id.lt(next.id));
                let listed = between.count(&self.database.connection).await?;
                if listed < (next.id - last - 1).unsigned_abs() { moment } else { until }
            }
            None => until,
        };
        let first = read().order_by_asc(Column::Id).one(&self.database.connection).await?;
        let first = first.and_then(|run| run.observed_at.or(run.activity_watermark));
        // The first run that read the log read back as far as `lookback`. Each later one continues
        // where the one before ended.
        let since = clock::before(first.unwrap_or(until), lookback);
        let since = generation_rows::kept_since(&self.database.connection, workspace)
            .await?
            .map_or(since, |kept| Ord::max(since, kept));
        let mut facts = LogFacts {
            covered: Some((since, until)),
            sign_ins: self.sign_ins_by(workspace, until).await?,
            invitations: HashMap::new(),
        };
        for (at, metadata) in self.invitations_by(workspace, until).await? {
            facts.invited(at, &metadata);
        }
        Ok(facts)
    }

    /// Each person's last sign-in up to a moment.
    async fn sign_ins_by(
        &self,
        workspace: &str,
        moment: OffsetDateTime,
    ) -> Result<HashMap<UserId, SignIn>, LedgerError> {
        use activity::Column;
        let moment = whole_second(moment);
        let (mut sign_ins, mut later) = (HashMap::new(), false);
        for (id, values) in self.volatile(workspace).await? {
            match values.last_sign_in_at {
                // The last sign-in of all is also the last one up to the moment.
                Some(at) if at <= moment => {
                    sign_ins.insert(id, SignIn { at, method: values.last_sign_in_method });
                }
                Some(_) => later = true,
                None => {}
            }
        }
        if !later {
            return Ok(sign_ins);
        }
        let by_then = || {
            activity::Entity::find()
                .select_only()
                .filter(Column::Workspace.eq(workspace))
                .filter(Column::Kind.eq(LogFacts::SIGN_IN))
                .filter(Column::SubjectId.is_not_null())
                .filter(Column::At.lte(moment))
        };
        let last = by_then()
            .column(Column::SubjectId)
            .column_as(Column::At.max(), "last")
            .group_by(Column::SubjectId);
        let last = sea_orm::QueryTrait::into_query(last);
        let ends = Expr::tuple([Expr::col(Column::SubjectId), Expr::col(Column::At)]);
        let query = by_then()
            .columns([Column::SubjectId, Column::At, Column::Metadata])
            .filter(ends.in_subquery(last));
        for (id, at, metadata) in query
            .into_tuple::<(String, OffsetDateTime, Value)>()
            .all(&self.database.connection)
            .await?
        {
            let method =
                metadata.pointer("/sign_in_method").and_then(Value::as_str).map(Into::into);
            sign_ins.entry(UserId::new(id)).or_insert(SignIn { at, method });
        }
        Ok(sign_ins)
    }

    async fn invitations_by(
        &self,
        workspace: &str,
        moment: OffsetDateTime,
    ) -> Result<Vec<(OffsetDateTime, Value)>, LedgerError> {
        use activity::Column;
        let query = activity::Entity::find()
            .select_only()
            .columns([Column::At, Column::Metadata])
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Kind.eq(LogFacts::INVITATION))
            .filter(Column::At.lte(whole_second(moment)));
        Ok(query.into_tuple().all(&self.database.connection).await?)
    }

    /// When a generation was committed.
    ///
    /// # Errors
    /// [`LedgerError::Database`], or [`LedgerError::Corrupt`] if there is no such generation.
    pub async fn committed_at(
        &self,
        workspace: &str,
        number: i64,
    ) -> Result<OffsetDateTime, LedgerError> {
        generation_rows::generation_time(&self.database.connection, workspace, number).await
    }
}

/// Drops the fraction of a second. Intercom's entries have whole seconds, and SQLite compares those
/// correctly as texts.
fn whole_second(moment: OffsetDateTime) -> OffsetDateTime {
    moment.replace_nanosecond(0).unwrap_or(moment)
}
