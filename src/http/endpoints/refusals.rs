//! Writes. This version of the bridge does not write to Intercom, so it refuses every write and
//! records it for a person who makes the change by hand. [`Refusal`] says for each operation what
//! Intercom's API can do, which is often nothing.
//!
//! The client is authenticated and authorised first; then the write is refused, whatever the body
//! is, since clients send malformed ones. A readable body only adds to the record whom the write
//! concerns. The status is never 2xx: some clients take any 2xx as success.

use actix_web::web::{Data, Payload};
use actix_web::{Handler, HttpRequest, HttpResponse};
use serde_json::Value;

use super::refused_writes::{ME, RefusedWrite};
use crate::access::random_reference;
use crate::http::errors::ApiError;
use crate::http::extract::caller::{Caller, LifecycleWrite};
use crate::http::request::context::RequestContext;
use crate::http::request::route_pattern::Pattern;
use crate::http::state::service::Service;
use crate::limits;
use crate::requests::{ParsedRequest, Refusal, RequestSource};
use crate::stores::NewRequest;

/// Returns the handler of a write.
pub fn handler(
    write: &'static RefusedWrite,
) -> impl Handler<
    (HttpRequest, Caller<LifecycleWrite>, Payload),
    Output = Result<HttpResponse, ApiError>,
> + Send
+ Sync {
    move |request: HttpRequest, caller: Caller<LifecycleWrite>, body: Payload| async move {
        refuse(&request, &caller, body, write).await
    }
}

async fn refuse(
    request: &HttpRequest,
    caller: &Caller<LifecycleWrite>,
    body: Payload,
    write: &'static RefusedWrite,
) -> Result<HttpResponse, ApiError> {
    let service: &Data<Service> = &caller.service;
    let reference = random_reference().map_err(|_| ApiError::Internal)?;
    let operation = write.operation;
    let id = Pattern::id(request);
    let entitlement = request.match_info().get("entitlement");
    let mut parsed = ParsedRequest::from_write(
        operation,
        id.as_deref(),
        entitlement,
        &readable(service, body).await,
    );
    if write.path == ME {
        // The target is the caller, whatever the body says.
        parsed.user_name = Some(caller.principal.subject.clone());
    }
    let refused = NewRequest {
        reference,
        source: RequestSource::Refused,
        comment: parsed
            .details
            .as_deref()
            .map(|text| text.chars().take(limits::COMMENT_BYTES / 4).collect()),
        workspace: caller.workspace.name.to_string(),
        at: service.clock.now(),
        request_id: RequestContext::id().unwrap_or_default(),
        requester: caller.principal.subject.clone(),
        method: request.method().to_string(),
        operation: parsed.operation,
        target: parsed.target.as_deref().map(fit_for_a_record),
        entitlement: parsed.entitlement.as_deref().map(fit_for_a_record),
        user_name: parsed.user_name.as_deref().map(fit_for_a_record),
    };
    // The response does not depend on the record, and waits for it only briefly.
    let record = Box::pin(service.stores.requests.record(refused));
    let recorded = match service.clock.within(limits::REFUSAL_WAIT, record).await {
        Some(Ok(reference)) => Some(reference),
        Some(Err(error)) => {
            tracing::error!(error = %error.chain(), %operation, "a refused write could not be recorded");
            None
        }
        None => {
            tracing::error!(
                %operation,
                "a refused write could not be recorded: the database is busy"
            );
            None
        }
    };
    service.measures.refused(&caller.workspace.name, operation.as_str());
    let Refusal { detail, remedy } = operation.refusal();
    Err(ApiError::UnsupportedWrite { operation, detail, remedy, recorded })
}

/// The body as JSON, if it arrives soon, is not too long and can be parsed; else null.
async fn readable(service: &Service, body: Payload) -> Value {
    let read = service
        .clock
        .within(limits::REFUSED_BODY_WAIT, body.to_bytes_limited(limits::REFUSED_BODY_BYTES))
        .await;
    match read {
        Some(Ok(Ok(bytes))) => serde_json::from_slice(&bytes).unwrap_or_default(),
        _ => Value::Null,
    }
}

/// Makes a text of a path or a body safe to record: without control characters, and not too long.
fn fit_for_a_record(text: &str) -> String {
    let mut fit: String = text.trim().chars().filter(|letter| !letter.is_control()).collect();
    if fit.len() > limits::SUBJECT_BYTES {
        // The ellipsis shows that the text is incomplete.
        fit.truncate(fit.floor_char_boundary(limits::SUBJECT_BYTES - "…".len()));
        fit.push('…');
    }
    fit
}
