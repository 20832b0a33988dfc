//! Connects a workspace by OAuth, in a browser.
//!
//! The command `connect` prints an address with a ticket. The browser that opens it gets a session
//! (a cookie) and is redirected to Intercom with a `state`; Intercom redirects it back with a code
//! and that state. Only the browser with the session can finish, once, within ten minutes. So an
//! attacker cannot make another person connect a workspace of the attacker's choice.

use std::sync::Arc;

use actix_web::cookie::{Cookie, SameSite, time as cookie_time};
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use maud::{DOCTYPE, Markup, html};
use secrecy::{ExposeSecret, SecretString};

use crate::access::{connection_purpose, hash_of_random, looks_random, random_secret};
use crate::database::AuditEntry;
use crate::directory::{self, ImportRequest, Trigger};
use crate::http::errors::ApiError;
use crate::http::request::context::RequestContext;
use crate::http::request::negotiation::{HTML, preferred_form};
use crate::http::request::query;
use crate::http::state::service::Service;
use crate::import::ConnectError;
use crate::runtime::WorkspaceHandle;
use crate::stores::{ConnectProof, SealedConnection};

const COOKIE: &str = "bridge_connect";

/// Begins to connect a workspace by OAuth: redirects to Intercom.
#[utoipa::path(
    get, path = "/connect/intercom", operation_id = "connect_intercom", tag = "access",
    params(("ticket" = String, Query, description = "The ticket in the URL that `intercom-scim-bridge connect` prints. It is valid once, for ten minutes.")),
    responses(
        (status = 303, description = "Redirects to Intercom, where the user authorises the app."),
        (status = 400, description = "The ticket is unknown, used or expired.", content_type = "text/html", body = String),
    ),
)]
pub async fn begin(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, ApiError> {
    // Checked first, so that a refusal does not use up the ticket.
    preferred_form(&request, &[HTML])?;
    let query = request.query_string().as_bytes();
    let Some(ticket) = query::only(query, "ticket").filter(|ticket| looks_random(ticket)) else {
        return Ok(invalid_ticket());
    };
    let state = random_secret().map_err(|_| ApiError::Internal)?;
    let session = random_secret().map_err(|_| ApiError::Internal)?;
    let proof = ConnectProof {
        state_hash: hash_of_random(state.expose_secret()),
        session_hash: hash_of_random(session.expose_secret()),
    };
    let taken = {
        let _turn = service.lookup().await?;
        service
            .stores
            .connections
            .take_ticket(&hash_of_random(&ticket), &proof, service.clock.now())
            .await?
    };
    if taken.is_none() {
        service.count_invalid_credential("connect")?;
    }
    let workspace = taken.and_then(|name| service.workspaces.get(&name));
    let Some(workspace) = workspace else { return Ok(invalid_ticket()) };
    let url = service.origin.url();
    let to = workspace
        .connector
        .authorise_url(state.expose_secret(), &format!("{url}/connect/intercom/callback"));
    let Some(to) = to else { return Ok(not_by_oauth()) };
    Ok(HttpResponse::SeeOther()
        .insert_header((LOCATION, to))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .cookie(session_cookie(&session, url.starts_with("https://")))
        .finish())
}

/// The cookie that identifies the browser until it comes back from Intercom.
fn session_cookie(session: &SecretString, is_secure: bool) -> Cookie<'static> {
    Cookie::build(COOKIE, session.expose_secret().to_owned())
        .path("/connect")
        .http_only(true)
        // `Strict` would withhold the cookie when Intercom redirects the browser back.
        .same_site(SameSite::Lax)
        .secure(is_secure)
        .max_age(cookie_time::Duration::seconds(600))
        .finish()
}

/// Completes the connection: exchanges the authorization code for a token.
///
/// The bridge stores the token encrypted.
#[utoipa::path(
    get, path = "/connect/intercom/callback", operation_id = "connect_intercom_callback", tag = "access",
    params(
        ("code" = Option<String>, Query, description = "The authorization code from Intercom (RFC 6749 §4.1.2)."),
        ("state" = Option<String>, Query, description = "The state that the bridge sent to Intercom (RFC 6749 §4.1.2)."),
    ),
    responses(
        (status = 200, description = "The workspace is connected.", content_type = "text/html", body = String),
        (status = 400, description = "The connection was begun in another browser, is complete already, or has expired.", content_type = "text/html", body = String),
        (status = 502, description = "Intercom returned no token.", content_type = "text/html", body = String),
    ),
)]
pub async fn callback(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    let Some(workspace) = begun_by(&request, &service).await? else { return Ok(not_begun()) };
    let code = query::only(request.query_string().as_bytes(), "code");
    let Some(code) = code.filter(|code| !code.is_empty()) else { return Ok(denied()) };
    let (token, intercom) = match workspace.connector.trade(&code).await {
        Ok(traded) => traded,
        Err(ConnectError::NoApp) => return Ok(not_by_oauth()),
        Err(ConnectError::Ledger(error)) => return Err(error.into()),
        Err(error) => {
            tracing::warn!(
                workspace = %workspace.name, error = %error, "a workspace could not be connected"
            );
            return Ok(no_token(&error));
        }
    };
    keep(&service, workspace, &token, &intercom).await?;
    workspace.nudge.ask(ImportRequest::incremental(Trigger::Start), service.clock.running());
    let name = intercom.name.or(intercom.id);
    let name = name.as_deref().unwrap_or("a workspace");
    Ok(page(
        StatusCode::OK,
        "Connected",
        &html! {
            "The bridge now reads " b { (name) } " as its workspace " b { (workspace.name) }
            ". You may close this page."
        },
    ))
}

