//! Erases people from the roster: on request, and when they left long ago.

use std::collections::{BTreeSet, HashSet};

use super::{Author, Identities, IdentityError, Shown};
use crate::clock;
use crate::directory::{Directory, UserId};
use crate::ledger::{KnownPerson, LedgerError};
use crate::limits;
use crate::roster::{Confidence, PersonKey, References, erasable};
use crate::stores::{Forgotten, version_in_force};

impl Identities {
    /// Erases a person from all versions and decisions. Later imports leave the person out. `named`
    /// is the key or, of a person in the version in force, another id or an address.
    ///
    /// # Errors
    /// [`IdentityError::NobodyToForget`], or one of the database.
    pub async fn forget(&self, named: &str, author: &Author) -> Result<Forgotten, IdentityError> {
        let now = self.clock.now();
        let key = self.key_of(named).await?.ok_or(IdentityError::NobodyToForget)?;
        let event = |forgotten: &Forgotten| {
            let detail = format!(
                "a person of the roster: {} states, {} references, {} decisions",
                forgotten.people, forgotten.references, forgotten.decisions
            );
            vec![author.event("roster.forgotten", &self.workspace, None, detail, now)]
        };
        let forgotten = self.store.forget(&self.workspace, &key, &author.by, now, event).await?;
        self.drop_caches().await;
        // The person is erased already, so this error must not be reported as a failed erasure.
        if let Err(error) = self.ledger.empty_log().await {
            tracing::warn!(
                workspace = &*self.workspace,
                error = %error,
                "the person is erased, but the write-ahead log of SQLite still has the data until \
                 it can be emptied: another process reads the database"
            );
        }
        Ok(forgotten)
    }

