//! The export for access reviews, with a manifest that identifies the file and the recorded state.

use std::sync::Arc;

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
use utoipa::ToSchema;

use super::tabular::{Source, generation_at};
use crate::access::Scope;
use crate::date_time;
use crate::directory::{Directory, Generation, Invitation, LogFacts, pending_invitations};
use crate::http::errors::ApiError;
use crate::http::extract::caller::{Caller, ImportRead};
use crate::http::extract::freshness;
use crate::http::request::negotiation::{JSON, preferred_form, set_link};
use crate::http::request::parameters::{Parameters, wrong};
use crate::http::request::query;
use crate::http::response::chunks::Chunks;
use crate::http::response::large::Turn;
use crate::http::response::table::CSV;
use crate::http::state::known_exports::{DirectoryIdentity, ExportKey, Measured};
use crate::http::wire::{ApiRefusals, ParameterRefusals, PastRefusals, Problem, ReviewParameters};
use crate::identities::{Assessment, Shown};
use crate::ledger::{Ledger, LedgerError};
use crate::moments::Edge;
use crate::scim::ServedSnapshot;
use crate::tabular::{
    ReviewBasis, ReviewCounts, ReviewedAccount, reviewed_account, reviewed_invitation,
};

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
    /// Active people who have not been active for more than 90 days.
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
    /// Pending invitations. No other number counts them.
    invited: usize,
}

