//! The export for access reviews, with a manifest that proves what it was.

use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::{HttpRequest, HttpResponse};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::caller::{Caller, ImportRead};
use super::errors::ApiError;
use super::flat::generation_at;
use super::freshness;
use super::negotiation::{JSON, preferred_form};
use super::openapi::{ApiRefusals, Problem, ReviewParameters};
use super::parameters::{Parameters, wrong};
use super::table::{self, CSV};
use crate::date_time;
use crate::directory::Generation;
use crate::flat::{ReviewChange, ReviewedAccount, review};
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

/// What a reviewer looks at first.
#[derive(Serialize, ToSchema)]
pub struct ReviewSummary {
    /// Accounts with access.
    active: usize,
    /// Of them, those known to be privileged.
    privileged: usize,
    /// Of them, the workspace's own machines.
    service_accounts: usize,
    /// Of them, those who signed in more than 90 days ago, as far as is known.
    dormant: usize,
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
/// `X-Review-As-Of`, `X-Review-Generated-At`, `X-Review-Generated-By`.
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
    let parameters = Parameters::of(&request, &["as_of", "since"])?;
    let form = preferred_form(&request, &[JSON, CSV])?;
    let (asked, since) = (parameters.moment("as_of")?, parameters.moment("since")?);
    let now = caller.service.clock.now();
    let as_of = asked.unwrap_or(now);
    if as_of > now {
        return Err(wrong("as_of must not lie in the future".to_owned()));
    }
    if since.is_some_and(|since| since >= as_of) {
        return Err(wrong("since must lie before as_of".to_owned()));
    }
    let _turn = caller.principal.allowance.expensive().await.map_err(ApiError::TooMany)?;
    let past = &caller.workspace.past;
    let before = match since {
        Some(since) => Some(past.at(generation_at(&caller, since).await?).await?),
        None => None,
    };
    let (generation, items) = if asked.is_some() {
        let generation = generation_at(&caller, as_of).await?;
        let mut items = review(&*past.at(generation).await?, before.as_deref(), as_of);
        // Sign-ins have no history: those of now are not those of then.
        for item in &mut items {
            (item.last_login_at, item.last_login_source, item.days_since_login) = (None, None, None);
        }
        (generation, items)
    } else {
        let picture = freshness::picture(&request, &caller).await?.picture;
        let generation = picture.edition().generation;
        // Who left long ago is not shown any more, and is what changed since the review before.
        let items = match &before {
            None => review(picture.directory(), None, as_of),
            Some(before) => review(&*past.at(generation).await?, Some(before), as_of),
        };
        (generation, items)
    };
    let generation_hash = caller.service.ledger.generation_hash(&caller.workspace.name, generation).await?;
    let csv = table::csv(&items).ok_or(ScimError::Internal)?;
    let hash = digest(&SHA256, &csv);
    if form == CSV {
        let file = format!("attachment; filename=\"access-review-{}-{generation}.csv\"", caller.workspace.name);
        return Ok(HttpResponse::Ok()
            .content_type(CSV)
            .insert_header((CONTENT_DISPOSITION, file))
            .insert_header(("Repr-Digest", format!("sha-256=:{}:", STANDARD.encode(hash.as_ref()))))
            .insert_header(("X-Review-Generation", generation.to_string()))
            .insert_header(("X-Review-Generation-Hash", generation_hash.unwrap_or_default()))
            .insert_header(("X-Review-Rows", items.len().to_string()))
            .insert_header(("X-Review-As-Of", date_time::written(as_of).to_string()))
            .insert_header(("X-Review-Generated-At", date_time::written(now).to_string()))
            .insert_header(("X-Review-Generated-By", printable(&caller.principal.subject)))
            .body(csv));
    }
    let manifest = ReviewManifest {
        workspace: caller.workspace.name.to_string(),
        as_of,
        since,
        generation,
        generation_hash,
        rows: items.len(),
        sha256: hash.as_ref().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}")),
        generated_at: now,
        generated_by: caller.principal.subject.clone(),
        generator: concat!("intercom-scim-bridge ", env!("CARGO_PKG_VERSION")),
    };
    Ok(HttpResponse::Ok().json(Review { summary: summary(&items, since.is_some()), manifest, items }))
}

/// A subject as a header can hold it.
fn printable(subject: &str) -> String {
    subject.chars().map(|letter| if letter.is_ascii_graphic() || letter == ' ' { letter } else { '?' }).collect()
}

fn summary(items: &[ReviewedAccount], compared: bool) -> ReviewSummary {
    let count = |fits: &dyn Fn(&ReviewedAccount) -> bool| items.iter().filter(|item| fits(item)).count();
    let active = |item: &ReviewedAccount| item.status == "active";
    let became = |change| compared.then(|| count(&|item| item.change_since_last_review == Some(change)));
    ReviewSummary {
        active: count(&active),
        privileged: count(&|item| active(item) && item.is_privileged == Some(true)),
        service_accounts: count(&|item| active(item) && item.account_type == "service"),
        dormant: count(&|item| active(item) && item.days_since_login.is_some_and(|days| days > 90)),
        added: became(ReviewChange::Added),
        removed: became(ReviewChange::Removed),
        changed: became(ReviewChange::Changed),
    }
}
