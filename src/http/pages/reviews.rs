//! Access reviews in the console: begin one, decide about its accounts, sign it, and download the
//! evidence bundle.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use time::OffsetDateTime;

use super::acting::{Acting, Review as ReviewAction};
use super::form::{Notice, notice};
use super::html::{PageRefusals, page, parameter};
use super::review_bundle::{self, Bundle};
use super::review_view::{self, Filter, ReviewPage};
use super::viewer::Viewer;
use super::{denied, view};
use crate::access::random_reference;
use crate::http::endpoints::review_rows::{ReviewRows, review_rows};
use crate::http::errors::ApiError;
use crate::http::request::context::RequestContext;
use crate::http::request::negotiation::{HTML, preferred_form};
use crate::http::state::service::Service;
use crate::http::wire::BodyRefusals;
use crate::limits;
use crate::moments::{self, Edge, Zone};
use crate::requests::{Operation, RequestSource};
use crate::reviews::{NewReview, ReviewDecision, ReviewItem, ReviewState};
use crate::stores::{Decided, NewRequest, ReviewChanged, Signing, WantedItems};
use crate::words::Words;

/// Lists the access reviews of a workspace, newest first.
#[utoipa::path(
    get, path = "/reviews", operation_id = "reviews_page", tag = "pages",
    params(("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session.")),
    responses(
        (status = 200, description = "An HTML page. Without a session, the page explains how to sign in.", content_type = "text/html", body = String),
        PageRefusals,
    ),
)]
pub async fn reviews(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out(&service)));
    };
    let notice = notice(&request);
    let _turn = service.makers.console_turn().await?;
    let list = service.stores.reviews.list(&viewer.workspace.name, limits::PAGE_REVIEWS).await?;
    Ok(page(StatusCode::OK, review_view::list(&viewer, &notice, &list)))
}

/// Shows an access review: its accounts, the decisions about them, and the signature.
#[utoipa::path(
    get, path = "/reviews/{id}", operation_id = "review_page", tag = "pages",
    params(
        ("id" = String, Path, description = "The number of the review."),
        ("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session."),
        ("show" = Option<String>, Query, description = "`all` (the default), `undecided`, `keep`, `remove` or `ask`."),
        ("offset" = Option<String>, Query, description = "How many accounts to skip."),
    ),
    responses(
        (status = 200, description = "An HTML page. Without a session, the page explains how to sign in.", content_type = "text/html", body = String),
        (status = 404, description = "The workspace has no such review.", content_type = "text/html", body = String),
        PageRefusals,
    ),
)]
pub async fn review(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out(&service)));
    };
    let filter = parameter(&request, "show").as_deref().and_then(Filter::from_word);
    let filter = filter.unwrap_or(Filter::All);
    let offset = parameter(&request, "offset").and_then(|text| text.parse::<u32>().ok());
    let offset = u64::from(offset.unwrap_or(0));
    let notice = notice(&request);
    let _turn = service.makers.console_turn().await?;
    let number = number(&id)?;
    let store = service.stores.reviews.clone();
    let workspace = Arc::clone(&viewer.workspace.name);
    let read = service.makers.page(async move {
        let found = store.get(&workspace, number).await?;
        let (review, progress) = found.ok_or_else(|| denied::not_found("review"))?;
        let most = limits::PAGE_REVIEW_ITEMS;
        let (items, total) = store.items(&workspace, number, filter.wanted(), offset, most).await?;
        let shown = ReviewPage { review, progress, filter, items, offset, total };
        Ok::<_, ApiError>(review_view::review(&viewer, &notice, &shown))
    });
    Ok(page(StatusCode::OK, read.await??))
}

fn number(id: &str) -> Result<i64, ApiError> {
    id.parse().map_err(|_| denied::not_found("review"))
}

