//! `audit export`: prints the audit trail as NDJSON.

use clap::Subcommand;
use serde_json::json;

use super::arguments::{moment, moment_of, zone};
use super::error::CommandError;
use super::output::print_line;
use super::stores::existing_stores;
use crate::app::workspace_of;
use crate::config::Config;
use crate::limits;
use crate::moments::{Edge, Zone};
use crate::stores::AuditQuestion;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the audit trail: each request with its client, time, address and status. One JSON
    /// document per line, oldest first.
    Export {
        /// Only entries from this time or day on, such as 2026-03-01T12:00:00Z or 2026-03-01.
        #[arg(long, value_name = "TIME", value_parser = moment)]
        since: Option<String>,
        /// Only entries before this time, or up to the end of this day.
        #[arg(long, value_name = "TIME", value_parser = moment)]
        until: Option<String>,
        /// The time zone of dates and of times without an offset, such as Europe/Dublin. The
        /// default is UTC.
        #[arg(long, value_name = "ZONE", value_parser = zone)]
        tz: Option<Zone>,
        /// Only entries of this workspace.
        #[arg(long)]
        workspace: Option<String>,
    },
}

pub async fn run(config: &Config, command: &Command) -> Result<(), CommandError> {
    let Command::Export { since, until, tz, workspace } = command;
    let zone = tz.clone().unwrap_or(Zone::UTC);
    let since = moment_of(since.as_deref(), Edge::Start, &zone)?;
    let until = moment_of(until.as_deref(), Edge::End, &zone)?;
    let stores = existing_stores(config).await?;
    if let Some(workspace) = workspace
        && stores.ledger.workspace(workspace).await?.is_none()
    {
        workspace_of(config, workspace)?;
    }
    let mut question =
        AuditQuestion { workspace: workspace.clone(), since, until, ..AuditQuestion::default() };
    loop {
        let entries = stores.audit.entries(&question, limits::LIST_ITEMS as u64).await?;
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
    stores.close().await;
    Ok(())
}
