//! The export for access reviews, with a manifest that identifies the file and the recorded state.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::body::BodySize;
use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream;
use serde::Serialize;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};
use tokio::sync::OnceCell;
use utoipa::ToSchema;

use super::tabular::{Source, generation_at};
use crate::date_time;
use crate::directory::{Directory, Generation, LogFacts, SnapshotId};
use crate::http::errors::ApiError;
use crate::http::extract::caller::{Caller, ImportRead};
use crate::http::extract::freshness;
use crate::http::request::negotiation::{JSON, preferred_form, tell_next};
use crate::http::request::parameters::{Parameters, wrong};
use crate::http::response::large::{Chunks, Turn};
use crate::http::response::table::CSV;
use crate::http::wire::{ApiRefusals, Problem, ReviewParameters};
use crate::limits;
use crate::moments::Edge;
use crate::scim::ScimError;
use crate::tabular::{ReviewBasis, ReviewChange, ReviewedAccount, reviewed_account};

/// The manifest of a review: it identifies the CSV and the state that the CSV shows.
#[derive(Serialize, ToSchema)]
pub struct ReviewManifest {
    /// The name of the workspace in the bridge.
    workspace: String,
    /// The time whose state the review shows.
    #[serde(with = "crate::date_time")]
    as_of: OffsetDateTime,
    /// The time of the previous review, if the request named one.
    #[serde(with = "crate::date_time::option")]
    since: Option<OffsetDateTime>,
    /// The generation of the ledger that the review shows. `ledger verify` verifies it.
    generation: Generation,
    /// The hash of that generation. `ledger verify --head` checks that the history still contains
    /// it. Null if nothing was imported yet.
    generation_hash: Option<String>,
    /// The number of rows of the CSV, without the header.
    rows: usize,
    /// The SHA-256 of the CSV, in hexadecimal digits.
    sha256: String,
    /// When the review was made.
    #[serde(with = "crate::date_time")]
    generated_at: OffsetDateTime,
    /// Who requested the review: the subject of the token.
    generated_by: String,
    /// The version of the bridge that made the review.
    generator: &'static str,
}

/// The summary of a review. A number is null if it is unknown for all accounts.
#[derive(Serialize, ToSchema)]
pub struct ReviewSummary {
    /// The number of accounts with access.
    active: usize,
    /// Active accounts that are privileged (see `is_privileged`).
    privileged: Option<usize>,
    /// Active accounts for which that is unknown, because neither role nor permissions are known.
    privileged_unknown: usize,
    /// Active accounts of bots of the workspace.
    service_accounts: usize,
    /// Active people who have not signed in for more than 90 days.
    dormant: Option<usize>,
    /// Active people for whom that is unknown, because the activity log does not cover those 90
    /// days.
    dormant_unknown: usize,
    /// Active people who sign in without a second factor.
    without_mfa: Option<usize>,
    /// Active people for whom that is unknown.
    mfa_unknown: usize,
    /// Active people whose last sign-in was by single sign-on with the company's identity provider.
    sso: Option<usize>,
    /// Active people for whom that is unknown.
    sso_unknown: usize,
    /// Since the previous review. Null if the request has no `since`.
    added: Option<usize>,
    /// Since the previous review. Null if the request has no `since`.
    removed: Option<usize>,
    /// Since the previous review. Null if the request has no `since`.
    changed: Option<usize>,
}

/// The review as JSON.
#[derive(Serialize, ToSchema)]
pub struct Review {
    manifest: ReviewManifest,
    summary: ReviewSummary,
    /// The accounts, sorted by id.
    items: Vec<ReviewedAccount>,
}

