//! The export for access reviews, with a manifest that proves what it was.

use std::sync::Arc;

use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::{HttpRequest, HttpResponse, web};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};
use utoipa::ToSchema;

use super::caller::{Caller, ImportRead};
use super::errors::ApiError;
use super::flat::generation_at;
use super::freshness;
use super::negotiation::{JSON, preferred_form, tell_next};
use super::openapi::{ApiRefusals, Problem, ReviewParameters};
use super::parameters::{Parameters, wrong};
use super::table::{self, BYTE_ORDER_MARK, CSV};
use crate::date_time;
use crate::directory::Generation;
use crate::flat::{ReviewBasis, ReviewChange, ReviewedAccount, review};
use crate::moments::Edge;
use crate::scim::ScimError;

/// What an export is, so that somebody can tell later that it is this one.
#[derive(Serialize, ToSchema)]
pub struct ReviewManifest {
    /// The name of the workspace in the bridge.
    workspace: String,
    /// The moment that it tells of.
    #[serde(with = "crate::date_time")]
    as_of: OffsetDateTime,
    /// The moment of the review before, if one was named.
    #[serde(with = "crate::date_time::option")]
    since: Option<OffsetDateTime>,
    /// The ledger's generation that it shows; `ledger verify` proves it.
    generation: Generation,
    /// The hash of that generation: `ledger verify --head` takes it, and tells whether the history still holds it. Null where
    /// nothing was imported yet.
    generation_hash: Option<String>,
    /// How many rows it has.
    rows: usize,
    /// SHA-256 of the CSV, in hexadecimal digits.
    sha256: String,
    /// When it was made.
    #[serde(with = "crate::date_time")]
    generated_at: OffsetDateTime,
    /// For whom: the subject of the token.
    generated_by: String,
    /// By which version of the bridge.
    generator: &'static str,
}

/// What a reviewer looks at first. A number is null where it is not known of anybody.
#[derive(Serialize, ToSchema)]
pub struct ReviewSummary {
    /// Accounts with access.
    active: usize,
    /// Of them, those known to be privileged.
    privileged: Option<usize>,
    /// Of them, those of whom it is not known: neither role nor permissions are.
    privileged_unknown: usize,
    /// Of them, the workspace's own machines.
    service_accounts: usize,
    /// Of the people among them, those known not to have signed in for more than 90 days.
    dormant: Option<usize>,
    /// Of the people among them, those of whom it is not known: the activity log does not cover those days.
    dormant_unknown: usize,
    /// Of the people among them, those known to sign in without a second factor.
    without_mfa: Option<usize>,
    /// Of the people among them, those of whom it is not known.
    mfa_unknown: usize,
    /// Of the people among them, those whose last sign-in was by the company's identity provider.
    sso: Option<usize>,
    /// Of the people among them, those of whom it is not known.
    sso_unknown: usize,
    /// Since the review before; null without one.
    added: Option<usize>,
    /// Since the review before; null without one.
    removed: Option<usize>,
    /// Since the review before; null without one.
    changed: Option<usize>,
}

/// The export as JSON.
#[derive(Serialize, ToSchema)]
pub struct Review {
    manifest: ReviewManifest,
    summary: ReviewSummary,
    /// By account.
    items: Vec<ReviewedAccount>,
}

