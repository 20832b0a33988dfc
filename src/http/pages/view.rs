//! The HTML of the pages. All values are escaped; there are no scripts.

use maud::{DOCTYPE, Markup, html};

use super::chart::{self, Point};
use super::format::{number, when};
use super::overview::{Overview, People};
use crate::directory::{Run, RunStatus};
use crate::http::wire::LifecycleRequest;
use crate::import::ConnectionState;
use crate::limits;
use crate::tabular::ChangeDocument;

/// Renders a complete page.
pub fn page(title: &str, body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                link rel="stylesheet" href="/status.css";
            }
            body { (body) }
        }
    }
    .into_string()
}

/// The page for visitors without a session.
pub fn signed_out() -> String {
    page(
        "Intercom SCIM bridge",
        &html! {
            main {
                h1 { "Intercom SCIM bridge" }
                p { "Run " code { "intercom-scim-bridge login-link" } " where the bridge runs, and open the link that it prints." }
                p { "The API is described at " a href="/docs/" { "/docs" } "." }
            }
        },
    )
}

/// The page with the button that starts a session. Programs that follow links press no buttons.
pub fn log_in(link: &str) -> String {
    page(
        "Sign in",
        &html! {
            main {
                h1 { "Intercom SCIM bridge" }
                form method="post" action="/login" {
                    input type="hidden" name="link" value=(link);
                    button autofocus { "Show the status page" }
                }
            }
        },
    )
}

/// The page for an invalid link.
pub fn no_link() -> String {
    page(
        "This link is no longer valid",
        &html! {
            main {
                h1 { "This link is no longer valid" }
                p { "A link is valid once, for ten minutes. Run " code { "intercom-scim-bridge login-link" } " again for a new one." }
            }
        },
    )
}

/// The status page.
pub fn status(overview: &Overview) -> String {
    let title = format!("{} · Intercom SCIM bridge", overview.workspace);
    page(
        &title,
        &html! {
            (header(overview))
            main {
                (standing(overview))
                (charts(overview))
                (requests(&overview.requests, overview.open_requests))
                (imports(&overview.runs))
                (changes(&overview.changes))
                (people(overview, &overview.people))
            }
            footer { "intercom-scim-bridge " (crate::VERSION) " · times are UTC · generation " (overview.generation.unwrap_or(0)) }
        },
    )
}

fn header(overview: &Overview) -> Markup {
    html! {
        header {
            h1 { "Intercom SCIM bridge" }
            nav aria-label="Workspaces" {
                @for (name, connection) in &overview.workspaces {
                    @let current = (*name == overview.workspace).then_some("page");
                    a href=(address(name, "", 0)) aria-current=[current] { (name) }
                    @if *connection != ConnectionState::Connected {
                        span class=(css_class(*connection)) { (connection.as_str()) }
                    }
                }
            }
            form method="post" action="/logout" { button { "Sign out" } }
        }
    }
}

fn address(workspace: &str, search: &str, offset: usize) -> String {
    let mut parameters = form_urlencoded::Serializer::for_suffix("/?".to_owned(), 2);
    parameters.append_pair("workspace", workspace);
    if !search.is_empty() {
        parameters.append_pair("q", search);
    }
    if offset > 0 {
        parameters.append_pair("offset", &offset.to_string());
    }
    parameters.finish()
}

/// The CSS class of a connection, which gives it its colour.
fn css_class(connection: ConnectionState) -> &'static str {
    match connection {
        ConnectionState::Connected => "good",
        ConnectionState::Degraded => "warn",
        ConnectionState::Disconnected => "bad",
    }
}

fn standing(overview: &Overview) -> Markup {
    let age = overview.age_seconds.map_or_else(
        || if overview.generation.is_some() { "unknown" } else { "never" }.to_owned(),
        |seconds| match seconds {
            ..120 => format!("{seconds} s"),
            120..7_200 => format!("{} min", seconds / 60),
            _ => format!("{} h", seconds / 3_600),
        },
    );
    html! {
        dl {
            div { dt { "Intercom" } dd class=(css_class(overview.connection)) { (overview.connection.as_str()) } }
            div { dt { "Read" } dd { (age) @if overview.age_seconds.is_some() { " ago" } } }
            div { dt { "Teammates" } dd { (number(overview.active)) } }
            div { dt { "Teams" } dd { (number(overview.teams)) } }
            div { dt { "Waiting for a person" } dd { (number(overview.open_requests)) } }
        }
        @for problem in overview.problem.iter().chain(&overview.time_problems) {
            div class="notice" role="status" {
                p { strong { (problem.detail) } }
                p { (problem.remedy) }
            }
        }
    }
}

fn charts(overview: &Overview) -> Markup {
    let many = |points: &[Point]| points.len() > 1;
    html! {
        @if many(&overview.accounts) {
            section class="charts" aria-label="Over time" {
                (chart::line("Teammates", &overview.accounts))
                (chart::bars("Changes by import", &overview.activity))
            }
        }
    }
}

