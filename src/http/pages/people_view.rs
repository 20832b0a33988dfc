//! The HTML of the list of people.

use std::sync::Arc;

use maud::{Markup, html};

use super::format::{number, on_or_off, person_name, role_name, team_name, when_known, yes_or_no};
use super::layout::{self, Section, scrolling_table};
use super::viewer::Viewer;
use crate::directory::{Directory, Person, account_id, team_id};
use crate::limits;
use crate::scim::ServedSnapshot;
use crate::tabular::{
    FoundPeople, PeopleOrder, PeopleQuestion, PeopleState, SeatFilter, SecondFactorFilter,
};

/// The number of teams that a row names.
const TEAMS_IN_A_ROW: usize = 4;

/// One page of people.
pub struct PeoplePage {
    pub question: PeopleQuestion,
    pub offset: usize,
    /// The people, if anything was imported.
    pub shown: Option<ShownPeople>,
}

/// People of a served snapshot.
pub struct ShownPeople {
    pub served: Arc<ServedSnapshot>,
    pub found: FoundPeople,
    /// The names of all roles, sorted.
    pub roles: Vec<String>,
}

/// Renders the list of people.
pub fn people(viewer: &Viewer, people: &PeoplePage) -> String {
    let main = html! {
        h1 { "People" }
        @match &people.shown {
            None => p { "Nothing was imported yet, so there are no people to show." }
            Some(shown) => {
                (form(viewer, &people.question, shown))
                (list(viewer, people, shown))
            }
        }
    };
    layout::page(viewer, Section::People, "People", &main)
}

/// The parameters of a list, as they stand in its address.
struct Parameters {
    team: String,
    idle: String,
    sort: String,
    offset: String,
}

impl Parameters {
    fn new(question: &PeopleQuestion, order: PeopleOrder, descending: bool, offset: usize) -> Self {
        let sort = match (order, descending) {
            (PeopleOrder::Name, false) => String::new(),
            (order, false) => order.as_str().to_owned(),
            (order, true) => format!("-{order}"),
        };
        Self {
            team: question.team.as_ref().map(team_id).unwrap_or_default(),
            idle: question.no_sign_in_for.map(|days| days.to_string()).unwrap_or_default(),
            sort,
            offset: if offset == 0 { String::new() } else { offset.to_string() },
        }
    }

    fn pairs<'a>(&'a self, question: &'a PeopleQuestion) -> [(&'a str, &'a str); 9] {
        let state = match question.state {
            PeopleState::Active => "",
            state => state.as_str(),
        };
        [
            ("q", &question.search),
            ("state", state),
            ("team", &self.team),
            ("role", question.role.as_deref().unwrap_or_default()),
            ("seat", question.seat.map(SeatFilter::as_str).unwrap_or_default()),
            ("mfa", question.second_factor.map(SecondFactorFilter::as_str).unwrap_or_default()),
            ("idle", &self.idle),
            ("sort", &self.sort),
            ("offset", &self.offset),
        ]
    }
}

/// The address of the same list with another page.
fn at_offset(viewer: &Viewer, question: &PeopleQuestion, offset: usize) -> String {
    let parameters = Parameters::new(question, question.order, question.descending, offset);
    viewer.address("/people", &parameters.pairs(question))
}

/// The address of the same list in another order, from its beginning.
fn in_order(
    viewer: &Viewer,
    question: &PeopleQuestion,
    order: PeopleOrder,
    reverse: bool,
) -> String {
    let parameters = Parameters::new(question, order, reverse, 0);
    viewer.address("/people", &parameters.pairs(question))
}

fn export_address(viewer: &Viewer, question: &PeopleQuestion, format: &str) -> String {
    let parameters = Parameters::new(question, question.order, question.descending, 0);
    let pairs: Vec<(&str, &str)> =
        [("format", format)].into_iter().chain(parameters.pairs(question)).collect();
    viewer.address("/people/export", &pairs)
}

fn form(viewer: &Viewer, question: &PeopleQuestion, shown: &ShownPeople) -> Markup {
    let directory = shown.served.directory();
    let team = question.team.as_ref().map(team_id);
    let idle = question.no_sign_in_for.map(|days| days.to_string());
    let teams: Vec<(String, String)> =
        directory.teams.iter().map(|team| (team_id(&team.group.id), team_name(team))).collect();
    let roles: Vec<(String, String)> =
        shown.roles.iter().map(|role| (role.clone(), role.clone())).collect();
    html! {
        form class="search" method="get" action="/people" role="search" {
            input type="hidden" name="workspace" value=(viewer.workspace.name);
            @let sort = Parameters::new(question, question.order, question.descending, 0).sort;
            @if !sort.is_empty() { input type="hidden" name="sort" value=(sort); }
            label class="wide" { "Search"
                input type="search" name="q" value=(question.search) placeholder="Name, address, team or role";
            }
            (select("state", "Access", Some(question.state.as_str()), &fixed(&[("active", "Active"), ("removed", "Removed"), ("all", "All")])))
            (select("team", "Team", team.as_deref(), &any(teams)))
            (select("role", "Role", question.role.as_deref(), &any(roles)))
            (select("seat", "Paid seat", question.seat.map(SeatFilter::as_str), &fixed(&[("", "Any"), ("paid", "Yes"), ("none", "No"), ("unknown", "Unknown")])))
            (select("mfa", "Second factor", question.second_factor.map(SecondFactorFilter::as_str), &fixed(&[("", "Any"), ("on", "On"), ("off", "Off"), ("unknown", "Unknown")])))
            (select("idle", "No sign-in for", idle.as_deref(), &fixed(&[("", "Any"), ("30", "30 days"), ("60", "60 days"), ("90", "90 days"), ("180", "180 days")])))
            button { "Show" }
            a href=(viewer.address("/people", &[])) { "Reset" }
        }
    }
}