/// Exports who has which access, for a review: with `as_of`, who had it then; with `since`, what changed since then. As CSV,
/// the manifest is in headers: `Repr-Digest` (RFC 9530), `X-Review-Generation`, `X-Review-Generation-Hash`, `X-Review-Rows`,
/// `X-Review-As-Of`, `X-Review-Generated-At`, `X-Review-Generated-By`; and `Link` leads to it as JSON.
#[utoipa::path(
    get, path = "/api/v1/reviews/accounts", operation_id = "review_accounts", tag = "reviews", security(("bearer" = ["import.read"])),
    params(ReviewParameters),
    responses(
        (status = 200, description = "The export", content((Review = "application/json"), (String = "text/csv"))),
        (status = 400, description = "A parameter cannot be read", content_type = "application/problem+json", body = Problem),
        (status = 410, description = "The state of that moment was pruned", content_type = "application/problem+json", body = Problem),
        (status = 429, description = "Too many of this client; `Retry-After` says when to ask again", content_type = "application/problem+json", body = Problem),
        ApiRefusals,
    ),
)]
pub async fn accounts(request: HttpRequest, caller: Caller<ImportRead>) -> Result<HttpResponse, ApiError> {
    let form = preferred_form(&request, &[JSON, CSV])?;
    let export = Export::make(&request, &caller).await?;
    if form != CSV {
        let summary = summary(&export.items, export.manifest.since.is_some());
        return Ok(HttpResponse::Ok().json(Review { manifest: export.manifest, summary, items: export.items }));
    }
    let manifest = &export.manifest;
    let mut response = HttpResponse::Ok()
        .content_type(CSV)
        .insert_header((CONTENT_DISPOSITION, export.file("csv")))
        .insert_header(("Repr-Digest", format!("sha-256=:{}:", STANDARD.encode(&export.hash))))
        .insert_header(("X-Review-Generation", manifest.generation.to_string()))
        .insert_header(("X-Review-Generation-Hash", manifest.generation_hash.clone().unwrap_or_default()))
        .insert_header(("X-Review-Rows", manifest.rows.to_string()))
        .insert_header(("X-Review-As-Of", date_time::written(manifest.as_of).to_string()))
        .insert_header(("X-Review-Generated-At", date_time::written(manifest.generated_at).to_string()))
        .insert_header(("X-Review-Generated-By", printable(&manifest.generated_by)))
        .body(export.csv);
    // RFC 6892: the manifest describes the file. It names the moment, so that it is the manifest of this very one.
    let mut named = vec![("as_of", date_time::written(export.manifest.as_of).to_string())];
    named.extend(export.manifest.since.map(|since| ("since", date_time::written(since).to_string())));
    named.extend(export.with_mark.then(|| ("bom", true.to_string())));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(named).finish();
    let address = format!("{}{}/manifest", caller.service.origin.url_for(&request), request.path());
    tell_next(&mut response, &format!("<{address}?{query}>; rel=\"describedby\"; type=\"application/json\""));
    Ok(response)
}

/// Shows the manifest of the CSV that `/reviews/accounts` gives for the same parameters: how many rows it has, its SHA-256, and
/// which state it shows. Without `as_of` it is that of what is shown now; the `Link` of a CSV names its moment.
#[utoipa::path(
    get, path = "/api/v1/reviews/accounts/manifest", operation_id = "review_accounts_manifest", tag = "reviews",
    security(("bearer" = ["import.read"])), params(ReviewParameters),
    responses(
        (status = 200, description = "The manifest", body = ReviewManifest),
        (status = 400, description = "A parameter cannot be read", content_type = "application/problem+json", body = Problem),
        (status = 410, description = "The state of that moment was pruned", content_type = "application/problem+json", body = Problem),
        (status = 429, description = "Too many of this client; `Retry-After` says when to ask again", content_type = "application/problem+json", body = Problem),
        ApiRefusals,
    ),
)]
pub async fn manifest(request: HttpRequest, caller: Caller<ImportRead>) -> Result<HttpResponse, ApiError> {
    let export = Export::make(&request, &caller).await?;
    let file = export.file("manifest.json");
    Ok(HttpResponse::Ok().insert_header((CONTENT_DISPOSITION, file)).json(export.manifest))
}

/// An export, and what it is.
struct Export {
    manifest: ReviewManifest,
    items: Vec<ReviewedAccount>,
    csv: Vec<u8>,
    /// SHA-256 of the CSV.
    hash: Vec<u8>,
    /// Whether the CSV begins with a byte order mark.
    with_mark: bool,
}

