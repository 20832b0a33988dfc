//! The status page, for people: drawn by the server, without a script.
//!
//! `login-link` prints an address that is good once. It shows a button, so that a program that looks at links uses nothing
//! up; the button makes a session of it. Pages only show; nothing is changed here but the session.
//!
//! ```text
//! overview   what is told        view   what it looks like        chart   small charts
//! ```

mod chart;
mod overview;
mod view;

use actix_web::cookie::{Cookie, SameSite, time as cookie_time};
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY};
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::body::Body;
use super::errors::{ApiError, Facts};
use super::service::Service;
use crate::access::{hash_of_random, looks_random, random_secret};
use crate::ledger::AuditEntry;
use crate::limits;
use crate::scim::ScimError;
use overview::Overview;

const COOKIE: &str = "bridge_session";

/// The query of a link, and the body of its form.
#[derive(Deserialize)]
pub struct Link {
    link: Option<String>,
}

/// What of the page is to be shown.
#[derive(Deserialize)]
pub struct Asked {
    workspace: Option<String>,
    q: Option<String>,
    offset: Option<usize>,
}

/// Shows the status page to those with a session, and to others how to get one.
#[utoipa::path(
    get, path = "/", operation_id = "status_page", tag = "pages",
    params(
        ("workspace" = Option<String>, Query, description = "Which workspace; the first that the session shows"),
        ("q" = Option<String>, Query, description = "Only teammates in whose name, address, teams or role this is"),
        ("offset" = Option<u32>, Query, description = "How many of them to leave out"),
    ),
    responses(
        (status = 200, description = "A page", content_type = "text/html", body = String),
        (status = 503, description = "The database cannot be reached", content_type = "application/problem+json", body = super::openapi::Problem),
    ),
)]
pub async fn home(request: HttpRequest, service: Data<Service>, asked: Query<Asked>) -> Result<HttpResponse, ApiError> {
    let Some(shown) = session(&request, &service).await? else {
        return Ok(page(StatusCode::OK, view::signed_out()));
    };
    let name = asked.workspace.as_ref().filter(|name| shown.contains(name)).or(shown.first());
    let Some(workspace) = name.and_then(|name| service.workspaces.get(name)) else {
        return Ok(page(StatusCode::OK, view::signed_out()));
    };
    let search: String = asked.q.as_deref().unwrap_or_default().chars().take(limits::ID_BYTES).collect();
    let offset = asked.offset.unwrap_or(0);
    let overview = Overview::of(&service, workspace, shown.clone(), (&search, offset)).await?;
    Ok(page(StatusCode::OK, view::status(&overview)))
}

/// Shows the button that takes a link.
#[utoipa::path(
    get, path = "/login", operation_id = "ask_to_log_in", tag = "pages",
    params(("link" = Option<String>, Query, description = "From the address that `intercom-scim-bridge login-link` prints")),
    responses((status = 200, description = "A page", content_type = "text/html", body = String)),
)]
pub async fn ask_to_log_in(asked: Query<Link>) -> HttpResponse {
    match asked.link.as_deref().filter(|link| looks_random(link)) {
        Some(link) => page(StatusCode::OK, view::log_in(link)),
        None => page(StatusCode::OK, view::no_link()),
    }
}

