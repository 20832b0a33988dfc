//! The evaluation of roster, directory and decisions at one moment, and its cache.

use std::collections::HashMap;
use std::sync::Arc;

use time::{Date, OffsetDateTime};

use super::Identities;
use crate::directory::{Directory, EnterpriseFacts, Generation, UserId};
use crate::ledger::LedgerError;
use crate::limits;
use crate::roster::{
    Account, Day, Decisions, Entry, Evaluation, Identity, Input, Ownerless, PersonKey,
    ReviewIdentity, Roster, SignIns, TerminatedActive, UnmatchedAccount, Versions, decisions_at,
    enterprise_facts, identities, note_sign_ins, ownerless, people_with_accounts, review_columns,
    terminated_active, unmatched, user_id,
};
use crate::stores::{StoredVersion, version_in_force};
use crate::tabular::is_privileged;

/// The state that is evaluated.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The accounts.
    pub directory: &'a Directory,
    /// The moment of the past; `None` for now.
    pub as_of: Option<OffsetDateTime>,
}

/// The result for all accounts at one moment.
#[derive(Debug)]
pub struct Assessment {
    key: Key,
    /// The first moment at which the result may change: the next day, or the end of a decision.
    /// `None` for a moment of the past.
    valid_until: Option<OffsetDateTime>,
    /// The versions of everything that it depends on.
    pub versions: Versions,
    /// When the source last had the people of this version.
    pub confirmed_at: OffsetDateTime,
    /// One row for each active account.
    pub identities: Vec<Identity>,
    /// Active accounts without a person.
    pub unmatched: Vec<UnmatchedAccount>,
    /// Active accounts of people who have left, without sign-ins.
    terminated: Vec<TerminatedActive>,
    /// Service accounts without an active owner.
    pub ownerless: Vec<Ownerless>,
    /// The columns of the access review, of all accounts.
    pub review: HashMap<UserId, ReviewIdentity>,
    /// The people to whom an account belongs.
    pub people_with_accounts: Vec<PersonKey>,
    /// The values of SCIM's enterprise extension; empty if it is off, and for moments of the past.
    pub enterprise: HashMap<UserId, EnterpriseFacts>,
}

/// Everything that the result depends on, besides the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    version: u64,
    revision: u64,
    generation: Generation,
    left_out: usize,
    /// The number of the last erasure in the ledger.
    erasure: i64,
    decisions: u64,
    day: Date,
    /// Decisions end at moments, so each moment of the past may have a result of its own.
    as_of: Option<OffsetDateTime>,
}

impl Assessment {
    /// Active accounts of people who have left.
    #[must_use]
    pub fn terminated_count(&self) -> usize {
        self.terminated.len()
    }
}