/// Returns the workspace that this browser began to connect, once; `None` if there is none.
async fn begun_by<'s>(
    request: &HttpRequest,
    service: &'s Service,
) -> Result<Option<&'s Arc<WorkspaceHandle>>, ApiError> {
    let state = query::only(request.query_string().as_bytes(), "state");
    let session = request.cookie(COOKIE).map(|cookie| cookie.value().to_owned());
    let Some((state, session)) =
        state.zip(session).filter(|(state, session)| looks_random(state) && looks_random(session))
    else {
        return Ok(None);
    };
    let proof =
        ConnectProof { state_hash: hash_of_random(&state), session_hash: hash_of_random(&session) };
    let begun = {
        let _turn = service.lookup().await?;
        service.stores.connections.finish(&proof, service.clock.now()).await?
    };
    if begun.is_none() {
        service.count_invalid_credential("connect")?;
    }
    Ok(begun.and_then(|name| service.workspaces.get(&name)))
}

/// Stores the token, sealed, and gives it to the importer.
async fn keep(
    service: &Service,
    workspace: &WorkspaceHandle,
    token: &SecretString,
    intercom: &directory::Workspace,
) -> Result<(), ApiError> {
    let purpose = connection_purpose(&workspace.name);
    let sealed = service.tokens.vault().seal(&purpose, token.expose_secret().as_bytes());
    let now = service.clock.now();
    let connection = SealedConnection {
        workspace: workspace.name.to_string(),
        sealed: sealed.map_err(|_| ApiError::Internal)?,
        intercom_id: intercom.id.clone(),
        connected_at: now,
    };
    let event = AuditEntry {
        workspace: Some(workspace.name.to_string()),
        target: intercom.id.clone(),
        ..RequestContext::audit_entry("workspace.connected", now)
    };
    service.stores.connections.connect(connection, vec![event]).await?;
    if let Err(why) = workspace.connector.take(Some(token)) {
        tracing::error!(
            workspace = %workspace.name, why, "the token of a connection cannot be used"
        );
    }
    Ok(())
}

fn invalid_ticket() -> HttpResponse {
    page(
        StatusCode::BAD_REQUEST,
        "This link is no longer valid",
        &html! {
            "A link is valid once, for ten minutes. For a new one, run "
            code { "intercom-scim-bridge connect" } "."
        },
    )
}

fn not_begun() -> HttpResponse {
    page(
        StatusCode::BAD_REQUEST,
        "The connection cannot be completed",
        &html! {
            "It was not started in this browser, is complete already, or took longer than ten \
             minutes. To start again, run " code { "intercom-scim-bridge connect" } "."
        },
    )
}

fn denied() -> HttpResponse {
    page(
        StatusCode::BAD_REQUEST,
        "The workspace is not connected",
        &html! {
            "Intercom sent no authorization code: the app was not authorised. Nothing was changed. \
             To start again, run " code { "intercom-scim-bridge connect" } "."
        },
    )
}

fn no_token(error: &ConnectError) -> HttpResponse {
    page(
        StatusCode::BAD_GATEWAY,
        "The workspace is not connected",
        &html! { (error) "." @if let Some(remedy) = error.remedy() { " " (remedy) } " Nothing was changed." },
    )
}

fn not_by_oauth() -> HttpResponse {
    page(
        StatusCode::BAD_REQUEST,
        "This workspace is not connected by OAuth",
        &html! { (ConnectError::NoApp) },
    )
}

const STYLE: &str =
    "body{font:1.1rem/1.5 system-ui;max-width:36rem;margin:4rem auto;padding:0 1rem}";

/// An HTML page with one paragraph.
fn page(status: StatusCode, title: &str, paragraph: &Markup) -> HttpResponse {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (title) }
                style { (STYLE) }
            }
            body { h1 { (title) } p { (paragraph) } }
        }
    };
    HttpResponse::build(status)
        .content_type(HTML)
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .body(page.into_string())
}
