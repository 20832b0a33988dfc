//! Decisions about accounts.

use time::OffsetDateTime;

use super::{Author, Identities, IdentityError};
use crate::directory::{Directory, UserId, account_id};
use crate::limits;
use crate::roster::{
    Act, Address, Class, Decision, DecisionContext, DecisionId, DecisionKind, DecisionRow, Entry,
    PersonKey, ReadBounds, References, Roster, Verdict, decision_rows, read_decisions, user_id,
};
use crate::stores::version_in_force;

/// A decision to record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDecision {
    /// The account: its id (`adm_…`) or its address.
    pub account: String,
    /// What is decided.
    pub verdict: NewVerdict,
    /// The reason.
    pub why: String,
    /// The first moment at which it is not in force any more.
    pub until: Option<OffsetDateTime>,
}

/// What is decided. A person is named by key, employee number, id or address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewVerdict {
    /// The account belongs to this person.
    Is(String),
    /// The account does not belong to this person.
    IsNot(String),
    /// The account has this class.
    Class {
        /// The class.
        class: Class,
        /// Of a service account: the responsible person.
        owner: Option<String>,
    },
}

impl Identities {
    /// Records a decision, and returns its number.
    ///
    /// # Errors
    /// [`IdentityError`]; then nothing is recorded.
    pub async fn decide(
        &self,
        new: NewDecision,
        author: &Author,
        directory: &Directory,
    ) -> Result<DecisionId, IdentityError> {
        let now = self.clock.now();
        let roster = self.current_roster().await?;
        let references = References::new(roster.people(), self.day_at(now));
        let account = find_account(directory, &new.account).ok_or(IdentityError::NoSuchAccount)?;
        let key = |named: &str| -> Result<PersonKey, IdentityError> {
            let person = references.person(named).ok_or(IdentityError::NoSuchPerson)?;
            Ok(person.key.clone())
        };
        let verdict = match new.verdict {
            NewVerdict::Is(person) => Verdict::Is { person_key: key(&person)? },
            NewVerdict::IsNot(person) => Verdict::IsNot { person_key: key(&person)? },
            NewVerdict::Class { class, owner } => Verdict::Class { class, owner },
        };
        let decision = Decision {
            account,
            verdict,
            why: new.why.trim().to_owned(),
            until: new.until,
            roster_version: roster.version,
        };
        let is_person = |key: &PersonKey| roster.person(key).is_some();
        let is_owner = |owner: &str| references.person(owner).is_some();
        decision.check(now, is_person, is_owner).map_err(IdentityError::Decision)?;
        let recorded = self.append(vec![Act::Decide(decision)], author, now).await?;
        recorded.first().copied().ok_or(IdentityError::Busy)
    }

    /// Revokes a decision. Returns the number of the revocation.
    ///
    /// # Errors
    /// [`IdentityError::NoSuchDecision`], [`IdentityError::RevokedBefore`], or one of the database.
    pub async fn revoke(
        &self,
        decision: DecisionId,
        author: &Author,
    ) -> Result<DecisionId, IdentityError> {
        let recorded = self.append(vec![Act::Revoke(decision)], author, self.clock.now()).await?;
        recorded.first().copied().ok_or(IdentityError::Busy)
    }

    /// Records all decisions of a CSV file, or none. Returns their numbers.
    ///
    /// # Errors
    /// [`IdentityError::DecisionFile`], or one of the database.
    pub async fn import_decisions(
        &self,
        bytes: &[u8],
        author: &Author,
        directory: &Directory,
    ) -> Result<Vec<DecisionId>, IdentityError> {
        let roster = self.current_roster().await?;
        let now = self.clock.now();
        let zone = &self.options.zone;
        let bounds = ReadBounds::default();
        let context = DecisionContext { roster: &roster, now, zone, bounds };
        let decisions = read_decisions(bytes, context, |named| find_account(directory, named))
            .map_err(IdentityError::DecisionFile)?;
        if decisions.is_empty() {
            return Ok(Vec::new());
        }
        self.append(decisions.into_iter().map(Act::Decide).collect(), author, now).await
    }

