//! Gives every refusal its body: those of handlers and extractors, and the framework's own.
//!
//! On SCIM paths the body is that of RFC 7644 §3.12, elsewhere that of RFC 9457. Handlers only say
//! what is wrong. [`finish`], which every response passes, chooses the form by the path.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    ACCEPT_ENCODING, ALLOW, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
    RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::http::{ConnectionType, Method, StatusCode, Uri};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde_json::{Value, json};
use tracing::{Instrument, Span};

use super::connection::heads::unreadable_target;
use super::middleware::admission;
use super::middleware::headers;
use super::middleware::request_id::{self, X_REQUEST_ID};
use super::middleware::undrained::UndrainedBody;
use super::request::origin::Forwarded;
use super::request::route_pattern::Pattern;
use super::state::service::Service;
use crate::access::{Actor, Answered, TooMany};
use crate::ledger::LedgerError;
use crate::limits;
use crate::requests::Operation;
use crate::scim::ScimError;
use crate::spans;

/// Why a request is refused.
#[derive(Clone, Debug)]
pub enum ApiError {
    /// An error of SCIM. Outside of SCIM paths, the same meaning in the other form.
    Scim(ScimError),
    /// No token, or an invalid one.
    Unauthenticated {
        /// Whether the request has a token.
        token_given: bool,
        /// Why the token is no longer valid (or not yet), if the signature is good.
        ended: Option<&'static str>,
    },
    /// More requests than this client may make.
    TooMany(TooMany),
    /// The request was not received completely in time.
    TooSlow,
    /// Any other error of the import and change API.
    Problem {
        /// The HTTP status.
        status: StatusCode,
        /// The `code` for programs.
        code: &'static str,
        /// What is wrong and what to do, for people.
        detail: String,
    },
    /// A write. This version of the bridge does not write to Intercom.
    UnsupportedWrite {
        /// The requested operation.
        operation: Operation,
        /// Says that nothing was changed, and whether Intercom's API could make the change.
        detail: &'static str,
        /// Says where the change can be made.
        remedy: &'static str,
        /// The id of the recorded request, if it could be recorded.
        recorded: Option<String>,
    },
}

impl From<ScimError> for ApiError {
    fn from(error: ScimError) -> Self {
        Self::Scim(error)
    }
}

impl From<LedgerError> for ApiError {
    fn from(error: LedgerError) -> Self {
        let (status, code, detail) = match &error {
            LedgerError::Pruned { .. } => (
                StatusCode::GONE,
                "pruned",
                format!("{error}; request the state at that time or later"),
            ),
            LedgerError::NoSuchPosition => (
                StatusCode::BAD_REQUEST,
                "invalid_value",
                "since belongs to another ledger; leave it out to begin with the oldest change"
                    .to_owned(),
            ),
            _ => {
                tracing::error!(error = %error.chain(), "the ledger cannot be read");
                let detail = "the bridge's database is unavailable; try again shortly".to_owned();
                (StatusCode::SERVICE_UNAVAILABLE, "ledger_unavailable", detail)
            }
        };
        Self::Problem { status, code, detail }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problem { detail, .. } => f.write_str(detail),
            other => f.write_str(&other.as_scim().to_string()),
        }
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Problem { status, .. } => *status,
            other => StatusCode::from_u16(other.as_scim().status())
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// Without a body: [`finish`] adds it, since its form depends on the path.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

impl ApiError {
    /// The refusal of a webhook whose signature does not match the configured secret.
    pub fn bad_signature() -> Self {
        Self::Problem {
            status: StatusCode::UNAUTHORIZED,
            code: "bad_signature",
            detail: "the signature does not match the body".to_owned(),
        }
    }

    fn as_scim(&self) -> ScimError {
        match self {
            // SCIM paths never refuse with this.
            Self::Problem { .. } => ScimError::Internal,
            Self::Scim(error) => error.clone(),
            Self::Unauthenticated { .. } => ScimError::Unauthenticated,
            Self::TooMany(TooMany { retry_after }) => {
                // In whole seconds, rounded up.
                ScimError::TooManyRequests { seconds: retry_after.as_secs() + 1 }
            }
            Self::TooSlow => ScimError::TooSlow,
            Self::UnsupportedWrite { detail, remedy, .. } => {
                ScimError::NotImplemented { why: format!("{detail} {remedy}") }
            }
        }
    }