impl Identities {
    /// Evaluates a state of the directory. `None` if no roster is in force. The same question is
    /// answered from a cache.
    ///
    /// With many accounts this takes a while. So do not call it on a thread that serves
    /// connections.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn assess(&self, shown: Shown<'_>) -> Result<Option<Arc<Assessment>>, LedgerError> {
        let versions = self.store.versions(&self.workspace).await?;
        self.assess_with(shown, &versions).await
    }

    /// The same as [`Self::assess`], with the versions that the caller has read.
    pub(super) async fn assess_with(
        &self,
        shown: Shown<'_>,
        versions: &[StoredVersion],
    ) -> Result<Option<Arc<Assessment>>, LedgerError> {
        let now = self.clock.now();
        let moment = shown.as_of.unwrap_or(now);
        let Some(version) = version_in_force(versions, shown.as_of) else { return Ok(None) };
        let snapshot_id = shown.directory.snapshot_id;
        let key = Key {
            version: version.number,
            revision: version.revision,
            generation: snapshot_id.generation,
            left_out: snapshot_id.left_out,
            erasure: self.ledger.last_erasure(&self.workspace).await?,
            // Read before the decisions themselves: a newer one gets an answer of its own.
            decisions: self.store.newest_decision(&self.workspace).await?,
            day: self.day_at(moment),
            as_of: shown.as_of,
        };
        let mut kept = self.kept.lock().await;
        let is_valid = |one: &Assessment| one.valid_until.is_none_or(|until| now < until);
        kept.retain(|one| is_valid(one));
        if let Some(place) = kept.iter().position(|one| one.key == key)
            && let Some(known) = kept.remove(place)
        {
            let known = refreshed(known, version);
            kept.push_back(Arc::clone(&known));
            return Ok(Some(known));
        }
        let Some(roster) = self.roster(version.number, version.revision).await? else {
            return Ok(None);
        };
        let entries = self.store.decisions(&self.workspace, shown.as_of).await?;
        let question = Question { key, version, moment, roster: &roster };
        let made = Arc::new(self.evaluate(shown, &entries, question));
        if kept.len() == limits::KEPT_ASSESSMENTS {
            kept.pop_front();
        }
        kept.push_back(Arc::clone(&made));
        Ok(Some(made))
    }

    /// The active accounts of people who have left, with the sign-ins up to the moment that the
    /// activity log has.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn terminated_active(
        &self,
        assessment: &Assessment,
    ) -> Result<Vec<TerminatedActive>, LedgerError> {
        let mut rows = assessment.terminated.clone();
        if rows.is_empty() {
            return Ok(rows);
        }
        let moment = assessment.key.as_of.unwrap_or_else(|| self.clock.now());
        let ledger = &self.ledger;
        let lookback = self.options.activity_lookback;
        let accounts: Vec<UserId> = rows.iter().map(|row| user_id(&row.account_id)).collect();
        let sign_ins = SignIns {
            times: ledger.sign_in_times(&self.workspace, &accounts, moment).await?,
            covered: ledger.log_covered(&self.workspace, moment, lookback).await?,
        };
        note_sign_ins(&mut rows, &sign_ins, moment, &self.options.zone);
        Ok(rows)
    }

    fn evaluate(&self, shown: Shown<'_>, entries: &[Entry], question: Question<'_>) -> Assessment {
        let Question { key, version, moment, roster } = question;
        let accounts = self.accounts(shown.directory);
        let decisions = Decisions::at(entries, moment);
        let evaluation = self.evaluation(&accounts, key.generation, roster, &decisions, moment);
        let mut rows = identities(&evaluation);
        // The rows are those of the evaluation, one for each account.
        let mut is_active = evaluation.accounts.iter().map(|row| row.account.user.active);
        rows.retain(|_| is_active.next().unwrap_or(true));
        let review = review_columns(&evaluation);
        Assessment {
            key,
            valid_until: self.valid_until(shown, entries, moment),
            versions: evaluation.versions(),
            confirmed_at: version.confirmed_at,
            identities: rows,
            unmatched: unmatched(&evaluation),
            terminated: terminated_active(&evaluation, self.options.ended_grace),
            ownerless: ownerless(&evaluation),
            review: review.into_iter().map(|(id, row)| (id.clone(), row)).collect(),
            people_with_accounts: people_with_accounts(&evaluation),
            enterprise: if self.options.with_enterprise && shown.as_of.is_none() {
                enterprise_facts(&evaluation)
            } else {
                HashMap::new()
            },
        }
    }

    /// The accounts of a directory, as matching needs them.
    pub(super) fn accounts<'a>(&self, directory: &'a Directory) -> Vec<Account<'a>> {
        let account = |person: &'a crate::directory::Person| Account {
            user: &person.user,
            first_seen: person.stamps.created,
            is_privileged: is_privileged(&person.user, &self.options.privileged_roles),
        };
        directory.people.iter().map(account).collect()
    }

    pub(super) fn evaluation<'a>(
        &'a self,
        accounts: &'a [Account<'a>],
        generation: Generation,
        roster: &'a Roster,
        decisions: &'a Decisions<'a>,
        moment: OffsetDateTime,
    ) -> Evaluation<'a> {
        let settings = &self.options.matching;
        let zone = &self.options.zone;
        Evaluation::new(Input { accounts, generation, roster, decisions, settings, moment, zone })
    }

    /// The day of a moment.
    pub(super) fn day_at(&self, moment: OffsetDateTime) -> Date {
        Day::at(moment, &self.options.zone).today
    }

    fn valid_until(
        &self,
        shown: Shown<'_>,
        entries: &[Entry],
        moment: OffsetDateTime,
    ) -> Option<OffsetDateTime> {
        if shown.as_of.is_some() {
            return None;
        }
        let ends = decisions_at(entries, moment).into_iter();
        let ends = ends.filter_map(|(_, decision, _)| decision.until.filter(|end| *end > moment));
        let day = self.options.zone.end_of(self.day_at(moment));
        ends.chain(day).min()
    }
}

/// What is evaluated, besides the directory and the decisions.
#[derive(Clone, Copy)]
struct Question<'a> {
    key: Key,
    version: &'a StoredVersion,
    moment: OffsetDateTime,
    roster: &'a Roster,
}

/// A cached result, with the latest confirmation of its version.
fn refreshed(known: Arc<Assessment>, version: &StoredVersion) -> Arc<Assessment> {
    if known.confirmed_at == version.confirmed_at {
        return known;
    }
    match Arc::try_unwrap(known) {
        Ok(known) => Arc::new(Assessment { confirmed_at: version.confirmed_at, ..known }),
        // Others still use it; the time is corrected later.
        Err(known) => known,
    }
}
