//! What takes time, for traces: requests, imports, calls to Intercom. They exist only where somebody collects them
//! (`telemetry.otlp_endpoint`), or asks for them by `RUST_LOG=bridge_spans=trace`; else they cost a look at a flag.

use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::{Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Their target, apart from that of log lines.
pub const TARGET: &str = "bridge_spans";

/// W3C Trace Context §3.2: the span of whoever asks.
struct Caller<'a>(&'a str);

impl Extractor for Caller<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == "traceparent").then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent"]
    }
}

/// An answer to a request; part of the caller's trace, if it names one.
#[must_use]
pub fn request<'a>(method: &str, request_id: &str, traceparent: impl FnOnce() -> Option<&'a str>) -> Span {
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
        // Without a collector there is no trace to be part of.
        let _ = span.set_parent(TraceContextPropagator::new().extract(&Caller(traceparent)));
    }
    span
}

/// What came of a request: the pattern of its path, never the path.
pub fn answered(span: &Span, method: &str, route: &str, status: u16) {
    if !span.is_disabled() {
        span.context().span().update_name(format!("{method} {route}"));
        span.record("http.route", route);
        span.record("http.response.status_code", status);
    }
}

/// An import.
#[must_use]
pub fn import(workspace: &str, mode: &str) -> Span {
    tracing::trace_span!(target: TARGET, "import", otel.name = format!("import {mode}"), workspace, mode)
}

/// A call to Intercom: what kind of thing is read, never which.
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
