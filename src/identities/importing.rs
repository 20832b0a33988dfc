//! A new version of the roster: reads a file, compares it with the version in force, and stores it.

use std::cmp::Reverse;
use std::collections::HashSet;

use aws_lc_rs::digest::{SHA256, digest};
use serde::Serialize;
use time::OffsetDateTime;

use super::{Author, Identities, IdentityError};
use crate::clock;
use crate::directory::Directory;
use crate::limits;
use crate::roster::{
    Decisions, FileFormat, Person, PersonKey, ReadBounds, ReadSettings, Reading, Report,
    RequestedFormat, Roster, SourceSystem, Standing, add_losses_since, erasable, next_version,
    people_with_accounts, read, reasons_to_hold,
};
use crate::stores::{
    Acceptance, NewVersion, StoredVersion, Tombstones, VersionState, version_in_force,
};

/// A file to import.
#[derive(Clone, Copy, Debug)]
pub struct Import<'a> {
    /// The file.
    pub bytes: &'a [u8],
    /// The name of the source.
    pub source: &'a str,
    /// The format.
    pub format: RequestedFormat,
    /// Whether nothing is stored.
    pub dry_run: bool,
    /// Whether the records were pulled: they have the bridge's own column names.
    pub is_pulled: bool,
}

/// What an import did, or would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum ImportOutcome {
    /// The file has errors, and nothing was stored.
    Refused,
    /// The version is in force.
    InForce {
        /// The number of the version.
        version: u64,
    },
    /// The version is stored, and held until a person accepts it.
    Held {
        /// The number of the version.
        version: u64,
        /// Why, in sentences.
        reasons: Vec<String>,
    },
    /// The people are those of a version that is stored already.
    Unchanged {
        /// The number of that version.
        version: u64,
    },
}

/// A person as a file was understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// The key.
    pub key: String,
    /// The name.
    pub name: Option<String>,
    /// The addresses, each with its kind.
    pub emails: Vec<String>,
    /// The class.
    pub class: String,
    /// The status on the day of the import.
    pub status: String,
    /// The first day.
    pub started: Option<String>,
    /// The last day.
    pub ended: Option<String>,
    /// The manager.
    pub manager: Option<String>,
    /// The department.
    pub department: Option<String>,
    /// The employee number.
    pub employee_number: Option<String>,
    /// Of a service account: the responsible person.
    pub owner: Option<String>,
}

/// What an import understood, and what it did. It has no value of a cell, except in `preview`.
#[derive(Clone, Debug, Serialize)]
pub struct ImportReport {
    /// What it did, or would do.
    #[serde(flatten)]
    pub outcome: ImportOutcome,
    /// Whether nothing was stored because that was requested.
    pub dry_run: bool,
    /// The format.
    pub format: Option<FileFormat>,
    /// The encoding.
    pub encoding: Option<crate::roster::TextEncoding>,
    /// The character between the cells of a CSV file.
    pub separator: Option<char>,
    /// The system that wrote the file, if it was recognised.
    pub system: Option<SourceSystem>,
    /// Each column with its use.
    pub columns: Vec<ColumnReport>,
    /// Rows of the file, without blank ones.
    pub rows: usize,
    /// People in the file.
    pub people: usize,
    /// People without a readable address.
    pub without_address: usize,
    /// People who are left out because they were forgotten.
    pub forgotten: usize,
    /// The first errors.
    pub errors: Vec<String>,
    /// The number of all errors.
    pub error_count: usize,
    /// The first warnings.
    pub warnings: Vec<String>,
    /// The number of all warnings.
    pub warning_count: usize,
    /// The SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// The first rows as understood; only of a dry run.
    pub preview: Vec<Preview>,
}

/// A column of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ColumnReport {
    /// Its title, or its number if the title may be personal data.
    pub title: String,
    /// Its use: `mapped email`, `recognised email`, `not chosen for email`, `dropped`.
    pub used_as: String,
}

