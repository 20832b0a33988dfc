//! The HTML of the overview.

use maud::{Markup, html};

use super::chart::{self, Point};
use super::format::number;
use super::held;
use super::layout::{self, Section, css_class, nothing_imported, scrolling_table};
use super::overview::Overview;
use super::viewer::{Viewer, address};
use super::wording::describe;
use crate::directory::{Failure, Run, RunStatus};
use crate::http::wire::LifecycleRequest;
use crate::import::ConnectionState;
use crate::tabular::ChangeDocument;

/// The overview.
pub fn overview(viewer: &Viewer, overview: &Overview) -> String {
    let main = html! {
        h1 { "Overview" }
        (search(viewer))
        @if let Some(held) = &overview.held { (held::panel(viewer, held)) }
        (attention(viewer, overview))
        (standing(viewer, overview))
        @if viewer.all.len() > 1 { (workspaces(viewer)) }
        (charts(viewer, overview))
        (requests(viewer, &overview.requests, overview.open_requests))
        (imports(viewer, &overview.runs))
        (changes(viewer, &overview.changes))
    };
    layout::page(viewer, Section::Overview, "Overview", &main)
}

fn search(viewer: &Viewer) -> Markup {
    html! {
        form class="filters one-field" method="get" action="/people" role="search" aria-label="Search people" {
            input type="hidden" name="workspace" value=(viewer.workspace.name);
            label class="wide" { "Search people"
                input type="search" name="q" placeholder="Name, address, team or role";
            }
            button { "Search" }
        }
    }
}

/// What needs attention, the most urgent first.
fn attention(viewer: &Viewer, overview: &Overview) -> Markup {
    let roster = overview.roster.as_deref();
    let unmatched = roster.map_or(0, |roster| roster.unmatched);
    let leavers = roster.map_or(0, |roster| roster.terminated_active);
    let ownerless = roster.map_or(0, |roster| roster.ownerless);
    let failing = overview.failing.as_deref().unwrap_or_default();
    let invited = overview.invited.unwrap_or(0);
    let has_problem = overview.problem.is_some() || !overview.time_problems.is_empty();
    let counts = [leavers, unmatched, ownerless, failing.len(), overview.open_requests, invited];
    let is_quiet = !has_problem && counts.iter().all(|count| *count == 0);
    html! {
        section aria-labelledby="attention" {
            h2 id="attention" { "Needs attention" }
            @for problem in overview.problem.iter().chain(&overview.time_problems) { (notice(problem, overview.connection)) }
            @if is_quiet { p { "Nothing needs attention." } } @else {
                ul class="attention" {
                    (item(leavers, "account of a person who left", "accounts of people who left", &viewer.address("/identities", &[("show", "terminated")])))
                    @for check in failing {
                        li {
                            a href=(format!("{}#{}", viewer.address("/posture", &[("status", "fail")]), check.id)) { (check.title) }
                            " " span class="badge bad" { (check.severity.as_str()) } " " (check.reason)
                        }
                    }
                    (item(unmatched, "account without a person", "accounts without a person", &viewer.address("/identities", &[("show", "unmatched")])))
                    (item(ownerless, "service account without an owner", "service accounts without an owner", &viewer.address("/identities", &[("show", "ownerless")])))
                    @if overview.open_requests > 0 {
                        li { a href="#requests" { (number(overview.open_requests)) (if overview.open_requests == 1 { " open request" } else { " open requests" }) } " for a person to do in Intercom" }
                    }
                    (item(invited, "pending invitation", "pending invitations", &viewer.address("/people", &[("state", "invited")])))
                }
            }
        }
    }
}

/// A line with a count and a link to the list; nothing if the count is zero.
fn item(count: usize, one: &str, many: &str, address: &str) -> Markup {
    html! {
        @if count > 0 {
            li { a href=(address) { (number(count)) " " (if count == 1 { one } else { many }) } }
        }
    }
}

/// A problem with what to do about it.
fn notice(problem: &Failure, connection: ConnectionState) -> Markup {
    let class = match connection {
        ConnectionState::Disconnected => "notice bad",
        ConnectionState::Connected | ConnectionState::Degraded => "notice",
    };
    html! {
        div class=(class) role="status" {
            p { strong { (with_code(&sentence(&problem.detail))) } }
            p { (with_code(&sentence(&problem.remedy))) }
        }
    }
}

/// A text that begins with a capital letter and ends with a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.trim_end_matches('.').chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

