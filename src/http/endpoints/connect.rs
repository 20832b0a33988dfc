//! Connects a workspace by OAuth, in a browser.
//!
//! The command `connect` prints an address with a ticket. The browser that opens it gets a session
//! (a cookie) and is redirected to Intercom with a `state`; Intercom redirects it back with a code
//! and that state. Only the browser with the session can finish, once, within ten minutes. So an
//! attacker cannot make somebody else connect a workspace of the attacker's choice.

use actix_web::cookie::{Cookie, SameSite, time as cookie_time};
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use secrecy::ExposeSecret;
use serde::Deserialize;

use crate::access::{connection_purpose, hash_of_random, looks_random, random_secret};
use crate::directory::{ImportRequest, Trigger};
use crate::http::errors::{ApiError, RequestContext};
use crate::http::request::negotiation::{HTML, preferred_form};
use crate::http::state::service::Service;
use crate::import::ConnectError;
use crate::ledger::{AuditEntry, ConnectProof, SealedConnection};
use crate::scim::ScimError;

const COOKIE: &str = "bridge_connect";

/// The query of the address that `connect` prints.
#[derive(Deserialize)]
pub struct Ticket {
    ticket: Option<String>,
}

/// The query with which Intercom redirects back.
#[derive(Deserialize)]
pub struct Returned {
    code: Option<String>,
    state: Option<String>,
}