    /// The decisions, newest first, with their states now.
    ///
    /// # Errors
    /// One of the database.
    pub async fn decisions(&self) -> Result<Vec<DecisionRow>, IdentityError> {
        let entries = self.store.decisions(&self.workspace, None).await?;
        Ok(decision_rows(&entries, self.clock.now()))
    }

    async fn current_roster(&self) -> Result<std::sync::Arc<Roster>, IdentityError> {
        let versions = self.store.versions(&self.workspace).await?;
        let version = version_in_force(&versions, None).ok_or(IdentityError::NoRoster)?;
        let roster = self.roster(version.number, version.revision).await?;
        roster.ok_or(IdentityError::NoRoster)
    }

    async fn append(
        &self,
        acts: Vec<Act>,
        author: &Author,
        now: OffsetDateTime,
    ) -> Result<Vec<DecisionId>, IdentityError> {
        let workspace = self.workspace.as_str();
        for _ in 0..limits::ROSTER_ATTEMPTS {
            let newest = self.store.newest_decision(workspace).await?;
            // If something changes after these checks, nothing is appended, and they are repeated.
            self.check_revocations(&acts).await?;
            self.check_forgotten(&acts).await?;
            let events = |numbers: &[DecisionId]| {
                let event = |(number, act): (&DecisionId, &Act)| {
                    let (name, target, detail) = match act {
                        Act::Decide(decision) => (
                            "roster.decided",
                            Some(account_id(&decision.account)),
                            format!("decision {number}: {}", kind_of(&decision.verdict)),
                        ),
                        Act::Revoke(id) => {
                            ("roster.revoked", None, format!("decision {id} was revoked"))
                        }
                    };
                    author.event(name, workspace, target, detail, now)
                };
                numbers.iter().zip(&acts).map(event).collect()
            };
            let appended = self.store.append_decisions(
                workspace,
                newest,
                acts.clone(),
                &author.by,
                now,
                events,
            );
            if let Some(numbers) = appended.await? {
                self.changed.notify_one();
                return Ok(numbers);
            }
        }
        Err(IdentityError::Busy)
    }

    /// Checks that the decisions to revoke exist, and that none of them was revoked before.
    async fn check_revocations(&self, acts: &[Act]) -> Result<(), IdentityError> {
        if !acts.iter().any(|act| matches!(act, Act::Revoke(_))) {
            return Ok(());
        }
        let entries = self.store.decisions(&self.workspace, None).await?;
        for act in acts {
            let Act::Revoke(decision) = act else { continue };
            let is_it =
                |entry: &Entry| entry.number == *decision && matches!(entry.act, Act::Decide(_));
            if !entries.iter().any(is_it) {
                return Err(IdentityError::NoSuchDecision(*decision));
            }
            if entries.iter().any(|entry| entry.act == *act) {
                return Err(IdentityError::RevokedBefore(*decision));
            }
        }
        Ok(())
    }

    /// Checks that the decisions name nobody who was forgotten after the caller read the roster.
    async fn check_forgotten(&self, acts: &[Act]) -> Result<(), IdentityError> {
        let tombstones = self.store.tombstones(&self.workspace).await?;
        if acts.iter().any(|act| tombstones.concerns_act(act)) {
            return Err(IdentityError::NoSuchPerson);
        }
        Ok(())
    }
}

/// What a verdict decides, in words without personal data.
fn kind_of(verdict: &Verdict) -> String {
    let kind = DecisionKind::of(verdict);
    match verdict {
        Verdict::Is { .. } | Verdict::IsNot { .. } => kind.to_string(),
        Verdict::Class { class, .. } => format!("{kind} {class}"),
    }
}

/// Finds an account by its id (`adm_…`), or an active one by its address.
fn find_account(directory: &Directory, named: &str) -> Option<UserId> {
    let named = named.trim();
    let by_id = directory.person(&user_id(named)).map(|person| person.user.id.clone());
    by_id.or_else(|| {
        let address = Address::read(named)?;
        let has_address = |email: &str| Address::read(email).as_ref() == Some(&address);
        let mut found = directory.people.iter().filter(|person| {
            person.user.active && person.user.email.as_deref().is_some_and(has_address)
        });
        // If two accounts have the address, it is unclear which one is meant.
        let one = found.next()?;
        found.next().is_none().then(|| one.user.id.clone())
    })
}
