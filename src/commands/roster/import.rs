//! `roster import` and `roster pull`.

use clap::{Args, ValueEnum};
use serde_json::json;

use super::context::{FileArgument, author, read_file};
use crate::app::puller_of;
use crate::clock::Clock;
use crate::commands::error::CommandError;
use crate::commands::output::print_line;
use crate::config::Config;
use crate::identities::{Identities, Import, ImportOutcome, ImportReport, Preview};
use crate::roster::RequestedFormat;

#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    file: FileArgument,
    /// The format of the file.
    #[arg(long, default_value = "auto")]
    format: FormatArgument,
    /// The name of the source, such as the personnel system.
    #[arg(long, value_name = "NAME", default_value = "file", value_parser = crate::commands::arguments::name)]
    source: String,
    /// Print what was understood of the file, with its first five rows, and store nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct PullArguments {
    /// Print what was understood, with the first five people, and store nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FormatArgument {
    /// JSON if the file begins with [ or {, else CSV.
    Auto,
    /// Text with one row per person and a header.
    Csv,
    /// An array of objects.
    Json,
    /// One object per line.
    Ndjson,
}

impl From<FormatArgument> for RequestedFormat {
    fn from(format: FormatArgument) -> Self {
        match format {
            FormatArgument::Auto => Self::Auto,
            FormatArgument::Csv => Self::Csv,
            FormatArgument::Json | FormatArgument::Ndjson => Self::Json,
        }
    }
}

/// Imports a file.
pub async fn import(identities: &Identities, arguments: &Arguments) -> Result<(), CommandError> {
    let bytes = read_file(&arguments.file.file)?;
    let import = Import {
        bytes: &bytes,
        source: &arguments.source,
        format: arguments.format.into(),
        dry_run: arguments.dry_run,
        is_pulled: false,
    };
    let directory = identities.recorded_directory().await?;
    let report = identities.import(import, &author(), &directory).await?;
    print_report(&report, arguments.json)
}

/// Reads the identity provider and imports its people.
pub async fn pull(
    config: &Config,
    identities: &Identities,
    arguments: &PullArguments,
) -> Result<(), CommandError> {
    let Some(puller) = puller_of(config, &Clock::System).map_err(CommandError::new)? else {
        return Err(CommandError::wrong_use(
            "roster.pull.url is not set; set it with the other settings of [roster.pull]",
        ));
    };
    let bytes = puller.pull().await.map_err(|error| CommandError::new(error.to_string()))?;
    let import = Import {
        bytes: &bytes,
        source: puller.source(),
        format: RequestedFormat::Json,
        dry_run: arguments.dry_run,
        is_pulled: true,
    };
    let directory = identities.recorded_directory().await?;
    let report = identities.import(import, &author(), &directory).await?;
    print_report(&report, arguments.json)
}

fn print_report(report: &ImportReport, as_json: bool) -> Result<(), CommandError> {
    let is_refused = report.outcome == ImportOutcome::Refused;
    if as_json {
        print_line(&json!(report).to_string());
    } else {
        if report.dry_run || is_refused {
            print_columns(report);
        }
        report.preview.iter().for_each(print_person);
        for warning in &report.warnings {
            eprintln!("warning: {warning}");
        }
        let more = report.warning_count - report.warnings.len();
        if more > 0 {
            eprintln!("and {more} more warnings");
        }
        if !is_refused {
            print_line(&in_words(report));
        }
    }
    if !is_refused {
        return Ok(());
    }
    let mut errors = report.errors.clone();
    let more = report.error_count - errors.len();
    if more > 0 {
        errors.push(format!("and {more} more errors"));
    }
    Err(CommandError::wrong_use(format!(
        "nothing was imported, because the file cannot be used:\n{}",
        errors.join("\n")
    )))
}

/// Prints how the columns were understood.
fn print_columns(report: &ImportReport) {
    if let Some(system) = report.system {
        print_line(&format!("source: {system}"));
    }
    for column in &report.columns {
        print_line(&format!("column {}: {}", column.title, column.used_as));
    }
}

fn print_person(person: &Preview) {
    let mut parts = vec![format!("key {}", person.key)];
    parts.extend(person.name.clone());
    parts.extend(person.emails.iter().cloned());
    parts.push(person.class.clone());
    parts.push(person.status.clone());
    let dated = [
        ("started", &person.started),
        ("ended", &person.ended),
        ("manager", &person.manager),
        ("department", &person.department),
        ("employee number", &person.employee_number),
        ("owner", &person.owner),
    ];
    let dated = dated.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    parts.extend(dated.map(|(name, value)| format!("{name} {value}")));
    print_line(&format!("row: {}", parts.join(", ")));
}

fn in_words(report: &ImportReport) -> String {
    let read = format!("{} people read", report.people);
    let (would_be, would_come) =
        if report.dry_run { ("would be", "would be in force") } else { ("is", "is in force") };
    match &report.outcome {
        ImportOutcome::InForce { version } => format!("{read}; version {version} {would_come}"),
        ImportOutcome::Held { version, reasons } => format!(
            "{read}; version {version} {would_be} held, and the one before stays in force: {}. If \
             this is right, run `roster accept {version}`",
            reasons.join("; ")
        ),
        ImportOutcome::Unchanged { version } => {
            format!("{read}; they are those of version {version}, which stays in force")
        }
        ImportOutcome::Refused => read,
    }
}
