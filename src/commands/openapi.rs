//! `openapi`: prints the bridge's OpenAPI description; `openapi/bridge.json` and
//! `openapi/bridge.http` are its output.

use clap::Args;

use super::error::CommandError;
use super::output::print_line;
use crate::http::{openapi_collection, openapi_document};

#[derive(Debug, Args)]
pub struct Arguments {
    /// Print example requests instead, in the format of HTTP clients such as Bruno and editors.
    #[arg(long)]
    http: bool,
}

#[expect(clippy::unnecessary_wraps, reason = "every subcommand has the same shape")]
pub fn run(arguments: &Arguments) -> Result<(), CommandError> {
    let text = if arguments.http { openapi_collection() } else { openapi_document() };
    print_line(text.trim_end());
    Ok(())
}