/// Begins to connect a workspace by OAuth: redirects to Intercom.
#[utoipa::path(
    get, path = "/connect/intercom", operation_id = "connect_intercom", tag = "access",
    params(("ticket" = String, Query, description = "The ticket in the URL that `intercom-scim-bridge connect` prints. It is valid once, for ten minutes.")),
    responses(
        (status = 303, description = "Redirects to Intercom, where the user authorises the app."),
        (status = 400, description = "The ticket is unknown, used or expired.", content_type = "text/html", body = String),
    ),
)]
pub async fn begin(
    request: HttpRequest,
    service: Data<Service>,
    asked: Query<Ticket>,
) -> Result<HttpResponse, ApiError> {
    // Checked first, so that a refusal does not use up the ticket.
    preferred_form(&request, &[HTML])?;
    let Some(ticket) = asked.ticket.as_deref().filter(|ticket| looks_random(ticket)) else {
        return Ok(no_ticket());
    };
    let secret = || random_secret().map_err(|_| ScimError::Internal);
    let (state, session) = (secret()?, secret()?);
    let proof = ConnectProof {
        state_hash: hash_of_random(state.expose_secret()),
        session_hash: hash_of_random(session.expose_secret()),
    };
    let taken = {
        let _turn = service.lookup().await?;
        service.ledger.take_ticket(&hash_of_random(ticket), &proof, service.clock.now()).await?
    };
    if taken.is_none() {
        service.stranger("connect", &request)?;
    }
    let workspace = taken.and_then(|name| service.workspaces.get(&name));
    let Some(workspace) = workspace else { return Ok(no_ticket()) };
    let url = service.origin.url_for(&request);
    let to = workspace
        .connector
        .authorise_url(state.expose_secret(), &format!("{url}/connect/intercom/callback"));
    let Some(to) = to else { return Ok(not_by_oauth()) };
    let cookie = Cookie::build(COOKIE, session.expose_secret().to_owned())
        .path("/connect")
        .http_only(true)
        // `Strict` would withhold the cookie when Intercom redirects the browser back.
        .same_site(SameSite::Lax)
        .secure(url.starts_with("https://"))
        .max_age(cookie_time::Duration::seconds(600))
        .finish();
    Ok(HttpResponse::SeeOther()
        .insert_header((LOCATION, to))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header(("Referrer-Policy", "no-referrer"))
        .cookie(cookie)
        .finish())
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
    returned: Query<Returned>,
) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    let (state, session) = (returned.state.as_deref(), request.cookie(COOKIE));
    let both = state.zip(session.as_ref().map(Cookie::value));
    let Some((state, session)) =
        both.filter(|(state, session)| looks_random(state) && looks_random(session))
    else {
        return Ok(not_begun());
    };
    let proof =
        ConnectProof { state_hash: hash_of_random(state), session_hash: hash_of_random(session) };
    let begun = {
        let _turn = service.lookup().await?;
        service.ledger.finish_connecting(&proof, service.clock.now()).await?
    };
    if begun.is_none() {
        service.stranger("connect", &request)?;
    }
    let Some(workspace) = begun.and_then(|name| service.workspaces.get(&name)) else {
        return Ok(not_begun());
    };
    let Some(code) = returned.code.as_deref().filter(|code| !code.is_empty()) else {
        return Ok(page(
            StatusCode::BAD_REQUEST,
            "Intercom was not asked",
            "Nobody let the app in, so nothing has changed. Run <code>intercom-scim-bridge connect</code> again to try anew.",
        ));
    };
    let (token, known) = match workspace.connector.trade(code).await {
        Ok(traded) => traded,
        Err(ConnectError::NoApp) => return Ok(not_by_oauth()),
        Err(ConnectError::Ledger(error)) => return Err(error.into()),
        Err(error) => {
            tracing::warn!(workspace = %workspace.name, error = %error, "a workspace could not be connected");
            let remedy = error.remedy().map_or_else(String::new, |remedy| format!(" {remedy}"));
            let why = format!("{} Nothing was changed.", escaped(&format!("{error}.{remedy}")));
            return Ok(page(StatusCode::BAD_GATEWAY, "The workspace is not connected", &why));
        }
    };
    let sealed = service
        .tokens
        .vault()
        .seal(&connection_purpose(&workspace.name), token.expose_secret().as_bytes());
    let now = service.clock.now();
    let connection = SealedConnection {
        workspace: workspace.name.to_string(),
        sealed: sealed.map_err(|_| ScimError::Internal)?,
        intercom_id: known.id.clone(),
        connected_at: now,
    };
    let event = AuditEntry {
        workspace: Some(workspace.name.to_string()),
        address: RequestContext::client_address(&request).map(|address| address.to_string()),
        request_id: RequestContext::with(&request, |context| context.request_id.clone()),
        target: known.id.clone(),
        ..AuditEntry::event("workspace.connected", now)
    };
    service.ledger.connect(connection, vec![event]).await?;
    if let Err(why) = workspace.connector.take(Some(&token)) {
        tracing::error!(workspace = %workspace.name, why, "the token of a connection cannot be used");
    }
    workspace.nudge.ask(ImportRequest::incremental(Trigger::Start), service.clock.running());
    let name =
        known.name.or(known.id).map_or_else(|| "a workspace".to_owned(), |name| escaped(&name));
    let what = format!(
        "The bridge reads <b>{name}</b> as its workspace <b>{}</b> from now on. You may close this page.",
        escaped(&workspace.name)
    );
    Ok(page(StatusCode::OK, "Connected", &what))
}

fn no_ticket() -> HttpResponse {
    page(
        StatusCode::BAD_REQUEST,
        "This link is no longer valid",
        "A link is valid once, for ten minutes. Run <code>intercom-scim-bridge connect</code> again for a new one.",
    )
}

fn not_begun() -> HttpResponse {
    page(
        StatusCode::BAD_REQUEST,
        "The connection cannot be completed",
        "It was begun in another browser, is complete already, or took longer than ten minutes. Run \
         <code>intercom-scim-bridge connect</code> again.",
    )
}

fn not_by_oauth() -> HttpResponse {
    page(
        StatusCode::BAD_REQUEST,
        "This workspace is not connected by OAuth",
        &escaped(&ConnectError::NoApp.to_string()),
    )
}

/// An HTML page. `title` and `what` are inserted as HTML, so they must be escaped.
fn page(status: StatusCode, title: &str, what: &str) -> HttpResponse {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>body{{font:1.1rem/1.5 system-ui;max-width:36rem;margin:4rem auto;padding:0 1rem}}</style>\
         <h1>{title}</h1><p>{what}</p></html>\n"
    );
    HttpResponse::build(status)
        .content_type(HTML)
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((
            "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ))
        .insert_header(("Referrer-Policy", "no-referrer"))
        .body(html)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