    /// The body as of RFC 9457, with a `code` for programs.
    fn problem(&self) -> Value {
        let scim = self.as_scim();
        match self {
            Self::UnsupportedWrite { operation, detail, remedy, recorded } => json!({
                "type": "urn:intercom-scim-bridge:problem:unsupported-write",
                "title": "Unsupported write",
                "status": scim.status(),
                "code": "unsupported_write",
                "operation": operation,
                "detail": detail,
                "remedy": remedy,
                "request": recorded,
            }),
            Self::Problem { status, code, detail } => json!({
                "type": "about:blank",
                "title": status.canonical_reason().unwrap_or("Error"),
                "status": status.as_u16(),
                "code": code,
                "detail": detail,
            }),
            Self::Scim(_) | Self::Unauthenticated { .. } | Self::TooMany(_) | Self::TooSlow => {
                json!({
                    "type": "about:blank",
                    "title": self.status_code().canonical_reason().unwrap_or("Error"),
                    "status": scim.status(),
                    "code": problem_code(&scim),
                    "detail": scim.to_string(),
                })
            }
        }
    }

    /// The headers of the refusal.
    fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let value = |text: &str| {
            HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
        };
        match self {
            // RFC 6750 §3: no error code without a token, `invalid_token` with an invalid one.
            Self::Unauthenticated { token_given, ended } => {
                let error = if *token_given { ", error=\"invalid_token\"" } else { "" };
                let why =
                    ended.map_or_else(String::new, |why| format!(", error_description=\"{why}\""));
                vec![(
                    WWW_AUTHENTICATE,
                    value(&format!("Bearer realm=\"intercom-scim-bridge\"{error}{why}")),
                )]
            }
            // RFC 6585 §4. In whole seconds: some clients fail on anything else.
            Self::TooMany(TooMany { retry_after }) => {
                vec![(RETRY_AFTER, HeaderValue::from(retry_after.as_secs() + 1))]
            }
            Self::Scim(ScimError::Forbidden { scope }) => vec![(
                WWW_AUTHENTICATE,
                value(&format!(
                    "Bearer realm=\"intercom-scim-bridge\", error=\"insufficient_scope\", scope=\"{scope}\""
                )),
            )],
            Self::Scim(ScimError::MethodNotAllowed { allowed }) => vec![(ALLOW, value(allowed))],
            // RFC 9110 §15.5.16: "If the problem was caused by an unsupported content coding, the
            // Accept-Encoding response header field ought to be used to indicate which (if any)
            // content codings would have been accepted".
            Self::Scim(ScimError::UnsupportedEncoding) => {
                vec![(ACCEPT_ENCODING, value("identity"))]
            }
            // In whole seconds, as above.
            Self::Scim(ScimError::NotReady | ScimError::Unavailable { .. })
            | Self::Problem { status: StatusCode::SERVICE_UNAVAILABLE, .. } => {
                vec![(RETRY_AFTER, value("5"))]
            }
            _ => Vec::new(),
        }
    }
}

fn problem_code(error: &ScimError) -> &'static str {
    match error {
        ScimError::InvalidFilter { .. } => "invalid_filter",
        ScimError::InvalidValue { .. } => "invalid_value",
        ScimError::InvalidSyntax { .. } => "invalid_syntax",
        ScimError::InvalidCursor => "invalid_cursor",
        ScimError::ExpiredCursor => "expired_cursor",
        ScimError::InvalidCount { .. } => "invalid_count",
        ScimError::InvalidVersion => "invalid_version",
        ScimError::NotFound { .. } => "not_found",
        ScimError::MethodNotAllowed { .. } => "method_not_allowed",
        ScimError::NotAcceptable { .. } => "not_acceptable",
        ScimError::PreconditionFailed => "precondition_failed",
        ScimError::TooLarge { .. } => "too_large",
        ScimError::UnsupportedMediaType => "unsupported_media_type",
        ScimError::UnsupportedEncoding => "unsupported_content_encoding",
        ScimError::NotImplemented { .. } => "not_implemented",
        ScimError::FilterForbidden | ScimError::Forbidden { .. } => "forbidden",
        ScimError::Unauthenticated => "unauthenticated",
        ScimError::NotReady => "not_ready",
        ScimError::TooSlow => "too_slow",
        ScimError::TooManyRequests { .. } => "too_many_requests",
        ScimError::Unavailable { .. } => "unavailable",
        ScimError::Internal => "internal",
    }
}

/// The header with the largest number of items on a page, if the client requested more.
const X_LIMIT_APPLIED: HeaderName = HeaderName::from_static("x-limit-applied");

/// W3C Trace Context §3.2.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What is known about the request that is being answered.
#[derive(Debug)]
pub struct RequestContext {
    /// The id of the request in the log, and the `X-Request-Id` of its response.
    pub request_id: String,
    /// Where the request came from.
    pub forwarded: Forwarded,
    /// The authenticated client, once it is known.
    pub actor: Option<Actor>,
    /// The workspace, once it is known that the token is valid for it.
    pub workspace: Option<Arc<str>>,
    /// The largest number of items on a page, if the client requested more.
    pub limit_applied: Option<usize>,
}

