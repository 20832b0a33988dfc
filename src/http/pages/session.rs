//! The session cookie, and what a session shows.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time as cookie_time};
use actix_web::http::header::ORIGIN;
use secrecy::ExposeSecret;
use time::OffsetDateTime;

use crate::access::{
    AuditActor, CONSOLE, derived_secret, hash_of_random, looks_random, random_secret,
};
use crate::console::SignedIn;
use crate::database::AuditEntry;
use crate::http::errors::ApiError;
use crate::http::request::context::RequestContext;
use crate::http::state::service::Service;
use crate::limits;

/// The name of the cookie. With TLS it has a prefix that stops other hosts of the domain from
/// setting it (RFC 6265bis).
fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-bridge_session" } else { "bridge_session" }
}

/// Whether browsers reach the bridge by HTTPS.
pub fn is_secure(service: &Service) -> bool {
    service.origin.url().starts_with("https://")
}

/// The session cookie. An `age` of zero deletes it.
pub fn cookie(service: &Service, value: &str, age: cookie_time::Duration) -> Cookie<'static> {
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

/// A valid session.
pub struct Session {
    /// The person.
    pub person: SignedIn,
    /// The hash of the session's secret, under which it is stored.
    pub hash: String,
    /// The token that every form of the session carries. It does not reveal the session's secret.
    pub csrf: String,
}

impl Session {
    /// The unique name of the session in the audit trail. The start of the hash distinguishes
    /// sessions and cannot be used to sign in.
    pub fn name(&self) -> String {
        session_name(&self.hash, &self.person)
    }
}

/// Begins a session of a person who signed in without a link, and returns its cookie. `subject` is
/// for the audit trail.
///
/// # Errors
/// `ApiError` if the database is unavailable.
pub async fn begin(
    service: &Service,
    person: &SignedIn,
    subject: &str,
) -> Result<Cookie<'static>, ApiError> {
    let secret = random_secret().map_err(|_| ApiError::Internal)?;
    let hash = hash_of_random(secret.expose_secret());
    let now = service.clock.now();
    let mut entries = events("page.session_begun", now, person, &hash);
    for entry in &mut entries {
        entry.detail = entry.detail.take().map(|detail| format!("{detail}, {subject}"));
    }
    let ends = now + limits::PAGE_SESSION;
    service.stores.page_sessions.begin(&hash, person, ends, entries).await?;
    Ok(new_cookie(service, secret.expose_secret()))
}

/// The cookie of a new session.
pub fn new_cookie(service: &Service, secret: &str) -> Cookie<'static> {
    let seconds = i64::try_from(limits::PAGE_SESSION.as_secs()).unwrap_or(i64::MAX);
    cookie(service, secret, cookie_time::Duration::seconds(seconds))
}

/// The audit entries for the begin or the end of a session, one for each workspace.
pub fn events(event: &str, now: OffsetDateTime, person: &SignedIn, hash: &str) -> Vec<AuditEntry> {
    let event = AuditEntry {
        actor: Some(person.name.clone()),
        identity: Some(session_name(hash, person)),
        detail: Some(format!("role {}", person.role)),
        ..RequestContext::audit_entry(event, now)
    };
    let entry = |workspace: &String| AuditEntry {
        workspace: Some(workspace.clone()),
        target: Some(CONSOLE.to_owned()),
        ..event.clone()
    };
    person.workspaces.iter().map(entry).collect()
}

/// The unique name of a session in the audit trail.
pub fn session_name(hash: &str, person: &SignedIn) -> String {
    format!("console session {} by {}", hash.get(..8).unwrap_or_default(), person.method)
}

/// Returns the session of a request; `None` without a valid one.
pub async fn session(
    request: &HttpRequest,
    service: &Service,
) -> Result<Option<Session>, ApiError> {
    let Some(cookie) = request.cookie(cookie_name(is_secure(service))) else { return Ok(None) };
    let secret = cookie.value();
    if !looks_random(secret) {
        return Ok(None);
    }
    let hash = hash_of_random(secret);
    let person = {
        let _turn = service.lookup().await?;
        service.stores.page_sessions.find(&hash, service.clock.now()).await?
    };
    let Some(person) = person else {
        service.count_invalid_credential("page")?;
        return Ok(None);
    };
    let session = Session { person, csrf: derived_secret(secret, CSRF_PURPOSE), hash };
    let actor = AuditActor::Page {
        name: session.person.name.as_str().into(),
        session: session.name().into(),
    };
    RequestContext::with(|context| context.actor = Some(actor));
    Ok(Some(session))
}

/// The purpose of the token in forms.
const CSRF_PURPOSE: &str = "csrf";

/// Whether another site made the browser send the request. Other hosts of the same domain count as
/// another site.
///
/// Fetch Metadata says so where the browser has it. Older browsers send `Origin`, which is `null`
/// for forms of these pages, since they send no referrer. Beside this there is `SameSite` and the
/// token in the form.
pub fn by_another_site(request: &HttpRequest, service: &Service) -> bool {
    if let Some(site) = request.headers().get("sec-fetch-site") {
        return !matches!(site.as_bytes(), b"same-origin" | b"none");
    }
    let Some(origin) = request.headers().get(ORIGIN) else { return false };
    let origin = origin.as_bytes();
    origin != b"null" && origin != service.origin.url().as_bytes()
}
