//! The HTML of the page of a person.

use maud::{Markup, html};
use time::OffsetDateTime;

use super::activity_view::capital;
use super::format::{on_or_off, person_name, role_name, team_name, yes_or_no};
use super::identities_view::{matched_by, person_of, to_look_at};
use super::layout::{self, Section, scrolling_table};
use super::list::date_field;
use super::past::State;
use super::viewer::Viewer;
use super::wording::describe;
use crate::activity::kind_named;
use crate::directory::{Activity, Directory, Person, UserId, account_id};
use crate::http::wire::LifecycleRequest;
use crate::roster::{Identity, TerminatedActive, UnmatchedAccount};
use crate::tabular::ChangeDocument;

/// What the page of a person shows.
pub struct PersonPage {
    pub id: UserId,
    pub state: State,
    /// The requested day, as the viewer wrote it; empty for the current state.
    pub as_of: String,
    pub history: History,
    /// The person behind the account; `None` without a roster.
    pub identity: Option<KnownIdentity>,
    /// What the last form did.
    pub notice: Markup,
    /// The decisions about the account, with their forms.
    pub decisions: Markup,
    /// The open requests about the person.
    pub requests: Vec<LifecycleRequest>,
}

/// What the roster says about an account.
pub struct KnownIdentity {
    pub identity: Identity,
    /// Why the account has no person, if so.
    pub unmatched: Option<UnmatchedAccount>,
    /// That the person has left, if so.
    pub leaver: Option<TerminatedActive>,
}

/// The changes of a person and of their memberships.
#[derive(Default)]
pub struct History {
    /// Newest first.
    pub changes: Vec<ChangeDocument>,
    /// Sign-ins and what else the log says about how the person signs in, the latest first.
    pub entries: Vec<Activity>,
    /// Whether earlier changes are left out, because there are very many.
    pub is_cut: bool,
    /// Whether the beginning of the history was pruned.
    pub is_pruned: bool,
}

impl PersonPage {
    /// The person in the state that is shown.
    pub fn person(&self) -> Option<&Person> {
        self.state.directory()?.person(&self.id)
    }
}

/// Renders the page of a person.
pub fn person(viewer: &Viewer, page: &PersonPage) -> String {
    let name = name(page);
    let main = html! {
        p { a href=(viewer.address("/people", &[])) { "All people" } }
        h1 { bdi { (name) } }
        (page.notice)
        (access(viewer, page))
        (identity(viewer, page.identity.as_ref()))
        (page.decisions)
        (requests(viewer, &page.requests))
        (history(viewer, &page.history))
    };
    layout::page(viewer, Section::People, &name, &main)
}

/// The page for an id that the workspace never had.
pub fn unknown(viewer: &Viewer) -> String {
    let main = html! {
        h1 { "Unknown person" }
        p { "This workspace never had an account with this id. " a href=(viewer.address("/people", &[("state", "all")])) { "All people" } }
    };
    layout::page(viewer, Section::People, "Unknown person", &main)
}

/// The name of the person: the one in the shown state, else the latest one in the history, else the
/// id.
fn name(page: &PersonPage) -> String {
    let shown = page.person().map(|person| person_name(&person.user));
    let recorded = page.history.changes.iter().find_map(|change| change.user_display_name.clone());
    shown.or(recorded).unwrap_or_else(|| account_id(&page.id))
}

fn access(viewer: &Viewer, page: &PersonPage) -> Markup {
    let title = match page.state {
        State::Past(_) => format!("Access on {}", page.as_of),
        _ => "Access now".to_owned(),
    };
    html! {
        section {
            h2 { (title) }
            form class="filters" method="get" {
                input type="hidden" name="workspace" value=(viewer.workspace.name);
                (date_field("as_of", "Access on another day", &page.as_of))
                button { "Show" }
                @if !page.as_of.is_empty() {
                    a href=(viewer.person_address(&account_id(&page.id))) { "Now" }
                }
            }
            @match (&page.state, page.state.directory()) {
                (State::Missing(why), _) => p class="notice" role="status" { (why) },
                (_, Some(directory)) => (facts(viewer, page, directory)),
                (_, None) => {}
            }
        }
    }
}

fn facts(viewer: &Viewer, page: &PersonPage, directory: &Directory) -> Markup {
    let Some(person) = directory.person(&page.id) else {
        let why = match page.state {
            State::Past(_) => "This person was not known in the workspace at that time.",
            _ => {
                "This person was removed from the workspace long ago. The history has the details."
            }
        };
        return html! { p class="notice" role="status" { (why) } };
    };
    let user = &*person.user;
    let role = user.role.as_deref().map(role_name);
    let is_current = matches!(page.state, State::Current(_));
    html! {
        dl class="facts" {
            (fact("Access", &html! {
                @if user.active { span class="badge good" { "active" } } @else { span class="badge warn" { "removed" } }
            }))
            (fact("Address", &html! { bdi { (user.email.as_deref().unwrap_or("unknown")) } }))
            (fact("Account", &html! { code { (account_id(&user.id)) } }))
            (fact("Role", &html! { bdi { (role.unwrap_or("unknown")) } }))
            (fact("Paid seat", &html! { (yes_or_no(user.has_inbox_seat)) }))
            (fact("Second factor", &html! { (on_or_off(user.two_factor_auth)) }))
            (fact("Joined", &html! { (viewer.times.known(user.joined_at)) }))
            @if let Some(removed) = user.removed_at { (fact("Removed", &html! { (viewer.times.show(removed)) })) }
            // The ledger keeps no earlier sign-ins, so the last one is shown only for now.
            @if is_current {
                (fact("Last sign-in", &html! { (viewer.times.known(person.volatile.last_sign_in_at)) }))
            }
        }
        h3 { "Teams" }
        (teams(viewer, directory, person))
        h3 { "Permissions" }
        @match user.permissions.as_deref() {
            None => p { "Unknown: the activity log does not contain them." },
            Some([]) => p { "None." },
            Some(names) => ul class="columns" { @for name in names { li { (name.replace('_', " ")) } } },
        }
    }
}

