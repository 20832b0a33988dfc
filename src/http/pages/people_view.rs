//! The HTML of the list of people.

use std::sync::Arc;

use maud::{Markup, html};

use super::activity_view::capital;
use super::format::{on_or_off, person_name, role_name, team_name, yes_or_no};
use super::layout::{self, Section, empty, scrolling_table};
use super::list::{ListAddress, Page, any, fixed, select, text_field};
use super::viewer::Viewer;
use crate::directory::{Directory, Person, account_id, team_id};
use crate::limits;
use crate::roster::Class;
use crate::scim::ServedSnapshot;
use crate::tabular::{
    FoundPeople, InvitationRow, PeopleOrder, PeopleQuestion, PeopleState, SeatFilter,
    SecondFactorFilter,
};

/// The choices of whose access is shown.
const STATES: [(&str, &str); 4] = [
    ("active", "Active"),
    ("removed", "Removed"),
    ("all", "Active and removed"),
    ("invited", "Invited"),
];

/// The number of teams that a row names.
const TEAMS_IN_A_ROW: usize = 4;

/// One page of people.
pub struct PeoplePage {
    pub question: PeopleQuestion,
    /// The class that the accounts have, if that restricts them.
    pub class: Option<Class>,
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
            None => (layout::nothing_imported()),
            Some(shown) => {
                @let address = address(viewer, &people.question, people.class);
                (form(&address, people, shown))
                (list(viewer, &address, people, shown))
            }
        }
    };
    layout::page(viewer, Section::People, "People", &main)
}

/// Renders the pending invitations. `None` if they are unknown.
pub fn invited(
    viewer: &Viewer,
    question: &PeopleQuestion,
    offset: usize,
    invited: Option<&[InvitationRow]>,
) -> String {
    let address = address(viewer, question, None);
    let states = fixed(&STATES);
    let main = html! {
        h1 { "People" }
        (address.filters("Search people", &html! {
            (text_field("q", "Search", &question.search, "Address"))
            (select("state", "Access", Some(question.state.as_str()), &states))
        }))
        @match invited {
            None => (empty("The pending invitations are unknown.", &html! {
                "They follow from Intercom's activity log, which was not read yet. The overview shows the latest import with its warnings."
            })),
            Some(rows) => (invitations(viewer, &address, rows, offset)),
        }
    };
    layout::page(viewer, Section::People, "People", &main)
}

fn invitations(
    viewer: &Viewer,
    address: &ListAddress<'_>,
    rows: &[InvitationRow],
    offset: usize,
) -> Markup {
    let (page, shown) = Page::of(rows, offset, limits::PAGE_ROWS);
    html! {
        (scrolling_table("Pending invitations", &html! {
            caption { @if rows.is_empty() { "No pending invitations match." } @else { (page.caption()) } }
            thead { tr {
                th scope="col" { "Address" } th scope="col" { "Role" } th scope="col" { "Sent" } th scope="col" { "Invited by" }
            } }
            tbody {
                @for row in shown {
                    tr {
                        td { bdi { (row.email.as_deref().unwrap_or("unknown")) } " " span class="badge" { "invited" } }
                        td { bdi { (row.role_name.as_deref().unwrap_or("unknown")) } }
                        td { (viewer.times.known(row.last_sent_at)) }
                        td {
                            @match (&row.invited_by_id, &row.invited_by_email) {
                                (Some(id), email) => a href=(viewer.person_address(id)) { bdi { (email.as_ref().unwrap_or(id)) } },
                                (None, email) => bdi { (email.as_deref().unwrap_or("unknown")) },
                            }
                        }
                    }
                }
            }
        }))
        (address.pages(&page))
        (address.exports(page.total, if page.total == 1 { "invitation" } else { "invitations" }))
    }
}

/// The address of the list, with its filters.
fn address<'a>(
    viewer: &'a Viewer,
    question: &PeopleQuestion,
    class: Option<Class>,
) -> ListAddress<'a> {
    let state = match question.state {
        PeopleState::Active => "",
        state => state.as_str(),
    };
    let sort = sort(question);
    ListAddress::new(viewer, "/people")
        .with("q", &*question.search)
        .with("state", state)
        .with("team", question.team.as_ref().map(team_id).unwrap_or_default())
        .with("role", question.role.as_deref().unwrap_or_default())
        .with("class", class.map(Class::as_str).unwrap_or_default())
        .with("seat", question.seat.map(SeatFilter::as_str).unwrap_or_default())
        .with("mfa", question.second_factor.map(SecondFactorFilter::as_str).unwrap_or_default())
        .with("idle", question.inactive_for.map(|days| days.to_string()).unwrap_or_default())
        .with("sort", if sort == PeopleOrder::Name.as_str() { "" } else { &sort })
}

