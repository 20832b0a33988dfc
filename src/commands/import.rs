//! `import`: runs one import.

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::actor::system_user;
use super::arguments::word;
use super::error::CommandError;
use super::output::print_line;
use super::signals::asked_to_stop;
use crate::app::{importer_of, keep_up, open_connection, open_stores, vault, workspace_of};
use crate::clock::Clock;
use crate::config::Config;
use crate::directory::{
    Change, DEFAULT_WORKSPACE, Exceeded, Failure, ImportRequest, Loser, Mode, Plan, Run, RunStatus,
    Snapshot, Trigger, Warning,
};
use crate::import::{DryRun, HeldPlan, Importer, Phase, PlanDecision, ReadError};
use crate::ledger::LedgerError;
use crate::limits;

#[derive(Debug, Args)]
pub struct Arguments {
    /// How much to read from Intercom: everything, or the changes since the last import.
    #[arg(value_parser = word::<Mode>())]
    mode: Mode,
    /// The workspace.
    #[arg(long, default_value = DEFAULT_WORKSPACE)]
    workspace: String,
    /// Print the run, or the plan, as JSON.
    #[arg(long)]
    json: bool,
    /// Print the plan, with the names of those who would lose access, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Approve an import that removes more than import.max_removals and the related settings allow.
    #[arg(long)]
    allow_removals: bool,
}

pub async fn run(config: &Config, arguments: &Arguments) -> Result<(), CommandError> {
    let workspace = workspace_of(config, &arguments.workspace)?;
    config.connection(&workspace)?;
    let (stores, _) = open_stores(config).await?;
    let clock = Clock::System;
    let (importer, connector) = importer_of(config, &workspace, &stores.ledger, &clock)?;
    if connector.by_oauth() {
        let connections = stores.connections.all().await?;
        if let Some(connection) =
            connections.iter().find(|connection| connection.workspace == workspace.name)
        {
            let token = open_connection(
                &vault(config, &stores.access).await?,
                &stores.connections,
                connection,
            )
            .await?;
            connector.take(Some(&token)).map_err(CommandError::new)?;
        }
    }
    let bar = progress_bar();
    let result = if arguments.dry_run {
        dry_run(&importer, arguments, &bar).await
    } else {
        import(&importer, arguments, &clock, &bar).await
    };
    if !arguments.dry_run
        && let Err(error) = keep_up(&stores, config, &clock, |name| {
            (name == workspace.name).then(|| connector.clock_ahead_now()).flatten()
        })
        .await
    {
        tracing::warn!(error = %error.chain(), "the upkeep of the ledger failed; the next import will retry it");
    }
    stores.close().await;
    result
}

async fn import(
    importer: &Importer,
    arguments: &Arguments,
    clock: &Clock,
    bar: &ProgressBar,
) -> Result<(), CommandError> {
    let unrecorded = |error: LedgerError| {
        CommandError::new(format!(
            "the import could not be recorded: {}; check the database",
            error.chain()
        ))
    };
    let request = ImportRequest {
        mode: arguments.mode,
        allow_removals: arguments.allow_removals,
        requested_by: Some(system_user()),
        ..ImportRequest::incremental(Trigger::Command)
    };
    let patience = clock.running() + limits::LEASE_PATIENCE;
    let lease = loop {
        match importer.lease().await.map_err(unrecorded)? {
            Some(lease) => break lease,
            None if clock.running() > patience => {
                return Err(CommandError::new(
                    "another process has been importing this workspace for ten minutes; check its log, or try again later",
                ));
            }
            None => bar.set_message("waiting for the end of another process's import"),
        }
        clock.sleep(limits::LEASE_POLL).await;
    };
    let show = |phase: Phase| bar.set_message(phase.to_string());
    // Queued imports run first.
    let wanted = async {
        let mut run = importer.run(&lease, &request, &show).await?;
        for _ in 0..limits::QUEUED_FIRST {
            if run.queued_at.is_none() || request.is_done_by(&run) {
                break;
            }
            run = importer.run(&lease, &request, &show).await?;
        }
        Ok(run)
    };
    let run = tokio::select! {
        run = wanted => Some(run),
        () = asked_to_stop() => None,
    };
    importer.release(&lease).await;
    bar.finish_and_clear();
    let run = run
        .ok_or_else(|| CommandError::new("interrupted; nothing was recorded"))?
        .map_err(unrecorded)?;
    if arguments.json {
        print_line(&json!(run).to_string());
    } else if run.status == RunStatus::Succeeded {
        print_line(&summary(&run));
    }
    match (run.status, run.error) {
        (RunStatus::Succeeded, _) | (_, None) => Ok(()),
        (status, Some(failure)) => Err(failed(status, &failure)),
    }
}

fn failed(status: RunStatus, Failure { detail, remedy, .. }: &Failure) -> CommandError {
    CommandError::new(format!(
        "the import {}: {detail}; {remedy}",
        if status == RunStatus::Held { "is held" } else { "failed" }
    ))
}

async fn dry_run(
    importer: &Importer,
    arguments: &Arguments,
    bar: &ProgressBar,
) -> Result<(), CommandError> {
    let result =
        importer.dry_run(arguments.mode, &|phase| bar.set_message(phase.to_string())).await;
    bar.finish_and_clear();
    let DryRun { plan, verdict, warnings, recorded } = result.map_err(|error| match error {
        ReadError::Intercom(error) => CommandError::new(format!("{error}; {}", error.remedy())),
        ReadError::Ledger(error) => CommandError::new(format!(
            "the ledger cannot be read: {}; check the database",
            error.chain()
        )),
    })?;
    let held = match &verdict {
        PlanDecision::Hold(held) => Some(held),
        PlanDecision::Commit => None,
    };
    if arguments.json {
        let why = held.map(|held| held.why.as_str());
        let held_by = held.map(|held| held_by(held, &recorded));
        print_line(
            &json!({"counts": plan.counts(), "held": why, "held_by": held_by, "warnings": warnings}).to_string(),
        );
    } else {
        print_plan(&plan, &warnings);
        if let Some(held) = held {
            print_line(&format!("the import would be held: {}", held.why));
            print_losses(held, &recorded);
        }
    }
    Ok(())
}

