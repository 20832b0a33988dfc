//! The command `intercom-scim-bridge`.

use std::process::ExitCode;

use intercom_scim_bridge::commands::CommandLine;

/// jemalloc, because it returns the memory of an import to the system; glibc's allocator keeps it.
/// C libraries such as SQLite use it too. Builds for production have the feature.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Runs the command. The exit code is 0 for success, 1 for failure, and 2 for wrong usage.
#[tokio::main]
async fn main() -> ExitCode {
    let outcome = Box::pin(CommandLine::read().run()).await;
    intercom_scim_bridge::telemetry::end();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
