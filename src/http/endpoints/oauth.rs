//! OAuth 2.0: the token endpoint (RFC 6749), the authorization server metadata (RFC 8414), and the
//! public keys (RFC 7517).

use actix_web::http::StatusCode;
use actix_web::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, PRAGMA, WWW_AUTHENTICATE,
};
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::access::{
    ASSERTION_ALGORITHMS, AssertionRefusal, ClientCredential, Grant, Login, Scope, TokenRefusal,
    TokenRequest, network_of,
};
use crate::database::AuditEntry;
use crate::http::errors::ApiError;
use crate::http::extract::body::Body;
use crate::http::request::context::RequestContext;
use crate::http::request::negotiation::{JSON, preferred_form};
use crate::http::state::service::Service;
use crate::http::wire::{BodyRefusals, Problem};
use crate::limits;
use crate::stores::OAuthClient;

const FORM: &[u8] = b"application/x-www-form-urlencoded";

/// A token request (RFC 6749 §4.4.2). Id and secret may be in the header `Authorization` (Basic)
/// instead. A client with registered keys sends a signed JWT instead of a secret (RFC 7523 §2.2).
#[expect(dead_code, reason = "it describes the form; `TokenRequest` reads it")]
#[derive(Deserialize, ToSchema)]
pub struct TokenForm {
    /// Always `client_credentials`.
    #[schema(example = "client_credentials")]
    grant_type: String,
    /// The id of the client.
    client_id: Option<String>,
    /// The secret of the client.
    #[schema(format = Password)]
    client_secret: Option<String>,
    /// Always `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`, together with
    /// `client_assertion`.
    client_assertion_type: Option<String>,
    /// A JWT that the client signed with one of its registered keys. `iss` and `sub` are the client
    /// id, `aud` is the issuer or the token endpoint, `exp` is at most one hour ahead, and `jti` is
    /// new for each request.
    client_assertion: Option<String>,
    /// The scopes to request, separated by spaces. The default is all scopes of the client.
    #[schema(example = "scim.read import.read")]
    scope: Option<String>,
    /// The services that the token is meant for, as absolute URIs (RFC 8707). The parameter may be
    /// repeated. The token is valid only for this bridge, whatever the URIs are.
    resource: Option<Vec<String>>,
}

/// An access token (RFC 6749 §5.1).
#[derive(Serialize, ToSchema)]
pub struct TokenAnswer {
    /// The token. Send it as `Authorization: Bearer …` (RFC 6750 §2.1).
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// The lifetime of the token, in seconds.
    expires_in: u64,
    /// The scopes of the token, separated by spaces.
    scope: String,
}

/// Why the token request was refused (RFC 6749 §5.2).
#[derive(Serialize, ToSchema)]
pub struct TokenError {
    /// A code for programs.
    #[schema(example = "invalid_client")]
    error: &'static str,
    /// The reason, for people.
    error_description: &'static str,
}

/// Issues an access token to an OAuth client, for its id and secret (RFC 6749 §4.4), or for a JWT
/// that it signed (RFC 7523 §2.2).
#[utoipa::path(
    post, path = "/oauth/token", operation_id = "issue_token", tag = "access",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The access token.", body = TokenAnswer),
        (status = 400, description = "The token request is invalid.", body = TokenError),
        (status = 401, description = "The client is unknown, or its secret or assertion is wrong.", body = TokenError),
        (status = 429, description = "Too many token requests. `Retry-After` says when to try again.", content_type = "application/problem+json", body = Problem),
        (status = 503, description = "The database is unavailable, or the keys of the client cannot be read.", content_type = "application/problem+json", body = Problem),
        BodyRefusals,
    ),
)]
pub async fn token(
    request: HttpRequest,
    service: Data<Service>,
    body: Body<{ limits::TOKEN_REQUEST_BYTES }>,
) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[JSON])?;
    let granted = grant(&request, &service, &body.0).await?;
    service.measures.token(if granted.is_ok() { "issued" } else { "refused" });
    match granted {
        Ok(answer) => Ok(HttpResponse::Ok()
            // RFC 6749 §5.1: "MUST include the HTTP "Cache-Control" response header field with a
            // value of "no-store" … as well as the "Pragma" response header field with a value of
            // "no-cache"."
            .insert_header((CACHE_CONTROL, "no-store"))
            .insert_header((PRAGMA, "no-cache"))
            .json(answer)),
        Err(refusal) => Ok(refuse(&refusal)),
    }
}