tokio::task_local! {
    /// The context of the request that is being answered. The request's extensions could hold it,
    /// too, but looking it up there takes longer, and every response does so more than once.
    static CONTEXT: Rc<RefCell<RequestContext>>;
}

impl RequestContext {
    /// Reads or changes the context of the request that is being answered.
    pub fn with<T>(_: &HttpRequest, access: impl FnOnce(&mut Self) -> T) -> Option<T> {
        CONTEXT.try_with(|context| access(&mut context.borrow_mut())).ok()
    }

    /// The client's address, if it is known.
    pub fn client_address(request: &HttpRequest) -> Option<IpAddr> {
        Self::with(request, |context| context.forwarded.from).flatten()
    }
}

/// The middleware of every request. It gives refusals their body, sets `X-Request-Id` and other
/// headers, and records the response in the log, the metrics and the audit trail.
pub async fn finish(
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    tidy_path(&mut request);
    let service = request.app_data::<Data<Service>>();
    let (forwarded, started) = service
        .map(|service| (service.origin.forwarding(&request), service.clock.running()))
        .unwrap_or_default();
    let request_id = request_id::read_or_generate(&request);
    let traceparent =
        || request.headers().get(&TRACEPARENT).and_then(|parent| parent.to_str().ok());
    let span = spans::request(known_method(request.method()), &request_id, traceparent);
    let context = Rc::new(RefCell::new(RequestContext {
        request_id,
        forwarded,
        actor: None,
        workspace: None,
        limit_applied: None,
    }));
    let refused = admission::refusal(&request);
    let undrained = UndrainedBody::take(&mut request);
    let mut response = match refused {
        Some(error) => request.error_response(ApiError::Scim(error)),
        None => {
            CONTEXT.scope(Rc::clone(&context), next.call(request).instrument(span.clone())).await?
        }
    };
    let stopping = response
        .request()
        .app_data::<Data<Service>>()
        .is_some_and(|all| all.connections.are_stopping());
    if stopping || unreadable_target(response.request().uri()).is_some() {
        // Nothing more is read on this connection: the bridge is stopping (RFC 9112 §9.6), or it
        // cannot know where the next request begins (see `heads`).
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    if let Some(error) = refusal(&response) {
        response = with_body(response, &error);
    }
    if response.request().path().starts_with("/docs/") {
        // Swagger UI needs inline styles and `data:` images. It may load nothing from elsewhere,
        // nor be shown in a frame.
        let policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    }
    let mut context = context.borrow_mut();
    headers::add(&mut response, context.forwarded.is_secure);
    if let Some((peer, header)) = context.forwarded.not_trusted {
        headers::warn_not_trusted(response.request(), peer, header);
    }
    if let Some(service) = response.request().app_data::<Data<Service>>() {
        note(
            service,
            &response,
            &mut context,
            (&span, service.clock.running().saturating_sub(started)),
        );
    }
    if let Some(limit) = context.limit_applied {
        response.headers_mut().insert(X_LIMIT_APPLIED, HeaderValue::from(limit));
    }
    let id = HeaderValue::from_maybe_shared(Bytes::from(std::mem::take(&mut context.request_id)));
    response
        .headers_mut()
        .insert(X_REQUEST_ID, id.unwrap_or_else(|_| HeaderValue::from_static("none")));
    if let Some(undrained) = undrained {
        response = undrained.held_by(response);
    }
    Ok(response)
}

/// Records a response in the trace, the metrics, the log and the audit trail.
fn note(
    service: &Service,
    response: &ServiceResponse<BoxBody>,
    context: &mut RequestContext,
    (span, took): (&Span, Duration),
) {
    let request = response.request();
    let (method, status) = (known_method(request.method()), response.status().as_u16());
    // Only the pattern of the path, never the query: filters contain personal data.
    let pattern = Pattern::matched(request);
    let route = if let Some(pattern) = pattern {
        spans::answered(span, method, pattern.of_every_workspace(), status);
        pattern.measures(&service.measures).answered(method, status, took);
        Some(Arc::clone(pattern.of_this_workspace(request)))
    } else {
        // A path that was not routed may be anything, so it does not become a label.
        let route = request.match_pattern();
        let known = route.as_deref().unwrap_or("other");
        spans::answered(span, method, known, status);
        service.measures.of_route(known.into()).answered(method, status, took);
        route.map(Arc::from)
    };
    tracing::debug!(
        request.id = %context.request_id, http.method = %request.method(),
        http.route = route.as_deref().unwrap_or_default(), http.status = status, "request answered"
    );
    // Anonymous probes are frequent, and see no personal data.
    if context.actor.is_none() && matches!(request.path(), "/healthz" | "/readyz" | "/metrics") {
        return;
    }
    let answered = Answered {
        actor: context.actor.take(),
        workspace: context.workspace.take(),
        address: context.forwarded.from,
        method,
        route,
        // Other texts may be anything, such as somebody's email address.
        target: pattern.and_then(|_| Pattern::id(request)).filter(|id| is_id(id)).map(Cow::from),
        status,
    };
    service.trail.note(answered, &context.request_id);
}

/// Whether a text has the form of the bridge's or Intercom's ids.
fn is_id(text: &str) -> bool {
    let rest = ["adm_", "team_", "req_"]
        .into_iter()
        .find_map(|prefix| text.strip_prefix(prefix))
        .unwrap_or(text);
    let reference = text.starts_with("req_");
    (1..=32).contains(&rest.len())
        && rest.bytes().all(|byte| {
            byte.is_ascii_digit()
                || reference && (byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        })
}

fn known_method(method: &Method) -> &'static str {
    let all = ["GET", "POST", "HEAD", "PATCH", "PUT", "DELETE", "OPTIONS"];
    all.into_iter().find(|known| *known == method.as_str()).unwrap_or("OTHER")
}

/// Rewrites `/Users/` and `//Users` to `/Users`: people paste base URLs with and without a slash at
/// the end.
fn tidy_path(request: &mut ServiceRequest) {
    let path = request.path();
    // No early exit, so that the loop vectorises.
    let pairs = path.as_bytes().iter().zip(path.as_bytes().get(1..).unwrap_or_default());
    let doubled = pairs.filter(|(one, next)| **one == b'/' && **next == b'/').count();
    // Swagger UI's pages refer to their files by relative URLs.
    if path.len() == 1 || path.starts_with("/docs/") || !(path.ends_with('/') || doubled > 0) {
        return;
    }
    let mut tidy: String = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .flat_map(|part| ["/", part])
        .collect();
    if let Some(query) = request.uri().query() {
        tidy.push('?');
        tidy.push_str(query);
    }
    let mut parts = request.uri().clone().into_parts();
    // Removing slashes leaves a valid path, so parsing succeeds.
    parts.path_and_query = tidy.parse().ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
    }
}