/// Takes a link, once: makes a session of it.
#[utoipa::path(
    post, path = "/login", operation_id = "log_in", tag = "pages",
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "`link`"),
    responses(
        (status = 303, description = "To the status page, with a session"),
        (status = 400, description = "The link is unknown, was taken, or is too old; or another site asks", content_type = "text/html", body = String),
        (status = 408, description = "The body did not come in time", content_type = "application/problem+json", body = super::openapi::Problem),
        (status = 413, description = "The body is too large", content_type = "application/problem+json", body = super::openapi::Problem),
        (status = 429, description = "Too many of one address", content_type = "application/problem+json", body = super::openapi::Problem),
        (status = 503, description = "The database cannot be reached", content_type = "application/problem+json", body = super::openapi::Problem),
    ),
)]
pub async fn log_in(request: HttpRequest, service: Data<Service>, body: Body) -> Result<HttpResponse, ApiError> {
    let refused = || Ok(page(StatusCode::BAD_REQUEST, view::no_link()));
    let form = serde_urlencoded::from_bytes::<Link>(&body.0).ok().and_then(|form| form.link);
    let Some(link) = form.filter(|link| looks_random(link) && !by_another_site(&request)) else { return refused() };
    service.stranger("login", &request)?;
    let session = random_secret().map_err(|_| ScimError::Internal)?;
    let now = service.clock.now();
    let address = Facts::of(&request, |facts| facts.came.from).flatten().map(|address| address.to_string());
    let request_id = Facts::of(&request, |facts| facts.request_id.clone());
    let events = |workspaces: &[String]| {
        let entry = |workspace: &String| AuditEntry {
            workspace: Some(workspace.clone()),
            address: address.clone(),
            request_id: request_id.clone(),
            target: Some("status page".to_owned()),
            ..AuditEntry::event("page.session_begun", now)
        };
        workspaces.iter().map(entry).collect()
    };
    let (link, hash) = (hash_of_random(&link), hash_of_random(session.expose_secret()));
    let times = (now, now + limits::PAGE_SESSION);
    if service.ledger.take_login_link(&link, &hash, times, events).await?.is_none() {
        return refused();
    }
    let seconds = i64::try_from(limits::PAGE_SESSION.as_secs()).unwrap_or(i64::MAX);
    let cookie = cookie(&request, &service, session.expose_secret(), cookie_time::Duration::seconds(seconds));
    Ok(HttpResponse::SeeOther()
        .insert_header((LOCATION, "/"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .cookie(cookie)
        .finish())
}

/// Ends the session.
#[utoipa::path(
    post, path = "/logout", operation_id = "log_out", tag = "pages",
    responses(
        (status = 303, description = "To the page that says how to sign in"),
        (status = 400, description = "Another site asks", content_type = "text/html", body = String),
        (status = 503, description = "The database cannot be reached", content_type = "application/problem+json", body = super::openapi::Problem),
    ),
)]
pub async fn log_out(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, ApiError> {
    if by_another_site(&request) {
        return Ok(page(StatusCode::BAD_REQUEST, view::signed_out()));
    }
    if let Some(hash) = session_hash(&request) {
        service.ledger.end_session(&hash).await?;
    }
    let cookie = cookie(&request, &service, "", cookie_time::Duration::ZERO);
    Ok(HttpResponse::SeeOther().insert_header((LOCATION, "/")).cookie(cookie).finish())
}

/// What the page looks like.
pub async fn style() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/css; charset=utf-8")
        .insert_header((CACHE_CONTROL, "max-age=3600"))
        .body(include_str!("style.css"))
}

fn cookie(request: &HttpRequest, service: &Service, value: &str, age: cookie_time::Duration) -> Cookie<'static> {
    Cookie::build(COOKIE, value.to_owned())
        .path("/")
        .http_only(true)
        // It is never sent along when another site leads here.
        .same_site(SameSite::Strict)
        .secure(service.origin.url_for(request).starts_with("https://"))
        .max_age(age)
        .finish()
}

fn session_hash(request: &HttpRequest) -> Option<String> {
    request.cookie(COOKIE).filter(|cookie| looks_random(cookie.value())).map(|cookie| hash_of_random(cookie.value()))
}

/// The workspaces that the session shows, if there is one.
async fn session(request: &HttpRequest, service: &Service) -> Result<Option<Vec<String>>, ApiError> {
    match session_hash(request) {
        Some(hash) => {
            service.stranger("page", request)?;
            Ok(service.ledger.session(&hash, service.clock.now()).await?)
        }
        None => Ok(None),
    }
}

/// Whether a page of somebody else's has the browser ask (Fetch Metadata; browsers that do not tell have `SameSite`).
fn by_another_site(request: &HttpRequest) -> bool {
    request.headers().get("sec-fetch-site").is_some_and(|site| site.as_bytes() == b"cross-site")
}

fn page(status: StatusCode, html: String) -> HttpResponse {
    let policy = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_SECURITY_POLICY, policy))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .body(html)
}
