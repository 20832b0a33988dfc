//! `ledger`: verifies, exports and prunes the history, and shows or erases a person. Backups are in
//! `backup`.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::arguments::{duration, moment, moment_of, zone};
use super::person::{self, EraseRequest};
use super::{CommandError, backup, by_command_with, existing_ledger, print_line, when};
use crate::app::workspace_of;
use crate::clock::{self, Clock};
use crate::config::Config;
use crate::directory::DEFAULT_WORKSPACE;
use crate::http::change_document;
use crate::ledger::{
    ChangeKind, ChangePosition, ChangeQuestion, Ledger, LedgerError, Moment, Pruned, Verified,
};
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
    /// Check that the history is complete and as it was written: versions, generations, runs, log
    /// entries, requests.
    Verify {
        /// The head that an earlier check printed, or the hash of a generation in a review: say
        /// which generation that is, and fail if the history does not hold it any more.
        #[arg(long, value_name = "HASH", value_parser = NonEmptyStringValueParser::new())]
        head: Option<String>,
        /// Print what came of it as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print every change that history holds, one JSON document a line, oldest first.
    Export {
        /// Only changes after this one: a `cursor` of an earlier line; or at this moment or day, or
        /// later, such as 2026-03-01.
        #[arg(long, value_name = "CURSOR|MOMENT")]
        since: Option<String>,
        /// Only changes before this moment, or up to the end of this day.
        #[arg(long, value_name = "MOMENT", value_parser = moment)]
        until: Option<String>,
        /// The time zone of dates and of moments without an offset, such as Europe/Dublin. Where it
        /// is left out: UTC.
        #[arg(long, value_name = "ZONE", value_parser = zone)]
        tz: Option<Zone>,
        /// Only changes of this kind.
        #[arg(long)]
        r#type: Option<KindArgument>,
    },
    /// Take out what ended long ago: old versions, log entries, runs and requests that were closed.
    /// What is true now stays.
    Prune {
        /// How much history to keep, such as 400d.
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        keep: Duration,
        /// Do not ask whether this is meant.
        #[arg(long)]
        yes: bool,
        /// Print what would be taken out, and take nothing out.
        #[arg(long)]
        dry_run: bool,
        /// Print what was taken out as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print everything that the database holds about a person, as JSON: for a person who asks for
    /// their data.
    Person {
        /// An id, such as adm_4423433, or an address that the person ever had.
        #[arg(allow_hyphen_values = true, value_parser = NonEmptyStringValueParser::new())]
        person: String,
    },
    /// Erase the personal data of somebody who was removed, for good. Ids stay, and who had which
    /// access when.
    Erase {
        /// An id, such as adm_4423433, or an address that the person ever had.
        #[arg(allow_hyphen_values = true, value_parser = NonEmptyStringValueParser::new())]
        person: String,
        /// Why. It is kept, in the audit trail and with the record of the erasure, so it must not
        /// name the person.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Print what would be erased, and erase nothing.
        #[arg(long)]
        dry_run: bool,
        /// Print what was erased as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write a copy of the whole database into a new file, while the bridge runs, and check the
    /// copy. SQLite only.
    Backup {
        /// The file; it must not be there yet.
        file: PathBuf,
        /// Print what the copy holds as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Check a backup and put it in place as the database, which must not be there yet. SQLite
    /// only; stop the bridge first.
    Restore {
        /// A file that `ledger backup` wrote.
        file: PathBuf,
        /// Restore although the encryption key of that time is lost: tokens and connections by
        /// OAuth end, and `keys reset` must be run before the bridge starts.
        #[arg(long)]
        key_lost: bool,
        /// Print what was restored as JSON.
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
    match &arguments.command {
        Command::Backup { file, json } => return backup::backup(config, file, *json).await,
        Command::Restore { file, key_lost, json } => {
            return backup::restore(config, file, *key_lost, *json).await;
        }
        Command::Prune { yes: false, dry_run: false, .. } if !std::io::stdin().is_terminal() => {
            return Err(CommandError::wrong_use(
                "this takes history out for ever, and nobody can be asked here whether that is meant: say --yes, or --dry-run \
                 to see what would be taken out",
            ));
        }
        _ => {}
    }
    let ledger = existing_ledger(config).await?;
    let workspace = arguments.workspace.as_str();
    // A workspace that the ledger contains can be used even if the settings no longer have it.
    if ledger.workspace(workspace).await.map_err(unreadable)?.is_none() {
        workspace_of(config, workspace)?;
    }
    let result = match &arguments.command {
        Command::Verify { head, json } => verify(&ledger, workspace, head.as_deref(), *json).await,
        Command::Export { since, until, tz, r#type } => {
            let zone = tz.clone().unwrap_or(Zone::UTC);
            let until = moment_of(until.as_deref(), Edge::End, &zone)?;
            let question =
                ChangeQuestion { kind: r#type.map(Into::into), until, ..ChangeQuestion::default() };
            export(&ledger, workspace, since.as_deref(), &zone, question).await
        }
        Command::Prune { keep, yes, dry_run, json } => {
            let request = PruneRequest { keep: *keep, yes: *yes, dry_run: *dry_run, json: *json };
            prune(&ledger, workspace, request).await
        }
        Command::Person { person } => person::show(&ledger, workspace, person).await,
        Command::Erase { person, reason, dry_run, json } => {
            let request = EraseRequest { person, reason, dry_run: *dry_run, json: *json };
            person::erase(&ledger, workspace, request).await
        }
        Command::Backup { .. } | Command::Restore { .. } => Ok(()),
    };
    ledger.close().await;
    result
}

#[expect(clippy::needless_pass_by_value, reason = "it stands where an error is mapped")]
fn unreadable(error: LedgerError) -> CommandError {
    CommandError::new(format!("the ledger cannot be read: {}; check the database", error.chain()))
}

async fn verify(
    ledger: &Ledger,
    workspace: &str,
    head: Option<&str>,
    json: bool,
) -> Result<(), CommandError> {
    let verified = ledger.verify(workspace, head.map(str::trim)).await.map_err(unreadable)?;
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
            "no generation and no record has the hash that --head names: the history is another one, or was cut off or written anew since",
        )),
        (0, _) => Ok(()),
        (findings, _) => Err(CommandError::new(format!(
            "the ledger is not as it was written ({findings} findings); restore the database from a backup, or find out who changed it"
        ))),
    }
}

/// Returns the result of a verification as JSON, with the verdict in words.
pub(super) fn document(verified: &Verified) -> serde_json::Value {
    let mut document = json!(verified);
    document["verdict"] =
        json!(if verified.findings.is_empty() { "complete_and_unaltered" } else { "altered" });
    document["summary"] = json!(summary(verified));
    document
}

/// Returns the verdict, with the extent of what was verified, as one sentence.
pub(super) fn summary(verified: &Verified) -> String {
    let verdict = match verified.findings.len() {
        0 => "complete and unaltered".to_owned(),
        1 => "NOT AS IT WAS WRITTEN (1 finding)".to_owned(),
        findings => format!("NOT AS IT WAS WRITTEN ({findings} findings)"),
    };
    let generations = match (verified.first, verified.last) {
        (Some(first), Some(last)) if first.generation < last.generation => format!(
            "generations {}\u{2013}{}, {} to {}",
            first.generation,
            last.generation,
            first.at.date(),
            last.at.date()
        ),
        (_, Some(last)) => format!("generation {}, {}", last.generation, last.at.date()),
        _ => "no generation yet".to_owned(),
    };
    format!(
        "{verdict}: {generations}; {}; {}; {}",
        counted(verified.runs, "run", "runs"),
        counted(verified.activity, "activity entry", "activity entries"),
        counted(verified.requests, "request", "requests")
    )
}

/// Returns the result of a verification as lines of text.
fn lines(verified: &Verified) -> Vec<String> {
    let mut lines = vec![
        summary(verified),
        format!(
            "checked: {} of people, teams and memberships; every run that ended, every entry of Intercom's activity log, every \
             request and how it was closed; and that {} and {} fit together",
            counted(verified.versions, "version", "versions"),
            counted(verified.generations, "generation", "generations"),
            counted(verified.records, "record", "records")
        ),
    ];
    if let Some(found) = &verified.taken_as_found {
        lines.push(format!(
            "taken as found on {}, and proved only since then: {}; {}; {}",
            found.at.date(),
            counted(found.runs, "run", "runs"),
            counted(found.activity, "activity entry", "activity entries"),
            counted(found.requests, "request", "requests")
        ));
    }
    if let Some(erased) = &verified.erased {
        lines.push(format!(
            "personal data was erased {} ({} in all), last on {}; the rest of those rows is proved as before",
            counted(erased.erasures, "time", "times"),
            counted(erased.rows, "row", "rows"),
            erased.last_at.date()
        ));
    }
    if let Some(at) = verified.shortened_at {
        let since = verified
            .first
            .map(|first| format!("; its earliest state is that of {}", when(first.at)));
        lines.push(format!(
            "history was last shortened on {}{}",
            at.date(),
            since.unwrap_or_default()
        ));
    }
    if let Some(Moment { generation, at }) = verified.asked_head {
        lines.push(format!(
            "the hash that --head names is in it: {}",
            generation_at(generation, at)
        ));
    }
    lines.push(match verified.head_at {
        Some(at) => format!(
            "head {} ({})",
            verified.head,
            generation_at(verified.head_generation.unwrap_or(0), at)
        ),
        None => "there is no head yet: nothing was recorded".to_owned(),
    });
    lines
}

fn generation_at(generation: i64, at: OffsetDateTime) -> String {
    // Formatting cannot fail for the times that the ledger holds.
    let at = at.format(&Rfc3339).unwrap_or_default();
    if generation == 0 {
        format!("before the first generation, {at}")
    } else {
        format!("generation {generation}, {at}")
    }
}

/// Formats a number with thousands separators and its noun.
fn counted(count: u64, one: &str, many: &str) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{text} {}", if count == 1 { one } else { many })
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
                eprintln!(
                    "note: history was shortened; what was changed before is not there any more"
                );
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
                    "{error}; history begins with --since {begins} now"
                )));
            }
            Err(LedgerError::NoSuchPosition) => {
                return Err(CommandError::new("--since is a cursor of another ledger"));
            }
            page => page.map_err(unreadable)?,
        };
        page.changes
            .iter()
            .for_each(|change| print_line(&json!(change_document(change)).to_string()));
        if !page.more {
            return Ok(());
        }
        next = page.next;
    }
}