/// The word of the order, with `-` in front if it is reversed.
fn sort(question: &PeopleQuestion) -> String {
    format!("{}{}", if question.descending { "-" } else { "" }, question.order)
}

fn form(address: &ListAddress<'_>, people: &PeoplePage, shown: &ShownPeople) -> Markup {
    let question = &people.question;
    let directory = shown.served.directory();
    let team = question.team.as_ref().map(team_id);
    let idle = question.inactive_for.map(|days| days.to_string());
    let teams: Vec<(String, String)> =
        directory.teams.iter().map(|team| (team_id(&team.group.id), team_name(team))).collect();
    let roles: Vec<(String, String)> =
        shown.roles.iter().map(|role| (role.clone(), role.clone())).collect();
    let classes =
        Class::ALL.map(|class| (class.as_str().to_owned(), capital(class.as_str()))).to_vec();
    let seats = [("", "Any"), ("paid", "Yes"), ("none", "No"), ("unknown", "Unknown")];
    let factors = [("", "Any"), ("on", "On"), ("off", "Off"), ("unknown", "Unknown")];
    let days =
        [("", "Any"), ("30", "30 days"), ("60", "60 days"), ("90", "90 days"), ("180", "180 days")];
    address.filters("Search people", &html! {
        (text_field("q", "Search", &question.search, "Name, address, team, role or id"))
        (select("state", "Access", Some(question.state.as_str()), &fixed(&STATES)))
        (select("team", "Team", team.as_deref(), &any(teams)))
        (select("role", "Role", question.role.as_deref(), &any(roles)))
        (select("class", "Class", people.class.map(Class::as_str), &any(classes)))
        (select("seat", "Paid seat", question.seat.map(SeatFilter::as_str), &fixed(&seats)))
        (select("mfa", "Second factor", question.second_factor.map(SecondFactorFilter::as_str), &fixed(&factors)))
        (select("idle", "No activity for", idle.as_deref(), &fixed(&days)))
    })
}

fn list(
    viewer: &Viewer,
    address: &ListAddress<'_>,
    people: &PeoplePage,
    shown: &ShownPeople,
) -> Markup {
    let directory = shown.served.directory();
    let page = Page {
        offset: people.offset.min(shown.found.total),
        shown: shown.found.places.len(),
        total: shown.found.total,
        size: limits::PAGE_ROWS,
    };
    let sort = sort(&people.question);
    let column = |title: &str, order: PeopleOrder| address.column(title, order.as_str(), &sort);
    html! {
        (scrolling_table("People", &html! {
            caption {
                @if page.shown == 0 { "No people match. Reset the filters to see all." }
                @else { (page.caption()) }
            }
            thead { tr {
                (column("Name", PeopleOrder::Name))
                (column("Address", PeopleOrder::Address))
                th scope="col" { "Teams" }
                (column("Role", PeopleOrder::Role))
                th scope="col" { "Paid seat" }
                th scope="col" { "Second factor" }
                (column("Last activity", PeopleOrder::Activity))
                (column("Joined", PeopleOrder::Joined))
            } }
            tbody {
                @for place in &shown.found.places {
                    @if let Some(person) = directory.people.get(*place) { (row(viewer, directory, person)) }
                }
            }
        }))
        (address.pages(&page))
        (address.exports(page.total, if page.total == 1 { "person" } else { "people" }))
    }
}

fn row(viewer: &Viewer, directory: &Directory, person: &Person) -> Markup {
    let user = &*person.user;
    let role = user.role.as_deref().map(role_name);
    html! {
        tr {
            td {
                a href=(viewer.person_address(&account_id(&user.id))) { bdi { (person_name(user)) } }
                @if !user.active { " " span class="badge warn" { "removed" } }
            }
            td { bdi { (user.email.as_deref().unwrap_or("unknown")) } }
            td { (team_list(directory, person)) }
            td { bdi { (role.unwrap_or("unknown")) } }
            td { (yes_or_no(user.has_inbox_seat)) }
            td { (on_or_off(user.two_factor_auth)) }
            td { (viewer.times.known(person.volatile.last_activity().map(|last| last.at))) }
            td { (viewer.times.known(user.joined_at)) }
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