    /// Finds the people of the roster who are a teammate: those to whom the accounts belong by an
    /// exact match. If there is none, the only one who has an address of the teammate in any
    /// version. `directory` has the addresses, so call it before they are erased.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn roster_people_of(
        &self,
        teammate: &KnownPerson,
        directory: &Directory,
    ) -> Result<TeammateInRoster, LedgerError> {
        let assessment = self.assess(Shown { directory, as_of: None }).await?;
        let matched = assessment.iter().flat_map(|assessment| {
            let ids = teammate.ids.iter().map(|id| UserId::new(id.as_str()));
            ids.filter_map(move |id| assessment.review.get(&id))
        });
        let exact = matched.filter(|row| row.match_confidence == Some(Confidence::Exact));
        let keys: BTreeSet<PersonKey> =
            exact.filter_map(|row| PersonKey::new(row.person_key.as_deref()?)).collect();
        if !keys.is_empty() {
            return Ok(TeammateInRoster { keys, is_ambiguous: false });
        }
        let has_address = |address: &str| teammate.has_address(address);
        let keys = self.store.keys_by_address(&self.workspace, has_address).await?;
        let is_ambiguous = keys.len() > 1;
        Ok(TeammateInRoster {
            keys: if is_ambiguous { BTreeSet::new() } else { keys },
            is_ambiguous,
        })
    }

    /// Erases what the roster says of a teammate: the people who are the teammate, as
    /// [`Identities::forget`] does, and the person, owner and reason of decisions about the accounts.
    ///
    /// # Errors
    /// One of the database.
    pub async fn erase_teammate(
        &self,
        teammate: &KnownPerson,
        people: &TeammateInRoster,
        author: &Author,
    ) -> Result<Forgotten, IdentityError> {
        let mut all = Forgotten::default();
        for key in &people.keys {
            let forgotten = self.forget(key.as_str(), author).await?;
            all.people += forgotten.people;
            all.references += forgotten.references;
            all.decisions += forgotten.decisions;
        }
        all.decisions += self.store.erase_decisions_about(&self.workspace, &teammate.ids).await?;
        self.drop_caches().await;
        Ok(all)
    }

    /// Lets later imports read a forgotten person again.
    ///
    /// # Errors
    /// [`IdentityError::NotForgotten`], or one of the database.
    pub async fn remember(&self, key: &str, author: &Author) -> Result<(), IdentityError> {
        let key = PersonKey::new(key).ok_or(IdentityError::NotForgotten)?;
        let detail = "a person of the roster may be imported again".to_owned();
        let now = self.clock.now();
        let event = author.event("roster.remembered", &self.workspace, None, detail, now);
        let is_done = self.store.remember(&self.workspace, &key, vec![event]).await?;
        if is_done { Ok(()) } else { Err(IdentityError::NotForgotten) }
    }

    /// Erases people who left more than `roster.keep_ended` ago and to whom no account belongs, and
    /// deletes old versions. Returns the numbers of both.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn keep_up(&self, directory: &Directory) -> Result<KeptUp, LedgerError> {
        let workspace = self.workspace.as_str();
        let kept_up = self.erase_old(directory).await?;
        // Deleted rows are overwritten in the file, but the log still has them.
        if kept_up != KeptUp::default()
            && let Err(error) = self.ledger.empty_log().await
        {
            tracing::debug!(workspace, error = %error, "the write-ahead log could not be emptied");
        }
        Ok(kept_up)
    }

    async fn erase_old(&self, directory: &Directory) -> Result<KeptUp, LedgerError> {
        let workspace = self.workspace.as_str();
        let keep = self.options.keep_versions;
        let window = clock::before(self.clock.now(), limits::ROSTER_LOSS_WINDOW);
        let mut kept_up = KeptUp {
            versions: self.store.prune_versions(workspace, keep, window).await?,
            people: 0,
        };
        let versions = self.store.versions(workspace).await?;
        let Some(version) = version_in_force(&versions, None) else { return Ok(kept_up) };
        let shown = Shown { directory, as_of: None };
        let Some(assessment) = self.assess_with(shown, &versions).await? else {
            return Ok(kept_up);
        };
        let Some(roster) = self.roster(version.number, version.revision).await? else {
            return Ok(kept_up);
        };
        let now = self.clock.now();
        let today = self.day_at(now);
        let with_accounts = &assessment.people_with_accounts;
        let gone = erasable(&roster, with_accounts, today, self.options.keep_ended);
        let gone: HashSet<PersonKey> = gone.into_iter().cloned().collect();
        if gone.is_empty() {
            return Ok(kept_up);
        }
        let detail = format!("{} people who left long ago (roster.keep_ended)", gone.len());
        kept_up.people = gone.len();
        let event = Author::bridge(now).event("roster.erased", workspace, None, detail, now);
        self.store.erase_ended(workspace, &gone, vec![event]).await?;
        self.drop_caches().await;
        Ok(kept_up)
    }

    /// Returns the key of a person by key, and of the version in force also by id or address.
    async fn key_of(&self, named: &str) -> Result<Option<PersonKey>, LedgerError> {
        let Some(key) = PersonKey::new(named) else { return Ok(None) };
        if self.store.has_person(&self.workspace, &key).await? {
            return Ok(Some(key));
        }
        let versions = self.store.versions(&self.workspace).await?;
        let Some(version) = version_in_force(&versions, None) else { return Ok(None) };
        let Some(roster) = self.roster(version.number, version.revision).await? else {
            return Ok(None);
        };
        let references = References::new(roster.people(), self.day_at(self.clock.now()));
        Ok(references.person(named).map(|person| person.key.clone()))
    }

    async fn drop_caches(&self) {
        self.kept.lock().await.clear();
        self.rosters.lock().await.clear();
        self.changed.notify_one();
    }
}

/// The people of the roster who are a teammate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TeammateInRoster {
    /// Their keys.
    pub keys: BTreeSet<PersonKey>,
    /// Whether several people have an address of the teammate, so that none of them is named.
    pub is_ambiguous: bool,
}

/// What the upkeep deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeptUp {
    /// Versions.
    pub versions: u64,
    /// People.
    pub people: usize,
}
