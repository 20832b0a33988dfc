//! `ledger`: proves the history whole, writes it out, shortens it.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::arguments::{duration, moment, moment_of, zone};
use super::{CommandError, by_command_with, existing_ledger, print_line, when};
use crate::app::workspace_of;
use crate::clock::{self, Clock};
use crate::config::Config;
use crate::directory::DEFAULT_WORKSPACE;
use crate::http::change_document;
use crate::ledger::{ChangeKind, ChangePosition, ChangeQuestion, Ledger, LedgerError};
use crate::limits;
use crate::moments::{self, Edge, Zone};

#[derive(Debug, Args)]
pub struct Arguments {
    /// Which workspace.
    #[arg(long, global = true, default_value = DEFAULT_WORKSPACE)]
    workspace: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check that every version and every generation is as it was written.
    Verify {
        /// The hash that an earlier check printed: fails if the history does not hold it any more.
        #[arg(long, value_name = "HASH")]
        head: Option<String>,
        /// Print what came of it as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print every change that history holds, one JSON document a line, oldest first.
    Export {
        /// Only changes after this one: a `cursor` of an earlier line; or at this moment or day, or later, such as 2026-03-01.
        #[arg(long, value_name = "CURSOR|MOMENT")]
        since: Option<String>,
        /// Only changes before this moment, or up to the end of this day.
        #[arg(long, value_name = "MOMENT", value_parser = moment)]
        until: Option<String>,
        /// The time zone of dates and of moments without an offset, such as Europe/Dublin. Where it is left out: UTC.
        #[arg(long, value_name = "ZONE", value_parser = zone)]
        tz: Option<Zone>,
        /// Only changes of this kind.
        #[arg(long)]
        r#type: Option<KindArgument>,
    },
    /// Take out what ended long ago: old versions, log entries, runs and requests that were done. What is true now stays.
    Prune {
        /// How much history to keep, such as 400d.
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        keep: Duration,
        /// Print what was taken out as JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum KindArgument {
    User,
    Group,
    Membership,
}

impl From<KindArgument> for ChangeKind {
    fn from(kind: KindArgument) -> Self {
        match kind {
            KindArgument::User => Self::User,
            KindArgument::Group => Self::Group,
            KindArgument::Membership => Self::Membership,
        }
    }
}

pub async fn run(config: &Config, arguments: &Arguments) -> Result<(), CommandError> {
    let ledger = existing_ledger(config).await?;
    let workspace = arguments.workspace.as_str();
    // What the ledger knows can be asked for, although the settings name it no more.
    if ledger.workspace(workspace).await.map_err(unreadable)?.is_none() {
        workspace_of(config, workspace)?;
    }
    let result = match &arguments.command {
        Command::Verify { head, json } => verify(&ledger, workspace, head.as_deref(), *json).await,
        Command::Export { since, until, tz, r#type } => {
            let zone = tz.clone().unwrap_or(Zone::UTC);
            let until = moment_of(until.as_deref(), Edge::End, &zone)?;
            let question = ChangeQuestion { kind: r#type.map(Into::into), until, ..ChangeQuestion::default() };
            export(&ledger, workspace, (since.as_deref(), &zone), question).await
        }
        Command::Prune { keep, json } => prune(&ledger, workspace, *keep, *json).await,
    };
    ledger.close().await;
    result
}

#[expect(clippy::needless_pass_by_value, reason = "it stands where an error is mapped")]
fn unreadable(error: LedgerError) -> CommandError {
    CommandError::new(format!("the ledger cannot be read: {}; check the database", error.chain()))
}

async fn verify(ledger: &Ledger, workspace: &str, head: Option<&str>, json: bool) -> Result<(), CommandError> {
    let verified = ledger.verify(workspace, head).await.map_err(unreadable)?;
    if json {
        print_line(&json!(verified).to_string());
    } else {
        verified.findings.iter().for_each(|finding| print_line(&finding.0));
        print_line(&format!("{} generations and {} versions were checked", verified.generations, verified.versions));
        print_line(&format!("head {}", verified.head));
    }
    match (verified.findings.len(), verified.known_head) {
        (0, Some(false)) => {
            Err(CommandError::new("no generation has the hash that --head names: the history is another one"))
        }
        (0, _) => Ok(()),
        (findings, _) => Err(CommandError::new(format!(
            "the ledger is not as it was written ({findings} findings); restore the database from a backup, or find out who changed it"
        ))),
    }
}

async fn export(
    ledger: &Ledger,
    workspace: &str,
    (since, zone): (Option<&str>, &Zone),
    mut question: ChangeQuestion,
) -> Result<(), CommandError> {
    let earliest = ledger.earliest(workspace).await.map_err(unreadable)?;
    let mut next = match since {
        None => {
            if earliest != ChangePosition::START {
                eprintln!("note: history was shortened; what was changed before is not there any more");
            }
            earliest.clone()
        }
        Some(text) => match (ChangePosition::from_cursor(text), moments::read(text, Edge::Start, zone)) {
            (Some(position), _) => position,
            (None, Some(written)) => {
                question.since = Some(written.moment);
                ChangePosition::START
            }
            (None, None) => {
                return Err(CommandError::new(format!(
                    "--since takes the `cursor` of an earlier line, or {}",
                    moments::FORMS
                )));
            }
        },
    };
    loop {
        let page = match ledger.changes_that(workspace, &next, &question, limits::LIST_ITEMS).await {
            Err(error @ LedgerError::Pruned { .. }) => {
                let begins = earliest.to_cursor();
                return Err(CommandError::new(format!("{error}; history begins with --since {begins} now")));
            }
            Err(LedgerError::NoSuchPosition) => {
                return Err(CommandError::new("--since is a cursor of another ledger"));
            }
            page => page.map_err(unreadable)?,
        };
        page.changes.iter().for_each(|change| print_line(&json!(change_document(change)).to_string()));
        if !page.more {
            return Ok(());
        }
        next = page.next;
    }
}

async fn prune(ledger: &Ledger, workspace: &str, keep: Duration, json: bool) -> Result<(), CommandError> {
    let now = Clock::System.now();
    let before = clock::before(now, keep);
    let pruned = ledger.prune(workspace, before, now).await.map_err(unreadable)?;
    let detail = format!("before {}; {} versions", when(before), pruned.versions);
    let event = by_command_with("ledger.pruned", workspace, &[workspace.to_owned()], &detail, now);
    ledger.record_audit(event).await.map_err(unreadable)?;
    if json {
        print_line(&json!(pruned).to_string());
    } else {
        print_line(&format!(
            "{} versions, {} log entries, {} runs and {} lifecycle requests were taken out; history begins with generation {}",
            pruned.versions, pruned.activity, pruned.runs, pruned.requests, pruned.generation
        ));
    }
    Ok(())
}
