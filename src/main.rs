//! The command `intercom-scim-bridge`.

use std::process::ExitCode;

use clap::Parser;
use intercom_scim_bridge::commands::CommandLine;

/// 0 done, 1 failed, 2 wrong use (by the argument parser).
#[tokio::main]
async fn main() -> ExitCode {
    match CommandLine::parse().run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
