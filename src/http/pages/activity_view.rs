//! The HTML of the activity log.

use maud::{Markup, html};
use time::OffsetDateTime;

use super::layout::{self, Section, empty, scrolling_table};
use super::list::{ListAddress, any, date_field, select, text_field};
use super::viewer::Viewer;
use crate::activity::{Group, Position, Severity, kind_named};
use crate::tabular::ActivityRow;

/// The filters, as the viewer wrote them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActivityFilters {
    pub from: String,
    pub to: String,
    pub person: String,
    pub group: Option<Group>,
    pub severity: Option<Severity>,
}

/// One page of the log.
pub struct ActivityPage {
    pub filters: ActivityFilters,
    /// The latest event first.
    pub rows: Vec<ActivityRow>,
    /// Where the next page begins.
    pub next: Option<Position>,
    /// Whether this is the first page.
    pub is_first: bool,
    /// The period for which the log was read without a gap.
    pub covered: Option<(OffsetDateTime, OffsetDateTime)>,
}

/// Renders the activity log.
pub fn activity(viewer: &Viewer, page: &ActivityPage) -> String {
    let filters = &page.filters;
    let address = ListAddress::new(viewer, "/activity")
        .with("from", &*filters.from)
        .with("to", &*filters.to)
        .with("person", &*filters.person)
        .with("group", filters.group.map(Group::as_str).unwrap_or_default())
        .with("severity", filters.severity.map(Severity::as_str).unwrap_or_default());
    let main = html! {
        h1 { "Activity" }
        @match page.covered {
            Some((from, to)) => p class="muted" {
                "Intercom's activity log, read from " (viewer.times.text(from)) " to " (viewer.times.text(to)) "."
            },
            None => (empty("Intercom's activity log was not read yet.", &html! {
                "An import reads it if the access token has the permission to read admins and their activity. The overview shows the latest import with its warnings."
            })),
        }
        (form(&address, filters))
        @if page.rows.is_empty() && page.next.is_none() {
            (empty("No events match.", &html! {
                a href=(viewer.address("/activity", &[])) { "Reset the filters" } " to see all events."
            }))
        } @else {
            (list(viewer, page))
            nav class="pages" aria-label="Pages" {
                @if !page.is_first { a href=(address.changed("place", "")) { "Latest" } }
                @if let Some(next) = &page.next {
                    a rel="next" href=(address.changed("place", &next.to_cursor())) { "Earlier events" }
                }
            }
            p class="exports" {
                "Export all events that match as " a href=(address.export("csv")) download { "CSV" } " or "
                a href=(address.export("json")) download { "JSON" } "."
            }
        }
    };
    layout::page(viewer, Section::Activity, "Activity", &main)
}

fn form(address: &ListAddress<'_>, filters: &ActivityFilters) -> Markup {
    let groups = Group::ALL.map(|group| (group.as_str().to_owned(), capital(group.as_str())));
    let severities = Severity::ALL.map(|one| (one.as_str().to_owned(), capital(one.as_str())));
    address.filters("Filter events", &html! {
        (text_field("person", "Person", &filters.person, "Name, address or id"))
        (date_field("from", "From", &filters.from))
        (date_field("to", "To", &filters.to))
        (select("group", "Subject", filters.group.map(Group::as_str), &any(groups.to_vec())))
        (select("severity", "Severity", filters.severity.map(Severity::as_str), &any(severities.to_vec())))
    })
}

/// A word that begins with a capital letter.
pub fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    format!("{}{}", first.unwrap_or_default(), letters.as_str().replace('_', " "))
}

fn list(viewer: &Viewer, page: &ActivityPage) -> Markup {
    html! {
        (scrolling_table("Events", &html! {
            caption { "The latest first" }
            thead { tr {
                th scope="col" { "When" } th scope="col" { "What" } th scope="col" { "Severity" }
                th scope="col" { "By" } th scope="col" { "About" } th scope="col" { "IP address" }
            } }
            tbody {
                @for row in &page.rows {
                    tr {
                        td { (viewer.times.show(row.at)) }
                        td {
                            (kind_named(&row.r#type).meaning)
                            @if let Some(description) = &row.description { div class="beside" { bdi { (description) } } }
                        }
                        td { (severity(row.severity)) }
                        td { (person(viewer, row.actor_id.as_deref(), row.actor_display_name.as_deref(), row.actor_email.as_deref())) }
                        td {
                            (person(viewer, row.subject_id.as_deref(), row.subject_display_name.as_deref(), row.subject_email.as_deref()))
                            @if let Some(team) = &row.team_display_name { " " bdi { (team) } }
                        }
                        td { (row.actor_ip.as_deref().unwrap_or("—")) }
                    }
                }
            }
        }))
    }
}

fn severity(severity: Severity) -> Markup {
    let class = match severity {
        Severity::High | Severity::Critical => "badge bad",
        Severity::Medium => "badge warn",
        Severity::Low | Severity::Informational | Severity::Unknown => "badge",
    };
    html! { span class=(class) { (severity.as_str()) } }
}

fn person(viewer: &Viewer, id: Option<&str>, name: Option<&str>, address: Option<&str>) -> Markup {
    html! {
        @match (id, name.or(address).or(id)) {
            (Some(id), Some(name)) => a href=(viewer.person_address(id)) { bdi { (name) } },
            (None, Some(name)) => bdi { (name) },
            _ => "—",
        }
    }
}
