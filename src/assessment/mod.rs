//! Reads what the checks of the posture need from the ledger, and evaluates them.
//!
//! The API, the commands and the task that watches the posture use it, so they give the same
//! report. Everything is read up to the moment of the report, and as it was recorded then: the
//! report of a past moment is the one that was, or could have been, made at that moment.

mod observed;

use std::sync::Arc;
use std::time::Duration;

use observed::Observed;
use time::OffsetDateTime;

use crate::clock;
use crate::database::AuditEntry;
use crate::directory::{Directory, Generation, InvitationEvent, Invitations, pending_invitations};
use crate::identities::{Identities, Shown};
use crate::ledger::{Ledger, LedgerError, SignInMethod};
use crate::posture::{
    Account, Answer, Exception, Feed, FirstFailed, KINDS, LASTING_KINDS, Log, MethodUse,
    PostureSettings, Record, Report, RosterFacts, State, Verification, evaluate,
    exceptions_and_answers,
};
use crate::stores::{PostureRecord, Stores};

/// The event of the audit trail that records a verification of the ledger.
pub const VERIFIED: &str = "ledger.verified";

/// The detail of the event [`VERIFIED`]: the number of findings and, if there is one, the
/// generation that the head covers.
#[must_use]
pub fn verification_detail(findings: usize, generation: Option<Generation>) -> String {
    match generation {
        Some(generation) => format!("{findings} {generation}"),
        None => findings.to_string(),
    }
}

/// Reads an event [`VERIFIED`]. `None` if it does not say how many findings there were: such an
/// event must not count as a verification without findings.
fn verification_of(event: AuditEntry) -> Option<Verification> {
    let detail = event.detail.unwrap_or_default();
    let mut numbers = detail.split_whitespace();
    Some(Verification {
        at: event.at,
        findings: numbers.next()?.parse().ok()?,
        generation: numbers.next().and_then(|number| number.parse().ok()),
        head: event.target.unwrap_or_default(),
    })
}

/// The route of the activity feed.
const FEED: &str = "/api/v1/activity";

/// By which settings checks are evaluated. The same for all workspaces.
#[derive(Clone, Debug, Default)]
pub struct Basis {
    /// What the company expects.
    pub settings: PostureSettings,
    /// How far back a full import reads Intercom's activity log.
    pub lookback: Duration,
    /// The kinds of log entries that checks need and imports do not read.
    pub unread_kinds: Vec<&'static str>,
    /// The exceptions of the settings.
    pub exceptions: Vec<Exception>,
}

/// What to evaluate, and by which settings.
#[derive(Clone, Debug)]
pub struct Assessment {
    /// The name of the workspace in the bridge.
    pub workspace: String,
    /// The moment whose state is evaluated.
    pub moment: OffsetDateTime,
    /// Whether that is a moment of the past. For now, everything that is recorded counts, whatever
    /// its time: another host's clock may have been ahead.
    pub is_past: bool,
    /// Whether evidence leaves out what the roster says about a person, because the reader may not
    /// read the roster.
    pub hides_people: bool,
    /// The generation of that moment.
    pub generation: Generation,
    /// The settings.
    pub basis: Arc<Basis>,
}

/// A report, and when the activity log was last read by its moment.
pub struct Evaluated {
    /// The report.
    pub report: Report,
    /// When the activity log was last read; `None` if it never was.
    pub log_read_at: Option<OffsetDateTime>,
}

/// What was read of the ledger besides the directory.
struct Facts {
    assessment: Assessment,
    log: Log,
    invitation_events: Vec<InvitationEvent>,
    exceptions: Vec<Exception>,
    answers: Vec<Answer>,
    first_failed: FirstFailed,
    observed: Observed,
    verification: Option<Verification>,
    feed: Option<(String, OffsetDateTime)>,
}

impl Assessment {
    /// Reads what the checks need, and evaluates them. `directory` is the state of the generation.
    ///
    /// # Errors
    /// [`LedgerError::Database`], or [`LedgerError::Corrupt`] for a row the bridge did not
    /// write.
    pub async fn evaluate(
        self,
        stores: &Stores,
        identities: &Identities,
        directory: &Directory,
    ) -> Result<Evaluated, LedgerError> {
        let roster = self.roster(identities, directory).await?;
        let facts = self.read(stores).await?;
        let log_read_at = facts.log.last_read_at;
        Ok(Evaluated { report: facts.report(directory, roster.as_ref()), log_read_at })
    }

    /// What the roster says of the directory at the moment; `None` if there is no roster.
    async fn roster(
        &self,
        identities: &Identities,
        directory: &Directory,
    ) -> Result<Option<RosterFacts>, LedgerError> {
        let as_of = self.is_past.then_some(self.moment);
        let Some(known) = identities.assess(Shown { directory, as_of }).await? else {
            return Ok(None);
        };
        let leavers = identities.terminated_active(&known).await?;
        let confirmed_at = identities.known_time(known.confirmed_at);
        let facts = RosterFacts::new(self.moment, confirmed_at, leavers, &known.review);
        Ok(Some(RosterFacts { hides_people: self.hides_people, ..facts }))
    }

