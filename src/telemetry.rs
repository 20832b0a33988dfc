//! Log lines: to stderr, for people or machines, as much as `RUST_LOG` asks for.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// Starts logging. `usual` is what is logged when `RUST_LOG` is not set, for example `info`. A second call
/// does nothing.
pub fn init(format: LogFormat, usual: &str) {
    // The database driver reports each slow statement with its SQL, and the HTTP library each request that is none,
    // which anybody can send; both are for those who ask for it.
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new(format!("{usual},sqlx=error,sea_orm_migration=warn,actix_http=off")));
    let colours = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr);
    let _already = match format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
}