/// Exports all accounts and their access, for an access review (certification).
///
/// With `as_of`, the export shows the state at that time. With `since`, each row says how the
/// account changed since then. A CSV has the manifest in its headers: `Repr-Digest` (RFC 9530),
/// `X-Review-Generation`, `X-Review-Generation-Hash`, `X-Review-Rows`, `X-Review-As-Of`,
/// `X-Review-Generated-At` and `X-Review-Generated-By`. Its `Link` is the URL of the manifest as
/// JSON.
#[utoipa::path(
    get, path = "/api/v1/reviews/accounts", operation_id = "review_accounts", tag = "reviews",
    params(ReviewParameters),
    responses(
        (status = 200, description = "The review.", content((Review = "application/json"), (String = "text/csv"))),
        (status = 400, description = "A parameter is invalid.", content_type = "application/problem+json", body = Problem),
        (status = 410, description = "The state at that time was pruned.", content_type = "application/problem+json", body = Problem),
        (status = 429, description = "The client has too many reviews in progress, or exceeds its rate limit. `Retry-After` says when to try again.", content_type = "application/problem+json", body = Problem),
        ApiRefusals,
    ),
)]
pub async fn accounts(
    request: HttpRequest,
    caller: Caller<ImportRead>,
) -> Result<HttpResponse, ApiError> {
    let form = preferred_form(&request, &[JSON, CSV])?;
    let export = Export::make(&request, &caller).await?;
    let (makers, rows) = (&caller.service.makers, Arc::clone(&export.reviewed).rows());
    if form != CSV {
        let summary = export.measured.summary.summary(export.manifest.since.is_some());
        let review = Review { manifest: export.manifest, summary, items: Vec::new() };
        let chunks = stream::iter(Chunks::json(&review, rows)?);
        let body = makers.stream(&request, export.turn, BodySize::Stream, chunks);
        return Ok(HttpResponse::Ok().content_type(JSON).body(body));
    }
    let manifest = &export.manifest;
    let mut response = HttpResponse::Ok()
        .content_type(CSV)
        .insert_header((CONTENT_DISPOSITION, export.file("csv")))
        .insert_header((
            "Repr-Digest",
            format!("sha-256=:{}:", STANDARD.encode(&export.measured.hash)),
        ))
        .insert_header(("X-Review-Generation", manifest.generation.to_string()))
        .insert_header((
            "X-Review-Generation-Hash",
            manifest.generation_hash.clone().unwrap_or_default(),
        ))
        .insert_header(("X-Review-Rows", manifest.rows.to_string()))
        .insert_header(("X-Review-As-Of", date_time::written(manifest.as_of).to_string()))
        .insert_header((
            "X-Review-Generated-At",
            date_time::written(manifest.generated_at).to_string(),
        ))
        .insert_header(("X-Review-Generated-By", printable(&manifest.generated_by)))
        .finish();
    // RFC 6892: the manifest describes the file. The link contains the moment, so that it leads to
    // the manifest of this file.
    let mut named = vec![("as_of", date_time::written(export.manifest.as_of).to_string())];
    named.extend(
        export.manifest.since.map(|since| ("since", date_time::written(since).to_string())),
    );
    named.extend(export.with_mark.then(|| ("bom", true.to_string())));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(named).finish();
    let address = format!("{}{}/manifest", caller.service.origin.url_for(&request), request.path());
    tell_next(
        &mut response,
        &format!("<{address}?{query}>; rel=\"describedby\"; type=\"application/json\""),
    );
    let chunks = stream::iter(Chunks::table(export.with_mark, rows)?);
    let body =
        makers.stream(&request, export.turn, BodySize::Sized(export.measured.length), chunks);
    Ok(response.set_body(body))
}

/// Returns the manifest of a review.
///
/// The manifest has the number of rows, the SHA-256 and the time of the CSV that
/// `/reviews/accounts` returns for the same parameters. Without `as_of`, it is that of the current
/// state. The `Link` of a CSV contains its `as_of`.
#[utoipa::path(
    get, path = "/api/v1/reviews/accounts/manifest", operation_id = "review_accounts_manifest", tag = "reviews",
    params(ReviewParameters),
    responses(
        (status = 200, description = "The manifest.", body = ReviewManifest),
        (status = 400, description = "A parameter is invalid.", content_type = "application/problem+json", body = Problem),
        (status = 410, description = "The state at that time was pruned.", content_type = "application/problem+json", body = Problem),
        (status = 429, description = "The client has too many reviews in progress, or exceeds its rate limit. `Retry-After` says when to try again.", content_type = "application/problem+json", body = Problem),
        ApiRefusals,
    ),
)]
pub async fn manifest(
    request: HttpRequest,
    caller: Caller<ImportRead>,
) -> Result<HttpResponse, ApiError> {
    let export = Export::make(&request, &caller).await?;
    let file = export.file("manifest.json");
    Ok(HttpResponse::Ok().insert_header((CONTENT_DISPOSITION, file)).json(export.manifest))
}

/// An export. Its rows are produced twice, once to measure them and once to send them, so that they
/// need not be kept.
struct Export {
    manifest: ReviewManifest,
    reviewed: Arc<Reviewed>,
    measured: Arc<Measured>,
    /// Whether the CSV begins with a byte order mark.
    with_mark: bool,
    turn: Turn,
}

/// The immutable input from which the rows of an export are produced.
struct Reviewed {
    now: Source,
    before: Option<Arc<Directory>>,
    privileged_roles: Arc<[String]>,
    log: LogFacts,
    as_of: OffsetDateTime,
}

impl Reviewed {
    fn row(&self, place: usize) -> Option<ReviewedAccount> {
        let basis = ReviewBasis {
            privileged_roles: &self.privileged_roles,
            log: &self.log,
            moment: self.as_of,
        };
        reviewed_account(self.now.directory(), self.before.as_deref(), basis, place)
    }