    /// Reads what the checks need of the ledger and the stores.
    async fn read(self, stores: &Stores) -> Result<Facts, LedgerError> {
        let workspace = self.workspace.as_str();
        let moment = self.moment;
        let as_of = self.is_past.then_some(moment);
        let log = self.log(&stores.ledger).await?;
        let invitation_events = match log.covered {
            Some((_, until)) => stores.ledger.invitation_events(workspace, until).await?,
            None => Vec::new(),
        };
        let verified = stores.audit.last_event(workspace, VERIFIED, moment).await?;
        let verification = verified.and_then(verification_of);
        let (mut exceptions, answers) =
            exceptions_and_answers(&recorded(stores, workspace, as_of).await?);
        exceptions.extend(self.basis.exceptions.iter().cloned());
        let first_failed = stores.posture.findings_began(workspace, as_of).await?;
        let observed = observed::read(&stores.ledger, workspace, as_of).await?;
        let feed = stores.audit.last_request(workspace, FEED, moment).await?;
        let feed = feed.map(|event| (event.actor.unwrap_or_default(), event.at));
        Ok(Facts {
            log,
            invitation_events,
            exceptions,
            answers,
            first_failed,
            observed,
            verification,
            feed,
            assessment: self,
        })
    }

    /// The activity log as far as it had been read at the moment.
    async fn log(&self, ledger: &Ledger) -> Result<Log, LedgerError> {
        let workspace = self.workspace.as_str();
        let moment = self.moment;
        let facts = ledger.log_facts(workspace, moment, self.basis.lookback).await?;
        let refusal = ledger.log_refusal(workspace, moment).await?;
        let unread_kinds = self.basis.unread_kinds.clone();
        let Some((_, until)) = facts.covered else {
            return Ok(Log { refusal, unread_kinds, ..Log::default() });
        };
        let window = self.basis.settings.window.unsigned_abs();
        let since = clock::before(moment, window);
        let method_use = |used: SignInMethod| {
            let SignInMethod { account, method, count, last_at } = used;
            MethodUse { account, method, count, last_at }
        };
        let methods = ledger.sign_in_methods(workspace, since, until).await?;
        // Invitations are read on their own, as `/api/v1/invitations` reads them.
        let is_invitation = |kind: &str| InvitationEvent::KINDS.iter().any(|(one, _)| *one == kind);
        let kinds = KINDS.iter().copied().filter(|kind| !is_invitation(kind));
        let (lasting, passing): (Vec<&str>, Vec<&str>) =
            kinds.partition(|kind| LASTING_KINDS.contains(kind));
        let ever = OffsetDateTime::UNIX_EPOCH;
        let mut entries = ledger.entries_of_kinds(workspace, &lasting, ever, until).await?;
        entries.extend(ledger.entries_of_kinds(workspace, &passing, since, until).await?);
        Ok(Log {
            covered: facts.covered,
            last_read_at: Some(until),
            refusal,
            unread_kinds,
            sign_ins: facts.sign_ins,
            performed: facts.activity.into_iter().map(|(id, last)| (id, last.at)).collect(),
            method_uses: methods.into_iter().map(method_use).collect(),
            entries,
            invitations: Invitations::default(),
        })
    }
}

/// Returns the exceptions, answers and revocations; with `as_of` those recorded by that moment of
/// the past.
///
/// # Errors
/// [`LedgerError::Database`], or [`LedgerError::Corrupt`] for a row the bridge did not write.
pub async fn recorded(
    stores: &Stores,
    workspace: &str,
    as_of: Option<OffsetDateTime>,
) -> Result<Vec<Record>, LedgerError> {
    let records = stores.posture.records(workspace, as_of).await?.into_iter();
    let record = |row: PostureRecord| {
        let corrupt = |_| LedgerError::Corrupt {
            what: format!("record {} of the posture is not one the bridge writes", row.number),
        };
        Ok(Record {
            number: row.number.unsigned_abs(),
            at: row.at,
            by: row.by,
            act: serde_json::from_value(row.act).map_err(corrupt)?,
        })
    };
    records.map(record).collect()
}

impl Facts {
    /// Evaluates the checks.
    fn report(mut self, directory: &Directory, roster: Option<&RosterFacts>) -> Report {
        self.log.invitations = pending_invitations(&self.invitation_events, directory);
        let accounts: Vec<Account<'_>> = directory
            .people
            .iter()
            .map(|person| Account { user: &person.user, first_seen: person.stamps.created })
            .collect();
        let Self { assessment, log, verification, feed, .. } = &self;
        let workspace = directory.workspace.id.as_deref().unwrap_or(&assessment.workspace);
        evaluate(&State {
            workspace,
            now: assessment.moment,
            generation: assessment.generation,
            accounts: &accounts,
            log,
            settings: &assessment.basis.settings,
            roster,
            connectors: &self.observed.connectors,
            allowlist: &self.observed.allowlist,
            identity_verification: self.observed.identity_verification,
            verification: verification.as_ref(),
            feed: match feed {
                Some((client, at)) => Feed::Read { client, at: *at },
                None => Feed::Unread,
            },
            exceptions: &self.exceptions,
            answers: &self.answers,
        })
        .with_first_failed(&self.first_failed)
    }
}