/// A text whose parts between backticks are shown as code.
fn with_code(text: &str) -> Markup {
    html! {
        @for (place, part) in text.split('`').enumerate() {
            @if place % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// All workspaces of the session, each with its state.
fn workspaces(viewer: &Viewer) -> Markup {
    html! {
        section {
            h2 { "All workspaces" }
            (scrolling_table("All workspaces", &html! {
                thead { tr {
                    th scope="col" { "Workspace" } th scope="col" { "Intercom" } th scope="col" { "What to do" }
                    th scope="col" class="number" { "People" } th scope="col" class="number" { "Teams" }
                } }
                tbody {
                    @for workspace in &viewer.all {
                        @let standing = workspace.health.standing();
                        @let served = workspace.live.served();
                        @let directory = served.as_ref().map(|served| served.directory());
                        tr {
                            td { a href=(address("/", &workspace.name, &[])) { bdi { (workspace.name) } } }
                            td { span class={ "badge " (css_class(standing.connection)) } { (standing.connection.as_str()) } }
                            td { @if let Some(problem) = &standing.problem { (with_code(&sentence(&problem.remedy))) } @else { "—" } }
                            td class="number" { (counted(directory.map(|directory| directory.people.iter().filter(|person| person.user.active).count()))) }
                            td class="number" { (counted(directory.map(|directory| directory.teams.len()))) }
                        }
                    }
                }
            }))
        }
    }
}

/// A number; a dash if it is unknown.
fn counted(count: Option<usize>) -> String {
    count.map_or_else(|| "—".to_owned(), number)
}

fn standing(viewer: &Viewer, overview: &Overview) -> Markup {
    let known = |count: usize| match overview.generation {
        Some(_) => number(count),
        None => "—".to_owned(),
    };
    let read = overview.age_seconds.and_then(|age| {
        viewer.times.now.checked_sub(time::Duration::seconds(i64::try_from(age).ok()?))
    });
    html! {
        dl class="facts counts" {
            div { dt { "Intercom" } dd class=(css_class(overview.connection)) { (overview.connection.as_str()) } }
            div { dt { "Read" } dd class="read" {
                @match (read, overview.generation) {
                    (Some(read), _) => (viewer.times.show(read)),
                    (None, Some(_)) => "unknown",
                    (None, None) => "—",
                }
            } }
            div { dt { "Teammates" } dd { (known(overview.active)) } }
            div { dt { "Teams" } dd { (known(overview.teams)) } }
            div { dt { "Open requests" } dd { (number(overview.open_requests)) } }
            div { dt { "Pending invitations" } dd { (overview.invited.map_or_else(|| "—".to_owned(), number)) } }
        }
        @if overview.generation.is_none() { (nothing_imported()) }
    }
}

fn charts(viewer: &Viewer, overview: &Overview) -> Markup {
    let many = |points: &[Point]| points.len() > 1;
    html! {
        @if many(&overview.accounts) {
            section aria-label="Over time" { div class="charts" {
                (chart::line("Teammates", &overview.accounts, &viewer.times))
                (chart::bars("Changes by import", &overview.activity, &viewer.times))
            }
            }
        }
    }
}

fn requests(viewer: &Viewer, requests: &[LifecycleRequest], open: usize) -> Markup {
    html! {
        @if !requests.is_empty() {
            section {
                h2 id="requests" { "Open requests" }
                (scrolling_table("Open requests", &html! {
                    caption { @if open > requests.len() { "The newest of " (number(open)) ". " } "A request closes when an import finds the change" }
                    thead { tr { th scope="col" { "Requested" } th scope="col" { "Operation" } th scope="col" { "Account" } th scope="col" { "Requested by" } th scope="col" { "Comment" } } }
                    tbody {
                        @for request in requests {
                            tr {
                                td { (viewer.times.show(request.requested_at)) }
                                td { (request.operation.as_str().replace('_', " ")) @if let Some(entitlement) = &request.entitlement { ": " (entitlement) } }
                                td { (request.user_name.as_deref().or(request.target.as_deref()).unwrap_or("unknown")) }
                                td { (request.requester) }
                                td { (request.comment.as_deref().unwrap_or_default()) }
                            }
                        }
                    }
                }))
            }
        }
    }
}

fn imports(viewer: &Viewer, runs: &[Run]) -> Markup {
    html! {
        section {
            h2 { "Imports" }
            (scrolling_table("Imports", &html! {
                caption { "The latest imports" }
                thead { tr { th scope="col" { "Began" } th scope="col" { "Mode" } th scope="col" { "By" } th scope="col" { "Outcome" } th scope="col" class="number" { "Duration" } th scope="col" { "Changed" } } }
                tbody {
                    @for run in runs { (import(viewer, run)) }
                }
            }))
        }
    }
}

fn import(viewer: &Viewer, run: &Run) -> Markup {
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
            td { (viewer.times.show(run.started_at)) }
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

fn changes(viewer: &Viewer, changes: &[(ChangeDocument, String)]) -> Markup {
    html! {
        @if !changes.is_empty() {
            section {
                h2 { "Latest changes" }
                (scrolling_table("Latest changes", &html! {
                    caption { "Newest first" }
                    thead { tr { th scope="col" { "Recorded" } th scope="col" { "Person or team" } th scope="col" { "Change" } th scope="col" { "Made by" } } }
                    tbody {
                        @for (change, about) in changes {
                            tr {
                                td { (viewer.times.show(change.at)) }
                                td {
                                    @match &change.user_id {
                                        Some(id) => a href=(viewer.person_address(id)) { bdi { (about) } },
                                        None => bdi { (about) },
                                    }
                                }
                                td { @for sentence in describe(change) { div { bdi { (sentence) } } } }
                                td { (change.actor.as_ref().and_then(|actor| actor.email.as_deref()).unwrap_or_default()) }
                            }
                        }
                    }
                }))
                p { a href=(viewer.address("/changes", &[])) { "All changes" } }
            }
        }
    }
}