/// A version that is ready to be stored.
struct Candidate {
    newest: u64,
    base: u64,
    roster: Roster,
    reasons: Vec<String>,
    forgotten: usize,
    /// A stored version with the same people, in force or held.
    same_as: Option<StoredVersion>,
}

impl Identities {
    /// Imports a file as the next version of the roster.
    ///
    /// # Errors
    /// [`IdentityError::NoCompleteness`], [`IdentityError::Busy`], or one of the database. A file
    /// with errors is [`ImportOutcome::Refused`].
    pub async fn import(
        &self,
        import: Import<'_>,
        author: &Author,
        directory: &Directory,
    ) -> Result<ImportReport, IdentityError> {
        let Reading { people, report } =
            read(import.bytes, &self.read_settings(import), ReadBounds::default());
        let sha256 = hex::encode(digest(&SHA256, import.bytes));
        let now = self.clock.now();
        if !report.is_acceptable() {
            let outcome = ImportOutcome::Refused;
            return Ok(ImportReport::new(import, &report, people.len(), sha256, outcome));
        }
        for _ in 0..limits::ROSTER_ATTEMPTS {
            let candidate =
                self.candidate(people.clone(), &report, &sha256, directory, now).await?;
            let forgotten = candidate.forgotten;
            let stored = self.store_candidate(candidate, import, &report, &sha256, author, now);
            if let Some(outcome) = stored.await? {
                let mut done = ImportReport::new(import, &report, people.len(), sha256, outcome);
                done.forgotten = forgotten;
                if import.dry_run {
                    let shown = people.iter().take(limits::ROSTER_PREVIEW);
                    done.preview = shown.map(|person| self.preview(person, now)).collect();
                }
                return Ok(done);
            }
        }
        Err(IdentityError::Busy)
    }

    /// Puts a held version in force.
    ///
    /// # Errors
    /// [`IdentityError::NoSuchVersion`], [`IdentityError::NotHeld`], [`IdentityError::Outdated`],
    /// or one of the database.
    pub async fn accept(&self, version: u64, author: &Author) -> Result<(), IdentityError> {
        let now = self.clock.now();
        let target = Some(version.to_string());
        let detail = format!("version {version} was accepted");
        let event = author.event("roster.accepted", &self.workspace, target, detail, now);
        let accepted =
            self.store.accept(&self.workspace, version, &author.by, now, vec![event]).await?;
        match accepted {
            Acceptance::Accepted => {
                self.changed.notify_one();
                Ok(())
            }
            Acceptance::Unknown => Err(IdentityError::NoSuchVersion(version)),
            Acceptance::NotHeld => Err(IdentityError::NotHeld(version)),
            Acceptance::Outdated { in_force } => Err(IdentityError::Outdated { version, in_force }),
        }
    }

    fn read_settings(&self, import: Import<'_>) -> ReadSettings {
        let mut settings = self.options.reading.clone();
        settings.source = import.source.into();
        settings.format = import.format;
        if import.is_pulled {
            settings.columns.clear();
            settings.format = RequestedFormat::Json;
        }
        settings
    }

