//! The console: pages for people, rendered by the server, without scripts.
//!
//! The command `login-link` prints an address that is valid once. The page there has a button, so
//! that programs that follow links do not use it up; the button starts a session. Nothing can be
//! changed on these pages except the session.
//!
//! ```text
//! viewer     the session, its workspaces, and the workspace of the page
//! layout     what all pages share
//! overview   the data of the overview         view         its HTML, and the pages for signing in
//! people     the list of people, its export   people_view  its HTML
//! person     one person                       person_view  its HTML
//! teams      the list of teams
//! chart      small charts                     format       how moments and numbers are written
//! wording    changes in words
//! ```

mod chart;
mod format;
mod layout;
mod overview;
pub mod people;
mod people_view;
pub mod person;
mod person_view;
pub mod teams;
mod view;
mod viewer;
mod wording;

use actix_web::cookie::{Cookie, SameSite, time as cookie_time};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
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
use super::wire::{BodyRefusals, Problem};
use crate::access::{Actor, STATUS_PAGE, hash_of_random, looks_random, random_secret};
use crate::database::AuditEntry;
use crate::limits;
use overview::Overview;
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
        (status = 429, description = "Too many requests from one address. `Retry-After` says when to try again.", content_type = "application/problem+json", body = Problem),
        (status = 503, description = "The database is unavailable.", content_type = "application/problem+json", body = Problem),
    ),
)]
pub async fn home(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    let Some(viewer) = Viewer::from_request(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out()));
    };
    let overview = Overview::load(&service, &viewer.workspace).await?;
    Ok(page(StatusCode::OK, view::status(&viewer, &overview)))
}

/// Returns a parameter of the query. The page ignores invalid values instead of refusing them.
fn parameter(request: &HttpRequest, name: &str) -> Option<String> {
    query::first(request.query_string().as_bytes(), name)
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
        (status = 303, description = "Redirects to the status page and sets the session cookie."),
        (status = 400, description = "The code is unknown, used or expired, or the request comes from another site.", content_type = "text/html", body = String),
        (status = 429, description = "Too many requests from one address. `Retry-After` says when to try again.", content_type = "application/problem+json", body = Problem),
        (status = 503, description = "The database is unavailable.", content_type = "application/problem+json", body = Problem),
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
        service.stranger("login")?;
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
        (status = 429, description = "Too many requests from one address. `Retry-After` says when to try again.", content_type = "application/problem+json", body = Problem),
        (status = 503, description = "The database is unavailable.", content_type = "application/problem+json", body = Problem),
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

/// The audit entries for the begin or the end of a session, one for each workspace.
fn events(event: &str, now: OffsetDateTime, workspaces: &[String]) -> Vec<AuditEntry> {
    let event = RequestContext::audit_entry(event, now);
    let entry = |workspace: &String| AuditEntry {
        workspace: Some(workspace.clone()),
        target: Some(STATUS_PAGE.to_owned()),
        ..event.clone()
    };
    workspaces.iter().map(entry).collect()
}

/// The name of the cookie. With TLS it has a prefix that stops other hosts of the domain from
/// setting it (RFC 6265bis).
fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-bridge_session" } else { "bridge_session" }
}

fn is_secure(service: &Service) -> bool {
    service.origin.url().starts_with("https://")
}

fn cookie(service: &Service, value: &str, age: cookie_time::Duration) -> Cookie<'static> {
    let secure = is_secure(service);
    Cookie::build(cookie_name(secure), value.to_owned())
        .path("/")
        .http_only(true)
        // The browser does not send it on navigation from another site.
        .same_site(SameSite::Strict)
        .secure(secure)
        .max_age(age)
        .finish()
}

fn session_hash(request: &HttpRequest, service: &Service) -> Option<String> {
    let cookie = request.cookie(cookie_name(is_secure(service)))?;
    looks_random(cookie.value()).then(|| hash_of_random(cookie.value()))
}

/// Returns the workspaces that the session shows; `None` without a valid session.
async fn session(
    request: &HttpRequest,
    service: &Service,
) -> Result<Option<Vec<String>>, ApiError> {
    let Some(hash) = session_hash(request, service) else { return Ok(None) };
    let shown = {
        let _turn = service.lookup().await?;
        service.stores.page_sessions.find(&hash, service.clock.now()).await?
    };
    if shown.is_none() {
        service.stranger("page")?;
    } else {
        // The start of the hash distinguishes sessions and cannot be used to log in.
        let which = hash.get(..8).unwrap_or_default();
        let actor = Actor::Page(format!("{STATUS_PAGE} {which}").into());
        RequestContext::with(|context| context.actor = Some(actor));
    }
    Ok(shown)
}

/// Whether another site made the browser send the request (Fetch Metadata). For browsers without it
/// there is `SameSite`. Other hosts of the same domain count as another site.
fn by_another_site(request: &HttpRequest) -> bool {
    let site = request.headers().get("sec-fetch-site");
    site.is_some_and(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"))
}

fn page(status: StatusCode, html: String) -> HttpResponse {
    let policy = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    HttpResponse::build(status)
        .content_type(HTML)
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_SECURITY_POLICY, policy))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(html)
}
