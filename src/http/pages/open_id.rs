//! Signing in to the console by the company's identity provider (OpenID Connect).
//!
//! `/oidc/start` sends the browser to the provider, with a secret of this sign-in in a cookie.
//! `/oidc/callback` takes the provider's answer, once, and only from the browser that has the
//! cookie.

use actix_web::cookie::{Cookie, SameSite, time as cookie_time};
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use maud::html;
use secrecy::ExposeSecret;

use super::html::{PageRefusals, page, parameter};
use super::layout::plain_page;
use super::session::{begin, is_secure};
use crate::access::{OpenId, SignInError, hash_of_random, looks_random, random_secret};
use crate::http::errors::ApiError;
use crate::http::request::negotiation::{HTML, preferred_form};
use crate::http::state::service::Service;
use crate::http::wire::Problem;
use crate::limits;

/// The path of the redirect address at the provider.
const CALLBACK: &str = "/oidc/callback";

/// The longest code or state that is read.
const LONGEST: usize = 4_096;

/// The name of the cookie with the secret of the sign-in.
fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-bridge_sign_in" } else { "bridge_sign_in" }
}

/// The cookie of a sign-in. An `age` of zero deletes it.
fn cookie(service: &Service, value: &str, age: cookie_time::Duration) -> Cookie<'static> {
    let secure = is_secure(service);
    Cookie::build(cookie_name(secure), value.to_owned())
        .path("/")
        .http_only(true)
        // The provider's redirect is a navigation from another site, on which the browser sends
        // no cookie that is strict.
        .same_site(SameSite::Lax)
        .secure(secure)
        .max_age(age)
        .finish()
}

fn redirect_uri(service: &Service) -> String {
    format!("{}{CALLBACK}", service.origin.url())
}

/// Begins to sign in: sends the browser to the company's identity provider.
#[utoipa::path(
    get, path = "/oidc/start", operation_id = "begin_sign_in", tag = "pages",
    responses(
        (status = 303, description = "Redirects to the identity provider."),
        (status = 404, description = "No identity provider is configured. Browsers get a page.", content_type = "application/problem+json", body = Problem),
        (status = 503, description = "The identity provider cannot be reached.", content_type = "text/html", body = String),
        PageRefusals,
    ),
)]
pub async fn start(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    let open_id = configured(&service)?;
    // Anyone can begin to sign in, and each time is a row in the database.
    service.count_invalid_credential("sign-in")?;
    let secret = random_secret().map_err(|_| ApiError::Internal)?;
    let secret = secret.expose_secret();
    let url = match open_id.authorization_url(secret, &redirect_uri(&service)).await {
        Ok(url) => url,
        Err(error) => return Ok(failed(error)),
    };
    let ends = service.clock.now() + limits::SIGN_IN_ATTEMPT;
    {
        let _turn = service.lookup().await?;
        service.stores.page_sessions.begin_sign_in(&hash_of_random(secret), ends).await?;
    }
    let age = i64::try_from(limits::SIGN_IN_ATTEMPT.as_secs()).unwrap_or_default();
    Ok(HttpResponse::SeeOther()
        .insert_header((LOCATION, url.to_string()))
        .insert_header((CACHE_CONTROL, "no-store"))
        .cookie(cookie(&service, secret, cookie_time::Duration::seconds(age)))
        .finish())
}