/// The refusal of a response that has no body of its own yet; `None` for all other responses.
fn refusal(response: &ServiceResponse<BoxBody>) -> Option<ApiError> {
    if let Some(error) = response.response().error() {
        return Some(
            error
                .as_error::<ApiError>()
                .cloned()
                .unwrap_or_else(|| of_the_framework(error.as_response_error().status_code())),
        );
    }
    if !(response.status().is_client_error() || response.status().is_server_error()) {
        return None;
    }
    // Handlers that send an error status with a body of their own (such as readiness) set its type.
    let kind = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let own = kind.starts_with(b"application/") || kind.starts_with(b"text/html");
    (!own).then(|| of_the_framework(response.status()))
}

/// Translates the framework's own refusals: of a path or method without a route, or of an
/// unreadable request.
fn of_the_framework(status: StatusCode) -> ApiError {
    ApiError::Scim(match status {
        StatusCode::NOT_FOUND => ScimError::NotFound { what: "this path".to_owned() },
        StatusCode::METHOD_NOT_ALLOWED => {
            ScimError::MethodNotAllowed { allowed: "GET, HEAD, OPTIONS" }
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ScimError::UnsupportedMediaType,
        StatusCode::REQUEST_TIMEOUT => ScimError::TooSlow,
        StatusCode::PAYLOAD_TOO_LARGE => ScimError::TooLarge { limit: limits::REQUEST_BODY_BYTES },
        status if status.is_client_error() => {
            ScimError::InvalidSyntax { why: "the request cannot be read".to_owned() }
        }
        _ => ScimError::Internal,
    })
}

fn with_body(response: ServiceResponse<BoxBody>, error: &ApiError) -> ServiceResponse<BoxBody> {
    if error.status_code() == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(error = ?response.response().error(), "a request failed");
    }
    let (content_type, body) = if is_scim_path(response.request().match_info().as_str()) {
        ("application/scim+json", error.as_scim().body())
    } else {
        ("application/problem+json", error.problem())
    };
    let mut response = response.map_body(|_, _| BoxBody::new(body.to_string()));
    *response.response_mut().status_mut() = error.status_code();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    for (name, value) in error.headers() {
        response.headers_mut().insert(name, value);
    }
    response
}

/// Whether a routed path is under a SCIM root, `/scim/v2` or `/workspaces/{workspace}/scim/v2`.
fn is_scim_path(path: &str) -> bool {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    match segments.next() {
        Some("scim") => true,
        Some("workspaces") => segments.nth(1) == Some("scim"),
        _ => false,
    }
}