/// Begins an access review of the state at a time.
#[utoipa::path(
    post, path = "/reviews/begin", operation_id = "begin_review", tag = "pages",
    params(("workspace" = String, Query, description = "The name of the workspace.")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "The form fields `csrf`, `as_of` (a day; empty for now) and `since` (a day; empty to compare with nothing)."),
    responses(
        (status = 303, description = "Redirects to the review."),
        (status = 400, description = "A day is not valid, or the workspace was not recorded then.", content_type = "text/html", body = String),
        (status = 403, description = "No session, no token of the session, or too small a role.", content_type = "text/html", body = String),
        PageRefusals,
        BodyRefusals,
    ),
)]
pub async fn begin(acting: Acting<ReviewAction>) -> Result<HttpResponse, ApiError> {
    let now = to_the_millisecond(acting.service.clock.now());
    let as_of = day(acting.form.text("as_of"), Edge::Last)?.map(|as_of| as_of.min(now));
    let since = day(acting.form.text("since"), Edge::Start)?;
    if since.is_some_and(|since| since >= as_of.unwrap_or(now)) {
        return Err(denied::invalid(
            "The day to compare with must be before the day of the review.",
        ));
    }
    let _turn = acting.service.makers.console_turn().await?;
    let service = Data::clone(&acting.service);
    let workspace = Arc::clone(&acting.viewer.workspace);
    let made = acting
        .service
        .makers
        .page(async move { review_rows(&service, &workspace, as_of, since).await });
    let ReviewRows { rows, generation, as_of } = made.await??;
    let name = &*acting.viewer.workspace.name;
    let hash = acting.service.stores.ledger.generation_hash(name, generation).await?;
    let new = NewReview {
        workspace: name.to_owned(),
        made_at: now,
        made_by: acting.viewer.person.name.clone(),
        as_of: to_the_millisecond(as_of),
        since,
        generation,
        generation_hash: hash,
    };
    let detail = format!("generation {generation}, {} accounts", rows.len());
    let event = |number: i64| vec![acting.event("review.begun", &number.to_string(), Some(detail))];
    let number = acting.service.stores.reviews.begin(&new, rows, event).await?;
    Ok(acting.done(&format!("/reviews/{number}"), Notice::ReviewBegun))
}

/// A day of the form; `None` if it is empty.
fn day(text: Option<&str>, edge: Edge) -> Result<Option<OffsetDateTime>, ApiError> {
    let read = |text: &str| moments::read(text, edge, &Zone::UTC).map(|read| read.moment);
    match text {
        None => Ok(None),
        Some(text) => {
            read(text).map(Some).ok_or_else(|| denied::invalid("A day is written like 2026-03-01."))
        }
    }
}

/// PostgreSQL does not store nanoseconds, and the evidence bundle is made again from what is stored.
fn to_the_millisecond(moment: OffsetDateTime) -> OffsetDateTime {
    moment.replace_millisecond(moment.millisecond()).unwrap_or(moment)
}

/// Records decisions about accounts of a review.
#[utoipa::path(
    post, path = "/reviews/{id}/decide", operation_id = "decide_review", tag = "pages",
    params(
        ("id" = String, Path, description = "The number of the review."),
        ("workspace" = String, Query, description = "The name of the workspace."),
    ),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "The form fields `csrf`, and for each account `decision:` and its id (`keep`, `remove` or `ask`) and `comment:` and its id."),
    responses(
        (status = 303, description = "Redirects to the review."),
        (status = 403, description = "No session, no token of the session, or too small a role.", content_type = "text/html", body = String),
        PageRefusals,
        BodyRefusals,
    ),
)]
pub async fn decide(
    acting: Acting<ReviewAction>,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let number = number(&id)?;
    let all_keep = acting.form.text("rest") == Some("keep");
    let mut decided = Vec::new();
    for account in acting.form.names_after("account:") {
        let chosen = acting.form.word::<ReviewDecision>(&format!("decision:{account}"));
        let chosen = chosen.or(all_keep.then_some(ReviewDecision::Keep));
        if let Some(decision) = chosen {
            let comment = acting.form.text(&format!("comment:{account}")).map(str::to_owned);
            decided.push(Decided { account: account.to_owned(), decision, comment });
        }
    }
    decided.truncate(usize::try_from(limits::PAGE_REVIEW_ITEMS).unwrap_or(usize::MAX));
    let now = to_the_millisecond(acting.service.clock.now());
    let detail = format!("{} accounts", decided.len());
    let events = vec![acting.event("review.decided", &number.to_string(), Some(detail))];
    let by = &acting.viewer.person.name;
    let workspace = &*acting.viewer.workspace.name;
    let store = &acting.service.stores.reviews;
    let changed = store.decide(workspace, number, &decided, by, now, events).await?;
    answer(&acting, number, changed, Notice::ReviewSaved)
}

