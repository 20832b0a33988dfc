//! A held import: whom and what it would remove, by name, and the forms to release or keep it.

use maud::{Markup, html};

use super::form::acting_form;
use super::format::{number, person_name, team_name};
use super::viewer::Viewer;
use crate::access::hash_of_random;
use crate::console::ConsoleAction;
use crate::database::AuditEntry;
use crate::directory::{Directory, GroupId, LossKind, Run, RunStatus, UserId, account_id, team_id};
use crate::http::errors::ApiError;
use crate::http::state::service::Service;
use crate::ledger::HeldLoss;

/// The event of a decision to keep what a held import would remove.
pub const KEPT: &str = "import.kept";

/// The number of losses of one kind that a page names.
const NAMED: usize = 200;

/// The newest import, if it is held.
pub struct Held {
    /// The run.
    pub run: Run,
    /// What it would remove; `None` if an earlier version of the bridge held it.
    losses: Option<Vec<HeldLoss>>,
    /// The decision to keep it, if a person made one about the same losses.
    kept: Option<AuditEntry>,
}

impl Held {
    /// The held import of the viewer's workspace; `None` if the newest import is not held.
    ///
    /// # Errors
    /// `ApiError` if the database is unavailable.
    pub async fn load(service: &Service, workspace: &str) -> Result<Option<Self>, ApiError> {
        let run = service.stores.ledger.last_ended(workspace).await?;
        let Some(run) = run.filter(|run| run.status == RunStatus::Held) else { return Ok(None) };
        let losses = service.stores.ledger.held_losses(workspace, run.id).await?;
        let mut held = Self { run, losses, kept: None };
        let now = service.clock.now();
        let kept = service.stores.audit.last_event(workspace, KEPT, now).await?;
        let same = held.digest();
        held.kept = kept.filter(|entry| entry.detail.as_deref() == Some(&*same));
        Ok(Some(held))
    }

    /// A digest of the losses. A decision is about exactly these.
    pub fn digest(&self) -> String {
        hash_of_random(&serde_json::to_string(&self.losses).unwrap_or_default())
    }
}

/// Renders the held import with its forms.
pub fn panel(viewer: &Viewer, held: &Held) -> Markup {
    let served = viewer.workspace.live.served();
    let directory = served.as_ref().map(|served| served.directory());
    let losses = held.losses.as_deref().unwrap_or_default();
    html! {
        section class="notice held" aria-labelledby="held" {
            h2 id="held" { "An import is held" }
            p {
                "Import " (held.run.id) " of " (viewer.times.show(held.run.started_at)) " would remove more than the settings permit, so nothing was changed."
                @if let Some(error) = &held.run.error { " " (sentence(&error.detail)) }
            }
            @if held.losses.is_none() {
                p { "Which people it would remove is not recorded. Start a full import to see them." }
            }
            @for kind in LossKind::ALL { (lost(viewer, directory, losses, kind)) }
            @if let Some(kept) = &held.kept {
                p { bdi { (kept.actor.as_deref().unwrap_or("a person")) } " decided on " (viewer.times.show(kept.at)) " to keep them." }
            }
            (forms(viewer, held))
        }
    }
}

fn lost(
    viewer: &Viewer,
    directory: Option<&Directory>,
    losses: &[HeldLoss],
    kind: LossKind,
) -> Markup {
    let of_kind: Vec<&HeldLoss> = losses.iter().filter(|loss| loss.kind == kind).collect();
    html! {
        @if !of_kind.is_empty() {
            h3 { (title(kind)) " (" (number(of_kind.len())) ")" }
            ul class="columns" {
                @for loss in of_kind.iter().take(NAMED) {
                    li { (name(viewer, directory, loss)) }
                }
            }
            @if of_kind.len() > NAMED { p { "and " (number(of_kind.len() - NAMED)) " more" } }
        }
    }
}

fn title(kind: LossKind) -> &'static str {
    match kind {
        LossKind::People => "People who would be removed",
        LossKind::Teams => "Teams that would be removed",
        LossKind::Memberships => "Memberships that would end",
        LossKind::Roles => "People who would lose a role or permission",
        LossKind::Seats => "People who would lose their paid seat",
        LossKind::Emails => "People whose address would change",
        LossKind::Names => "People whose name would change",
        LossKind::TeamNames => "Teams whose name would change",
    }
}

fn name(viewer: &Viewer, directory: Option<&Directory>, loss: &HeldLoss) -> Markup {
    let team = |id: &GroupId| {
        let team = directory.and_then(|all| all.teams.iter().find(|team| team.group.id == *id));
        team.map_or_else(|| team_id(id), team_name)
    };
    let person = |id: &UserId| {
        let known = directory.and_then(|all| all.person(id));
        known.map_or_else(|| account_id(id), |known| person_name(&known.user))
    };
    html! {
        @if let Some(user) = &loss.user {
            a href=(viewer.person_address(&account_id(user))) { bdi { (person(user)) } }
        }
        @if loss.user.is_some() && loss.group.is_some() { " in " }
        @if let Some(group) = &loss.group { bdi { (team(group)) } }
    }
}

fn forms(viewer: &Viewer, held: &Held) -> Markup {
    let seen = html! { input type="hidden" name="seen" value=(held.digest()); };
    let release = html! {
        (seen)
        label class="check" {
            input type="checkbox" name="checked" value="yes" required;
            "I compared this with Intercom, and it is right"
        }
        button class="main" { "Release the import" }
    };
    let keep = html! { (seen) button { "Keep them" } };
    html! {
        @if viewer.person.can(ConsoleAction::ReleaseImport) {
            div class="forms" {
                (acting_form(viewer, ConsoleAction::ReleaseImport, "/imports/release", &release))
                @if held.kept.is_none() {
                    (acting_form(viewer, ConsoleAction::KeepImport, "/imports/keep", &keep))
                }
            }
        } @else {
            p { "A person with the role admin can release it." }
        }
    }
}

/// A text as a sentence.
fn sentence(text: &str) -> String {
    let mut letters = text.trim_end_matches('.').chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}
