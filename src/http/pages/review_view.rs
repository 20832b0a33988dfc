//! The HTML of access reviews.

use maud::{Markup, html};

use super::form::acting_form;
use super::format::number;
use super::layout::{self, Section, scrolling_table};
use super::viewer::Viewer;
use crate::console::ConsoleAction;
use crate::limits;
use crate::reviews::{Review, ReviewDecision, ReviewItem, ReviewProgress, ReviewState, Signature};
use crate::stores::WantedItems;
use crate::words::words;

words! {
    /// Which accounts the page of a review shows.
    pub enum Filter {
        All = "all",
        Undecided = "undecided",
        Keep = "keep",
        Remove = "remove",
        Ask = "ask",
    }
}

impl Filter {
    /// The accounts for the store.
    pub fn wanted(self) -> WantedItems {
        match self {
            Self::All => WantedItems::All,
            Self::Undecided => WantedItems::Undecided,
            Self::Keep => WantedItems::With(ReviewDecision::Keep),
            Self::Remove => WantedItems::With(ReviewDecision::Remove),
            Self::Ask => WantedItems::With(ReviewDecision::Ask),
        }
    }

    fn title(self, progress: ReviewProgress) -> String {
        let (name, count) = match self {
            Self::All => ("All", progress.total),
            Self::Undecided => ("Undecided", progress.undecided()),
            Self::Keep => ("Keep", progress.keep),
            Self::Remove => ("Remove", progress.remove),
            Self::Ask => ("Ask", progress.ask),
        };
        format!("{name} ({})", counted(count))
    }
}

/// A part of the accounts of a review.
pub struct ReviewPage {
    pub review: Review,
    pub progress: ReviewProgress,
    pub filter: Filter,
    pub items: Vec<ReviewItem>,
    /// How many accounts precede these.
    pub offset: u64,
    /// The number of accounts that the filter selects.
    pub total: u64,
}

fn counted(count: u64) -> String {
    number(usize::try_from(count).unwrap_or(usize::MAX))
}

/// Renders the list of reviews.
pub fn list(viewer: &Viewer, notice: &Markup, reviews: &[(Review, ReviewProgress)]) -> String {
    let last = reviews.iter().find(|(review, _)| review.state == ReviewState::Signed);
    let since = last.map(|(review, _)| review.made.as_of.date().to_string());
    let fields = html! {
        label for="as_of" { "State at the end of this day" }
        input id="as_of" type="date" name="as_of" aria-describedby="as_of_note";
        span id="as_of_note" class="small" { "Empty: now" }
        label for="since" { "Compare with the beginning of this day" }
        input id="since" type="date" name="since" value=(since.unwrap_or_default());
        button class="main" { "Begin a review" }
    };
    let main = html! {
        h1 { "Access reviews" }
        p class="lead" { "Decide about each account: keep it, remove it, or ask. The signed result is evidence for an auditor." }
        (notice)
        (acting_form(viewer, ConsoleAction::Review, "/reviews/begin", &fields))
        @if reviews.is_empty() {
            p class="empty" { "No review was begun yet." }
        } @else {
            (table_of_reviews(viewer, reviews))
        }
    };
    layout::page(viewer, Section::Reviews, "Access reviews", &main)
}

fn table_of_reviews(viewer: &Viewer, reviews: &[(Review, ReviewProgress)]) -> Markup {
    scrolling_table(
        "Access reviews",
        &html! {
            caption { "Newest first" }
            thead { tr {
                th scope="col" { "Review" }
                th scope="col" { "State at" }
                th scope="col" { "Compared with" }
                th scope="col" class="number" { "Accounts" }
                th scope="col" class="number" { "Undecided" }
                th scope="col" { "Progress" }
            } }
            tbody {
                @for (review, progress) in reviews {
                    tr {
                        td { a href=(viewer.address(&format!("/reviews/{}", review.number), &[])) { "Review " (review.number) } div { "begun by " bdi { (review.made.made_by) } } }
                        td { (viewer.times.show(review.made.as_of)) }
                        td { @match review.made.since { Some(since) => (viewer.times.show(since)), None => "—" } }
                        td class="number" { (counted(progress.total)) }
                        td class="number" { (counted(progress.undecided())) }
                        td { (state(viewer, review)) }
                    }
                }
            }
        },
    )
}

fn state(viewer: &Viewer, review: &Review) -> Markup {
    html! {
        @match (review.state, &review.signature) {
            (ReviewState::Signed, Some(signature)) => { span class="good" { "signed" } " by " bdi { (signature.by) } " on " (viewer.times.show(signature.at)) },
            (state, _) => (state),
        }
    }
}