async fn grant(
    request: &HttpRequest,
    service: &Service,
    body: &[u8],
) -> Result<Result<TokenAnswer, TokenRefusal>, ApiError> {
    // The secret is verified before the rate limit of the address applies: many clients may share
    // an address, and a client with the right secret must not be refused because of others.
    let token_request = match parse_request(request, body) {
        Ok(token_request) => token_request,
        Err(refusal) => {
            service.count_invalid_credential("login")?;
            return Ok(Err(refusal));
        }
    };
    let client = read_client(service, &token_request.client_id).await?;
    let authenticated = match &token_request.proof {
        ClientCredential::Secret(secret) => by_secret(service, secret, client.clone()).await?,
        ClientCredential::Assertion(assertion) => {
            by_assertion(service, assertion.expose_secret(), client.as_ref()).await?
        }
    };
    match (authenticated, client) {
        (Ok(secret), Some(client)) => issue(service, &token_request, &client, &secret).await,
        (refused, client) => {
            service.count_invalid_credential("login")?;
            // Only known clients are recorded: an unknown one may send anything as its id.
            if let Some(client) = client {
                tracing::warn!(client = %client.id, "a client was refused a token");
                let now = service.clock.now();
                let event = AuditEntry {
                    target: Some(client.id.clone()),
                    ..RequestContext::audit_entry("token.refused", now)
                };
                record(service, &client, &event).await?;
            }
            Ok(Err(refused.err().unwrap_or(TokenRefusal::InvalidClient)))
        }
    }
}

/// Authenticates a client by its secret. Returns the id of the secret.
async fn by_secret(
    service: &Service,
    secret: &SecretString,
    client: Option<OAuthClient>,
) -> Result<Result<String, TokenRefusal>, ApiError> {
    let network = network_of(RequestContext::client_address());
    match service.login.verify_secret(secret, client, &network).await {
        Login::TooMany(too_many) => Err(ApiError::TooMany(too_many)),
        Login::Granted { secret } => Ok(Ok(secret)),
        Login::Refused => Ok(Err(TokenRefusal::InvalidClient)),
    }
}

/// Authenticates a client by a JWT that it signed. Returns the id of its registered keys.
async fn by_assertion(
    service: &Service,
    assertion: &str,
    client: Option<&OAuthClient>,
) -> Result<Result<String, TokenRefusal>, ApiError> {
    let Some(client) = client else { return Ok(Err(TokenRefusal::InvalidClient)) };
    let valid = match service.assertions.verify(assertion, client).await {
        Ok(valid) => valid,
        Err(AssertionRefusal::Unverified) => return Ok(Err(TokenRefusal::InvalidClient)),
        Err(AssertionRefusal::Wrong(why)) => return Ok(Err(TokenRefusal::InvalidAssertion(why))),
        Err(AssertionRefusal::KeysUnavailable) => {
            let why = "the keys of the client cannot be read from its jwks_url now; try again \
                       shortly"
                .to_owned();
            return Err(ApiError::Unavailable { why });
        }
    };
    service.login.count(&client.id).map_err(ApiError::TooMany)?;
    // RFC 7523 §3: "The authorization server MAY ensure that JWTs are not replayed by maintaining
    // the set of used "jti" values for the length of time for which the JWT would be considered
    // valid". The set is in the database, so that no other bridge accepts it either.
    let store = &service.stores.access;
    let is_new = store.use_assertion(&client.id, &valid.hash, valid.expires_at).await?;
    if is_new {
        Ok(Ok(valid.keys))
    } else {
        Ok(Err(TokenRefusal::InvalidAssertion(
            "jti of the assertion was used before; sign a new one for each request",
        )))
    }
}

/// Reads the client with this id from the database.
async fn read_client(service: &Service, id: &str) -> Result<Option<OAuthClient>, ApiError> {
    if id.is_empty() || id.len() > limits::CLIENT_ID_BYTES || id.contains('\0') {
        return Ok(None);
    }
    let _turn = service.lookup().await?;
    Ok(service.stores.access.client(id).await?)
}

/// Parses the token request.
fn parse_request(request: &HttpRequest, body: &[u8]) -> Result<TokenRequest, TokenRefusal> {
    let is_form = |kind: &HeaderValue| {
        kind.as_bytes().get(..FORM.len()).is_some_and(|kind| kind.eq_ignore_ascii_case(FORM))
    };
    if !request.headers().get(CONTENT_TYPE).is_none_or(is_form) {
        return Err(TokenRefusal::InvalidRequest(
            "the body must be application/x-www-form-urlencoded",
        ));
    }
    let authorizations: Vec<&[u8]> =
        request.headers().get_all(AUTHORIZATION).map(HeaderValue::as_bytes).collect();
    TokenRequest::read(&authorizations, body)
}

