//! Trace spans: requests, imports, calls to Intercom. They are recorded only if there is a
//! collector (`telemetry.otlp_endpoint`) or with `RUST_LOG=bridge_spans=trace`. Otherwise a span
//! costs the check of a flag.

use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::{Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The target of all spans, which differs from that of log lines.
pub const TARGET: &str = "bridge_spans";

/// The `traceparent` of the caller (W3C Trace Context §3.2).
struct TraceParent<'a>(&'a str);

impl Extractor for TraceParent<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == "traceparent").then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent"]
    }
}

/// Creates the span of a request. It becomes part of the caller's trace, if the request names one.
#[must_use]
pub fn request<'a>(
    method: &str,
    request_id: &str,
    traceparent: impl FnOnce() -> Option<&'a str>,
) -> Span {
    let span = tracing::trace_span!(
        target: TARGET,
        "request",
        otel.kind = "server",
        http.request.method = method,
        http.route = field::Empty,
        http.response.status_code = field::Empty,
        request.id = request_id,
    );
    if !span.is_disabled()
        && let Some(traceparent) = traceparent()
    {
        // This fails only without a collector; then there is no trace.
        let _ = span.set_parent(TraceContextPropagator::new().extract(&TraceParent(traceparent)));
    }
    span
}

/// Records the result of a request. `route` is the pattern of its path, never the path itself.
pub fn answered(span: &Span, method: &str, route: &str, status: u16) {
    if !span.is_disabled() {
        span.context().span().update_name(format!("{method} {route}"));
        span.record("http.route", route);
        span.record("http.response.status_code", status);
    }
}

/// Creates the span of an import.
#[must_use]
pub fn import(workspace: &str, mode: &str) -> Span {
    tracing::trace_span!(target: TARGET, "import", otel.name = format!("import {mode}"), workspace, mode)
}

/// Creates the span of a call to Intercom. It names the kind of resource, never its id.
#[must_use]
pub fn intercom_call(method: &str, path: &str) -> Span {
    let resource = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    tracing::trace_span!(
        target: TARGET,
        "intercom",
        otel.name = format!("{method} /{resource}"),
        otel.kind = "client",
        http.request.method = method,
    )
}