/// Renders a review.
pub fn review(viewer: &Viewer, notice: &Markup, page: &ReviewPage) -> String {
    let review = &page.review;
    let title = format!("Access review {}", review.number);
    let path = format!("/reviews/{}", review.number);
    let is_open = review.state == ReviewState::Open;
    let main = html! {
        p { a href=(viewer.address("/reviews", &[])) { "All reviews" } }
        h1 { (title) }
        (notice)
        (facts(viewer, page))
        @if let Some(signature) = &review.signature { (signed(viewer, &path, signature)) }
        @if is_open { (sign_forms(viewer, &path, page)) }
        h2 { "Accounts" }
        nav class="tabs" aria-label="Accounts by decision" {
            @for filter in Filter::ALL {
                @let current = (filter == page.filter).then_some("page");
                a href=(viewer.address(&path, &[("show", filter.as_str())])) aria-current=[current] { (filter.title(page.progress)) }
            }
        }
        @if page.items.is_empty() {
            p class="empty" { "No accounts here." }
        } @else if is_open && viewer.person.can(ConsoleAction::Review) {
            (decide_form(viewer, &path, page))
        } @else {
            (accounts(viewer, page, false))
        }
        (pages(viewer, &path, page))
    };
    layout::page(viewer, Section::Reviews, &title, &main)
}

fn facts(viewer: &Viewer, page: &ReviewPage) -> Markup {
    let made = &page.review.made;
    html! {
        dl class="facts" {
            div { dt { "State at" } dd { (viewer.times.show(made.as_of)) } }
            div { dt { "Compared with" } dd { @match made.since { Some(since) => (viewer.times.show(since)), None => "—" } } }
            div { dt { "Begun by" } dd { bdi { (made.made_by) } } }
            div { dt { "Accounts" } dd { (counted(page.progress.total)) } }
            div { dt { "Undecided" } dd { (counted(page.progress.undecided())) } }
            div { dt { "State" } dd { (page.review.state) } }
        }
    }
}

fn signed(viewer: &Viewer, path: &str, signature: &Signature) -> Markup {
    html! {
        section class="notice good" {
            h2 { "Signed" }
            p { "Signed by " bdi { (signature.by) } " on " (viewer.times.show(signature.at)) ". It cannot be changed any more." }
            @if let Some(statement) = &signature.statement { p { bdi { (statement) } } }
            p { a href=(viewer.address(&format!("{path}/bundle"), &[])) download { "Download the evidence bundle" } }
            p class="small" { "SHA-256 of its manifest: " code { (signature.manifest_sha256) } }
        }
    }
}

fn sign_forms(viewer: &Viewer, path: &str, page: &ReviewPage) -> Markup {
    let undecided = page.progress.undecided();
    let sign = html! {
        label for="statement" { "Statement" }
        input id="statement" name="statement" maxlength="1000" placeholder="Optional";
        label class="check" {
            input type="checkbox" name="sure" value="yes" required;
            "I have reviewed all accounts. Accounts to remove become requests: " (counted(page.progress.remove)) "."
        }
        button class="main" { "Sign the review" }
    };
    let discard = html! { button { "Discard the review" } };
    html! {
        @if undecided > 0 {
            p { "Accounts without a decision: " (counted(undecided)) ". The review can be signed when all have one." }
        } @else {
            (acting_form(viewer, ConsoleAction::Review, &format!("{path}/sign"), &sign))
        }
        @if viewer.person.can(ConsoleAction::Review) {
            details {
                summary { "Give this review up" }
                (acting_form(viewer, ConsoleAction::Review, &format!("{path}/discard"), &discard))
            }
        }
    }
}

fn decide_form(viewer: &Viewer, path: &str, page: &ReviewPage) -> Markup {
    let fields = html! {
        (accounts(viewer, page, true))
        div class="buttons" {
            button class="main" { "Save the decisions" }
            button name="rest" value="keep" { "Keep all others on this page" }
        }
    };
    acting_form(viewer, ConsoleAction::Review, &format!("{path}/decide"), &fields)
}

fn accounts(viewer: &Viewer, page: &ReviewPage, with_fields: bool) -> Markup {
    let first = page.offset + 1;
    let last = page.offset + page.items.len() as u64;
    scrolling_table(
        "Accounts under review",
        &html! {
            caption { (counted(first)) " to " (counted(last)) " of " (counted(page.total)) }
            thead { tr {
                th scope="col" { "Account" }
                th scope="col" { "Access" }
                th scope="col" { "To look at" }
                th scope="col" { "Decision" }
            } }
            tbody {
                @for item in &page.items {
                    tr {
                        td { (account(viewer, item)) }
                        td { (access(item)) }
                        td { (remarks(item)) }
                        td { @if with_fields { (decision_fields(item)) } @else { (decision(viewer, item)) } }
                    }
                }
            }
        },
    )
}

