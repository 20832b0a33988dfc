//! The console: pages for people, rendered by the server, without scripts.
//!
//! The command `login-link` prints an address that is valid once. The page there has a button, so
//! that programs that follow links do not use it up; the button starts a session. Nothing can be
//! changed on these pages except the session.
//!
//! ```text
//! viewer     the session, its workspaces, and the workspace of the page
//! session    the session cookie               html         responses with HTML
//! layout     what all pages share             sections     the navigation
//! list       filters, pages and links of lists             export       files with the rows of a list
//! times      how times are written            time_zone    the choice of a time zone
//! refusal    pages for what is refused or does not exist
//! overview   the data of the overview         overview_view  its HTML
//! view       the pages for signing in
//! people     the list of people, its export   people_view  its HTML
//! person     one person                       person_view  its HTML
//! teams      the list of teams                team         one team
//! changes    the changes                      changes_view  their HTML
//! change_filters  their filters               compare      what two days differ in
//! activity   the activity log                 activity_view  its HTML
//! identities  whose account it is             identities_view  its HTML
//! posture    the checks                       posture_view  their HTML
//! seats      the paid seats                   invited      the pending invitations
//! past       the state on a chosen day        named        the people that a filter names
//! chart      small charts                     format       how values are written
//! wording    changes in words
//! ```

pub mod activity;
mod activity_view;
mod change_filters;
pub mod changes;
mod changes_view;
mod chart;
pub mod compare;
mod export;
mod format;
mod html;
pub mod identities;
mod identities_view;
mod invited;
mod layout;
mod list;
mod named;
mod overview;
mod overview_view;
mod past;
pub mod people;
mod people_view;
pub mod person;
mod person_view;
pub mod posture;
mod posture_view;
pub mod refusal;
pub mod seats;
mod sections;
mod session;
pub mod team;
pub mod teams;
pub mod time_zone;
mod times;
mod view;
mod viewer;
mod wording;

use actix_web::cookie::time as cookie_time;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use secrecy::ExposeSecret;
use time::OffsetDateTime;

use super::errors::ApiError;
use super::extract::body::Body;
use super::request::context::RequestContext;
use super::request::negotiation::{HTML, preferred_form};
use super::request::query;
use super::state::service::Service;
use super::wire::BodyRefusals;
use crate::access::{CONSOLE, hash_of_random, looks_random, random_secret};
use crate::database::AuditEntry;
use crate::limits;
pub use html::POLICY;
use html::{PageRefusals, page, parameter};
use overview::Overview;
use session::{by_another_site, cookie, session, session_hash};
use viewer::Viewer;

/// Returns the overview of a workspace.
///
/// Without a session, the page explains how to sign in.
#[utoipa::path(
    get, path = "/", operation_id = "status_page", tag = "pages",
    params(
        ("workspace" = Option<String>, Query, description = "The name of the workspace. The default is the first one of the session."),
    ),
    responses(
        (status = 200, description = "An HTML page.", content_type = "text/html", body = String),
        PageRefusals,
    ),
)]
pub async fn home(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out()));
    };
    let _turn = service.makers.console_turn().await?;
    let overview = Overview::load(&service, &viewer).await?;
    let html = service.makers.page(async move { overview_view::overview(&viewer, &overview) });
    Ok(page(StatusCode::OK, html.await?))
}

/// Returns the sign-in page, whose button sends the one-time code.
#[utoipa::path(
    get, path = "/login", operation_id = "ask_to_log_in", tag = "pages",
    params(("link" = Option<String>, Query, description = "The one-time code in the URL that `intercom-scim-bridge login-link` prints.")),
    responses((status = 200, description = "An HTML page.", content_type = "text/html", body = String)),
)]
pub async fn ask_to_log_in(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    Ok(match parameter(&request, "link").filter(|link| looks_random(link)) {
        Some(link) => page(StatusCode::OK, view::log_in(&link)),
        None => page(StatusCode::OK, view::no_link()),
    })
}

