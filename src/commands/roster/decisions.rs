//! `roster decide`, and `roster decisions`.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::context::{FileArgument, author, read_file};
use crate::commands::arguments::{moment, moment_of, zone};
use crate::commands::error::CommandError;
use crate::commands::output::{print_line, print_table, when_known};
use crate::identities::{Identities, NewDecision, NewVerdict};
use crate::moments::{Edge, Zone};
use crate::roster::{Class, DecisionRow};

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("verdict").required(true).args(["is", "is_not", "class"])))]
pub struct DecideArguments {
    /// The account: its id, such as adm_4423433, or its address.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    account: String,
    /// The account belongs to this person: a key, an employee number or an address of the roster.
    #[arg(long, value_name = "PERSON", allow_hyphen_values = true)]
    is: Option<String>,
    /// The account does not belong to this person.
    #[arg(long, value_name = "PERSON", allow_hyphen_values = true)]
    is_not: Option<String>,
    /// The account has this class.
    #[arg(long)]
    class: Option<ClassArgument>,
    /// Of a service account: the person who is responsible.
    #[arg(long, value_name = "PERSON", allow_hyphen_values = true, requires = "class")]
    owner: Option<String>,
    /// The reason, in one sentence.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    why: String,
    /// Until when: a time, or a day that is included. At most 365 days ahead; required with
    /// --is-not and --class.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<String>,
    /// The time zone of a date in --until. The default is roster.time_zone.
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    tz: Option<Zone>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ClassArgument {
    Employee,
    Contractor,
    Service,
    Unknown,
}

impl From<ClassArgument> for Class {
    fn from(class: ClassArgument) -> Self {
        match class {
            ClassArgument::Employee => Self::Employee,
            ClassArgument::Contractor => Self::Contractor,
            ClassArgument::Service => Self::Service,
            ClassArgument::Unknown => Self::Unknown,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Import decisions from a CSV file with the columns account, person, why and until. All of
    /// them are recorded, or none.
    Import(FileArgument),
    /// Print the decisions, newest first.
    List {
        /// Print one JSON document per line.
        #[arg(long)]
        json: bool,
    },
}

/// Records a decision.
pub async fn decide(
    identities: &Identities,
    arguments: &DecideArguments,
) -> Result<(), CommandError> {
    let zone = arguments.tz.as_ref().unwrap_or(&identities.options().zone);
    let verdict = match (&arguments.is, &arguments.is_not, arguments.class) {
        (Some(person), _, _) => NewVerdict::Is(person.clone()),
        (None, Some(person), _) => NewVerdict::IsNot(person.clone()),
        (None, None, Some(class)) => {
            NewVerdict::Class { class: class.into(), owner: arguments.owner.clone() }
        }
        // The group of arguments requires one of them.
        (None, None, None) => {
            return Err(CommandError::wrong_use("give --is, --is-not or --class"));
        }
    };
    let new = NewDecision {
        account: arguments.account.clone(),
        verdict,
        why: arguments.why.clone(),
        until: moment_of(arguments.until.as_deref(), Edge::End, zone)?,
    };
    let directory = identities.recorded_directory().await?;
    let id = identities.decide(new, &author(), &directory).await?;
    print_line(&format!("decision {id} is recorded"));
    Ok(())
}

/// Imports or prints decisions.
pub async fn run(identities: &Identities, command: &Command) -> Result<(), CommandError> {
    match command {
        Command::Import(file) => {
            let bytes = read_file(&file.file)?;
            let directory = identities.recorded_directory().await?;
            let ids = identities.import_decisions(&bytes, &author(), &directory).await?;
            print_line(&format!("{} decisions are recorded", ids.len()));
        }
        Command::List { json: true } => {
            for row in identities.decisions().await? {
                print_line(&json!(row).to_string());
            }
        }
        Command::List { json: false } => {
            let rows: Vec<_> = identities.decisions().await?.iter().map(cells).collect();
            print_table(["ID", "ACCOUNT", "DECISION", "STATE", "UNTIL", "BY", "WHY"], &rows);
        }
    }
    Ok(())
}

fn cells(row: &DecisionRow) -> [String; 7] {
    let what = match (&row.person_key, row.class) {
        (Some(key), _) => format!("{} {key}", row.kind),
        (None, Some(class)) => match &row.owner {
            Some(owner) => format!("class {class}, owner {owner}"),
            None => format!("class {class}"),
        },
        (None, None) => row.kind.to_string(),
    };
    [
        row.id.to_string(),
        row.account_id.clone(),
        what,
        row.state.to_string(),
        when_known(row.until),
        row.by.clone(),
        row.why.clone(),
    ]
}