fn name(item: &ReviewItem) -> &str {
    item.text("display_name").or_else(|| item.text("user_name")).unwrap_or(&item.account)
}

fn account(viewer: &Viewer, item: &ReviewItem) -> Markup {
    html! {
        @if item.account.starts_with("adm_") {
            a href=(viewer.person_address(&item.account)) { bdi { (name(item)) } }
        } @else { bdi { (name(item)) } }
        @if let Some(email) = item.text("email") { div { bdi { (email) } } }
        @if let Some(department) = item.text("department") { div { (department) } }
    }
}

fn access(item: &ReviewItem) -> Markup {
    let teams = item.text("teams").unwrap_or_default().replace(';', ", ");
    html! {
        (item.text("roles").unwrap_or("role unknown"))
        @if item.is("is_privileged") == Some(true) { " " strong { "privileged" } }
        @if !teams.is_empty() { div { bdi { (teams) } } }
        @if item.text("seat") == Some("inbox") { div { "paid seat" } }
    }
}

/// What a reviewer should look at, in words.
fn remarks(item: &ReviewItem) -> Markup {
    let mut remarks = Vec::new();
    match item.text("status") {
        Some("invited") => remarks.push("invited, has not joined yet".to_owned()),
        Some("removed") => remarks.push("removed since the previous review".to_owned()),
        _ => {}
    }
    match item.text("change_since_last_review") {
        Some("added") => remarks.push("new since the previous review".to_owned()),
        Some("changed") => remarks.push("changed since the previous review".to_owned()),
        _ => {}
    }
    if item.is("is_dormant") == Some(true) {
        remarks.push("not active for 90 days".to_owned());
    }
    if item.is("mfa") == Some(false) {
        remarks.push("no second factor".to_owned());
    }
    if item.text("account_type") == Some("service") {
        remarks.push("bot".to_owned());
    }
    if let Some(status) = item.text("person_status").filter(|status| *status != "active") {
        remarks.push(format!("person: {}", status.replace('_', " ")));
    }
    if let Some(flags) = item.text("flags") {
        remarks.extend(flags.split(';').map(|flag| flag.replace('_', " ")));
    }
    html! {
        @if remarks.is_empty() { "—" }
        @for remark in &remarks { div { (remark) } }
    }
}

fn decision(viewer: &Viewer, item: &ReviewItem) -> Markup {
    html! {
        @match &item.decision {
            None => "undecided",
            Some(decision) => {
                strong { (decision.decision) }
                @if let Some(comment) = &decision.comment { div { bdi { (comment) } } }
                div class="small" { "by " bdi { (decision.by) } " on " (viewer.times.show(decision.at)) }
                @if let Some(request) = &item.request { div class="small" { "request " code { (request) } } }
            }
        }
    }
}

fn decision_fields(item: &ReviewItem) -> Markup {
    let chosen = item.decision.as_ref().map(|one| one.decision);
    let comment = item.decision.as_ref().and_then(|one| one.comment.as_deref());
    html! {
        fieldset class="choices" {
            legend class="hidden" { "Decision about " (name(item)) }
            input type="hidden" name={ "account:" (item.account) } value="1";
            @for decision in ReviewDecision::ALL {
                label class="choice" {
                    input type="radio" name={ "decision:" (item.account) } value=(decision) checked[chosen == Some(decision)];
                    (title(decision))
                }
            }
            input name={ "comment:" (item.account) } value=(comment.unwrap_or_default()) maxlength="1000" placeholder="Comment" aria-label={ "Comment about " (name(item)) };
            @if let Some(decision) = &item.decision { div class="small" { "by " bdi { (decision.by) } } }
        }
    }
}

fn title(decision: ReviewDecision) -> &'static str {
    match decision {
        ReviewDecision::Keep => "Keep",
        ReviewDecision::Remove => "Remove",
        ReviewDecision::Ask => "Ask",
    }
}

fn pages(viewer: &Viewer, path: &str, page: &ReviewPage) -> Markup {
    let size = limits::PAGE_REVIEW_ITEMS;
    let at = |offset: u64| {
        let show = page.filter.as_str();
        viewer.address(path, &[("show", show), ("offset", &offset.to_string())])
    };
    html! {
        @if page.total > size || page.offset > 0 {
            nav class="pages" aria-label="Pages" {
                @if page.offset > 0 { a rel="prev" href=(at(page.offset.saturating_sub(size))) { "Previous" } }
                @if page.offset + size < page.total { a rel="next" href=(at(page.offset + size)) { "Next" } }
            }
        }
    }
}
