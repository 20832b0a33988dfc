//! Records each response in the trace, the metrics, the log and the audit trail.

use std::sync::Arc;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::Method;
use tracing::Span;

use crate::access::Answered;
use crate::http::request::context::RequestContext;
use crate::http::request::route_pattern::Pattern;
use crate::http::state::service::Service;
use crate::spans;

/// Records a response in the trace, the metrics, the log and the audit trail.
pub fn response(
    service: &Service,
    response: &ServiceResponse<BoxBody>,
    context: &mut RequestContext,
    span: &Span,
    took: Duration,
) {
    let request = response.request();
    let method = known_method(request.method());
    let status = response.status().as_u16();
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
        // Other texts may be personal data, such as an email address.
        target: pattern.and_then(|_| Pattern::id(request)).filter(|id| is_id(id)),
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

/// The method, or `OTHER` for one that the bridge does not know.
pub fn known_method(method: &Method) -> &'static str {
    let all = ["GET", "POST", "HEAD", "PATCH", "PUT", "DELETE", "OPTIONS"];
    all.into_iter().find(|known| *known == method.as_str()).unwrap_or("OTHER")
}
