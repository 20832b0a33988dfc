//! `saviynt-package`: writes the files to paste into Saviynt EIC, filled in for this bridge.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use secrecy::ExposeSecret;

use super::error::CommandError;
use super::output::print_line;
use super::stores::existing_stores;
use super::token::workspaces;
use crate::app::missing_file;
use crate::clock::Clock;
use crate::config::{Config, origin};
use crate::limits;
use crate::saviynt::{Bridge, File, Rate, Style, package};

#[derive(Debug, Args)]
pub struct Arguments {
    /// The URL at which Saviynt reaches the bridge, for example https://bridge.example.com.
    #[arg(long, value_name = "URL", value_parser = base_url)]
    base_url: String,
    /// What Saviynt reads: the SCIM resources, or the flat views, which have more columns and no
    /// nested JSON.
    #[arg(long, value_enum, default_value_t = Face::Scim)]
    style: Face,
    /// The workspace. Can be omitted if only one is configured.
    #[arg(long)]
    workspace: Option<String>,
    /// The directory for the files. It is created if needed. Existing files are not overwritten.
    #[arg(long, value_name = "DIR", default_value = "saviynt")]
    out: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Face {
    Scim,
    Flat,
}

fn base_url(text: &str) -> Result<String, String> {
    origin(text).ok_or_else(|| {
        "must be an http or https address without a path, such as https://bridge.example.com"
            .to_owned()
    })
}

pub async fn run(config: &Config, arguments: &Arguments) -> Result<(), CommandError> {
    let workspace = workspaces(config, arguments.workspace.as_slice())?.concat();
    let (accounts, teams) = counts(config, &workspace).await?;
    let few = |count: usize| {
        (count * usize::from(config.import.max_removals) / 100).max(config.import.small_losses)
    };
    let per_second = config.limits.requests_per_second;
    let burst = config.limits.burst;
    let bridge = Bridge {
        base_url: arguments.base_url.clone(),
        workspace,
        largest_page: limits::LIST_ITEMS.min(config.scim.max_results as usize),
        cursor_pagination: config.scim.cursor_pagination,
        rate: (per_second > 0 && burst > 0).then_some(Rate { per_second, burst }),
        account_threshold: few(accounts),
        team_threshold: few(teams),
    };
    let style = match arguments.style {
        Face::Scim => Style::Scim,
        Face::Flat => Style::Flat,
    };
    let files = package(&bridge, style, Clock::System.now())
        .map_err(|error| CommandError::new(error.to_string()))?;
    write(&arguments.out, &files)?;
    for note in notes(config, &arguments.base_url) {
        eprintln!("note: {note}");
    }
    print_line(&format!(
        "{} files were written to {}; start with README.md",
        files.len(),
        arguments.out.display()
    ));
    Ok(())
}

/// Returns the numbers of accounts and teams in this machine's ledger; zeros if there is none.
async fn counts(config: &Config, workspace: &str) -> Result<(usize, usize), CommandError> {
    if missing_file(config.database.url.expose_secret()).is_some() {
        eprintln!(
            "note: there is no database here, so the thresholds have their smallest values; run this \
             command where the bridge runs, after its first import"
        );
        return Ok((0, 0));
    }
    let stores = existing_stores(config).await?;
    let latest = stores.ledger.latest(workspace).await;
    stores.close().await;
    let latest = latest?;
    let active = latest.users.iter().filter(|(user, _)| user.value.active).count();
    Ok((active, latest.groups.len()))
}

fn notes(config: &Config, base_url: &str) -> Vec<String> {
    let mut notes = Vec::new();
    if base_url.starts_with("http://") {
        notes.push(format!(
            "{base_url} is not encrypted: Saviynt's credentials would be sent unencrypted"
        ));
    }
    let public_url = config.public_url();
    if public_url != base_url {
        notes.push(format!(
            "the bridge's public URL is {public_url}, and the links in its responses begin with it; set \
             server.public_url to {base_url}"
        ));
    }
    notes
}

/// Writes the files, or none of them if one exists already: an operator may have put a secret into
/// it.
fn write(directory: &Path, files: &[File]) -> Result<(), CommandError> {
    let cannot = |path: &Path, error: &std::io::Error| {
        CommandError::new(format!(
            "{} cannot be written: {error}; choose another directory with --out",
            path.display()
        ))
    };
    fs::create_dir_all(directory).map_err(|error| cannot(directory, &error))?;
    let mut written = Vec::new();
    for file in files {
        let path = directory.join(&file.name);
        // Never overwrite a file, and never follow a link.
        let made =
            fs::OpenOptions::new().write(true).create_new(true).open(&path).and_then(|mut made| {
                written.push(path.clone());
                made.write_all(&file.contents)
            });
        if let Err(error) = made {
            for path in &written {
                // Remove the files written so far. The error is reported in any case.
                let _ = fs::remove_file(path);
            }
            return Err(match error.kind() {
                ErrorKind::AlreadyExists => CommandError::new(format!(
                    "{} already exists, so nothing was written; choose another directory with --out",
                    path.display()
                )),
                _ => cannot(&path, &error),
            });
        }
    }
    Ok(())
}