struct PruneRequest {
    keep: Duration,
    yes: bool,
    dry_run: bool,
    json: bool,
}

async fn prune(
    ledger: &Ledger,
    workspace: &str,
    request: PruneRequest,
) -> Result<(), CommandError> {
    let now = Clock::System.now();
    let before = clock::before(now, request.keep);
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
            return Err(CommandError::new("nothing was taken out"));
        }
    }
    let pruned = ledger.prune(workspace, before, now).await.map_err(unreadable)?;
    let detail = format!(
        "before {}; {} versions, {} log entries, {} runs, {} requests",
        when(before),
        pruned.versions,
        pruned.activity,
        pruned.runs,
        pruned.requests
    );
    let event = by_command_with("ledger.pruned", workspace, &[workspace.to_owned()], &detail, now);
    ledger.record_audit(event).await.map_err(unreadable)?;
    // SQLite keeps deleted data in its file until the file is scrubbed.
    let scrubbed = ledger.scrub().await;
    if request.json {
        print_line(&json!(pruned).to_string());
    } else {
        print_line(&pruned_in_words(&pruned, "were"));
    }
    scrubbed.map_err(|error| {
        CommandError::new(format!(
            "it is taken out, but the database's file could not be written anew and may still hold traces of it: {}; run the \
             command again, or stop the bridge first",
            error.chain()
        ))
    })
}

fn pruned_in_words(pruned: &Pruned, were: &str) -> String {
    let begins = if were == "were" { "begins" } else { "would begin" };
    let history = match pruned.generation {
        0 => format!("history {begins} with the first generation"),
        generation => format!("history {begins} with generation {generation}"),
    };
    format!(
        "{} versions, {} log entries, {} runs and {} lifecycle requests {were} taken out; {history}",
        pruned.versions, pruned.activity, pruned.runs, pruned.requests
    )
}

/// Asks for confirmation on the terminal.
fn confirmed(what: &str) -> bool {
    eprint!("{what}. This cannot be undone. Go on? [y/N] ");
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}