    /// The rows, produced lazily.
    fn rows(self: Arc<Self>) -> impl Iterator<Item = ReviewedAccount> + Send + 'static {
        (0..self.now.directory().people.len()).filter_map(move |place| self.row(place))
    }
}

/// What is known of an export only after all of its rows were produced.
struct Measured {
    summary: Tally,
    /// SHA-256 of the CSV.
    hash: Vec<u8>,
    /// The length of the CSV in bytes.
    length: u64,
}

/// Everything that determines the bytes of an export.
#[derive(PartialEq)]
struct Key {
    workspace: Arc<str>,
    workspace_id: Option<String>,
    now: SnapshotId,
    before: Option<SnapshotId>,
    as_of: OffsetDateTime,
    log: LogFacts,
    with_mark: bool,
}

/// A cache of the measurements of the last exports. Many clients request the same export at the
/// same time, and its manifest afterwards.
#[derive(Default)]
pub struct KnownExports(Mutex<VecDeque<(Key, Arc<Known>)>>);

/// An entry of the cache, which the first request for it fills.
type Known = OnceCell<Arc<Measured>>;

impl KnownExports {
    /// Measures an export. Simultaneous requests for the same export produce its rows once.
    async fn measured(
        &self,
        workspace: Arc<str>,
        reviewed: &Arc<Reviewed>,
        with_mark: bool,
    ) -> Result<Arc<Measured>, ApiError> {
        let now = reviewed.now.directory();
        let key = Key {
            workspace,
            workspace_id: now.workspace.id.clone(),
            now: now.snapshot_id,
            before: reviewed.before.as_ref().map(|before| before.snapshot_id),
            as_of: reviewed.as_of,
            log: reviewed.log.clone(),
            with_mark,
        };
        let cell = self.cell(key);
        let measured = cell.get_or_try_init(|| async {
            measure(Arc::clone(reviewed), with_mark).await.map(Arc::new)
        });
        measured.await.cloned()
    }

    fn cell(&self, key: Key) -> Arc<Known> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, cell)) = known.iter().find(|(one, _)| *one == key) {
            return Arc::clone(cell);
        }
        if known.len() == limits::KNOWN_EXPORTS {
            known.pop_front();
        }
        let cell = Arc::default();
        known.push_back((key, Arc::clone(&cell)));
        cell
    }
}

/// Produces all rows once, and yields to the other exports after each chunk.
async fn measure(reviewed: Arc<Reviewed>, with_mark: bool) -> Result<Measured, ApiError> {
    let (mut hash, mut length, mut summary) = (Context::new(&SHA256), 0, Tally::default());
    for chunk in Chunks::table(with_mark, reviewed.rows().inspect(|row| summary.note(row)))? {
        let chunk = chunk.map_err(|_| ScimError::Internal)?;
        hash.update(&chunk);
        length += chunk.len() as u64;
        tokio::task::yield_now().await;
    }
    Ok(Measured { summary, hash: hash.finish().as_ref().to_vec(), length })
}

impl Export {
    /// Prepares the export that the request asks for. Until the next import, the same parameters
    /// yield the same bytes.
    async fn make(request: &HttpRequest, caller: &Caller<ImportRead>) -> Result<Self, ApiError> {
        let parameters = Parameters::parse(request, &["as_of", "since", "tz", "bom"])?;
        let now = caller.service.clock.now();
        let (requested, since) = (parameters.as_of(now)?, parameters.moment("since", Edge::Start)?);
        let with_mark = parameters.flag("bom")?;
        if since.is_some_and(|since| since >= requested.unwrap_or(now)) {
            return Err(wrong("since must be before as_of".to_owned()));
        }
        let (service, workspace) = (&caller.service, &caller.workspace);
        let turn = service.makers.export_turn(&caller.principal.allowance).await?;
        let before = match since {
            Some(since) => Some(past(caller, generation_at(caller, since).await?).await?),
            None => None,
        };
        let (as_of, generation, served) = if let Some(as_of) = requested {
            (as_of, generation_at(caller, as_of).await?, None)
        } else {
            let served = freshness::served(request, caller).await?.served;
            let generation = served.snapshot_id().generation;
            let shown = workspace.live.shows(|_| true).await;
            // When Intercom last confirmed this state. Until the next import, this is the same for
            // all requests.
            let confirmed = shown.confirmed_at.filter(|_| shown.generation == generation);
            let committed = service.ledger.committed_at(&workspace.name, generation).await?;
            // A time in the future was recorded while a clock was ahead.
            let as_of = confirmed.map_or(committed, |confirmed| confirmed.max(committed)).min(now);
            (
                if since.is_some_and(|since| since >= as_of) { now } else { as_of },
                generation,
                Some(served),
            )
        };
        // The served snapshot omits people who were removed long ago. A comparison needs them.
        let source = match served {
            Some(served) if before.is_none() => Source::Served(served),
            _ => Source::Past(past(caller, generation).await?),
        };
        let (reader, named) = (Data::clone(service), Arc::clone(&workspace.name));
        let made = service.makers.export(async move {
            let log = reader.ledger.log_facts(&named, as_of, reader.activity_lookback).await?;
            let privileged_roles = Arc::clone(&reader.privileged_roles);
            let reviewed = Arc::new(Reviewed { now: source, before, privileged_roles, log, as_of });
            Ok::<_, ApiError>((
                reader.known_exports.measured(named, &reviewed, with_mark).await?,
                reviewed,
            ))
        });
        let (measured, reviewed) = made.await??;
        let manifest = ReviewManifest {
            workspace: workspace.name.to_string(),
            as_of,
            since,
            generation,
            generation_hash: service.ledger.generation_hash(&workspace.name, generation).await?,
            rows: measured.summary.rows,
            sha256: measured
                .hash
                .iter()
                .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}")),
            generated_at: now,
            generated_by: caller.principal.subject.clone(),
            generator: concat!("intercom-scim-bridge ", env!("CARGO_PKG_VERSION")),
        };
        Ok(Self { manifest, reviewed, measured, with_mark, turn })
    }

    /// The value of `Content-Disposition`: a file name with the workspace, the moment and the
    /// generation.
    fn file(&self, ending: &str) -> String {
        let ReviewManifest { workspace, as_of, generation, .. } = &self.manifest;
        let form = format_description!("[year][month][day]T[hour][minute][second]Z");
        // Cannot fail: every date has these components.
        let as_of = as_of.to_offset(UtcOffset::UTC).format(form).unwrap_or_default();
        format!(
            "attachment; filename=\"access-review-{workspace}-{as_of}-generation-{generation}.{ending}\""
        )
    }
}