/// Finishes signing in: takes the answer of the identity provider, and begins a session.
#[utoipa::path(
    get, path = "/oidc/callback", operation_id = "finish_sign_in", tag = "pages",
    params(
        ("code" = Option<String>, Query, description = "The code of the identity provider."),
        ("state" = Option<String>, Query, description = "The state of the sign-in."),
        ("iss" = Option<String>, Query, description = "The issuer (RFC 9207)."),
        ("error" = Option<String>, Query, description = "The error of the identity provider."),
    ),
    responses(
        (status = 200, description = "The person is signed in. The page leads to the overview.", content_type = "text/html", body = String),
        (status = 400, description = "The sign-in is unknown, was finished before or has expired.", content_type = "text/html", body = String),
        (status = 403, description = "The person may not use the console, or the provider's answer is not valid.", content_type = "text/html", body = String),
        (status = 404, description = "No identity provider is configured. Browsers get a page.", content_type = "application/problem+json", body = Problem),
        PageRefusals,
    ),
)]
pub async fn callback(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[HTML])?;
    let open_id = configured(&service)?;
    let Some(secret) = own_secret(&request, &service) else {
        return unknown(&service);
    };
    let taken = {
        let _turn = service.lookup().await?;
        let now = service.clock.now();
        service.stores.page_sessions.take_sign_in(&hash_of_random(&secret), now).await?
    };
    if !taken {
        return unknown(&service);
    }
    let text = |name: &str| parameter(&request, name).filter(|text| text.len() <= LONGEST);
    if text("error").is_some() {
        return Ok(refused_there(&service));
    }
    if text("iss").is_some_and(|issuer| !open_id.is_issuer(&issuer)) {
        return Ok(failed(SignInError::Token("it is from another issuer")));
    }
    let Some(code) = text("code") else { return unknown(&service) };
    let signed_in = match open_id.sign_in(&secret, &code, &redirect_uri(&service)).await {
        Ok(signed_in) => signed_in,
        Err(error) => {
            service.count_invalid_credential("sign-in")?;
            tracing::info!(reason = %error, "a sign-in to the console was refused");
            return Ok(failed(error));
        }
    };
    let subject = format!("subject {}", signed_in.subject);
    let session = begin(&service, &signed_in.person, &subject).await?;
    let mut answer = page(StatusCode::OK, welcome(&signed_in.person.name));
    for cookie in [session, cookie(&service, "", cookie_time::Duration::ZERO)] {
        answer.add_cookie(&cookie).map_err(|_| ApiError::Internal)?;
    }
    Ok(answer)
}

fn configured(service: &Service) -> Result<&OpenId, ApiError> {
    let not_found = || ApiError::NotFound { what: "this path".to_owned() };
    service.open_id.as_deref().ok_or_else(not_found)
}

/// The secret of the sign-in to which the `state` belongs, from the cookie of the browser.
fn own_secret(request: &HttpRequest, service: &Service) -> Option<String> {
    let cookie = request.cookie(cookie_name(is_secure(service)))?;
    let secret = cookie.value().to_owned();
    let state = parameter(request, "state")?;
    (looks_random(&secret) && OpenId::is_state(&secret, &state)).then_some(secret)
}

/// The page after signing in. The browser sends the session's cookie only on navigation from a page
/// of the bridge, so this page leads on; a redirect from the provider would still come from there.
fn welcome(name: &str) -> String {
    html! {
        (maud::DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="refresh" content="0; url=/";
                title { "Signed in" }
                link rel="stylesheet" href="/status.css";
            }
            body {
                main id="content" class="plain" {
                    h1 { "Signed in" }
                    p { "You are signed in as " bdi { (name) } "." }
                    p { a href="/" { "Open the console" } }
                }
            }
        }
    }
    .into_string()
}

/// The page for an answer that belongs to no sign-in of this browser.
fn unknown(service: &Service) -> Result<HttpResponse, ApiError> {
    service.count_invalid_credential("sign-in")?;
    Ok(page(
        StatusCode::BAD_REQUEST,
        sorry(
            "This sign-in is not valid any more",
            "A sign-in must be finished within ten minutes, once, and in the browser that began it.",
        ),
    ))
}

/// The page for a refusal by the provider, such as a person who cancelled.
fn refused_there(service: &Service) -> HttpResponse {
    let mut answer = page(
        StatusCode::FORBIDDEN,
        sorry(
            "You are not signed in",
            "The identity provider refused the sign-in, or you cancelled it.",
        ),
    );
    let _ = answer.add_cookie(&cookie(service, "", cookie_time::Duration::ZERO));
    answer
}

fn failed(error: SignInError) -> HttpResponse {
    let status = match error {
        SignInError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::FORBIDDEN,
    };
    page(status, sorry("You are not signed in", &error.to_string()))
}

fn sorry(title: &str, why: &str) -> String {
    plain_page(
        title,
        &html! {
            p { (why) }
            p { a href="/oidc/start" { "Sign in again" } }
        },
    )
}
