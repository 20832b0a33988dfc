//! `ledger`: verifies, exports and prunes the history, and shows or erases a person. Backups are in
//! `backup`.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use serde_json::json;
use time::Date;

use super::actor::by_command_with;
use super::arguments::{duration, moment, moment_of, word, zone};
use super::backup;
use super::error::CommandError;
use super::output::{print_line, when};
use super::person::{self, EraseRequest};
use super::stores::existing_stores;
use super::trusted_clock;
use super::verdict::{document, lines};
use crate::app::{identities_of, workspace_of};
use crate::assessment::{VERIFIED, verification_detail};
use crate::clock::{self, Clock};
use crate::config::Config;
use crate::directory::{ChangeKind, ChangePosition, DEFAULT_WORKSPACE};
use crate::ledger::{ChangeQuestion, Ledger, LedgerError, Pruned, Verified};
use crate::limits;
use crate::moments::{self, Edge, Zone};
use crate::stores::Stores;
use crate::tabular::ChangeDocument;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The workspace.
    #[arg(long, global = true, default_value = DEFAULT_WORKSPACE)]
    workspace: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Verify that the history is complete and unaltered: versions, generations, runs, log entries
    /// and requests.
    Verify {
        /// A head that an earlier verification printed, or the hash of a generation in a review.
        /// The command prints which generation it is, and fails if the history no longer contains
        /// it.
        #[arg(long, value_name = "HASH", value_parser = NonEmptyStringValueParser::new())]
        head: Option<String>,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print every change of the history, one JSON document per line, oldest first.
    Export {
        /// Only changes after this `cursor` of an earlier line, or from this time or day on, such
        /// as 2026-03-01.
        #[arg(long, value_name = "CURSOR|TIME")]
        since: Option<String>,
        /// Only changes before this time, or up to the end of this day.
        #[arg(long, value_name = "TIME", value_parser = moment)]
        until: Option<String>,
        /// The time zone of dates and of times without an offset, such as Europe/Dublin. The
        /// default is UTC.
        #[arg(long, value_name = "ZONE", value_parser = zone)]
        tz: Option<Zone>,
        /// Only changes of this kind. Without it: all but those of roles.
        #[arg(long, value_parser = word::<ChangeKind>())]
        r#type: Option<ChangeKind>,
    },
    /// Permanently delete old history: versions that ended, log entries, runs and closed requests.
    /// The current state stays.
    Prune {
        /// How much history to keep, such as 400d.
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        keep: Duration,
        /// Do not ask for confirmation.
        #[arg(long)]
        yes: bool,
        /// Today's date, such as 2026-03-01. It is needed only if Intercom, whose clock is compared
        /// with this machine's, cannot be reached; it must be the date of this machine's clock.
        #[arg(long, value_name = "DATE", value_parser = trusted_clock::date)]
        today: Option<Date>,
        /// Print what would be deleted, and delete nothing.
        #[arg(long)]
        dry_run: bool,
        /// Print what was deleted as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print everything that the database contains about a person, as JSON, for a request for
    /// access to personal data.
    Person {
        /// An id, such as adm_4423433, or an address that the person ever had.
        #[arg(allow_hyphen_values = true, value_parser = NonEmptyStringValueParser::new())]
        person: String,
    },
    /// Permanently erase the personal data of a removed person. Ids and the history of access stay.
    Erase {
        /// An id, such as adm_4423433, or an address that the person ever had.
        #[arg(allow_hyphen_values = true, value_parser = NonEmptyStringValueParser::new())]
        person: String,
        /// The reason. It is kept in the audit trail and in the record of the erasure, so it must
        /// not name the person.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Print what would be erased, and erase nothing.
        #[arg(long)]
        dry_run: bool,
        /// Print what was erased as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Copy the database into a new file and verify the copy. The bridge can keep running. SQLite
    /// only.
    Backup {
        /// The new file. It must not exist yet.
        file: PathBuf,
        /// Print what the copy contains as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Verify a backup and install it as the database, which must not exist yet. Stop the bridge
    /// first. SQLite only.
    Restore {
        /// A file that `ledger backup` wrote.
        file: PathBuf,
        /// Restore although the encryption key of the backup is lost. Tokens and OAuth connections
        /// become invalid, and `keys reset` must be run before the bridge starts.
        #[arg(long)]
        key_lost: bool,
        /// Print what was restored as JSON.
        #[arg(long)]
        json: bool,
    },
}

pub async fn run(config: &Config, arguments: &Arguments) -> Result<(), CommandError> {
    match &arguments.command {
        Command::Backup { file, json } => return backup::backup(config, file, *json).await,
        Command::Restore { file, key_lost, json } => {
            return backup::restore(config, file, *key_lost, *json).await;
        }
        Command::Prune { yes: false, dry_run: false, .. } if !std::io::stdin().is_terminal() => {
            return Err(CommandError::wrong_use(
                "this permanently deletes history, and there is no terminal to ask for confirmation; \
                 use --yes to confirm, or --dry-run to see what would be deleted",
            ));
        }
        _ => {}
    }
    let stores = existing_stores(config).await?;
    let ledger = &stores.ledger;
    let workspace = arguments.workspace.as_str();
    // A workspace that the ledger contains can be used even if the settings no longer have it.
    if ledger.workspace(workspace).await.map_err(unreadable)?.is_none() {
        workspace_of(config, workspace)?;
    }
    let result = match &arguments.command {
        Command::Verify { head, json } => verify(&stores, workspace, head.as_deref(), *json).await,
        Command::Export { since, until, tz, r#type } => {
            let zone = tz.clone().unwrap_or(Zone::UTC);
            let until = moment_of(until.as_deref(), Edge::End, &zone)?;
            let question = ChangeQuestion { kind: *r#type, until, ..ChangeQuestion::default() };
            export(ledger, workspace, since.as_deref(), &zone, question).await
        }
        Command::Prune { keep, yes, today, dry_run, json } => {
            let (yes, dry_run) = (*yes, *dry_run);
            let request = PruneRequest { keep: *keep, yes, today: *today, dry_run, json: *json };
            let pruned = prune(config, ledger, workspace, request).await;
            if pruned.is_ok() && !dry_run {
                let identities = identities_of(config, workspace, &stores, &Clock::System);
                let directory = identities.recorded_directory().await.map_err(unreadable)?;
                identities.keep_up(&directory).await.map_err(unreadable)?;
            }
            pruned
        }
        Command::Person { person } => person::show(ledger, workspace, person).await,
        Command::Erase { person, reason, dry_run, json } => {
            let request = EraseRequest { person, reason, dry_run: *dry_run, json: *json };
            let identities = identities_of(config, workspace, &stores, &Clock::System);
            person::erase(&stores, &identities, request).await
        }
        Command::Backup { .. } | Command::Restore { .. } => Ok(()),
    };
    stores.close().await;
    result
}

#[expect(clippy::needless_pass_by_value, reason = "it stands where an error is mapped")]
fn unreadable(error: LedgerError) -> CommandError {
    CommandError::new(format!("the ledger cannot be read: {}; check the database", error.chain()))
}

async fn verify(
    stores: &Stores,
    workspace: &str,
    head: Option<&str>,
    json: bool,
) -> Result<(), CommandError> {
    let verified =
        stores.ledger.verify(workspace, head.map(str::trim)).await.map_err(unreadable)?;
    note_verification(stores, workspace, &verified).await;
    if json {
        print_line(&document(&verified).to_string());
    } else {
        verified.findings.iter().for_each(|finding| print_line(&finding.0));
        for line in lines(&verified) {
            print_line(&line);
        }
    }
    match (verified.findings.len(), verified.known_head) {
        (0, Some(false)) => Err(CommandError::new(
            "no generation and no record has the hash of --head: this is a different history, or it was cut off or rewritten since",
        )),
        (0, _) => Ok(()),
        (findings, _) => Err(CommandError::new(format!(
            "the history was altered ({findings} findings); restore the database from a backup, or find out who changed it"
        ))),
    }
}

/// Records in the audit trail that the ledger was verified, for the check IC-MON-2 of the posture.
async fn note_verification(stores: &Stores, workspace: &str, verified: &Verified) {
    let detail = verification_detail(verified.findings.len(), verified.head_generation);
    let entries = by_command_with(
        VERIFIED,
        &verified.head,
        &[workspace.to_owned()],
        &detail,
        Clock::System.now(),
    );
    // The verification is worth as much without the note: the database may be read-only.
    if let Err(error) = stores.audit.record(entries).await {
        eprintln!("note: the verification could not be recorded in the audit trail: {error}");
    }
}

async fn export(
    ledger: &Ledger,
    workspace: &str,
    since: Option<&str>,
    zone: &Zone,
    mut question: ChangeQuestion,
) -> Result<(), CommandError> {
    let earliest = ledger.earliest(workspace).await.map_err(unreadable)?;
    let mut next = match since {
        None => {
            if earliest != ChangePosition::START {
                eprintln!("note: the history was pruned; earlier changes are no longer in it");
            }
            earliest.clone()
        }
        Some(text) => {
            match (ChangePosition::from_cursor(text), moments::read(text, Edge::Start, zone)) {
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
            }
        }
    };
    loop {
        let page = match ledger.changes_that(workspace, &next, &question, limits::LIST_ITEMS).await
        {
            Err(error @ LedgerError::Pruned { .. }) => {
                let begins = earliest.to_cursor();
                return Err(CommandError::new(format!(
                    "{error}; the history now begins with --since {begins}"
                )));
            }
            Err(LedgerError::NoSuchPosition) => {
                return Err(CommandError::new(
                    "the cursor of --since is from another ledger; leave --since out to start from the beginning",
                ));
            }
            page => page.map_err(unreadable)?,
        };
        page.changes
            .iter()
            .for_each(|change| print_line(&json!(ChangeDocument::from(change)).to_string()));
        if !page.more {
            return Ok(());
        }
        next = page.next;
    }
}

struct PruneRequest {
    keep: Duration,
    yes: bool,
    today: Option<Date>,
    dry_run: bool,
    json: bool,
}

async fn prune(
    config: &Config,
    ledger: &Ledger,
    workspace: &str,
    request: PruneRequest,
) -> Result<(), CommandError> {
    let now = Clock::System.now();
    let before = clock::before(now, request.keep);
    note_short_history(request.keep, config.import.loss_window);
    // A clock that is ahead would delete what is to be kept.
    let clock_confirmed =
        trusted_clock::confirm(config, workspace, request.today, &Clock::System).await;
    let clock_confirmed = match clock_confirmed {
        Err(error) if request.dry_run => {
            eprintln!("note: without --dry-run this would be refused: {error}");
            String::new()
        }
        confirmed => confirmed?,
    };
    if request.dry_run || !request.yes {
        let would = ledger.would_prune(workspace, before).await.map_err(unreadable)?;
        if request.dry_run {
            let mut document = json!(would);
            document["dry_run"] = json!(true);
            print_line(&if request.json {
                document.to_string()
            } else {
                pruned_in_words(&would, "would be")
            });
            return Ok(());
        }
        if !would.is_empty() && !confirmed(&pruned_in_words(&would, "would be")) {
            return Err(CommandError::new("nothing was deleted"));
        }
    }
    let events = |pruned: &Pruned| {
        let detail = format!(
            "before {}; {} versions, {} log entries, {} runs, {} requests; {clock_confirmed}",
            when(before),
            pruned.versions,
            pruned.activity,
            pruned.runs,
            pruned.requests
        );
        by_command_with("ledger.pruned", workspace, &[workspace.to_owned()], &detail, now)
    };
    let pruned = ledger.prune(workspace, before, events, now).await.map_err(unreadable)?;
    // SQLite keeps deleted data in its file until the file is scrubbed.
    let scrubbed = ledger.scrub().await;
    if request.json {
        print_line(&json!(pruned).to_string());
    } else {
        print_line(&pruned_in_words(&pruned, "were"));
    }
    scrubbed.map_err(|error| {
        CommandError::new(format!(
            "the history is deleted, but the database file could not be rewritten and may still \
             contain traces of it: {}; run the command again, or stop the bridge first",
            error.chain()
        ))
    })
}

fn note_short_history(keep: Duration, window: Duration) {
    if keep < window {
        eprintln!(
            "note: imports compare with the history of the last {} (import.loss_window) to hold a \
             mass loss of access; without that history, losses before this pruning no longer count",
            humantime::format_duration(window)
        );
    }
}

fn pruned_in_words(pruned: &Pruned, were: &str) -> String {
    let begins = if were == "were" { "begins" } else { "would begin" };
    let history = match pruned.generation {
        0 => format!("the history {begins} with the first generation"),
        generation => format!("the history {begins} with generation {generation}"),
    };
    format!(
        "{} versions, {} log entries, {} runs and {} lifecycle requests {were} deleted; {history}",
        pruned.versions, pruned.activity, pruned.runs, pruned.requests
    )
}

/// Asks for confirmation on the terminal.
fn confirmed(what: &str) -> bool {
    eprint!("{what}. This cannot be undone. Continue? [y/N] ");
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}