/// Replaces the characters of a subject that a header cannot hold by `?`.
fn printable(subject: &str) -> String {
    subject
        .chars()
        .map(|letter| if letter.is_ascii_graphic() || letter == ' ' { letter } else { '?' })
        .collect()
}

/// Reads the state at a generation, on an export thread.
async fn past(
    caller: &Caller<ImportRead>,
    generation: Generation,
) -> Result<Arc<Directory>, ApiError> {
    let workspace = Arc::clone(&caller.workspace);
    Ok(caller.service.makers.export(async move { workspace.past.at(generation).await }).await??)
}

/// Counts the answers to a question about each account.
#[derive(Default)]
struct Answers {
    yes: usize,
    no: usize,
    unknown: usize,
}

impl Answers {
    fn note(&mut self, known: Option<bool>) {
        match known {
            Some(true) => self.yes += 1,
            Some(false) => self.no += 1,
            None => self.unknown += 1,
        }
    }

    /// The number of accounts with the answer yes; `None` if there are accounts, and the answer is
    /// unknown for all of them.
    fn yes(&self) -> Option<usize> {
        (self.unknown == 0 || self.yes + self.no > 0).then_some(self.yes)
    }
}

/// The counts of the rows so far.
#[derive(Default)]
struct Tally {
    rows: usize,
    active: usize,
    service_accounts: usize,
    privileged: Answers,
    dormant: Answers,
    mfa: Answers,
    sso: Answers,
    added: usize,
    removed: usize,
    changed: usize,
}

impl Tally {
    fn note(&mut self, item: &ReviewedAccount) {
        self.rows += 1;
        match item.change_since_last_review {
            Some(ReviewChange::Added) => self.added += 1,
            Some(ReviewChange::Removed) => self.removed += 1,
            Some(ReviewChange::Changed) => self.changed += 1,
            Some(ReviewChange::Same) | None => {}
        }
        if item.status != "active" {
            return;
        }
        self.active += 1;
        self.privileged.note(item.is_privileged);
        if item.account_type == "service" {
            self.service_accounts += 1;
        } else {
            self.dormant.note(item.is_dormant);
            self.mfa.note(item.mfa);
            self.sso.note(item.sso);
        }
    }

    /// The summary. `compared` is whether the export is compared with an earlier state (`since`).
    fn summary(&self, compared: bool) -> ReviewSummary {
        let if_compared = |count: usize| compared.then_some(count);
        // `None` in the same case as for the others.
        let without_mfa = self.mfa.yes().map(|_| self.mfa.no);
        ReviewSummary {
            active: self.active,
            privileged: self.privileged.yes(),
            privileged_unknown: self.privileged.unknown,
            service_accounts: self.service_accounts,
            dormant: self.dormant.yes(),
            dormant_unknown: self.dormant.unknown,
            without_mfa,
            mfa_unknown: self.mfa.unknown,
            sso: self.sso.yes(),
            sso_unknown: self.sso.unknown,
            added: if_compared(self.added),
            removed: if_compared(self.removed),
            changed: if_compared(self.changed),
        }
    }
}
