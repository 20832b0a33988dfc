//! `posture bundle`: a ZIP with the report and what it rests on, for an auditor.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::arguments::{moment, zone};
use super::error::CommandError;
use super::output::print_line;
use super::posture_report::{evaluated, moment_of_report};
use super::stores::existing_stores;
use crate::app::{posture_basis, workspace_of};
use crate::clock::Clock;
use crate::config::Config;
use crate::date_time;
use crate::directory::{Directory, LogFacts};
use crate::http::bundle::{Part, manifest_files, sums, zipped};
use crate::http::csv_table;
use crate::ledger::Verified;
use crate::moments::Zone;
use crate::posture::{Report, rows};
use crate::tabular::{Account, KnownLog, Selection, accounts};

#[derive(Debug, Args)]
pub struct Arguments {
    /// The new file. It must not exist yet.
    file: PathBuf,
    /// The posture at this time or at the end of this day, such as 2026-03-01.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    as_of: Option<String>,
    /// The time zone of --as-of, such as Europe/Dublin. The default is UTC.
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    tz: Option<Zone>,
}

pub async fn run(
    config: &Config,
    workspace: &str,
    arguments: &Arguments,
) -> Result<(), CommandError> {
    let workspace = workspace_of(config, workspace)?;
    let now = Clock::System.now();
    let as_of = moment_of_report(arguments.as_of.as_deref(), arguments.tz.as_ref(), now)?;
    let stores = existing_stores(config).await?;
    let (report, directory) = evaluated(config, &stores, &workspace.name, as_of, now).await?;
    let moment = as_of.unwrap_or(now);
    let lookback = posture_basis(config).lookback;
    let log = stores.ledger.log_facts(&workspace.name, moment, lookback).await?;
    let verified = stores.ledger.verify(&workspace.name, None).await?;
    stores.close().await;
    let accounts = accounts_of(config, &directory, &log, moment);
    let parts = parts(&report, &accounts, &verified, now)?;
    let unwritable = |_| CommandError::new("the bundle cannot be put together; this is a bug");
    let bundle = zipped(&parts).map_err(unwritable)?;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    // The bundle has names and addresses.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let shown = arguments.file.display();
    options
        .open(&arguments.file)
        .and_then(|mut file| file.write_all(&bundle).and_then(|()| file.sync_all()))
        .map_err(|error| CommandError::new(format!("{shown} cannot be written: {error}")))?;
    print_line(&format!("wrote {shown}: generation {}, head {}", report.generation, verified.head));
    Ok(())
}

/// All accounts, with what the activity log said at the moment.
fn accounts_of(
    config: &Config,
    directory: &Directory,
    log: &LogFacts,
    moment: OffsetDateTime,
) -> Vec<Account> {
    let all = Selection { include_removed: true, limit: usize::MAX, ..Selection::default() };
    let known = KnownLog { covered: log.covered, moment };
    let mut rows = accounts(directory, config.scim.one_word_names, known, all).items;
    for (row, person) in rows.iter_mut().zip(&directory.people) {
        row.with_log_facts(&person.user, log, moment);
    }
    rows
}

/// The files of the bundle. The last ones describe the others.
fn parts(
    report: &Report,
    accounts: &[Account],
    verified: &Verified,
    now: OffsetDateTime,
) -> Result<Vec<Part>, CommandError> {
    let unwritable = || CommandError::new("the report cannot be written; this is a bug");
    let pretty = |value: &Value| serde_json::to_vec_pretty(value).map_err(|_| unwritable());
    let time = |at: OffsetDateTime| date_time::written(at).to_string();
    let findings: Vec<_> = rows(report).collect();
    let ledger = json!({
        "head": verified.head,
        "head_generation": verified.head_generation,
        "head_at": verified.head_at.map(time),
        "findings": verified.findings,
        "verified_at": time(now),
    });
    let mut parts = vec![
        Part { name: "report.json", contents: pretty(&json!(report))? },
        Part { name: "findings.csv", contents: csv_table(&findings).ok_or_else(unwritable)? },
        Part { name: "accounts.csv", contents: csv_table(accounts).ok_or_else(unwritable)? },
        Part { name: "settings.json", contents: pretty(&json!(report.settings))? },
        Part { name: "ledger.json", contents: pretty(&ledger)? },
    ];
    let manifest = json!({
        "workspace_id": report.workspace_id,
        "as_of": time(report.as_of),
        "generation": report.generation,
        "rules_version": report.rules_version,
        "made_at": time(now),
        "made_by": super::actor::system_user(),
        "generator": concat!("intercom-scim-bridge ", env!("CARGO_PKG_VERSION")),
        "ledger": ledger,
        "files": manifest_files(&parts),
    });
    parts.push(Part { name: "manifest.json", contents: pretty(&manifest)? });
    let sums = sums(&parts);
    parts.push(Part { name: "SHA256SUMS", contents: sums });
    Ok(parts)
}
