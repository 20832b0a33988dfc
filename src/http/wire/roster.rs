//! The parameters and bodies of the roster's endpoints.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use super::parameters::limit;
use crate::identities::{ColumnReport, Identities, ImportOutcome, ImportReport, Overview, Preview};
use crate::stores::{StoredVersion, VersionState};
use crate::words::words;

/// The query parameters of an import of a roster.
#[expect(dead_code, reason = "it describes the parameters; `Parameters` reads them")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RosterImportParameters {
    /// The format of the body: `auto` (the default), `csv`, `json` or `ndjson`.
    #[param(pattern = "^(auto|csv|json|ndjson)$")]
    format: Option<String>,
    /// The name of the source, such as the personnel system. The default is `api`.
    #[param(max_length = 100)]
    source: Option<String>,
    /// Whether nothing is stored. The response then shows the first five rows as understood.
    dry_run: Option<bool>,
}

/// The query parameters of the views of the roster.
#[expect(dead_code, reason = "it describes the parameters; `Parameters` reads them")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RosterViewParameters {
    /// The maximum number of items; the default is 100. More than 1000 means 1000, as `limit` in
    /// the body and the header `X-Limit-Applied` show.
    #[param(schema_with = limit)]
    limit: Option<u64>,
    /// How many rows to skip.
    #[param(minimum = 0)]
    offset: Option<i64>,
    /// Return the state at this time (RFC 3339) or at the end of this day, with the roster and the
    /// decisions in force at that time. `next` contains it, so that all pages show one state.
    as_of: Option<String>,
    /// The time zone of dates, and of times without an offset: a name of the IANA database, such as
    /// `Europe/Dublin`. The default is UTC.
    tz: Option<String>,
}

/// The query parameters of the list of decisions.
#[expect(dead_code, reason = "it describes the parameters; `Parameters` reads them")]
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DecisionParameters {
    /// The maximum number of items; the default is 100. More than 1000 means 1000, as `limit` in
    /// the body and the header `X-Limit-Applied` show.
    #[param(schema_with = limit)]
    limit: Option<u64>,
    /// Only decisions with a smaller number. `next` contains it.
    #[param(minimum = 1)]
    before: Option<i64>,
}

words! {
    /// What an import of a roster did, or would do.
    pub enum RosterResult {
        /// The version is in force.
        InForce = "in_force",
        /// The version is stored, and held until a person accepts it.
        Held = "held",
        /// The people are those of a version that is stored already.
        Unchanged = "unchanged",
    }
}

/// What was understood of a file, and what became of it.
#[derive(Serialize, ToSchema)]
pub struct RosterImport {
    /// What the import did or, for a dry run, would do.
    result: RosterResult,
    /// The number of the version.
    version: u64,
    /// Why the version is held; empty if it is not.
    reasons: Vec<String>,
    /// Whether nothing was stored because that was requested.
    dry_run: bool,
    /// The format: `csv` or `json`.
    format: Option<crate::roster::FileFormat>,
    /// The encoding, such as `UTF-8`.
    #[schema(value_type = Option<String>)]
    encoding: Option<crate::roster::TextEncoding>,
    /// The character between the cells of a CSV file.
    separator: Option<char>,
    /// The system that wrote the file, if it was recognised, such as `okta`.
    #[schema(value_type = Option<String>)]
    system: Option<crate::roster::SourceSystem>,
    /// The columns, in the order of the file.
    columns: Vec<RosterColumn>,
    /// The number of rows, without blank ones.
    rows: usize,
    /// The number of people in the file.
    people: usize,
    /// The number of people without a readable address.
    without_address: usize,
    /// The number of people who are left out because they were forgotten.
    forgotten: usize,
    /// The first warnings, with line and column.
    warnings: Vec<String>,
    /// The number of all warnings.
    warning_count: usize,
    /// The SHA-256 of the body, in hexadecimal digits.
    sha256: String,
    /// The first people as understood; only of a dry run.
    preview: Vec<RosterPerson>,
}

/// A column of a file.
#[derive(Serialize, ToSchema)]
pub struct RosterColumn {
    /// The title, or the number if the title may be personal data.
    title: String,
    /// The use: such as `mapped email`, `recognised status`, `not chosen for name`, `dropped`.
    used_as: String,
}

/// A person as a file was understood.
#[derive(Serialize, ToSchema)]
pub struct RosterPerson {
    /// The key that identifies the person.
    key: String,
    /// The full name.
    name: Option<String>,
    /// The addresses, each with its kind.
    emails: Vec<String>,
    /// The class.
    class: String,
    /// The status on the day of the import.
    status: String,
    /// The first day.
    started: Option<String>,
    /// The last day.
    ended: Option<String>,
    /// The manager.
    manager: Option<String>,
    /// The department.
    department: Option<String>,
    /// The employee number.
    employee_number: Option<String>,
    /// Of a service account: the responsible person.
    owner: Option<String>,
}