/// Prints who would lose what, for the kinds that hold the import. Includes names, because the
/// operator asked for a dry run.
fn print_losses(held: &HeldPlan, recorded: &Snapshot) {
    for exceeded in &held.by {
        let unreadable = held.unreadable.of(exceeded.kind);
        for loser in held.losses.of(exceeded.kind).chain(unreadable) {
            let named = named(loser, recorded);
            let text = |key: &str| named[key].as_str().map(str::to_owned);
            let person = text("user").map(|id| {
                let shown = [text("email"), text("name").map(|name| format!("({name})"))];
                [Some(id)].into_iter().chain(shown).flatten().collect::<Vec<_>>().join(" ")
            });
            let team = text("group").map(|id| match text("group_name") {
                Some(name) => format!("{id} ({name})"),
                None => id,
            });
            let whole: Vec<String> = [person, team].into_iter().flatten().collect();
            print_line(&format!("lose     {:11} {}", exceeded.kind.as_str(), whole.join(" in ")));
        }
    }
}

/// The same as JSON.
fn held_by(held: &HeldPlan, recorded: &Snapshot) -> Vec<Value> {
    let of_kind = |exceeded: &Exceeded| {
        let losers = held.losses.of(exceeded.kind).chain(held.unreadable.of(exceeded.kind));
        let losers: Vec<Value> = losers.map(|loser| named(loser, recorded)).collect();
        let mut value = json!(exceeded);
        value["losers"] = losers.into();
        value
    };
    held.by.iter().map(of_kind).collect()
}

/// Returns the item that loses something, with its recorded name.
fn named(loser: &Loser, recorded: &Snapshot) -> Value {
    let (user, group) = match loser {
        Loser::User(user) => (Some(user), None),
        Loser::Group(group) => (None, Some(group)),
        Loser::Membership((group, user)) => (Some(user), Some(group)),
    };
    let mut value = json!({});
    if let Some(id) = user {
        let user = recorded.users.binary_search_by(|(known, _)| known.value.id.cmp(id));
        let user = user.ok().map(|at| &recorded.users[at].0.value);
        value["user"] = json!(id);
        value["email"] = json!(user.and_then(|user| user.email.as_deref()));
        value["name"] = json!(user.and_then(|user| user.name.as_deref()));
    }
    if let Some(id) = group {
        let group = recorded.groups.binary_search_by(|known| known.value.id.cmp(id));
        value["group"] = json!(id);
        value["group_name"] =
            json!(group.ok().and_then(|at| recorded.groups[at].value.name.as_deref()));
    }
    value
}

/// Prints the plan, one change per line. Includes names, because the operator asked for a dry run.
fn print_plan(plan: &Plan, warnings: &[Warning]) {
    let lines = |kind: &str, changes: Vec<(&'static str, String)>| {
        for (deed, what) in changes {
            print_line(&format!("{deed:8} {kind:10} {what}"));
        }
    };
    lines(
        "user",
        changes(&plan.users, |user| {
            format!("{} {}", user.id, user.email.as_deref().unwrap_or("without an address"))
        }),
    );
    lines(
        "group",
        changes(&plan.groups, |group| {
            format!("{} {}", group.id, group.name.as_deref().unwrap_or("without a name"))
        }),
    );
    lines(
        "membership",
        changes(&plan.memberships, |membership| {
            format!("{} in {}", membership.user, membership.group)
        }),
    );
    lines("role", changes(&plan.roles, |role| format!("{} {}", role.id, role.name)));
    for warning in warnings {
        print_line(&format!("warning  {}", warning.detail));
    }
    if plan.is_empty() {
        print_line("nothing would change");
    }
}

fn changes<T>(changes: &[Change<T>], what: impl Fn(&T) -> String) -> Vec<(&'static str, String)> {
    let deed = |change: &Change<T>| match change {
        Change::Created(_) => "create",
        Change::Updated { .. } => "update",
        Change::Removed { .. } => "remove",
        Change::Restored { .. } => "restore",
    };
    changes
        .iter()
        .filter_map(|change| Some((deed(change), what(change.after().or(change.before())?))))
        .collect()
}

fn summary(run: &Run) -> String {
    let counts = run.counts;
    let mut lines = vec![format!(
        "import {} {}, {} calls to Intercom ({} repeated)",
        run.id,
        run.status.as_str(),
        run.intercom_calls,
        run.intercom_retries
    )];
    for (what, created, updated, removed) in [
        (
            "users",
            counts.users_created + counts.users_restored,
            counts.users_updated,
            counts.users_removed,
        ),
        ("groups", counts.groups_created, counts.groups_updated, counts.groups_removed),
        (
            "memberships",
            counts.memberships_created,
            counts.memberships_updated,
            counts.memberships_removed,
        ),
    ] {
        lines.push(format!("{what:12} {created} added, {updated} changed, {removed} removed"));
    }
    lines.extend(run.warnings.iter().map(|warning| format!("warning      {}", warning.detail)));
    lines.join("\n")
}

/// Creates a progress bar on stderr, which is shown only on a terminal.
pub fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(std::time::Duration::from_millis(100));
    bar
}