    /// Makes the next version, and compares it with the one in force.
    async fn candidate(
        &self,
        mut people: Vec<Person>,
        report: &Report,
        sha256: &str,
        directory: &Directory,
        now: OffsetDateTime,
    ) -> Result<Candidate, IdentityError> {
        let completeness = self.options.completeness.ok_or(IdentityError::NoCompleteness)?;
        let versions = self.store.versions(&self.workspace).await?;
        let newest = versions.first().map_or(0, |version| version.number);
        let in_force = version_in_force(&versions, None);
        let base = in_force.map_or(0, |version| version.number);
        let previous = match in_force {
            Some(version) => self.store.roster(&self.workspace, version.number).await?,
            None => None,
        };
        let tombstones = self.store.tombstones(&self.workspace).await?;
        let forgotten = tombstones.leave_out(&mut people);
        let today = self.day_at(now);
        let keep_former = self.options.matching.keep_former;
        let number = newest + 1;
        let next =
            next_version(previous.as_ref(), number, people, completeness, today, keep_former);
        let accounts = self.accounts(directory);
        let entries = self.store.decisions(&self.workspace, None).await?;
        let decisions = Decisions::at(&entries, now);
        let generation = directory.snapshot_id.generation;
        let evaluation = self.evaluation(&accounts, generation, &next, &decisions, now);
        let standing = Standing::new(&evaluation, &report.fields);
        let with_accounts = people_with_accounts(&evaluation);
        let is_known =
            |key: &PersonKey| previous.as_ref().is_some_and(|before| before.person(key).is_some());
        // Whom no version has need not be stored to be erased. Whom one has stays until `keep_up`
        // erases the person, which waits until Intercom has confirmed the clock.
        let gone = erasable(&next, &with_accounts, today, self.options.keep_ended);
        let gone = gone.into_iter().filter(|key| !is_known(key)).collect();
        let next = without(&next, &gone, &tombstones);
        let standing_of = |version: &StoredVersion, roster: &Roster| {
            let evaluation = self.evaluation(&accounts, generation, roster, &decisions, now);
            Standing::new(&evaluation, &version.fields)
        };
        let max_shrink = self.options.max_shrink;
        let before = in_force.zip(previous.as_ref());
        let before = before.map(|(version, roster)| standing_of(version, roster));
        let mut reasons = reasons_to_hold(before.as_ref(), &standing, max_shrink);
        let window = clock::before(now, limits::ROSTER_LOSS_WINDOW);
        if let Some(version) = largest_since(&versions, window)
            && let Some(roster) = self.store.roster(&self.workspace, version.number).await?
        {
            let earlier = standing_of(version, &roster);
            add_losses_since(&mut reasons, &earlier, &standing, max_shrink);
        }
        let is_same = previous.as_ref().is_some_and(|before| before.people() == next.people());
        let held_before = versions
            .first()
            .filter(|one| one.state == VersionState::Held)
            .filter(|one| one.sha256 == sha256 && one.base == base);
        let same_as = if is_same { in_force } else { held_before }.cloned();
        Ok(Candidate {
            newest,
            base,
            roster: next,
            reasons: reasons.iter().map(ToString::to_string).collect(),
            forgotten,
            same_as,
        })
    }

    /// Stores a version. `None` if another one was stored meanwhile.
    async fn store_candidate(
        &self,
        candidate: Candidate,
        import: Import<'_>,
        report: &Report,
        sha256: &str,
        author: &Author,
        now: OffsetDateTime,
    ) -> Result<Option<ImportOutcome>, IdentityError> {
        let Candidate { newest, base, roster, reasons, same_as, .. } = candidate;
        let workspace = self.workspace.as_str();
        let event = |name: &str, number: u64, detail: String| {
            author.event(name, workspace, Some(number.to_string()), detail, now)
        };
        if let Some(same) = same_as {
            if !import.dry_run {
                let detail = format!("the file has the people of version {}", same.number);
                // Pulls read the same again and again, so only their changes are audited.
                let events =
                    (!import.is_pulled).then(|| event("roster.confirmed", same.number, detail));
                let events = events.into_iter().collect();
                self.store.confirm(workspace, same.number, now, events).await?;
            }
            return Ok(Some(match same.state {
                VersionState::Held => {
                    ImportOutcome::Held { version: same.number, reasons: same.reasons }
                }
                _ => ImportOutcome::Unchanged { version: same.number },
            }));
        }
        let number = newest + 1;
        let outcome = if reasons.is_empty() {
            ImportOutcome::InForce { version: number }
        } else {
            ImportOutcome::Held { version: number, reasons: reasons.clone() }
        };
        if import.dry_run {
            return Ok(Some(outcome));
        }
        let state = if reasons.is_empty() { "in force" } else { "held" };
        let detail =
            format!("{} rows from {}; {state}; sha256 {sha256}", report.rows, import.source);
        let version = NewVersion {
            source: import.source.to_owned(),
            sha256: sha256.to_owned(),
            rows: report.rows,
            without_address: report.without_address,
            fields: report.fields.clone(),
            at: now,
            by: author.by.clone(),
            base,
            reasons,
        };
        let events = vec![event("roster.imported", number, detail)];
        let people = roster.people();
        let stored = self.store.add_version(workspace, newest, version, people, events).await?;
        self.changed.notify_one();
        Ok(stored.map(|_| outcome))
    }

