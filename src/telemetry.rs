//! Logging to stderr, as text or JSON, at the level of `RUST_LOG` or the settings; and traces to a
//! collector, if one is configured.

use std::io::IsTerminal as _;
use std::panic::PanicHookInfo;
use std::sync::OnceLock;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, reload};

use crate::config::{LogFormat, Telemetry};
use crate::limits;
use crate::spans;

/// The exporter of spans.
static TRACES: OnceLock<SdkTracerProvider> = OnceLock::new();

/// The default log level of a running bridge.
pub const USUAL: &str = "info";

/// The handle by which the log level of a running process is changed.
static LEVEL: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Changes the log level to the one in the settings, and logs that. `usual` is as in [`init`].
pub fn change_level(telemetry: &Telemetry, usual: &str) {
    if EnvFilter::try_from_default_env().is_ok() {
        if telemetry.log_level.is_some() {
            tracing::warn!(
                "telemetry.log_level is not used: RUST_LOG takes precedence and cannot be changed in a running process"
            );
        }
        return;
    }
    let (Some(level), fresh) = (LEVEL.get(), by_settings(telemetry, usual)) else { return };
    if level.with_current(ToString::to_string).is_ok_and(|known| known == fresh.to_string()) {
        return;
    }
    // This fails only if the subscriber is gone.
    if level.reload(fresh).is_ok() {
        tracing::info!("telemetry.log_level was applied");
    }
}

/// Returns the log filter that is used without `RUST_LOG`.
fn by_settings(telemetry: &Telemetry, usual: &str) -> EnvFilter {
    let level = telemetry.log_level.as_deref().unwrap_or(usual);
    // By default, hide two kinds of lines: the database driver logs each slow statement with its
    // SQL, and the HTTP library logs each malformed request, which any client can send. An explicit
    // filter can show them.
    EnvFilter::new(format!(
        "sqlx=error,sea_orm_migration=warn,actix_http=off,opentelemetry=warn,{level}"
    ))
}

/// Starts logging, and tracing if the settings have a collector. `usual` is the default level, for
/// example `info`, if neither `RUST_LOG` nor `telemetry.log_level` is set. A second call does
/// nothing.
pub fn init(telemetry: &Telemetry, usual: &str) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| by_settings(telemetry, usual));
    let (filter, level) = reload::Layer::new(filter);
    let colours = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_ansi(colours).with_writer(std::io::stderr);
    let lines = match telemetry.log_format {
        LogFormat::Text => lines.with_filter(filter).boxed(),
        LogFormat::Json => lines.json().with_filter(filter).boxed(),
    };
    let traces =
        telemetry.otlp_endpoint.as_ref().and_then(|endpoint| match exporting(endpoint.as_str()) {
            Ok(provider) => {
                let tracer = TRACES.get_or_init(|| provider).tracer("intercom-scim-bridge");
                let only_spans = Targets::new().with_target(spans::TARGET, LevelFilter::TRACE);
                Some(tracing_opentelemetry::layer().with_tracer(tracer).with_filter(only_spans))
            }
            Err(error) => {
                eprintln!("warning: traces cannot be sent: {error}");
                None
            }
        });
    if tracing_subscriber::registry().with(lines).with(traces).try_init().is_ok() {
        let _ = LEVEL.set(level);
    }
    std::panic::set_hook(Box::new(log_panic));
}

/// Logs where the bridge panicked. A message that is formatted at run time may contain people's
/// data, for example the text that was sliced at a wrong index, so it is left out. A literal
/// message is logged.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(|| "unknown".to_owned(), ToString::to_string);
    let message = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("(left out)");
    if tracing::enabled!(tracing::Level::ERROR) {
        tracing::error!(
            place,
            panic = message,
            "the bridge panicked because of a fault in it; please report this line"
        );
    } else {
        eprintln!("the bridge panicked at {place}: {message}");
    }
}

/// Sends the remaining spans. Must be called when all tasks have ended.
pub fn end() {
    if let Some(provider) = TRACES.get() {
        // An unreachable collector must not keep the process from ending.
        let _ = provider.shutdown_with_timeout(limits::TRACES_END);
    }
}

fn exporting(endpoint: &str) -> Result<SdkTracerProvider, opentelemetry_otlp::ExporterBuildError> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .build()?;
    let resource = Resource::builder().with_service_name("intercom-scim-bridge").build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}
