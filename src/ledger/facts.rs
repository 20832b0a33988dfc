//! What Intercom's activity log says of people up to a moment, for access reviews.

use std::collections::HashMap;
use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait as _, SubQueryStatement};
use sea_orm::{
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait as _,
};
use serde_json::Value;
use time::OffsetDateTime;

use super::log_entries::rows_of_kinds;
use super::read::volatile_values;
use super::runs::{newest_run, runs_with_watermark};
use super::salted::has_erased_fields;
use super::seconds::{a_second_after, whole_second};
use super::stamps::Only;
use super::{Ledger, LedgerError, feed, generation_rows, rows};
use crate::clock;
use crate::database::entities::{activity, imports, volatile};
use crate::directory::{
    AWAY_MODE, Activity, InvitationEvent, LastActivity, LogFacts, NOT_BY_THE_PERFORMER, OCCUPANCY,
    Part, SignIn, UserId,
};
use crate::limits;

/// The entries among which the newest one of a person is searched.
#[derive(Clone, Copy)]
enum Search {
    /// The person's sign-ins.
    SignIns,
    /// When Intercom last saw activity of the person.
    Occupancy,
    /// The person's changes of away mode. Apart from the others, so that one that Intercom made by
    /// itself hides none of these.
    AwayMode,
    /// All others that the person performed.
    Performed,
}

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
        let mut facts = self.facts(workspace, moment, lookback, &Only::default()).await?;
        if let Some((_, until)) = facts.covered {
            for (at, metadata) in self.invitations_by(workspace, until).await? {
                facts.invited(at, &metadata);
            }
        }
        Ok(facts)
    }

    /// Like [`Ledger::log_facts`], for these people, without invitations.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn log_facts_of(
        &self,
        workspace: &str,
        moment: OffsetDateTime,
        lookback: Duration,
        people: &[UserId],
    ) -> Result<LogFacts, LedgerError> {
        let part = Part { users: people.iter().cloned().collect(), ..Part::default() };
        self.facts(workspace, moment, lookback, &Only::these(&part)).await
    }

    async fn facts(
        &self,
        workspace: &str,
        moment: OffsetDateTime,
        lookback: Duration,
        only: &Only,
    ) -> Result<LogFacts, LedgerError> {
        let covered = self.log_covered(workspace, moment, lookback).await?;
        let Some((_, until)) = covered else { return Ok(LogFacts::default()) };
        let (sign_ins, activity) = self.activity_by(workspace, until, only).await?;
        Ok(LogFacts { covered, sign_ins, activity, ..LogFacts::default() })
    }

    /// Returns the time range up to a moment for which the log had been read without a gap then.
    /// `None` if none of it had been read. For `lookback`, see [`Ledger::log_facts`].
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn log_covered(
        &self,
        workspace: &str,
        moment: OffsetDateTime,
        lookback: Duration,
    ) -> Result<Option<(OffsetDateTime, OffsetDateTime)>, LedgerError> {
        use imports::Column;
        let read = || runs_with_watermark(workspace);
        let about = read().filter(Column::ActivityWatermark.lte(a_second_after(moment)));
        let db = &self.database.connection;
        let by_then = |run: &imports::Model| run.activity_watermark.is_some_and(|at| at <= moment);
        let last = newest_run(db, about, by_then).await?;
        let Some((last, until)) = last.and_then(|run| Some((run.id, run.activity_watermark?)))
        else {
            return Ok(None);
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
        let pruned = feed::pruned_to(&self.database.connection, workspace).await?.before;
        let since = pruned.map_or(since, |pruned| Ord::max(since, pruned));
        Ok(Some((since, until)))
    }

    /// Returns the times of all sign-ins of some people up to a moment.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn sign_in_times(
        &self,
        workspace: &str,
        people: &[UserId],
        moment: OffsetDateTime,
    ) -> Result<HashMap<UserId, Vec<OffsetDateTime>>, LedgerError> {
        use activity::Column;
        let mut times: HashMap<UserId, Vec<OffsetDateTime>> = HashMap::new();
        for people in people.chunks(limits::SQL_VALUES / 2) {
            let query = activity::Entity::find()
                .select_only()
                .columns([Column::SubjectId, Column::At])
                .filter(Column::Workspace.eq(workspace))
                .filter(Column::Kind.eq(LogFacts::SIGN_IN))
                .filter(Column::SubjectId.is_in(people.iter().map(UserId::as_str)))
                .filter(Column::At.lte(whole_second(moment)));
            let found = query.into_tuple::<(String, OffsetDateTime)>();
            for (id, at) in found.all(&self.database.connection).await? {
                times.entry(UserId::new(id)).or_default().push(at);
            }
        }
        Ok(times)
    }

    /// The last sign-in and the last other activity of people up to a moment.
    ///
    /// The current values are also those of the moment, unless they are later. Only for people who
    /// were active since, the log is searched: one look-up in an index for each of them.
    async fn activity_by(
        &self,
        workspace: &str,
        moment: OffsetDateTime,
        only: &Only,
    ) -> Result<(HashMap<UserId, SignIn>, HashMap<UserId, LastActivity>), LedgerError> {
        let moment = whole_second(moment);
        let (mut sign_ins, mut activity) = (HashMap::new(), HashMap::new());
        let (mut signed_in_since, mut active_since) = (Vec::new(), Vec::new());
        for (id, values) in volatile_values(&self.database.connection, workspace, only).await? {
            match values.last_other_activity {
                Some(last) if last.at <= moment => {
                    activity.insert(id.clone(), last);
                }
                Some(_) => active_since.push(id.clone()),
                None => {}
            }
            match values.last_sign_in_at {
                Some(at) if at <= moment => {
                    sign_ins.insert(id, SignIn { at, method: values.last_sign_in_method });
                }
                Some(_) => signed_in_since.push(id),
                None => {}
            }
        }
        let newest = |of, people| self.newest_entries(workspace, of, moment, people);
        for entry in newest(Search::SignIns, signed_in_since).await? {
            if let Some(id) = entry.subject() {
                let method = entry.metadata.value();
                let method =
                    method.pointer("/sign_in_method").and_then(Value::as_str).map(Into::into);
                sign_ins.insert(id, SignIn { at: entry.at, method });
            }
        }
        for search in [Search::Occupancy, Search::AwayMode, Search::Performed] {
            let entries = newest(search, active_since.clone()).await?;
            for (id, last) in entries.iter().filter_map(LastActivity::shown_by) {
                let newer = LastActivity::newer(activity.get(&id).copied(), Some(last));
                activity.extend(newer.map(|last| (id, last)));
            }
        }
        Ok((sign_ins, activity))
    }

    /// The newest entry up to a moment for each of these people.
    async fn newest_entries(
        &self,
        workspace: &str,
        search: Search,
        moment: OffsetDateTime,
        people: Vec<UserId>,
    ) -> Result<Vec<Activity>, LedgerError> {
        use activity::Column;
        let person = match search {
            Search::SignIns => Column::SubjectId,
            Search::Occupancy | Search::AwayMode | Search::Performed => Column::PerformedById,
        };
        let kinds = match search {
            Search::SignIns => Column::Kind.eq(LogFacts::SIGN_IN),
            Search::Occupancy => Column::Kind.eq(OCCUPANCY),
            Search::AwayMode => Column::Kind.eq(AWAY_MODE),
            Search::Performed => Column::Kind.is_not_in(NOT_BY_THE_PERFORMER.into_iter().chain([
                LogFacts::SIGN_IN,
                OCCUPANCY,
                AWAY_MODE,
            ])),
        };
        let user = Expr::col((volatile::Entity, volatile::Column::UserId));
        let newest = activity::Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::Workspace.eq(workspace))
            .filter(Expr::col((activity::Entity, person)).eq(user))
            .filter(kinds)
            .filter(Column::At.lte(moment))
            .order_by_desc(Column::At)
            .limit(1);
        let newest = SubQueryStatement::SelectStatement(newest.into_query());
        let ids = volatile::Entity::find()
            .select_only()
            .column_as(Expr::from(newest), "newest")
            .filter(volatile::Column::Workspace.eq(workspace));
        let mut entries = Vec::new();
        for people in people.chunks(limits::LIST_ITEMS) {
            let people = people.iter().map(UserId::as_str);
            let ids = ids.clone().filter(volatile::Column::UserId.is_in(people));
            let ids = ids.into_tuple::<Option<String>>().all(&self.database.connection).await?;
            let found = activity::Entity::find().filter(Column::Workspace.eq(workspace));
            let found = found.filter(Column::Id.is_in(ids.into_iter().flatten()));
            entries.extend(
                found.all(&self.database.connection).await?.into_iter().map(rows::activity),
            );
        }
        Ok(entries)
    }

    /// Returns the entries about invitations up to a moment. Entries whose details were erased are
    /// left out.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn invitation_events(
        &self,
        workspace: &str,
        moment: OffsetDateTime,
    ) -> Result<Vec<InvitationEvent>, LedgerError> {
        let kinds = InvitationEvent::KINDS.map(|(kind, _)| kind);
        let db = &self.database.connection;
        let ever = OffsetDateTime::UNIX_EPOCH;
        let rows = rows_of_kinds(db, workspace, &kinds, ever, moment).await?;
        let kept = rows.into_iter().filter(|row| !has_erased_fields(row.proof.as_deref()));
        Ok(kept.filter_map(|row| InvitationEvent::read(&rows::activity(row))).collect())
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
