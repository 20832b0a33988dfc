//! The command `intercom-scim-bridge`.

use std::process::ExitCode;

use intercom_scim_bridge::commands::CommandLine;

/// What an import took for a moment goes back to the system afterwards, the database's too; glibc's
/// allocator keeps it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// 0 done, 1 failed, 2 wrong use.
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