fn requests(requests: &[LifecycleRequest], open: usize) -> Markup {
    html! {
        @if !requests.is_empty() {
            section {
                h2 { "Waiting for a person" }
                div class="scroll" tabindex="0" role="region" aria-label="Waiting for a person" {
                    table {
                        caption { "The newest of " (number(open)) " open requests. A request closes when an import finds the change" }
                        thead { tr { th scope="col" { "Requested" } th scope="col" { "Operation" } th scope="col" { "Account" } th scope="col" { "Requested by" } th scope="col" { "Comment" } } }
                        tbody {
                            @for request in requests {
                                tr {
                                    td { (when(request.requested_at)) }
                                    td { (request.operation.as_str().replace('_', " ")) @if let Some(entitlement) = &request.entitlement { ": " (entitlement) } }
                                    td { (request.user_name.as_deref().or(request.target.as_deref()).unwrap_or("unknown")) }
                                    td { (request.requester) }
                                    td { (request.comment.as_deref().unwrap_or_default()) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn imports(runs: &[Run]) -> Markup {
    html! {
        section {
            h2 { "Imports" }
            div class="scroll" tabindex="0" role="region" aria-label="Imports" {
                table {
                    caption { "The latest imports" }
                    thead { tr { th scope="col" { "Began" } th scope="col" { "Mode" } th scope="col" { "By" } th scope="col" { "Outcome" } th scope="col" class="number" { "Duration" } th scope="col" { "Changed" } } }
                    tbody {
                        @for run in runs { (import(run)) }
                    }
                }
            }
        }
    }
}

fn import(run: &Run) -> Markup {
    let class = match run.status {
        RunStatus::Succeeded => "good",
        RunStatus::Queued | RunStatus::Running => "",
        RunStatus::Held | RunStatus::Interrupted => "warn",
        RunStatus::Failed => "bad",
    };
    // Negative if the clock was set back during the import; then it is not shown.
    let took = run.finished_at.map(|finished| (finished - run.started_at).as_seconds_f64());
    let took = took.filter(|took| *took >= 0.0).map(|took| format!("{took:.1} s"));
    let counts = &run.counts;
    let parts = [
        (counts.users_created + counts.users_restored, "joined"),
        (counts.users_removed, "left"),
        (counts.users_updated, "changed"),
        (counts.groups_created + counts.groups_updated + counts.groups_removed, "teams"),
        (
            counts.memberships_created + counts.memberships_updated + counts.memberships_removed,
            "memberships",
        ),
    ];
    let changed: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", number(*count)))
        .collect();
    html! {
        tr {
            td { (when(run.started_at)) }
            td { (run.mode.as_str()) }
            td { (run.trigger.as_str()) }
            td class=(class) {
                (run.status.as_str())
                @if let Some(error) = &run.error { ": " (error.detail) }
            }
            td class="number" { (took.unwrap_or_default()) }
            td { @if changed.is_empty() { "nothing" } @else { (changed.join(", ")) } }
        }
    }
}

fn changes(changes: &[(ChangeDocument, String)]) -> Markup {
    html! {
        @if !changes.is_empty() {
            section {
                h2 { "Latest changes" }
                div class="scroll" tabindex="0" role="region" aria-label="Latest changes" {
                    table {
                        caption { "Newest first. " code { "/api/v1/changes" } " has all changes" }
                        thead { tr { th scope="col" { "Seen" } th scope="col" { "What" } th scope="col" { "Of" } th scope="col" { "Attributes" } th scope="col" { "By" } } }
                        tbody {
                            @for (change, about) in changes {
                                tr {
                                    td { (when(change.at)) }
                                    td { (change.r#type) " " (change.action) }
                                    td { (about) }
                                    td { (attributes(change)) }
                                    td { (change.actor.as_ref().and_then(|actor| actor.email.as_deref()).unwrap_or_default()) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn attributes(change: &ChangeDocument) -> String {
    let names = |map: &Option<serde_json::Map<String, serde_json::Value>>| -> Vec<String> {
        map.iter().flat_map(|map| map.keys().cloned()).collect()
    };
    if change.action == "updated" { names(&change.after).join(", ") } else { String::new() }
}

fn people(overview: &Overview, people: &People) -> Markup {
    let first = people.offset + 1;
    let last = people.offset + people.rows.len();
    html! {
        section {
            h2 id="people" { "Access of teammates" }
            form class="search" method="get" action="/" role="search" {
                input type="hidden" name="workspace" value=(overview.workspace);
                input type="search" name="q" value=(people.search) placeholder="Name, address, team or role" aria-label="Search teammates";
                button { "Search" }
            }
            div class="scroll" tabindex="0" role="region" aria-label="Teammates" {
                table {
                    caption {
                        @if people.rows.is_empty() { "No teammates" } @else { (number(first)) " to " (number(last)) " of " (number(people.total)) }
                    }
                    thead { tr { th scope="col" { "Name" } th scope="col" { "Address" } th scope="col" { "Teams" } th scope="col" { "Role" } th scope="col" { "Seat" } th scope="col" { "Last sign-in" } th scope="col" { "2FA" } } }
                    tbody {
                        @for row in &people.rows {
                            tr {
                                td { (row.display_name.as_deref().unwrap_or("unknown")) @if row.is_privileged == Some(true) { " ★" } }
                                td { (row.email.as_deref().unwrap_or("unknown")) }
                                td { (row.teams.replace(';', ", ")) }
                                td { (row.roles.as_deref().unwrap_or("unknown")) }
                                td { (row.seat.unwrap_or("unknown")) }
                                td { (row.last_login_at.map_or_else(|| "unknown".to_owned(), when)) }
                                td { (row.mfa.map_or("unknown", |mfa| if mfa { "on" } else { "off" })) }
                            }
                        }
                    }
                }
            }
            @if people.rows.iter().any(|row| row.is_privileged == Some(true)) {
                p { "★ may manage teammates, change the workspace's settings, or export its data" }
            }
            nav aria-label="Pages" {
                @if people.offset > 0 {
                    a href=(address(&overview.workspace, &people.search, people.offset.saturating_sub(limits::PAGE_PEOPLE))) { "Previous" }
                }
                @if last < people.total {
                    a href=(address(&overview.workspace, &people.search, last)) { "Next" }
                }
            }
        }
    }
}