/// Issues a token to an authenticated client. The audit trail records the token before the client
/// gets it.
async fn issue(
    service: &Service,
    token_request: &TokenRequest,
    client: &OAuthClient,
    secret: &str,
) -> Result<Result<TokenAnswer, TokenRefusal>, ApiError> {
    let scope = match token_request.scope(&client.scope) {
        Ok(scope) => scope,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let grant = Grant {
        subject: client.id.clone(),
        scopes: Scope::parse_list(scope).map_err(|_| ApiError::Internal)?,
        workspaces: client.workspaces.clone(),
        ttl: service.token_ttl,
        client: Some(client.id.clone()),
    };
    let issued = service.tokens.issue_by(&grant, Some(secret)).map_err(|error| {
        tracing::error!(error = %error, "a token could not be issued");
        ApiError::Internal
    })?;
    let scope = Scope::list(&grant.scopes);
    let event = AuditEntry {
        actor: Some(client.id.clone()),
        identity: Some(format!("client {}", client.id)),
        target: Some(issued.id.clone()),
        detail: Some(format!("scope {scope}")),
        ..RequestContext::audit_entry("token.issued", issued.issued_at)
    };
    record(service, client, &event).await?;
    let access_token = issued.expose().to_owned();
    Ok(Ok(TokenAnswer {
        access_token,
        token_type: "Bearer",
        expires_in: grant.ttl.as_secs(),
        scope,
    }))
}

/// Records an event in the audit trail of each workspace of the client.
async fn record(
    service: &Service,
    client: &OAuthClient,
    event: &AuditEntry,
) -> Result<(), ApiError> {
    let entry =
        |workspace: &String| AuditEntry { workspace: Some(workspace.clone()), ..event.clone() };
    if service
        .trail
        .record(&service.stores.audit, client.workspaces.iter().map(entry).collect())
        .await
    {
        return Ok(());
    }
    let why = "the audit trail cannot be written; try again shortly".to_owned();
    Err(ApiError::Unavailable { why })
}

fn refuse(refusal: &TokenRefusal) -> HttpResponse {
    let status = match refusal {
        TokenRefusal::InvalidClient | TokenRefusal::InvalidAssertion(_) => StatusCode::UNAUTHORIZED,
        _ => StatusCode::BAD_REQUEST,
    };
    let mut response = HttpResponse::build(status);
    response.insert_header((CACHE_CONTROL, "no-store")).insert_header((PRAGMA, "no-cache"));
    if status == StatusCode::UNAUTHORIZED {
        // RFC 6749 §5.2: "the authorization server MUST … include the "WWW-Authenticate" response
        // header field matching the authentication scheme used by the client."
        response.insert_header((
            WWW_AUTHENTICATE,
            "Basic realm=\"intercom-scim-bridge\", charset=\"UTF-8\"",
        ));
    }
    response.json(TokenError { error: refusal.code(), error_description: refusal.description() })
}

/// Returns the authorization server metadata (RFC 8414).
#[utoipa::path(
    get, path = "/.well-known/oauth-authorization-server", operation_id = "oauth_metadata", tag = "access",
    responses((status = 200, description = "Authorization server metadata (RFC 8414 §3.2).", body = serde_json::Value)),
)]
pub async fn metadata(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<Json<Value>, ApiError> {
    preferred_form(&request, &[JSON])?;
    // Never from headers: an attacker who controls them could make clients send their secrets
    // elsewhere.
    let url = service.tokens.issuer();
    Ok(Json(json!({
        "issuer": url,
        "token_endpoint": format!("{url}/oauth/token"),
        "jwks_uri": format!("{url}/.well-known/jwks.json"),
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported":
            ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        // RFC 8414 §2: "Servers SHOULD support "RS256". The value "none" MUST NOT be used."
        "token_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
        "scopes_supported": Scope::ALL.map(Scope::as_str),
        // RFC 8414 §2 requires the member; there is no authorization endpoint that could answer.
        "response_types_supported": [],
        "service_documentation": format!("{url}/openapi.json"),
    })))
}

/// Returns the public keys of the bridge's own tokens (RFC 7517 §5).
#[utoipa::path(
    get, path = "/.well-known/jwks.json", operation_id = "jwks", tag = "access",
    responses((status = 200, description = "A JWK Set.", content_type = "application/jwk-set+json", body = serde_json::Value)),
)]
pub async fn jwks(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, ApiError> {
    let form = preferred_form(&request, &["application/jwk-set+json", JSON])?;
    let keys = service.tokens.jwks().to_string();
    Ok(HttpResponse::Ok()
        .content_type(form)
        .insert_header((CACHE_CONTROL, "max-age=300"))
        .body(keys))
}
