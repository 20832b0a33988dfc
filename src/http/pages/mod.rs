//! The console: pages for people, rendered by the server, without scripts.
//!
//! The command `login-link` prints an address that is valid once. The page there has a button, so
//! that programs that follow links do not use it up; the button starts a session. A session has a
//! name and a role. Everything that changes something goes through the guard in `acting`.
//!
//! ```text
//! viewer     the session, its workspaces, and the workspace of the page
//! open_id    sign-in by an identity provider
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
//! teams      the list of teams
//! requests   requests for changes                requests_view  its HTML
//! imports    the history of imports              held       a held import, and what it would remove
//! reviews    access reviews                      review_view  their HTML
//! review_bundle  the evidence bundle of a signed review
//! clients    OAuth clients and tokens            audit        the audit trail
//! decisions  decisions about accounts: their forms, and what the forms do
//! acting     the guard of changes             form         forms that change something
//! denied     the pages of refused changes
//! chart      small charts                     format       how values are written
//! wording    changes in words
//! ```

mod acting;
pub mod activity;
mod activity_view;
pub mod audit;
mod change_filters;
pub mod changes;
mod changes_view;
mod chart;
pub mod clients;
pub mod compare;
pub mod decisions;
mod denied;
mod export;
mod form;
mod format;
mod held;
mod html;
pub mod identities;
mod identities_view;
pub mod imports;
mod invited;
mod layout;
mod list;
mod named;
pub mod open_id;
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
pub mod requests;
mod requests_view;
mod review_bundle;
mod review_view;
pub mod reviews;
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

use super::errors::ApiError;
use super::extract::body::Body;
use super::request::negotiation::{HTML, preferred_form};
use super::request::query;
use super::state::service::Service;
use super::wire::BodyRefusals;
use crate::access::{hash_of_random, is_same_secret, looks_random, random_secret};
use crate::console::SignedIn;
use crate::limits;
use form::{CSRF, FormData};
pub use html::POLICY;
pub use html::page as refused_page;
use html::{PageRefusals, page, parameter};
use overview::Overview;
use session::{by_another_site, cookie, events, new_cookie, session};
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
        return Ok(page(StatusCode::OK, view::signed_out(&service)));
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
    let Some(link) = link.filter(|link| looks_random(link) && !by_another_site(&request, &service))
    else {
        return refused();
    };
    let session = random_secret().map_err(|_| ApiError::Internal)?;
    let now = service.clock.now();
    let link = hash_of_random(&link);
    let hash = hash_of_random(session.expose_secret());
    let ends = now + limits::PAGE_SESSION;
    let begun = |person: &SignedIn| events("page.session_begun", now, person, &hash);
    let taken = {
        let _turn = service.lookup().await?;
        service.stores.page_sessions.take_login_link(&link, &hash, now, ends, begun).await?
    };
    if taken.is_none() {
        service.count_invalid_credential("login")?;
        return refused();
    }
    let cookie = new_cookie(&service, session.expose_secret());
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
        (status = 403, description = "The request comes from another site, or the form has no valid token.", content_type = "text/html", body = String),
        PageRefusals,
        BodyRefusals,
    ),
)]
pub async fn log_out(
    request: HttpRequest,
    service: Data<Service>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    if by_another_site(&request, &service) {
        return Err(denied::another_site());
    }
    // Writes only if there is a session: any client can send this request, and a database write
    // blocks other writers.
    if let Some(session) = session(&request, &service).await? {
        let token = FormData::parse(&body.0);
        if !token.text(CSRF).is_some_and(|token| is_same_secret(token, &session.csrf)) {
            return Err(denied::wrong_token());
        }
        let now = service.clock.now();
        let ended = events("page.session_ended", now, &session.person, &session.hash);
        service.stores.page_sessions.end(&session.hash, ended).await?;
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