fn fixed(options: &[(&str, &str)]) -> Vec<(String, String)> {
    options.iter().map(|(value, text)| ((*value).to_owned(), (*text).to_owned())).collect()
}

/// Options after one that restricts nothing.
fn any(options: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut all = fixed(&[("", "Any")]);
    all.extend(options);
    all
}

/// A labelled choice. A chosen value that is not among the options is added, so that the form keeps
/// it.
fn select(name: &str, label: &str, chosen: Option<&str>, options: &[(String, String)]) -> Markup {
    let chosen = chosen.unwrap_or_default();
    let known = options.iter().any(|(value, _)| value == chosen);
    html! {
        label { (label)
            select name=(name) {
                @for (value, text) in options {
                    option value=(value) selected[value == chosen] { (text) }
                }
                @if !known { option value=(chosen) selected { (chosen) } }
            }
        }
    }
}

fn list(viewer: &Viewer, people: &PeoplePage, shown: &ShownPeople) -> Markup {
    let question = &people.question;
    let directory = shown.served.directory();
    let total = shown.found.total;
    let offset = people.offset.min(total);
    let last = offset + shown.found.places.len();
    html! {
        (scrolling_table("People", &html! {
            caption {
                @if shown.found.places.is_empty() { "No people match. Reset the filters to see all." }
                @else { (number(offset + 1)) " to " (number(last)) " of " (number(total)) }
            }
            thead { tr {
                (column(viewer, question, "Name", PeopleOrder::Name))
                (column(viewer, question, "Address", PeopleOrder::Address))
                th scope="col" { "Teams" }
                (column(viewer, question, "Role", PeopleOrder::Role))
                th scope="col" { "Paid seat" }
                th scope="col" { "Second factor" }
                (column(viewer, question, "Last sign-in", PeopleOrder::SignIn))
                (column(viewer, question, "Joined", PeopleOrder::Joined))
            } }
            tbody {
                @for place in &shown.found.places {
                    @if let Some(person) = directory.people.get(*place) { (row(viewer, directory, person)) }
                }
            }
        }))
        nav aria-label="Pages" {
            @if offset > 0 {
                a rel="prev" href=(at_offset(viewer, question, offset.saturating_sub(limits::PAGE_PEOPLE))) { "Previous" }
            }
            @if last < total { a rel="next" href=(at_offset(viewer, question, last)) { "Next" } }
        }
        @if total > 0 {
            p { "Export these " (number(total)) " people as "
                a href=(export_address(viewer, question, "csv")) { "CSV" } " or "
                a href=(export_address(viewer, question, "json")) { "JSON" } "."
            }
        }
    }
}

/// The header of a column by which the list can be sorted. A second click reverses the order.
fn column(viewer: &Viewer, question: &PeopleQuestion, title: &str, order: PeopleOrder) -> Markup {
    let current = question.order == order;
    let sorted = match (current, question.descending) {
        (false, _) => None,
        (true, false) => Some("ascending"),
        (true, true) => Some("descending"),
    };
    let reverse = current && !question.descending;
    html! {
        th scope="col" aria-sort=[sorted] {
            a href=(in_order(viewer, question, order, reverse)) { (title) }
        }
    }
}

fn row(viewer: &Viewer, directory: &Directory, person: &Person) -> Markup {
    let user = &*person.user;
    let role = user.role.as_deref().map(role_name);
    html! {
        tr {
            td {
                a href=(viewer.person_address(&account_id(&user.id))) { bdi { (person_name(user)) } }
                @if !user.active { " " span class="warn" { "removed" } }
            }
            td { bdi { (user.email.as_deref().unwrap_or("unknown")) } }
            td { (team_list(directory, person)) }
            td { bdi { (role.unwrap_or("unknown")) } }
            td { (yes_or_no(user.has_inbox_seat)) }
            td { (on_or_off(user.two_factor_auth)) }
            td { (when_known(person.volatile.last_sign_in_at)) }
            td { (when_known(user.joined_at)) }
        }
    }
}

/// The names of a person's first teams, and how many more there are.
fn team_list(directory: &Directory, person: &Person) -> Markup {
    let teams = person.teams.iter().filter_map(|link| directory.teams.get(link.place as usize));
    let names: Vec<String> = teams.take(TEAMS_IN_A_ROW).map(team_name).collect();
    let more = person.teams.len() - names.len();
    html! {
        @for (place, name) in names.iter().enumerate() {
            @if place > 0 { ", " }
            bdi { (name) }
        }
        @if more > 0 { " and " (more) " more" }
    }
}
