//! `activity export`: prints entries of Intercom's activity log as NDJSON, for collectors that read
//! files.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Value, json};

use super::arguments::{word, zone};
use super::error::CommandError;
use super::stores::existing_stores;
use crate::activity::{Context, Entry, Format, Order, Position, ecs, ocsf, subject_of};
use crate::app::workspace_of;
use crate::clock::to_millis;
use crate::config::Config;
use crate::directory::{Activity, DEFAULT_WORKSPACE, UserId, Workspace};
use crate::ledger::{FeedAnswer, FeedPage, Ledger};
use crate::limits;
use crate::moments::{self, Edge, Zone};
use crate::tabular::ActivityRow;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print entries of Intercom's activity log in the order in which the bridge recorded them. One
    /// JSON document per line.
    Export {
        /// Begin after this position (the `cursor` of an entry), with the entries that were
        /// recorded since this time or day, or `now`. The default is the oldest entry.
        #[arg(long, value_name = "CURSOR|TIME|now")]
        since: Option<String>,
        /// The time zone of dates and of times without an offset, such as Europe/Dublin. The
        /// default is UTC.
        #[arg(long, value_name = "ZONE", value_parser = zone)]
        tz: Option<Zone>,
        /// The form of the entries.
        #[arg(long, value_parser = word::<Format>(), default_value = "native")]
        format: Format,
        /// Only entries of this type, such as admin_login_failure. May be repeated.
        #[arg(long, value_name = "TYPE")]
        r#type: Vec<String>,
        /// Append the entries to this file instead of printing them.
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
        /// Continue after the position in this file, and write the new position into it. If it does
        /// not exist, begin with --since. So each run prints only new entries.
        #[arg(long, value_name = "FILE")]
        state: Option<PathBuf>,
        /// The workspace.
        #[arg(long, default_value = DEFAULT_WORKSPACE)]
        workspace: String,
    },
}

pub async fn run(config: &Config, command: &Command) -> Result<(), CommandError> {
    let Command::Export { since, tz, format, r#type, to, state, workspace } = command;
    let stores = existing_stores(config).await?;
    let ledger = &stores.ledger;
    let Some(described) = ledger.workspace(workspace).await? else {
        workspace_of(config, workspace)?;
        return Err(CommandError::new("this workspace was not imported yet"));
    };
    let last = state.as_deref().map(read_state).transpose()?.flatten();
    let zone = tz.clone().unwrap_or(Zone::UTC);
    let position = match last {
        Some(position) => Some(position),
        None => begin(ledger, workspace, since.as_deref(), &zone).await?,
    };
    let mut export = Export {
        ledger,
        name: workspace,
        workspace: described,
        format: *format,
        types: r#type.iter().map(String::as_str).collect(),
        output: output(to.as_deref())?,
        state: state.as_deref(),
    };
    export.run(position).await?;
    stores.close().await;
    Ok(())
}

/// The position at which an export begins that has no stored one.
async fn begin(
    ledger: &Ledger,
    workspace: &str,
    since: Option<&str>,
    zone: &Zone,
) -> Result<Option<Position>, CommandError> {
    let Some(text) = since else { return Ok(None) };
    if text == "now" {
        return Ok(Some(ledger.feed_end(workspace).await?));
    }
    if let Some(position @ Position::Recording { .. }) = Position::from_cursor(text) {
        return Ok(Some(position));
    }
    let moment = moments::read(text, Edge::Start, zone).ok_or_else(|| {
        CommandError::new(format!(
            "--since must be the `cursor` of an entry, `now`, or {}",
            moments::FORMS
        ))
    })?;
    Ok(Some(ledger.feed_from(workspace, to_millis(moment.moment)).await?))
}

struct Export<'a> {
    ledger: &'a Ledger,
    name: &'a str,
    workspace: Workspace,
    format: Format,
    types: BTreeSet<&'a str>,
    output: Box<dyn Write>,
    state: Option<&'a Path>,
}

impl Export<'_> {
    async fn run(&mut self, mut position: Option<Position>) -> Result<(), CommandError> {
        loop {
            let types = &self.types;
            let matches =
                |entry: &Activity| types.is_empty() || types.contains(entry.kind.as_str());
            let read = self.ledger.feed(
                self.name,
                &Order::Recording,
                position,
                limits::LIST_ITEMS,
                &matches,
            );
            let page = match read.await? {
                FeedAnswer::Page(page) => page,
                FeedAnswer::Pruned(next) => {
                    eprintln!(
                        "note: entries after that position were deleted by a pruning before they were exported"
                    );
                    position = Some(next);
                    continue;
                }
            };
            let (next, more) = (page.next, page.more);
            if !self.write(page).await? {
                // The reader of the pipe has gone. What it did not read is exported next time.
                return Ok(());
            }
            if let Some(state) = self.state {
                write_state(state, next)?;
            }
            if !more {
                return Ok(());
            }
            position = Some(next);
        }
    }

    /// Writes a page. Returns false if nobody reads the output any more.
    async fn write(&mut self, page: FeedPage) -> Result<bool, CommandError> {
        let named = |entry: &Entry| -> Vec<UserId> {
            let actor = entry.activity.performed_by.as_ref().and_then(|actor| actor.id.clone());
            actor.into_iter().chain(subject_of(&entry.activity)).collect()
        };
        let people = self
            .ledger
            .people_named(self.name, page.entries.iter().flat_map(named).collect())
            .await?;
        let context =
            Context { workspace: &self.workspace, workspace_name: self.name, people: &people };
        let mut lines = String::new();
        for entry in page.entries {
            let document: Value = match self.format {
                Format::Native => json!(ActivityRow::of(entry, &people)),
                Format::Ocsf => ocsf(&entry, &context),
                Format::Ecs => ecs(&entry, &context),
            };
            lines.push_str(&document.to_string());
            lines.push('\n');
        }
        match self.output.write_all(lines.as_bytes()).and_then(|()| self.output.flush()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(CommandError::new(format!("the entries cannot be written: {error}"))),
        }
    }
}

/// A file whose content is on the disk after each flush.
struct Synced(File);

impl Write for Synced {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}

fn output(file: Option<&Path>) -> Result<Box<dyn Write>, CommandError> {
    let Some(file) = file else { return Ok(Box::new(io::stdout())) };
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    // Entries contain names and addresses of people.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(file) {
        Ok(file) => Ok(Box::new(Synced(file))),
        Err(error) => {
            Err(CommandError::new(format!("{} cannot be written: {error}", file.display())))
        }
    }
}

/// Reads the stored position; `None` if the file does not exist.
fn read_state(file: &Path) -> Result<Option<Position>, CommandError> {
    let wrong = |why: &str| CommandError::new(format!("{}: {why}", file.display()));
    match fs::read_to_string(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(wrong(&error.to_string())),
        Ok(text) => match Position::from_cursor(text.trim()) {
            Some(position @ Position::Recording { .. }) => Ok(Some(position)),
            _ => Err(wrong(
                "this is not a position that `activity export` wrote; delete the file to begin with --since",
            )),
        },
    }
}

/// Replaces the stored position. The file has the old or the new one, whatever happens.
fn write_state(file: &Path, position: Position) -> Result<(), CommandError> {
    let mut new = file.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    let write = || {
        let mut written = File::create(&new)?;
        writeln!(written, "{}", position.to_cursor())?;
        written.sync_all()?;
        fs::rename(&new, file)
    };
    write().map_err(|error: io::Error| {
        CommandError::new(format!("the position cannot be written to {}: {error}", file.display()))
    })
}