fn fact(title: &str, value: &Markup) -> Markup {
    html! { div { dt { (title) } dd { (value) } } }
}

fn teams(viewer: &Viewer, directory: &Directory, person: &Person) -> Markup {
    let teams = person.teams.iter().filter_map(|link| directory.teams.get(link.place as usize));
    html! {
        @if person.teams.is_empty() { p { "None." } } @else {
            ul class="columns" {
                @for team in teams {
                    li { a href=(viewer.team_address(&crate::directory::team_id(&team.group.id))) { bdi { (team_name(team)) } } }
                }
            }
        }
    }
}

fn requests(viewer: &Viewer, requests: &[LifecycleRequest]) -> Markup {
    html! {
        @if !requests.is_empty() {
            section {
                h2 { "Open requests" }
                ul {
                    @for request in requests {
                        li {
                            (viewer.times.show(request.requested_at)) " "
                            (request.operation.as_str().replace('_', " "))
                            @if let Some(entitlement) = &request.entitlement { " " (entitlement) }
                            ", requested by " (request.requester)
                            @if let Some(comment) = &request.comment { ": " (comment) }
                        }
                    }
                }
            }
        }
    }
}

/// The person behind the account.
fn identity(viewer: &Viewer, known: Option<&KnownIdentity>) -> Markup {
    html! {
        section {
            h2 { "Identity" }
            @match known {
                None => p class="muted" {
                    "Not known: there is no roster, or the account is not active. "
                    a href=(viewer.address("/identities", &[])) { "Identities" }
                },
                Some(KnownIdentity { identity, unmatched, leaver }) => {
                    dl class="facts" {
                        (fact("Person", &person_of(identity)))
                        (fact("Class", &html! { (capital(identity.class.as_str())) }))
                        (fact("Owner", &html! { bdi { (identity.owner.as_deref().unwrap_or("—")) } }))
                        (fact("Matched by", &html! {
                            (matched_by(identity.match_rule))
                            @if let Some(number) = identity.decision_id { " number " (number) }
                        }))
                        (fact("Manager", &html! { bdi { (identity.manager.as_deref().unwrap_or("—")) } }))
                    }
                    (to_look_at(viewer, identity, unmatched.as_ref(), leaver.as_ref()))
                }
            }
        }
    }
}

/// One line of the timeline.
enum Event<'a> {
    Change(&'a ChangeDocument),
    Entry(&'a Activity),
}

impl Event<'_> {
    /// When it happened; for a change without an entry in the log, when it was recorded.
    fn at(&self) -> OffsetDateTime {
        match self {
            Self::Change(change) => change.actor.as_ref().map_or(change.at, |by| by.at),
            Self::Entry(entry) => entry.at,
        }
    }
}

fn history(viewer: &Viewer, history: &History) -> Markup {
    let changes = history.changes.iter().map(Event::Change);
    let mut events: Vec<Event<'_>> =
        changes.chain(history.entries.iter().map(Event::Entry)).collect();
    events.sort_by_key(|event| std::cmp::Reverse(event.at()));
    html! {
        section {
            h2 { "Timeline" }
            (scrolling_table("Timeline", &html! {
                caption {
                    @if events.is_empty() { "Nothing is recorded." } @else { "Newest first" }
                    @if history.is_cut { ". Earlier changes are left out" }
                    @if history.is_pruned { ". Earlier changes were pruned" }
                }
                thead { tr { th scope="col" { "When" } th scope="col" { "What" } th scope="col" { "Made by" } th scope="col" { "Recorded" } } }
                tbody { @for event in &events { (row(viewer, event)) } }
            }))
        }
    }
}

fn row(viewer: &Viewer, event: &Event<'_>) -> Markup {
    html! {
        tr {
            td { (viewer.times.show(event.at())) }
            @match event {
                Event::Change(change) => {
                    td { @for sentence in describe(change) { div { bdi { (sentence) } } } }
                    td {
                        @if let Some(by) = &change.actor {
                            @let name = by.display_name.as_deref().or(by.email.as_deref()).or(by.id.as_deref()).unwrap_or("unknown");
                            @match &by.id {
                                Some(id) => a href=(viewer.person_address(id)) { bdi { (name) } },
                                None => bdi { (name) },
                            }
                        } @else { "unknown" }
                    }
                    td { (viewer.times.show(change.at)) }
                },
                Event::Entry(entry) => {
                    td {
                        (kind_named(&entry.kind).meaning)
                        @if let Some(ip) = entry.performed_by.as_ref().and_then(|by| by.ip.as_deref()) { " From " (ip) "." }
                    }
                    td { (entry.performed_by.as_ref().and_then(|by| by.email.as_deref()).unwrap_or("—")) }
                    td { "—" }
                }
            }
        }
    }
}
