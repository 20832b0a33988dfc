//! The HTML of the list of requests.

use maud::{Markup, html};

use super::form::acting_form;
use super::format::number;
use super::layout::{self, Section, scrolling_table};
use super::viewer::Viewer;
use crate::console::ConsoleAction;
use crate::requests::{Request, RequestState};
use crate::words::words;

words! {
    /// Which requests the page lists.
    pub enum ShownRequests {
        Open = "open",
        Done = "done",
        Declined = "declined",
        Expired = "expired",
        All = "all",
    }
}

impl ShownRequests {
    /// The state of these requests; `None` for all.
    pub fn state(self) -> Option<RequestState> {
        match self {
            Self::Open => Some(RequestState::Open),
            Self::Done => Some(RequestState::Done),
            Self::Declined => Some(RequestState::Declined),
            Self::Expired => Some(RequestState::Expired),
            Self::All => None,
        }
    }
}

/// One page of requests.
pub struct RequestsPage {
    pub shown: ShownRequests,
    /// Newest first.
    pub items: Vec<Request>,
    /// The number of requests on this page and later pages.
    pub total: u64,
}

/// Renders the list of requests.
pub fn requests(viewer: &Viewer, notice: &Markup, page: &RequestsPage) -> String {
    let main = html! {
        h1 { "Requests" }
        p class="lead" { "Changes that a client asked for and a person must make in Intercom. A request closes by itself when an import finds the change." }
        (notice)
        nav class="tabs" aria-label="Requests by state" {
            @for shown in ShownRequests::ALL {
                @let current = (shown == page.shown).then_some("page");
                a href=(viewer.address("/requests", &[("show", shown.as_str())])) aria-current=[current] { (title(shown)) }
            }
        }
        @if page.items.is_empty() {
            p class="empty" { (empty(page.shown)) }
        } @else {
            (table(viewer, page))
        }
        (next(viewer, page))
    };
    layout::page(viewer, Section::Requests, "Requests", &main)
}

fn title(shown: ShownRequests) -> &'static str {
    match shown {
        ShownRequests::Open => "Open",
        ShownRequests::Done => "Done",
        ShownRequests::Declined => "Declined",
        ShownRequests::Expired => "Expired",
        ShownRequests::All => "All",
    }
}

fn empty(shown: ShownRequests) -> &'static str {
    match shown {
        ShownRequests::Open => "No request is open. Nothing waits for a person.",
        ShownRequests::All => "No client has asked for a change yet.",
        _ => "There are no such requests.",
    }
}

fn table(viewer: &Viewer, page: &RequestsPage) -> Markup {
    let shown = page.items.len();
    let total = usize::try_from(page.total).unwrap_or(usize::MAX);
    scrolling_table(
        "Requests",
        &html! {
            caption { "The newest " (number(shown)) " of " (number(total)) }
            thead { tr {
                th scope="col" { "Requested" }
                th scope="col" { "Change" }
                th scope="col" { "Account" }
                th scope="col" { "Requested by" }
                th scope="col" { "State" }
            } }
            tbody {
                @for request in &page.items {
                    tr {
                        td { (viewer.times.show(request.requested_at)) @if request.times > 1 { div { (request.times) " times" } } }
                        td {
                            (change(request))
                            @if let Some(comment) = &request.comment { div { bdi { (comment) } } }
                        }
                        td { (account(viewer, request)) }
                        td { bdi { (request.requester) } }
                        td { (state(viewer, request)) }
                    }
                }
            }
        },
    )
}

/// What the request asks for, in words.
fn change(request: &Request) -> Markup {
    html! {
        (request.operation.as_str().replace('_', " "))
        @if let Some(entitlement) = &request.entitlement { ": " bdi { (entitlement) } }
    }
}

fn account(viewer: &Viewer, request: &Request) -> Markup {
    let target = request.target.as_deref();
    let name = request.user_name.as_deref().or(target).unwrap_or("unknown");
    html! {
        @match target.filter(|id| id.starts_with("adm_")) {
            Some(id) => a href=(viewer.person_address(id)) { bdi { (name) } },
            None => bdi { (name) },
        }
    }
}

fn state(viewer: &Viewer, request: &Request) -> Markup {
    html! {
        @if request.state == RequestState::Open {
            "open"
            (close_form(viewer, request))
        } @else {
            (request.state)
            @if let Some(at) = request.closed_at { " · " (viewer.times.show(at)) }
            @if let Some(by) = &request.closed_by { div { "by " bdi { (by) } } }
            @if let Some(note) = &request.note { div { bdi { (note) } } }
        }
    }
}

fn close_form(viewer: &Viewer, request: &Request) -> Markup {
    if !viewer.person.can(ConsoleAction::CloseRequest) {
        return html! {};
    }
    let note = format!("note-{}", request.reference);
    let fields = html! {
        input type="hidden" name="request" value=(request.reference);
        label for=(note) { "Note" }
        input id=(note) name="note" maxlength="1000" placeholder="How it was done, or why not";
        div class="buttons" {
            button name="end" value="done" { "Done" }
            button name="end" value="declined" { "Decline" }
        }
    };
    html! {
        details {
            summary { "Close" span class="hidden" { " the request about " (request.user_name.as_deref().or(request.target.as_deref()).unwrap_or("unknown")) } }
            (acting_form(viewer, ConsoleAction::CloseRequest, "/requests/close", &fields))
        }
    }
}

fn next(viewer: &Viewer, page: &RequestsPage) -> Markup {
    let last = page.items.last().filter(|_| page.total > page.items.len() as u64);
    html! {
        @if let Some(last) = last {
            p { a rel="next" href=(viewer.address("/requests", &[("show", page.shown.as_str()), ("before", &last.reference)])) { "Earlier requests" } }
        }
    }
}
