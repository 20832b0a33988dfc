//! What every request and every response passes.
//!
//! ```text
//! path              tidies the path
//! admission         requests that are refused in any case
//! undrained         request bodies that no handler read
//! refused           the bodies of refusals
//! headers           headers of every response
//! record            log, trace, metrics and audit trail
//! untrusted_proxy   the warning about a proxy
//! ```

mod admission;
pub(crate) mod headers;
mod path;
mod record;
mod refused;
mod undrained;
mod untrusted_proxy;

use std::cell::RefCell;
use std::rc::Rc;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use tracing::{Instrument, Span};

use crate::http::connection::heads::unreadable_target;
use crate::http::request::context::RequestContext;
use crate::http::request_id::{self, X_REQUEST_ID};
use crate::http::response::paced::paced;
use crate::http::state::service::Service;
use crate::spans;
use undrained::UndrainedBody;

/// The header with the largest number of items on a page, if the client requested more.
const X_LIMIT_APPLIED: HeaderName = HeaderName::from_static("x-limit-applied");

/// W3C Trace Context §3.2.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The middleware of every request. It gives refusals their body, sets `X-Request-Id` and other
/// headers, and records the response in the log, the metrics and the audit trail.
pub async fn finish(
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    path::tidy(&mut request);
    let service = request.app_data::<Data<Service>>();
    let (forwarded, started) = service
        .map(|service| (service.origin.forwarding(&request), service.clock.running()))
        .unwrap_or_default();
    let request_id = request_id::read_or_generate(&request);
    let span = span(&request, &request_id);
    let context = Rc::new(RefCell::new(RequestContext {
        request_id,
        forwarded,
        actor: None,
        workspace: None,
        limit_applied: None,
    }));
    let refused = admission::refusal(&request);
    let undrained = UndrainedBody::take(&mut request);
    let response = if let Some(error) = refused {
        request.error_response(error)
    } else {
        let handled = next.call(request).instrument(span.clone());
        RequestContext::scope(Rc::clone(&context), handled).await?
    };
    let mut response = refused::add_body(close_if_last(response)).map_body(|_, body| paced(body));
    let mut context = context.borrow_mut();
    headers::add(&mut response, context.forwarded.is_secure);
    if let Some((peer, header)) = context.forwarded.not_trusted {
        untrusted_proxy::warn(response.request(), peer, header);
    }
    if let Some(service) = response.request().app_data::<Data<Service>>() {
        let took = service.clock.running().saturating_sub(started);
        record::response(service, &response, &mut context, &span, took);
    }
    add_id_and_limit(&mut response, &mut context);
    Ok(match undrained {
        Some(undrained) => undrained.held_by(response),
        None => response,
    })
}

/// The trace span of a request, within the trace that the client names.
fn span(request: &ServiceRequest, request_id: &str) -> Span {
    let traceparent =
        || request.headers().get(&TRACEPARENT).and_then(|parent| parent.to_str().ok());
    spans::request(record::known_method(request.method()), request_id, traceparent)
}

/// Announces that the response is the last one of its connection if nothing more is read on it:
/// the bridge is stopping (RFC 9112 §9.6), or it cannot know where the next request begins (see
/// `connection::heads`).
fn close_if_last(mut response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let stopping = response
        .request()
        .app_data::<Data<Service>>()
        .is_some_and(|service| service.connections.are_stopping());
    if stopping || unreadable_target(response.request().uri()).is_some() {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    response
}

/// Sets `X-Request-Id`, and `X-Limit-Applied` if the page is shorter than requested.
fn add_id_and_limit(response: &mut ServiceResponse<BoxBody>, context: &mut RequestContext) {
    if let Some(limit) = context.limit_applied {
        response.headers_mut().insert(X_LIMIT_APPLIED, HeaderValue::from(limit));
    }
    let id = HeaderValue::from_maybe_shared(Bytes::from(std::mem::take(&mut context.request_id)));
    response
        .headers_mut()
        .insert(X_REQUEST_ID, id.unwrap_or_else(|_| HeaderValue::from_static("none")));
}
