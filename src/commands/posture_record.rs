//! `posture except`, `posture answer` and `posture revoke`: record what people decided about
//! findings, and what they saw in Intercom.

use clap::{Subcommand, ValueEnum};
use serde_json::json;
use time::OffsetDateTime;

use super::actor::{by_command, system_user};
use super::arguments::{moment, moment_of, zone};
use super::error::CommandError;
use super::output::print_line;
use super::stores::existing_stores;
use crate::app::workspace_of;
use crate::assessment::recorded;
use crate::clock::Clock;
use crate::config::Config;
use crate::moments::{Edge, Zone};
use crate::posture::{Act, AnswerStatus, CheckId, ExceptedSubject, ReasonCode};
use crate::words::Words;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Accept a finding for a time. It keeps its status, and is not counted.
    Except {
        /// The id of the check, such as IC-ACC-2.
        #[arg(value_parser = check)]
        check: CheckId,
        /// What the exception is about: the subject of the finding, such as adm_4423433; an
        /// address; or domain:example.com.
        #[arg(value_parser = subject)]
        subject: ExceptedSubject,
        /// Why, in one word.
        #[arg(long, value_enum)]
        reason_code: ReasonArgument,
        /// Why, in a sentence.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// The last day, or the time of the end; at most 365 days ahead.
        #[arg(long, value_name = "TIME", value_parser = moment)]
        until: String,
        /// The ticket about it.
        #[arg(long)]
        ticket: Option<String>,
        /// The time zone of --until, such as Europe/Dublin. The default is UTC.
        #[arg(long, value_name = "ZONE", value_parser = zone)]
        tz: Option<Zone>,
    },
    /// Record what you saw in Intercom, for a check that is manual.
    Answer {
        /// The id of the check, such as IC-AUTH-4.
        #[arg(value_parser = check)]
        check: CheckId,
        /// The answer.
        #[arg(long, value_enum)]
        status: AnswerArgument,
        /// What you saw.
        #[arg(long, value_name = "TEXT")]
        note: String,
        /// The last day, or the time of the end; at most 365 days ahead. Then the check is manual
        /// again.
        #[arg(long, value_name = "TIME", value_parser = moment)]
        until: String,
        /// The time zone of --until, such as Europe/Dublin. The default is UTC.
        #[arg(long, value_name = "ZONE", value_parser = zone)]
        tz: Option<Zone>,
    },
    /// End an exception or an answer before its time.
    Revoke {
        /// Its number, which `posture except`, `posture answer` and the report as JSON print.
        number: u64,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ReasonArgument {
    /// The risk is known and accepted.
    AcceptedRisk,
    /// The finding is wrong.
    FalsePositive,
    /// Another control covers the risk.
    Compensating,
    /// It will be repaired before the exception ends.
    Planned,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum AnswerArgument {
    /// It is as it should be.
    Pass,
    /// It is not.
    Fail,
    /// The question does not apply to this workspace.
    NotApplicable,
}

impl From<ReasonArgument> for ReasonCode {
    fn from(reason: ReasonArgument) -> Self {
        match reason {
            ReasonArgument::AcceptedRisk => Self::AcceptedRisk,
            ReasonArgument::FalsePositive => Self::FalsePositive,
            ReasonArgument::Compensating => Self::Compensating,
            ReasonArgument::Planned => Self::Planned,
        }
    }
}

impl From<AnswerArgument> for AnswerStatus {
    fn from(answer: AnswerArgument) -> Self {
        match answer {
            AnswerArgument::Pass => Self::Pass,
            AnswerArgument::Fail => Self::Fail,
            AnswerArgument::NotApplicable => Self::NotApplicable,
        }
    }
}

fn check(text: &str) -> Result<CheckId, String> {
    CheckId::from_word(&text.trim().to_ascii_uppercase())
        .ok_or_else(|| format!("must be one of {}", CheckId::list()))
}

fn subject(text: &str) -> Result<ExceptedSubject, String> {
    ExceptedSubject::read(text).ok_or_else(|| {
        "must be the subject of a finding, an address, or domain:example.com".to_owned()
    })
}

pub async fn run(config: &Config, workspace: &str, command: &Command) -> Result<(), CommandError> {
    let workspace = workspace_of(config, workspace)?.name;
    let act = act(command)?;
    let now = Clock::System.now();
    let stores = existing_stores(config).await?;
    let records = recorded(&stores, &workspace, None).await?;
    act.check(&records, now).map_err(|error| CommandError::wrong_use(error.to_string()))?;
    let by = system_user();
    let (event, target) = act.event();
    let names = [workspace.clone()];
    let number = stores
        .posture
        .record(&workspace, now, &by, json!(act), |number| {
            by_command(event, &target.unwrap_or_else(|| number.to_string()), &names, now)
        })
        .await?;
    stores.close().await;
    print_line(&format!("recorded with number {number}"));
    Ok(())
}

fn act(command: &Command) -> Result<Act, CommandError> {
    Ok(match command {
        Command::Except { check, subject, reason_code, reason, until, ticket, tz } => {
            Act::Exception {
                check: *check,
                subject: subject.clone(),
                reason_code: (*reason_code).into(),
                reason: reason.clone(),
                until: end(until, tz.as_ref())?,
                ticket: ticket.clone(),
            }
        }
        Command::Answer { check, status, note, until, tz } => Act::Answer {
            check: *check,
            status: (*status).into(),
            note: note.clone(),
            until: end(until, tz.as_ref())?,
        },
        Command::Revoke { number } => Act::Revocation { number: *number },
    })
}

fn end(until: &str, zone: Option<&Zone>) -> Result<OffsetDateTime, CommandError> {
    let zone = zone.cloned().unwrap_or(Zone::UTC);
    let end = moment_of(Some(until), Edge::End, &zone)?;
    end.ok_or_else(|| CommandError::wrong_use("--until is missing"))
}
