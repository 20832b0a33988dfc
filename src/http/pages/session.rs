//! The session cookie, and what a session shows.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time as cookie_time};

use crate::access::{AuditActor, CONSOLE, hash_of_random, looks_random};
use crate::http::errors::ApiError;
use crate::http::request::context::RequestContext;
use crate::http::state::service::Service;

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

/// The hash of the session secret in the cookie; `None` without one.
pub fn session_hash(request: &HttpRequest, service: &Service) -> Option<String> {
    let cookie = request.cookie(cookie_name(is_secure(service)))?;
    looks_random(cookie.value()).then(|| hash_of_random(cookie.value()))
}

/// Returns the workspaces that the session shows; `None` without a valid session.
pub async fn session(
    request: &HttpRequest,
    service: &Service,
) -> Result<Option<Vec<String>>, ApiError> {
    let Some(hash) = session_hash(request, service) else { return Ok(None) };
    let shown = {
        let _turn = service.lookup().await?;
        service.stores.page_sessions.find(&hash, service.clock.now()).await?
    };
    if shown.is_none() {
        service.count_invalid_credential("page")?;
    } else {
        // The start of the hash distinguishes sessions and cannot be used to log in.
        let which = hash.get(..8).unwrap_or_default();
        let actor = AuditActor::Page(format!("{CONSOLE} {which}").into());
        RequestContext::with(|context| context.actor = Some(actor));
    }
    Ok(shown)
}

/// Whether another site made the browser send the request (Fetch Metadata). For browsers without it
/// there is `SameSite`. Other hosts of the same domain count as another site.
pub fn by_another_site(request: &HttpRequest) -> bool {
    let site = request.headers().get("sec-fetch-site");
    site.is_some_and(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"))
}
