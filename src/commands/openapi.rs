//! `openapi`: prints the bridge's OpenAPI description; `openapi/bridge.json` is its output.

use super::{CommandError, print_line};
use crate::http::openapi_document;

#[expect(clippy::unnecessary_wraps, reason = "every subcommand has the same shape")]
pub fn run() -> Result<(), CommandError> {
    print_line(openapi_document().trim_end());
    Ok(())
}