impl RosterImport {
    /// The result of an import; `None` if the file was refused.
    pub fn new(report: ImportReport) -> Option<Self> {
        let (result, version, reasons) = match report.outcome {
            ImportOutcome::Refused => return None,
            ImportOutcome::InForce { version } => (RosterResult::InForce, version, Vec::new()),
            ImportOutcome::Held { version, reasons } => (RosterResult::Held, version, reasons),
            ImportOutcome::Unchanged { version } => (RosterResult::Unchanged, version, Vec::new()),
        };
        Some(Self {
            result,
            version,
            reasons,
            dry_run: report.dry_run,
            format: report.format,
            encoding: report.encoding,
            separator: report.separator,
            system: report.system,
            columns: report.columns.into_iter().map(RosterColumn::from).collect(),
            rows: report.rows,
            people: report.people,
            without_address: report.without_address,
            forgotten: report.forgotten,
            warnings: report.warnings,
            warning_count: report.warning_count,
            sha256: report.sha256,
            preview: report.preview.into_iter().map(RosterPerson::from).collect(),
        })
    }
}

impl From<ColumnReport> for RosterColumn {
    fn from(ColumnReport { title, used_as }: ColumnReport) -> Self {
        Self { title, used_as }
    }
}

impl From<Preview> for RosterPerson {
    fn from(person: Preview) -> Self {
        Self {
            key: person.key,
            name: person.name,
            emails: person.emails,
            class: person.class,
            status: person.status,
            started: person.started,
            ended: person.ended,
            manager: person.manager,
            department: person.department,
            employee_number: person.employee_number,
            owner: person.owner,
        }
    }
}

/// The roster of a workspace.
#[derive(Debug, Serialize, ToSchema)]
pub struct RosterStatus {
    /// What the version in force means for the accounts. Null if no version is in force.
    pub in_force: Option<RosterFigures>,
    /// The number of the version that is held and waits for a person.
    pub held: Option<u64>,
    /// Why the last pull failed, with the remedy. Null if it succeeded, or if there was none since
    /// this process started.
    pub pull_problem: Option<String>,
    /// The versions that are kept, newest first.
    pub versions: Vec<RosterVersion>,
}

/// What the version in force means for the accounts.
#[derive(Debug, Serialize, ToSchema)]
pub struct RosterFigures {
    /// The version of the roster.
    pub roster_version: u64,
    /// The generation of the directory.
    pub generation: i64,
    /// The number of the newest decision or revocation; 0 without one.
    pub decisions_version: u64,
    /// The number of active accounts.
    pub accounts: usize,
    /// Active accounts without a person.
    pub unmatched: usize,
    /// Active accounts of people who have left.
    pub terminated_active: usize,
    /// Service accounts without an active owner.
    pub ownerless: usize,
    /// Whether the roster is older than `roster.max_age`.
    pub stale: bool,
}

/// A version of the roster.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RosterVersion {
    /// The number; the first is 1.
    pub version: u64,
    /// Whether it is in force, held, replaced by a later one, or discarded.
    pub state: VersionState,
    /// The name of the source.
    pub source: String,
    /// The SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// The number of rows.
    pub rows: u64,
    /// The number of rows without a readable address.
    pub without_address: u64,
    /// When it was imported.
    #[serde(with = "crate::date_time")]
    pub at: OffsetDateTime,
    /// Who imported it: the subject of the token, or the user of the command.
    pub by: String,
    /// Why it was held; empty if it was not.
    pub reasons: Vec<String>,
    /// When it came into force.
    #[serde(with = "crate::date_time::option")]
    pub in_force_at: Option<OffsetDateTime>,
    /// Who accepted it, if it was held.
    pub accepted_by: Option<String>,
    /// When the source last had exactly these people.
    #[serde(with = "crate::date_time")]
    pub confirmed_at: OffsetDateTime,
}

impl From<StoredVersion> for RosterVersion {
    fn from(version: StoredVersion) -> Self {
        Self {
            version: version.number,
            state: version.state,
            source: version.source,
            sha256: version.sha256,
            rows: version.rows,
            without_address: version.without_address,
            at: version.at,
            by: version.by,
            reasons: version.reasons,
            in_force_at: version.in_force_at,
            accepted_by: version.accepted_by,
            confirmed_at: version.confirmed_at,
        }
    }
}

impl RosterStatus {
    /// The status of a roster.
    #[must_use]
    pub fn new(identities: &Identities, overview: Overview) -> Self {
        let figures = overview.assessment.map(|assessment| RosterFigures {
            roster_version: assessment.versions.roster_version,
            generation: assessment.versions.generation,
            decisions_version: assessment.versions.decisions_version,
            accounts: assessment.identities.len(),
            unmatched: assessment.unmatched.len(),
            terminated_active: assessment.terminated_count(),
            ownerless: assessment.ownerless.len(),
            stale: identities.is_stale(assessment.confirmed_at),
        });
        Self {
            in_force: figures,
            held: overview.held,
            pull_problem: identities.pull_failure().map(|failure| failure.why.clone()),
            versions: overview.versions.into_iter().map(RosterVersion::from).collect(),
        }
    }
}
