//! The HTML of the overview and of the pages for signing in.

use maud::{Markup, html};

use super::chart::{self, Point};
use super::format::number;
use super::layout::{self, Section, css_class, plain_page, scrolling_table};
use super::overview::Overview;
use super::viewer::Viewer;
use super::wording::describe;
use crate::directory::{Run, RunStatus};
use crate::http::wire::LifecycleRequest;
use crate::tabular::ChangeDocument;

/// The page for visitors without a session.
pub fn signed_out() -> String {
    plain_page(
        "Sign in",
        &html! {
            p { "You are not signed in. To get a link for signing in, run this command where the bridge runs, and open the link that it prints:" }
            p { code { "intercom-scim-bridge login-link" } }
            p { a href="/docs/" { "The description of the API" } }
        },
    )
}

/// The page with the button that starts a session. Programs that follow links press no buttons.
pub fn log_in(link: &str) -> String {
    plain_page(
        "Sign in",
        &html! {
            form method="post" action="/login" {
                input type="hidden" name="link" value=(link);
                button class="main" autofocus { "Open the console" }
            }
        },
    )
}

/// The page for an invalid link.
pub fn no_link() -> String {
    plain_page(
        "This link is no longer valid",
        &html! {
            p { "A link is valid once, for ten minutes. For a new one, run this command again where the bridge runs:" }
            p { code { "intercom-scim-bridge login-link" } }
        },
    )
}

/// The overview.
pub fn overview(viewer: &Viewer, overview: &Overview) -> String {
    let main = html! {
        h1 { "Overview" }
        (search(viewer))
        (standing(overview))
        (charts(viewer, overview))
        (requests(viewer, &overview.requests, overview.open_requests))
        (imports(viewer, &overview.runs))
        (changes(viewer, &overview.changes))
    };
    layout::page(viewer, Section::Overview, "Overview", &main)
}

fn search(viewer: &Viewer) -> Markup {
    html! {
        form class="filters" method="get" action="/people" role="search" aria-label="Search people" {
            input type="hidden" name="workspace" value=(viewer.workspace.name);
            label class="wide" { "Search people"
                input type="search" name="q" placeholder="Name, address, team or role";
            }
            button { "Search" }
        }
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
        dl class="facts counts" {
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
                h2 { "Waiting for a person" }
                (scrolling_table("Waiting for a person", &html! {
                    caption { "The newest of " (number(open)) " open requests. A request closes when an import finds the change" }
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
                    caption { "Newest first. " code { "/api/v1/changes" } " has all changes" }
                    thead { tr { th scope="col" { "Seen" } th scope="col" { "Of" } th scope="col" { "Change" } th scope="col" { "By" } } }
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
            }
        }
    }
}