/// Signs a review. Each account that is to be removed becomes a request.
#[utoipa::path(
    post, path = "/reviews/{id}/sign", operation_id = "sign_review", tag = "pages",
    params(
        ("id" = String, Path, description = "The number of the review."),
        ("workspace" = String, Query, description = "The name of the workspace."),
    ),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "The form fields `csrf`, `sure` (`yes`) and `statement`."),
    responses(
        (status = 303, description = "Redirects to the review."),
        (status = 400, description = "Accounts have no decision yet.", content_type = "text/html", body = String),
        (status = 403, description = "No session, no token of the session, or too small a role.", content_type = "text/html", body = String),
        PageRefusals,
        BodyRefusals,
    ),
)]
pub async fn sign(
    acting: Acting<ReviewAction>,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let number = number(&id)?;
    if acting.form.text("sure") != Some("yes") {
        return Err(denied::invalid("Tick that you have reviewed all accounts."));
    }
    let now = to_the_millisecond(acting.service.clock.now());
    let workspace = &*acting.viewer.workspace.name;
    let by = acting.viewer.person.name.clone();
    let request_id = RequestContext::id().unwrap_or_default();
    let request = |item: &ReviewItem| {
        let decision = item.decision.as_ref()?;
        let comment = decision.comment.as_deref().unwrap_or_default();
        Some(NewRequest {
            reference: random_reference().ok()?,
            workspace: workspace.to_owned(),
            at: now,
            source: RequestSource::Ticket,
            requester: decision.by.clone(),
            request_id: request_id.clone(),
            method: "POST".to_owned(),
            operation: Operation::RemoveAccount,
            target: Some(item.account.clone()),
            entitlement: None,
            user_name: item.text("user_name").map(str::to_owned),
            comment: Some(format!("Access review {number}. {comment}").trim().to_owned()),
        })
    };
    let manifest = |review: &_, items: &[ReviewItem]| {
        Bundle::of(review, items).map(|bundle| bundle.manifest_sha256())
    };
    let signing = Signing {
        by: &by,
        statement: acting.form.text("statement").map(str::to_owned),
        at: now,
        request: &request,
        manifest: &manifest,
    };
    let events = |sha256: &str| {
        let detail = format!("manifest {sha256}");
        vec![acting.event("review.signed", &number.to_string(), Some(detail))]
    };
    let changed = acting.service.stores.reviews.sign(workspace, number, signing, events).await?;
    answer(&acting, number, changed, Notice::ReviewSigned)
}

/// Gives an open review up.
#[utoipa::path(
    post, path = "/reviews/{id}/discard", operation_id = "discard_review", tag = "pages",
    params(
        ("id" = String, Path, description = "The number of the review."),
        ("workspace" = String, Query, description = "The name of the workspace."),
    ),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "The form field `csrf`."),
    responses(
        (status = 303, description = "Redirects to the review."),
        (status = 403, description = "No session, no token of the session, or too small a role.", content_type = "text/html", body = String),
        PageRefusals,
        BodyRefusals,
    ),
)]
pub async fn discard(
    acting: Acting<ReviewAction>,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let number = number(&id)?;
    let events = vec![acting.event("review.discarded", &number.to_string(), None)];
    let workspace = &*acting.viewer.workspace.name;
    let changed = acting.service.stores.reviews.discard(workspace, number, events).await?;
    answer(&acting, number, changed, Notice::ReviewDiscarded)
}

fn answer(
    acting: &Acting<ReviewAction>,
    number: i64,
    changed: ReviewChanged,
    done: Notice,
) -> Result<HttpResponse, ApiError> {
    let path = format!("/reviews/{number}");
    match changed {
        ReviewChanged::Done => Ok(acting.done(&path, done)),
        ReviewChanged::Closed => Ok(acting.done(&path, Notice::ReviewClosedBefore)),
        ReviewChanged::Unknown => Err(denied::not_found("review")),
        ReviewChanged::Undecided => {
            Err(denied::invalid("Decide about each account before you sign the review."))
        }
    }
}

/// Downloads the evidence bundle of a signed review.
#[utoipa::path(
    get, path = "/reviews/{id}/bundle", operation_id = "review_bundle", tag = "pages",
    params(
        ("id" = String, Path, description = "The number of the review."),
        ("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session."),
    ),
    responses(
        (
            status = 200, description = "A ZIP file: the accounts with the decisions, the review, and a manifest with SHA-256. Without a session, a page explains how to sign in.",
            content((String = "application/zip"), (String = "text/html")),
        ),
        (status = 404, description = "The workspace has no such review, or it is not signed.", content_type = "text/html", body = String),
        PageRefusals,
    ),
)]
pub async fn bundle(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out(&service)));
    };
    let number = number(&id)?;
    let _turn = service.makers.console_turn().await?;
    let store = service.stores.reviews.clone();
    let workspace = Arc::clone(&viewer.workspace.name);
    let made = service.makers.page(async move {
        let found = store.get(&workspace, number).await?;
        let found = found.filter(|(review, _)| review.state == ReviewState::Signed);
        let (review, _) = found.ok_or_else(|| denied::not_found("signed review"))?;
        let all = u64::from(u32::MAX);
        let (items, _) = store.items(&workspace, number, WantedItems::All, 0, all).await?;
        review_bundle::signed(&review, &items)
    });
    let zip = made.await??;
    let name =
        format!("attachment; filename=\"access-review-{}-{number}.zip\"", viewer.workspace.name);
    Ok(HttpResponse::Ok()
        .content_type("application/zip")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_DISPOSITION, name))
        .body(zip))
}
