//! `posture`: evaluates the checks, and prints the report.

use std::io::Write;

use clap::{Args, Subcommand, ValueEnum};

use super::arguments::{moment, word, zone};
use super::error::CommandError;
use super::posture_bundle;
use super::posture_record;
use super::posture_report::{evaluated, moment_of_report};
use super::stores::existing_stores;
use crate::app::workspace_of;
use crate::clock::Clock;
use crate::config::Config;
use crate::directory::DEFAULT_WORKSPACE;
use crate::http::csv_table;
use crate::moments::Zone;
use crate::posture::{OcsfPer, Report, Severity, Status, Suppressed, ocsf, rows, sarif, text};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The workspace.
    #[arg(long, global = true, default_value = DEFAULT_WORKSPACE)]
    workspace: String,
    /// The format of the report.
    #[arg(long, value_enum, default_value_t = FormatArgument::Text)]
    format: FormatArgument,
    /// Exit with 3 if a check of at least this severity fails. Findings with an exception do not
    /// count.
    #[arg(long, value_parser = word::<Severity>(), value_name = "SEVERITY")]
    fail_on: Option<Severity>,
    /// Exit with 4 if no such check fails, but one is unknown.
    #[arg(long)]
    strict: bool,
    /// The posture at this time or at the end of this day, such as 2026-03-01.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    as_of: Option<String>,
    /// The time zone of dates and of times without an offset, such as Europe/Dublin. The default is
    /// UTC.
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    tz: Option<Zone>,
    /// In OCSF, one record for each check or for each subject.
    #[arg(long, value_enum, default_value_t = PerArgument::Check)]
    per: PerArgument,
    /// In SARIF, whether findings with an exception are kept as suppressed or left out.
    #[arg(long, value_enum, default_value_t = SuppressedArgument::Keep)]
    sarif_suppressed: SuppressedArgument,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a ZIP with the report, the accounts, the settings and the head of the ledger, for an
    /// auditor.
    Bundle(posture_bundle::Arguments),
    #[command(flatten)]
    Record(posture_record::Command),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FormatArgument {
    Text,
    Json,
    Csv,
    Ndjson,
    Ocsf,
    Sarif,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PerArgument {
    Check,
    Subject,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SuppressedArgument {
    Keep,
    Omit,
}

/// The exit code if a check fails that `--fail-on` names.
const FAILING: u8 = 3;

/// The exit code if a check is unknown, with `--strict`.
const UNKNOWN: u8 = 4;

pub async fn run(config: &Config, arguments: &Arguments) -> Result<(), CommandError> {
    match &arguments.command {
        Some(Command::Bundle(bundle)) => {
            return posture_bundle::run(config, &arguments.workspace, bundle).await;
        }
        Some(Command::Record(command)) => {
            return posture_record::run(config, &arguments.workspace, command).await;
        }
        None => {}
    }
    let workspace = workspace_of(config, &arguments.workspace)?;
    let now = Clock::System.now();
    let as_of = moment_of_report(arguments.as_of.as_deref(), arguments.tz.as_ref(), now)?;
    let stores = existing_stores(config).await?;
    let (report, _) = evaluated(config, &stores, &workspace.name, as_of, now).await?;
    stores.close().await;
    print(&report, arguments)?;
    verdict(&report, arguments)
}

fn print(report: &Report, arguments: &Arguments) -> Result<(), CommandError> {
    let per = match arguments.per {
        PerArgument::Check => OcsfPer::Check,
        PerArgument::Subject => OcsfPer::Subject,
    };
    let suppressed = match arguments.sarif_suppressed {
        SuppressedArgument::Keep => Suppressed::Keep,
        SuppressedArgument::Omit => Suppressed::Omit,
    };
    let unwritable = || CommandError::new("the report cannot be written; this is a bug");
    let mut stdout = std::io::stdout().lock();
    let mut line = |bytes: &[u8]| {
        // A closed pipe is not an error.
        let _ = stdout.write_all(bytes).and_then(|()| stdout.write_all(b"\n"));
    };
    match arguments.format {
        FormatArgument::Text => line(text(report).trim_end().as_bytes()),
        FormatArgument::Json => {
            line(&serde_json::to_vec_pretty(report).map_err(|_| unwritable())?);
        }
        FormatArgument::Sarif => {
            let log = sarif(report, suppressed);
            line(&serde_json::to_vec_pretty(&log).map_err(|_| unwritable())?);
        }
        FormatArgument::Csv => {
            let rows: Vec<_> = rows(report).collect();
            let _ = stdout.write_all(&csv_table(&rows).ok_or_else(unwritable)?);
        }
        FormatArgument::Ndjson => {
            for row in rows(report) {
                line(&serde_json::to_vec(&row).map_err(|_| unwritable())?);
            }
        }
        FormatArgument::Ocsf => ocsf(report, per).for_each(|one| line(one.to_string().as_bytes())),
    }
    let _ = stdout.flush();
    Ok(())
}

/// Fails with the exit code that pipelines look at.
fn verdict(report: &Report, arguments: &Arguments) -> Result<(), CommandError> {
    if let Some(severity) = arguments.fail_on {
        let failing = report.failing.at_least(severity);
        if failing > 0 {
            let what = if failing == 1 { "check fails" } else { "checks fail" };
            return Err(CommandError::with_code(
                format!("{failing} {what} with severity {severity} or above"),
                FAILING,
            ));
        }
    }
    let unknown = report.checks.iter().filter(|check| check.status == Status::Unknown).count();
    if arguments.strict && unknown > 0 {
        let what = if unknown == 1 { "check is" } else { "checks are" };
        return Err(CommandError::with_code(format!("{unknown} {what} unknown"), UNKNOWN));
    }
    Ok(())
}
