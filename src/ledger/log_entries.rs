//! Reads what the activity log says for the checks of the posture: entries by kind, and sign-ins by
//! account and method; all up to a moment.

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::Value;
use time::OffsetDateTime;

use super::run_rows::run;
use super::runs::newest_run;
use super::seconds::{a_second_after, whole_second};
use super::{Ledger, LedgerError, rows};
use crate::database::entities::{activity, imports};
use crate::directory::{Activity, LogFacts, RunStatus, UserId};

/// How often an account used a sign-in method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInMethod {
    /// The account.
    pub account: UserId,
    /// The method, as Intercom spells it.
    pub method: String,
    /// The number of sign-ins.
    pub count: u64,
    /// The last of them.
    pub last_at: OffsetDateTime,
}

impl Ledger {
    /// The entries of some kinds from one moment to another, oldest first.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn entries_of_kinds(
        &self,
        workspace: &str,
        kinds: &[&str],
        since: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<Vec<Activity>, LedgerError> {
        let rows = rows_of_kinds(&self.database.connection, workspace, kinds, since, until).await?;
        Ok(rows.into_iter().map(rows::activity).collect())
    }

    /// How often each account used each sign-in method, from one moment to another.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn sign_in_methods(
        &self,
        workspace: &str,
        since: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<Vec<SignInMethod>, LedgerError> {
        use activity::Column;
        let query = activity::Entity::find()
            .select_only()
            .columns([Column::SubjectId, Column::At, Column::Metadata])
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Kind.eq(LogFacts::SIGN_IN))
            .filter(Column::SubjectId.is_not_null())
            .filter(Column::At.gte(whole_second(since)))
            .filter(Column::At.lte(whole_second(until)));
        // One by one: a busy workspace has very many sign-ins.
        let mut stream = query
            .into_tuple::<(String, OffsetDateTime, Value)>()
            .stream(&self.database.connection)
            .await?;
        let mut uses: BTreeMap<(String, String), (u64, OffsetDateTime)> = BTreeMap::new();
        while let Some((account, at, metadata)) = stream.try_next().await? {
            let method = metadata.pointer("/sign_in_method").and_then(Value::as_str);
            let method = method.unwrap_or("unknown").to_owned();
            let (count, last) = uses.entry((account, method)).or_insert((0, at));
            *count += 1;
            *last = at.max(*last);
        }
        let method = |((account, method), (count, last_at))| SignInMethod {
            account: UserId::new(account),
            method,
            count,
            last_at,
        };
        Ok(uses.into_iter().map(method).collect())
    }

    /// Why the last successful import up to a moment could not read the activity log: the code of
    /// its warning. `None` if it could, or if there was none.
    ///
    /// # Errors
    /// [`LedgerError::Database`], or [`LedgerError::Corrupt`] for a row the bridge did not
    /// write.
    pub async fn log_refusal(
        &self,
        workspace: &str,
        moment: OffsetDateTime,
    ) -> Result<Option<String>, LedgerError> {
        use imports::Column;
        let query = imports::Entity::find()
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Status.eq(RunStatus::Succeeded.as_str()))
            .filter(Column::FinishedAt.lte(a_second_after(moment)));
        let ended = |row: &imports::Model| row.finished_at.is_some_and(|at| at <= moment);
        let Some(last) = newest_run(&self.database.connection, query, ended).await? else {
            return Ok(None);
        };
        if last.activity_watermark.is_some() {
            return Ok(None);
        }
        let warnings = run(last)?.warnings.into_iter();
        let code =
            warnings.map(|warning| warning.code).find(|code| code.starts_with("activity_log"));
        Ok(Some(code.unwrap_or_else(|| "activity_log_unavailable".to_owned())))
    }
}

/// The rows of some kinds from one moment to another, in the order of their events.
///
/// Each kind is read by itself, and the rows are sorted here: for several kinds, or a sorted result,
/// the database would rather read all entries of the time.
pub(super) async fn rows_of_kinds(
    db: &impl ConnectionTrait,
    workspace: &str,
    kinds: &[&str],
    since: OffsetDateTime,
    until: OffsetDateTime,
) -> Result<Vec<activity::Model>, LedgerError> {
    use activity::Column;
    let mut rows = Vec::new();
    for kind in kinds {
        let query = activity::Entity::find()
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Kind.eq(*kind))
            .filter(Column::At.gte(whole_second(since)))
            .filter(Column::At.lte(whole_second(until)));
        rows.extend(query.all(db).await?);
    }
    rows.sort_by(|a, b| (a.at, a.seq, &a.id).cmp(&(b.at, b.seq, &b.id)));
    Ok(rows)
}