/// Signs in with a one-time code.
#[utoipa::path(
    post, path = "/login", operation_id = "log_in", tag = "pages",
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "The form field `link`: the one-time code."),
    responses(
        (status = 303, description = "Redirects to the overview and sets the session cookie."),
        (status = 400, description = "The code is unknown, used or expired, or the request comes from another site.", content_type = "text/html", body = String),
        PageRefusals,
        BodyRefusals,
    ),
)]
pub async fn log_in(
    request: HttpRequest,
    service: Data<Service>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    let refused = || Ok(page(StatusCode::BAD_REQUEST, view::no_link()));
    let link = query::first(&body.0, "link");
    let Some(link) = link.filter(|link| looks_random(link) && !by_another_site(&request)) else {
        return refused();
    };
    let session = random_secret().map_err(|_| ApiError::Internal)?;
    let now = service.clock.now();
    let link = hash_of_random(&link);
    let hash = hash_of_random(session.expose_secret());
    let ends = now + limits::PAGE_SESSION;
    let begun = |shown: &[String]| events("page.session_begun", now, shown);
    let taken = {
        let _turn = service.lookup().await?;
        service.stores.page_sessions.take_login_link(&link, &hash, now, ends, begun).await?
    };
    if taken.is_none() {
        service.count_invalid_credential("login")?;
        return refused();
    }
    let seconds = i64::try_from(limits::PAGE_SESSION.as_secs()).unwrap_or(i64::MAX);
    let cookie = cookie(&service, session.expose_secret(), cookie_time::Duration::seconds(seconds));
    Ok(HttpResponse::SeeOther()
        .insert_header((LOCATION, "/"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .cookie(cookie)
        .finish())
}

/// Signs out.
#[utoipa::path(
    post, path = "/logout", operation_id = "log_out", tag = "pages",
    responses(
        (status = 303, description = "Redirects to the page that explains how to sign in."),
        (status = 400, description = "The request comes from another site.", content_type = "text/html", body = String),
        PageRefusals,
    ),
)]
pub async fn log_out(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    if by_another_site(&request) {
        return Ok(page(StatusCode::BAD_REQUEST, view::signed_out()));
    }
    // Writes only if there is a session: any client can send this request, and a database write
    // blocks other writers.
    if let Some(shown) = session(&request, &service).await?
        && let Some(hash) = session_hash(&request, &service)
    {
        service
            .stores
            .page_sessions
            .end(&hash, events("page.session_ended", service.clock.now(), &shown))
            .await?;
    }
    let cookie = cookie(&service, "", cookie_time::Duration::ZERO);
    Ok(HttpResponse::SeeOther().insert_header((LOCATION, "/")).cookie(cookie).finish())
}

/// Serves the style sheet.
pub async fn style(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let form = preferred_form(&request, &["text/css; charset=utf-8"])?;
    let style = include_str!("style.css");
    Ok(HttpResponse::Ok()
        .content_type(form)
        .insert_header((CACHE_CONTROL, "max-age=3600"))
        .body(style))
}

/// Serves the icon.
pub async fn icon(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let form = preferred_form(&request, &["image/svg+xml"])?;
    Ok(HttpResponse::Ok()
        .content_type(form)
        .insert_header((CACHE_CONTROL, "max-age=86400"))
        .body(include_str!("favicon.svg")))
}

/// The audit entries for the begin or the end of a session, one for each workspace.
fn events(event: &str, now: OffsetDateTime, workspaces: &[String]) -> Vec<AuditEntry> {
    let event = RequestContext::audit_entry(event, now);
    let entry = |workspace: &String| AuditEntry {
        workspace: Some(workspace.clone()),
        target: Some(CONSOLE.to_owned()),
        ..event.clone()
    };
    workspaces.iter().map(entry).collect()
}