    fn preview(&self, person: &Person, now: OffsetDateTime) -> Preview {
        use crate::roster::{EmailKind, dates};
        let kind = |kind: &EmailKind| match kind {
            EmailKind::Primary => "primary",
            EmailKind::Alias => "alias",
            EmailKind::Former { .. } => "former",
            EmailKind::Personal => "personal",
        };
        Preview {
            key: person.key.to_string(),
            name: person.name.clone(),
            emails: person
                .emails
                .iter()
                .map(|email| format!("{} ({})", email.address, kind(&email.kind)))
                .collect(),
            class: person.class.to_string(),
            status: person.status_on(self.day_at(now)).to_string(),
            started: person.started.map(dates::written),
            ended: person.ended.map(dates::written),
            manager: person.manager.as_deref().map(str::to_owned),
            department: person.department.as_deref().map(str::to_owned),
            employee_number: person.employee_number.as_deref().map(str::to_owned),
            owner: person.owner.as_deref().map(str::to_owned),
        }
    }
}

impl ImportReport {
    /// Makes the report of a file with this number of people. The caller adds the number of
    /// forgotten people and the preview.
    fn new(
        import: Import<'_>,
        report: &Report,
        people: usize,
        sha256: String,
        outcome: ImportOutcome,
    ) -> Self {
        Self {
            outcome,
            dry_run: import.dry_run,
            format: report.format,
            encoding: report.encoding,
            separator: report.separator,
            system: report.system,
            columns: report.columns.iter().map(ColumnReport::new).collect(),
            rows: report.rows,
            people,
            without_address: report.without_address,
            forgotten: 0,
            errors: report.errors.iter().map(ToString::to_string).collect(),
            error_count: report.error_count,
            warnings: report.warnings.iter().map(ToString::to_string).collect(),
            warning_count: report.warning_count,
            sha256,
            preview: Vec::new(),
        }
    }
}

impl ColumnReport {
    fn new((title, column_use): &(String, crate::roster::ColumnUse)) -> Self {
        use crate::roster::ColumnUse;
        let used_as = match column_use {
            ColumnUse::Mapped(field) => format!("mapped {field}"),
            ColumnUse::Recognised(field) => format!("recognised {field}"),
            ColumnUse::NotChosen(field) => format!("not chosen for {field}"),
            ColumnUse::Dropped => "dropped".to_owned(),
        };
        Self { title: title.clone(), used_as }
    }
}

/// The largest version that was in force after `begin`, other than the one in force now. What a
/// person accepted is where the comparison begins.
fn largest_since(versions: &[StoredVersion], begin: OffsetDateTime) -> Option<&StoredVersion> {
    let mut in_force: Vec<&StoredVersion> =
        versions.iter().filter(|version| version.in_force_at.is_some()).collect();
    in_force.sort_by_key(|version| Reverse((version.in_force_at, version.number)));
    // A version was in force until the next one was.
    let is_within =
        |next: &StoredVersion| next.in_force_at > Some(begin) && next.accepted_by.is_none();
    let earlier = in_force.iter().skip(1).zip(&in_force).take_while(|(_, next)| is_within(next));
    earlier.map(|(version, _)| *version).max_by_key(|version| version.rows)
}

/// Returns a roster without some people, and without what names forgotten people.
fn without(roster: &Roster, gone: &HashSet<&PersonKey>, tombstones: &Tombstones) -> Roster {
    let stays = |person: &&Person| !gone.contains(&person.key);
    let mut people: Vec<Person> = roster.people().iter().filter(stays).cloned().collect();
    // People who are taken over from the version before may name a forgotten person, too.
    tombstones.leave_out(&mut people);
    Roster::new(roster.version, people)
}