impl Export {
    /// Makes what the request asks for. The same parameters make the same bytes, until something is imported.
    async fn make(request: &HttpRequest, caller: &Caller<ImportRead>) -> Result<Self, ApiError> {
        let parameters = Parameters::of(request, &["as_of", "since", "tz", "bom"])?;
        let now = caller.service.clock.now();
        let (asked, since) = (parameters.as_of(now)?, parameters.moment("since", Edge::Start)?);
        let with_mark = parameters.flag("bom")?;
        if since.is_some_and(|since| since >= asked.unwrap_or(now)) {
            return Err(wrong("since must lie before as_of".to_owned()));
        }
        let _turn = caller.principal.allowance.expensive().await.map_err(ApiError::TooMany)?;
        let (ledger, workspace, past) = (&caller.service.ledger, &caller.workspace.name, &caller.workspace.past);
        let before = match since {
            Some(since) => Some(past.at(generation_at(caller, since).await?).await?),
            None => None,
        };
        let (as_of, generation, picture) = if let Some(as_of) = asked {
            (as_of, generation_at(caller, as_of).await?, None)
        } else {
            let picture = freshness::picture(request, caller).await?.picture;
            let generation = picture.edition().generation;
            let shown = caller.workspace.live.shows(|_| true).await;
            // When Intercom last said that it is so: until the next import, that is the same for everybody who asks.
            let confirmed = shown.confirmed_at.filter(|_| shown.generation == generation);
            let committed = ledger.committed_at(workspace, generation).await?;
            // A time that lies in the future was recorded while a clock was ahead.
            let as_of = confirmed.map_or(committed, |confirmed| confirmed.max(committed)).min(now);
            (if since.is_some_and(|since| since >= as_of) { now } else { as_of }, generation, Some(picture))
        };
        let log = ledger.log_facts(workspace, as_of, caller.service.activity_lookback).await?;
        let privileged_roles = Arc::clone(&caller.service.privileged_roles);
        // Who left long ago is not shown any more, and is what changed since the review before.
        let then = match (&picture, &before) {
            (Some(_), None) => None,
            _ => Some(past.at(generation).await?),
        };
        let made = web::block(move || {
            let basis = ReviewBasis { privileged_roles: &privileged_roles, log: &log, moment: as_of };
            let directory = then.as_deref().or(picture.as_ref().map(|picture| picture.directory()))?;
            let items = review(directory, before.as_deref(), basis);
            let mark = if with_mark { BYTE_ORDER_MARK } else { "" };
            let csv = [mark.as_bytes(), &table::csv(&items)?].concat();
            let hash = digest(&SHA256, &csv).as_ref().to_vec();
            Some((items, csv, hash))
        });
        let (items, csv, hash) = made.await.ok().flatten().ok_or(ScimError::Internal)?;
        let manifest = ReviewManifest {
            workspace: workspace.to_string(),
            as_of,
            since,
            generation,
            generation_hash: ledger.generation_hash(workspace, generation).await?,
            rows: items.len(),
            sha256: hash.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}")),
            generated_at: now,
            generated_by: caller.principal.subject.clone(),
            generator: concat!("intercom-scim-bridge ", env!("CARGO_PKG_VERSION")),
        };
        Ok(Self { manifest, items, csv, hash, with_mark })
    }

    /// How the file is offered: named by workspace, moment and generation.
    fn file(&self, ending: &str) -> String {
        let ReviewManifest { workspace, as_of, generation, .. } = &self.manifest;
        let form = format_description!("[year][month][day]T[hour][minute][second]Z");
        // Every moment has these parts.
        let as_of = as_of.to_offset(UtcOffset::UTC).format(form).unwrap_or_default();
        format!("attachment; filename=\"access-review-{workspace}-{as_of}-generation-{generation}.{ending}\"")
    }
}

/// A subject as a header can hold it.
fn printable(subject: &str) -> String {
    subject.chars().map(|letter| if letter.is_ascii_graphic() || letter == ' ' { letter } else { '?' }).collect()
}

fn summary(items: &[ReviewedAccount], compared: bool) -> ReviewSummary {
    let count = |fits: &dyn Fn(&ReviewedAccount) -> bool| items.iter().filter(|item| fits(item)).count();
    let active = |item: &ReviewedAccount| item.status == "active";
    let person = |item: &ReviewedAccount| active(item) && item.account_type == "person";
    let became = |change| compared.then(|| count(&|item| item.change_since_last_review == Some(change)));
    // How many are so, none where that is known of nobody; and of how many it is not known.
    let known = |is: &dyn Fn(&ReviewedAccount) -> Option<bool>, of: &dyn Fn(&ReviewedAccount) -> bool| {
        let unknown = count(&|item| of(item) && is(item).is_none());
        let known = unknown == 0 || count(&|item| of(item) && is(item).is_some()) > 0;
        (known.then(|| count(&|item| of(item) && is(item) == Some(true))), unknown)
    };
    let (privileged, privileged_unknown) = known(&|item| item.is_privileged, &active);
    let (dormant, dormant_unknown) = known(&|item| item.is_dormant, &person);
    let (without_mfa, mfa_unknown) = known(&|item| item.mfa.map(|mfa| !mfa), &person);
    let (sso, sso_unknown) = known(&|item| item.sso, &person);
    ReviewSummary {
        active: count(&active),
        privileged,
        privileged_unknown,
        service_accounts: count(&|item| active(item) && item.account_type == "service"),
        dormant,
        dormant_unknown,
        without_mfa,
        mfa_unknown,
        sso,
        sso_unknown,
        added: became(ReviewChange::Added),
        removed: became(ReviewChange::Removed),
        changed: became(ReviewChange::Changed),
    }
}
