//! The HTML of the changes.

use maud::{Markup, html};

use super::change_filters::ChangeFilters;
use super::format::{number, team_name};
use super::layout::{self, Section, empty, scrolling_table};
use super::list::{ListAddress, any, date_field, fixed, select, text_field};
use super::viewer::Viewer;
use super::wording::describe;
use crate::directory::{ChangeAction, ChangeKind, ChangePosition, team_id};
use crate::tabular::{ChangeDocument, ChangedBy};

/// One page of changes.
pub struct ChangesPage {
    pub filters: ChangeFilters,
    /// Newest first.
    pub changes: Vec<ChangeDocument>,
    /// Where the next page begins.
    pub next: Option<ChangePosition>,
    /// The number of changes on all pages, if it is known.
    pub total: Option<u64>,
    /// Whether the period begins before the history, which was pruned.
    pub is_pruned: bool,
    /// Whether this is the first page.
    pub is_first: bool,
}

/// Renders the changes.
pub fn changes(viewer: &Viewer, page: &ChangesPage) -> String {
    let address = address(viewer, &page.filters);
    let main = html! {
        h1 { "Changes" }
        (form(viewer, &address, &page.filters))
        @if page.changes.is_empty() && page.next.is_none() { (nothing(viewer)) } @else {
            (list(viewer, page))
            nav class="pages" aria-label="Pages" {
                @if !page.is_first { a href=(address.changed("place", "")) { "Newest" } }
                @if let Some(next) = &page.next {
                    a rel="next" href=(address.changed("place", &next.to_cursor())) { "Earlier changes" }
                }
            }
            (exports(&address, page.total))
        }
    };
    layout::page(viewer, Section::Changes, "Changes", &main)
}

fn address<'a>(viewer: &'a Viewer, filters: &ChangeFilters) -> ListAddress<'a> {
    ListAddress::new(viewer, "/changes")
        .with("from", &*filters.from)
        .with("to", &*filters.to)
        .with("person", &*filters.person)
        .with("team", &*filters.team)
        .with("actor", &*filters.actor)
        .with("kind", filters.kind.map(ChangeKind::as_str).unwrap_or_default())
        .with("action", filters.action.map(ChangeAction::as_str).unwrap_or_default())
}

fn form(viewer: &Viewer, address: &ListAddress<'_>, filters: &ChangeFilters) -> Markup {
    let served = viewer.workspace.live.served();
    let teams = served.iter().flat_map(|served| &served.directory().teams);
    let teams: Vec<(String, String)> =
        teams.map(|team| (team_id(&team.group.id), team_name(team))).collect();
    let kinds =
        [("", "Any"), ("user", "People"), ("membership", "Team memberships"), ("group", "Teams")];
    let actions = [
        ("", "Any"),
        ("created", "Joined or created"),
        ("updated", "Changed"),
        ("removed", "Left or deleted"),
        ("restored", "Joined again"),
    ];
    address.filters("Filter changes", &html! {
        (text_field("person", "Person", &filters.person, "Name, address or id"))
        (date_field("from", "From", &filters.from))
        (date_field("to", "To", &filters.to))
        (select("team", "Team", Some(&filters.team), &any(teams)))
        label { "Made by"
            input type="text" name="actor" value=(filters.actor) placeholder="Name, address or id";
        }
        (select("kind", "What", filters.kind.map(ChangeKind::as_str), &fixed(&kinds)))
        (select("action", "Change", filters.action.map(ChangeAction::as_str), &fixed(&actions)))
    })
}

fn nothing(viewer: &Viewer) -> Markup {
    empty(
        "No changes match.",
        &html! { a href=(viewer.address("/changes", &[])) { "Reset the filters" } " to see all changes." },
    )
}

fn list(viewer: &Viewer, page: &ChangesPage) -> Markup {
    let total = page.total.and_then(|total| usize::try_from(total).ok());
    html! {
        (scrolling_table("Changes", &html! {
            caption {
                "Newest first"
                @if let Some(total) = total {
                    ", " (number(page.changes.len())) " of " (number(total)) " changes"
                }
                @if page.is_pruned { ". Earlier changes were pruned" }
            }
            thead { tr {
                th scope="col" { "Recorded" } th scope="col" { "Person or team" } th scope="col" { "Change" }
                th scope="col" { "Made by" } th scope="col" { "Made at" }
            } }
            tbody { @for change in &page.changes { (row(viewer, change)) } }
        }))
    }
}

fn row(viewer: &Viewer, change: &ChangeDocument) -> Markup {
    html! {
        tr {
            td { (viewer.times.show(change.at)) }
            td { (subject(viewer, change)) }
            td { @for sentence in describe(change) { div { bdi { (sentence) } } } }
            (made_by(viewer, change.actor.as_ref()))
        }
    }
}

/// Whom or what a change concerns, with a link.
pub fn subject(viewer: &Viewer, change: &ChangeDocument) -> Markup {
    html! {
        @if let Some(id) = &change.user_id {
            @let name = change.user_display_name.as_ref().or(change.user_email.as_ref()).unwrap_or(id);
            a href=(viewer.person_address(id)) { bdi { (name) } }
            @if change.user_erased { " " span class="badge" { "personal data erased" } }
        } @else if let Some(id) = &change.group_id {
            @let name = change.group_display_name.as_ref().unwrap_or(id);
            a href=(viewer.team_address(id)) { bdi { (name) } }
        }
    }
}

/// Two cells: who made a change, and when.
pub fn made_by(viewer: &Viewer, actor: Option<&ChangedBy>) -> Markup {
    let Some(by) = actor else { return html! { td { "unknown" } td { "unknown" } } };
    let name = by.display_name.as_deref().or(by.email.as_deref()).or(by.id.as_deref());
    let name = name.unwrap_or("unknown");
    html! {
        td {
            @match &by.id {
                Some(id) => a href=(viewer.person_address(id)) { bdi { (name) } },
                None => bdi { (name) },
            }
        }
        td { (viewer.times.show(by.at)) }
    }
}

fn exports(address: &ListAddress<'_>, total: Option<u64>) -> Markup {
    if let Some(total) = total.and_then(|total| usize::try_from(total).ok()) {
        return address.exports(total, if total == 1 { "change" } else { "changes" });
    }
    html! {
        p class="exports" {
            "Export all changes that match as " a href=(address.export("csv")) download { "CSV" } " or "
            a href=(address.export("json")) download { "JSON" } "."
        }
    }
}
