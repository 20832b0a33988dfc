//! `audit export`: the audit trail as NDJSON.

use clap::Subcommand;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{CommandError, existing_ledger, print_line};
use crate::app::workspace_of;
use crate::config::Config;
use crate::ledger::AuditQuestion;
use crate::limits;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print who asked what, when, from where and with which answer, one JSON document a line, oldest first.
    Export {
        /// Only what happened at this moment or later, such as 2026-03-01T00:00:00Z.
        #[arg(long, value_parser = moment)]
        since: Option<OffsetDateTime>,
        /// Only what happened before this moment.
        #[arg(long, value_parser = moment)]
        until: Option<OffsetDateTime>,
        /// Only of this workspace.
        #[arg(long)]
        workspace: Option<String>,
    },
}

fn moment(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text, &Rfc3339).map_err(|_| "must be a moment such as 2026-03-01T00:00:00Z".to_owned())
}

pub async fn run(config: &Config, command: &Command) -> Result<(), CommandError> {
    let Command::Export { since, until, workspace } = command;
    let ledger = existing_ledger(config).await?;
    if let Some(workspace) = workspace
        && ledger.workspace(workspace).await?.is_none()
    {
        workspace_of(config, workspace)?;
    }
    let mut question =
        AuditQuestion { workspace: workspace.clone(), since: *since, until: *until, ..AuditQuestion::default() };
    loop {
        let entries = ledger.audit(&question, limits::LIST_ITEMS as u64).await?;
        for entry in &entries {
            let mut document = json!(entry);
            document["id"] = json!(entry.id);
            print_line(&document.to_string());
        }
        match entries.last() {
            Some(last) if entries.len() == limits::LIST_ITEMS => question.after = last.id,
            _ => break,
        }
    }
    ledger.close().await;
    Ok(())
}