impl ReviewSummary {
    /// `compared` is whether the export is compared with an earlier state (`since`).
    fn of(counts: &ReviewCounts, compared: bool) -> Self {
        let if_compared = |count: usize| compared.then_some(count);
        // `None` if it is unknown for all accounts, as for the other numbers.
        let without_mfa = counts.mfa.yes().map(|_| counts.mfa.no);
        Self {
            active: counts.active,
            privileged: counts.privileged.yes(),
            privileged_unknown: counts.privileged.unknown,
            service_accounts: counts.service_accounts,
            dormant: counts.dormant.yes(),
            dormant_unknown: counts.dormant.unknown,
            without_mfa,
            mfa_unknown: counts.mfa.unknown,
            sso: counts.sso.yes(),
            sso_unknown: counts.sso.unknown,
            added: if_compared(counts.added),
            removed: if_compared(counts.removed),
            changed: if_compared(counts.changed),
            invited: counts.invited,
        }
    }
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
/// Pending invitations follow the accounts, with `status: invited`, because they are access to
/// come. With `as_of`, the export shows the state at that time. With `since`, each row says how the
/// account changed since then. The members about the person behind the account come last; they are
/// null without a roster, and for tokens without `roster.read`. A CSV has the manifest in its
/// headers: `Repr-Digest` (RFC 9530),
/// `X-Review-Generation`, `X-Review-Generation-Hash`, `X-Review-Rows`, `X-Review-As-Of`,
/// `X-Review-Generated-At` and `X-Review-Generated-By`. Its `Link` is the URL of the manifest as
/// JSON.
#[utoipa::path(
    get, path = "/api/v1/reviews/accounts", operation_id = "review_accounts", tag = "reviews",
    params(ReviewParameters),
    responses(
        (status = 200, description = "The review.", content((Review = "application/json"), (String = "text/csv"))),
        (status = 429, description = "The client has too many reviews in progress, or exceeds its rate limit. `Retry-After` says when to try again.", content_type = "application/problem+json", body = Problem),
        ParameterRefusals,
        PastRefusals,
        ApiRefusals,
    ),
)]
pub async fn accounts(
    request: HttpRequest,
    caller: Caller<ImportRead>,
) -> Result<HttpResponse, ApiError> {
    let form = preferred_form(&request, &[JSON, CSV])?;
    let export = Export::make(&request, &caller).await?;
    let makers = &caller.service.makers;
    let rows = Arc::clone(&export.reviewed).rows();
    if form != CSV {
        let summary = ReviewSummary::of(&export.measured.counts, export.manifest.since.is_some());
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
    named.extend((!export.with_invited).then(|| ("include_invited", false.to_string())));
    let query = query::encode(named);
    let address = format!("{}{}/manifest", caller.service.origin.url(), request.path());
    set_link(
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
        (status = 429, description = "The client has too many reviews in progress, or exceeds its rate limit. `Retry-After` says when to try again.", content_type = "application/problem+json", body = Problem),
        ParameterRefusals,
        PastRefusals,
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
    /// Whether pending invitations follow the accounts.
    with_invited: bool,
    turn: Turn,
}

/// The immutable input from which the rows of an export are produced.
struct Reviewed {
    now: Source,
    before: Option<Arc<Directory>>,
    privileged_roles: Arc<[String]>,
    log: LogFacts,
    /// The pending invitations, which follow the accounts.
    invited: Vec<Invitation>,
    as_of: OffsetDateTime,
    since: Option<OffsetDateTime>,
    /// Who holds the accounts; `None` if no roster was in force.
    identities: Option<Arc<Assessment>>,
}

impl Reviewed {
    fn row(&self, place: usize) -> Option<ReviewedAccount> {
        let basis = ReviewBasis {
            privileged_roles: &self.privileged_roles,
            log: &self.log,
            moment: self.as_of,
            identities: self.identities.as_ref().map(|assessment| &assessment.review),
        };
        let directory = self.now.directory();
        match place.checked_sub(directory.people.len()) {
            None => reviewed_account(directory, self.before.as_deref(), basis, place),
            Some(place) => {
                let invitation = self.invited.get(place)?;
                reviewed_invitation(invitation, &directory.workspace, self.since, basis)
            }
        }
    }

    /// The rows, produced lazily.
    fn rows(self: Arc<Self>) -> impl Iterator<Item = ReviewedAccount> + Send + 'static {
        let count = self.now.directory().people.len() + self.invited.len();
        (0..count).filter_map(move |place| self.row(place))
    }

    /// Everything that determines the bytes of the export.
    fn key(&self, with_mark: bool) -> ExportKey {
        let before = self.before.as_ref();
        ExportKey {
            now: self.now.identity(),
            before: before.map(|before| DirectoryIdentity::Past(Arc::downgrade(before))),
            as_of: self.as_of,
            log: self.log.clone(),
            invited: self.invited.clone(),
            since: self.since,
            identities: self.identities.as_ref().map(Arc::downgrade),
            with_mark,
        }
    }

    /// Produces all rows once, and yields to the other exports after each chunk.
    async fn measure(self: Arc<Self>, with_mark: bool) -> Result<Measured, ApiError> {
        let mut hash = Context::new(&SHA256);
        let mut length = 0;
        let mut counts = ReviewCounts::default();
        for chunk in Chunks::table(with_mark, self.rows().inspect(|row| counts.note(row)))? {
            let chunk = chunk.map_err(|_| ApiError::Internal)?;
            hash.update(&chunk);
            length += chunk.len() as u64;
            tokio::task::yield_now().await;
        }
        Ok(Measured { counts, hash: hash.finish().as_ref().to_vec(), length })
    }
}

/// The pending invitations with an address, if the log is known.
pub(super) async fn invited(
    ledger: &Ledger,
    workspace: &str,
    known_until: Option<OffsetDateTime>,
    source: &Source,
) -> Result<Vec<Invitation>, LedgerError> {
    let Some(until) = known_until else { return Ok(Vec::new()) };
    let events = ledger.invitation_events(workspace, until).await?;
    let mut invited = pending_invitations(&events, source.directory()).pending;
    invited.retain(|invitation| invitation.email.is_some());
    Ok(invited)
}

/// What the client asks for.
struct ReviewQuestion {
    /// The time in the past whose state is wanted; `None` for the current one.
    requested: Option<OffsetDateTime>,
    /// The time of the review before, to compare with.
    since: Option<OffsetDateTime>,
    /// Whether a table begins with a byte order mark.
    with_mark: bool,
    /// Whether pending invitations are rows.
    with_invited: bool,
}

impl ReviewQuestion {
    fn from_request(request: &HttpRequest, now: OffsetDateTime) -> Result<Self, ApiError> {
        let parameters =
            Parameters::parse(request, &["as_of", "since", "tz", "bom", "include_invited"])?;
        // An invitation is access to come, so a reviewer sees it unless the client refuses.
        let with_invited =
            parameters.text("include_invited").is_none() || parameters.flag("include_invited")?;
        let requested = parameters.as_of(now)?;
        let since = parameters.moment("since", Edge::Start)?;
        let with_mark = parameters.flag("bom")?;
        if since.is_some_and(|since| since >= requested.unwrap_or(now)) {
            return Err(wrong("since must be before as_of".to_owned()));
        }
        Ok(Self { requested, since, with_mark, with_invited })
    }
}

impl Export {
    /// Prepares the export that the request asks for. Until the next import, the same parameters
    /// yield the same bytes.
    async fn make(request: &HttpRequest, caller: &Caller<ImportRead>) -> Result<Self, ApiError> {
        let now = caller.service.clock.now();
        let ReviewQuestion { requested, since, with_mark, with_invited } =
            ReviewQuestion::from_request(request, now)?;
        let service = &caller.service;
        let turn = service.makers.export_turn(&caller.principal.allowance).await?;
        let before = match since {
            Some(since) => Some(past(caller, generation_at(caller, since).await?).await?),
            None => None,
        };
        let State { as_of, generation, served } = match requested {
            Some(as_of) => State::past(caller, as_of).await?,
            None => State::current(request, caller, since, now).await?,
        };
        // The served snapshot omits people who were removed long ago. A comparison needs them.
        let source = match served {
            Some(served) if before.is_none() => Source::Served(served),
            _ => Source::Past(past(caller, generation).await?),
        };
        let reader = Data::clone(service);
        let workspace = Arc::clone(&caller.workspace.name);
        let identities = Arc::clone(&caller.workspace.identities);
        let may_see_people = caller.principal.scopes.contains(&Scope::RosterRead);
        let made = service.makers.export(async move {
            let log =
                reader.stores.ledger.log_facts(&workspace, as_of, reader.activity_lookback).await?;
            let known_until = log.covered.filter(|_| with_invited).map(|(_, until)| until);
            let invited = invited(&reader.stores.ledger, &workspace, known_until, &source).await?;
            let shown = Shown { directory: source.directory(), as_of: requested };
            // Whoever reads accounts does not read personnel data without that scope.
            let identities = if may_see_people { identities.assess(shown).await? } else { None };
            let reviewed = Arc::new(Reviewed {
                now: source,
                before,
                privileged_roles: Arc::clone(&reader.privileged_roles),
                log,
                invited,
                as_of,
                since,
                identities,
            });
            let measure = || Arc::clone(&reviewed).measure(with_mark);
            let key = reviewed.key(with_mark);
            let measured = reader.known_exports.measured(key, measure).await?;
            Ok::<_, ApiError>((measured, reviewed))
        });
        let (measured, reviewed) = made.await??;
        let workspace = caller.workspace.name.to_string();
        let manifest = ReviewManifest {
            generation_hash: service.stores.ledger.generation_hash(&workspace, generation).await?,
            workspace,
            as_of,
            since,
            generation,
            rows: measured.counts.rows,
            sha256: hex::encode(&measured.hash),
            generated_at: now,
            generated_by: caller.principal.subject.clone(),
            generator: concat!("intercom-scim-bridge ", env!("CARGO_PKG_VERSION")),
        };
        Ok(Self { manifest, reviewed, measured, with_mark, with_invited, turn })
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

/// The state that an export shows.
struct State {
    as_of: OffsetDateTime,
    generation: Generation,
    /// The served snapshot of it, if it is the current state.
    served: Option<Arc<ServedSnapshot>>,
}

impl State {
    /// The state at a time in the past.
    async fn past(caller: &Caller<ImportRead>, as_of: OffsetDateTime) -> Result<Self, ApiError> {
        Ok(Self { as_of, generation: generation_at(caller, as_of).await?, served: None })
    }

    /// The current state. Its moment is when Intercom last confirmed it. Until the next import,
    /// this is the same for all requests.
    async fn current(
        request: &HttpRequest,
        caller: &Caller<ImportRead>,
        since: Option<OffsetDateTime>,
        now: OffsetDateTime,
    ) -> Result<Self, ApiError> {
        let workspace = &caller.workspace;
        let served = freshness::served(request, caller).await?.served;
        let generation = served.snapshot_id().generation;
        let shown = workspace.live.shows(|_| true).await;
        let confirmed = shown.confirmed_at.filter(|_| shown.generation == generation);
        let committed =
            caller.service.stores.ledger.committed_at(&workspace.name, generation).await?;
        // A time in the future was recorded while a clock was ahead.
        let as_of = confirmed.map_or(committed, |confirmed| confirmed.max(committed)).min(now);
        let as_of = if since.is_some_and(|since| since >= as_of) { now } else { as_of };
        Ok(Self { as_of, generation, served: Some(served) })
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
