//! The HTML of the identities.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::activity_view::capital;
use super::format::number;
use super::layout::{self, Section, empty, scrolling_table};
use super::list::{ListAddress, Page, any, fixed, select, text_field};
use super::viewer::Viewer;
use crate::directory::Directory;
use crate::identities::Assessment;
use crate::limits;
use crate::roster::{Class, Identity, MatchRule, TerminatedActive, UnmatchedAccount, user_id};
use crate::words::words;

words! {
    /// Which accounts the page shows.
    pub enum IdentityFilter {
        /// All active accounts.
        All = "all",
        /// Accounts without a person.
        Unmatched = "unmatched",
        /// Accounts of people who have left.
        Terminated = "terminated",
        /// Service accounts without an active owner.
        Ownerless = "ownerless",
    }
}

/// The filters.
#[derive(Clone, Debug)]
pub struct IdentityFilters {
    pub search: String,
    pub show: IdentityFilter,
    pub class: Option<Class>,
}

/// What the page shows.
pub struct IdentitiesPage<'a> {
    pub directory: &'a Directory,
    pub assessment: &'a Assessment,
    /// Whether the roster is older than the configuration allows.
    pub is_stale: bool,
    pub filters: IdentityFilters,
    /// The accounts that the filters select.
    pub rows: Vec<Identity>,
    /// The accounts of people who have left, by the id of the account.
    pub leavers: BTreeMap<String, TerminatedActive>,
    pub offset: usize,
}

/// The page without a roster.
pub fn no_roster(viewer: &Viewer) -> String {
    let main = html! {
        h1 { "Identities" }
        (empty("No roster is in force, so no account has a person.", &html! {
            "A roster is the company's list of people. To import one, run this command where the bridge runs:"
        }))
        p { code { "intercom-scim-bridge roster import people.csv" } }
        p { "The bridge then says which person each account belongs to, which accounts have nobody, and which people have left." }
    };
    layout::page(viewer, Section::Identities, "Identities", &main)
}

/// Renders the page.
pub fn identities(viewer: &Viewer, page: &IdentitiesPage<'_>) -> String {
    let filters = &page.filters;
    let show = if filters.show == IdentityFilter::All { "" } else { filters.show.as_str() };
    let address = ListAddress::new(viewer, "/identities")
        .with("q", &*filters.search)
        .with("show", show)
        .with("class", filters.class.map(Class::as_str).unwrap_or_default());
    let main = html! {
        h1 { "Identities" }
        (counts(viewer, page, &address))
        (form(&address, filters))
        (list(viewer, page, &address))
    };
    layout::page(viewer, Section::Identities, "Identities", &main)
}

fn counts(viewer: &Viewer, page: &IdentitiesPage<'_>, address: &ListAddress<'_>) -> Markup {
    let assessment = page.assessment;
    let counted = [
        ("Active accounts", assessment.identities.len(), ""),
        ("Without a person", assessment.unmatched.len(), "unmatched"),
        ("Of people who left", page.leavers.len(), "terminated"),
        ("Service accounts without an owner", assessment.ownerless.len(), "ownerless"),
    ];
    html! {
        dl class="facts counts" {
            @for (title, count, show) in counted {
                div { dt { (title) } dd { a href=(address.changed("show", show)) { (number(count)) } } }
            }
        }
        p class="muted" {
            "Roster version " (assessment.versions.roster_version) ", confirmed by its source "
            (viewer.times.text(assessment.confirmed_at)) "."
        }
        @if page.is_stale {
            div class="notice" role="status" {
                p { strong { "The roster is older than the configuration allows." } }
                p { "Import a current one, or check why the pull from the source fails." }
            }
        }
    }
}

fn form(address: &ListAddress<'_>, filters: &IdentityFilters) -> Markup {
    let shows = [
        ("", "All active accounts"),
        ("unmatched", "Without a person"),
        ("terminated", "Of people who left"),
        ("ownerless", "Service accounts without an owner"),
    ];
    let show = if filters.show == IdentityFilter::All { "" } else { filters.show.as_str() };
    let classes = Class::ALL.map(|class| (class.as_str().to_owned(), capital(class.as_str())));
    address.filters(
        "Filter accounts",
        &html! {
            (text_field("q", "Search", &filters.search, "Name, address or person"))
            (select("show", "Show", Some(show), &fixed(&shows)))
            (select("class", "Class", filters.class.map(Class::as_str), &any(classes.to_vec())))
        },
    )
}

fn list(viewer: &Viewer, page: &IdentitiesPage<'_>, address: &ListAddress<'_>) -> Markup {
    let unmatched: BTreeMap<&str, &UnmatchedAccount> =
        page.assessment.unmatched.iter().map(|one| (&*one.account_id, one)).collect();
    let (part, rows) = Page::of(&page.rows, page.offset, limits::PAGE_ROWS);
    html! {
        (scrolling_table("Accounts", &html! {
            caption { (part.caption()) }
            thead { tr {
                th scope="col" { "Account" } th scope="col" { "Person" } th scope="col" { "Class" }
                th scope="col" { "Owner" } th scope="col" { "Match" } th scope="col" { "To look at" }
            } }
            tbody {
                @for row in rows {
                    @let person = page.directory.person(&user_id(&row.account_id));
                    @let name = person.and_then(|person| person.user.name.as_deref());
                    tr {
                        td {
                            a href=(viewer.person_address(&row.account_id)) { bdi { (name.unwrap_or(&row.user_name)) } }
                            span class="beside" { bdi { (row.user_name) } }
                        }
                        td { (person_of(row)) }
                        td { (capital(row.class.as_str())) }
                        td { bdi { (row.owner.as_deref().unwrap_or("—")) } }
                        td { (matched_by(row.match_rule)) }
                        td { (to_look_at(viewer, row, unmatched.get(&*row.account_id).copied(), page.leavers.get(&row.account_id))) }
                    }
                }
            }
        }))
        (address.pages(&part))
        (address.exports(part.total, if part.total == 1 { "account" } else { "accounts" }))
    }
}

/// The person of an account: the key in the roster, with department and status.
pub fn person_of(row: &Identity) -> Markup {
    html! {
        @match &row.person_key {
            None => "—",
            Some(key) => {
                bdi { (key) }
                @if let Some(department) = &row.department { span class="beside" { bdi { (department) } } }
                @if let Some(status) = row.person_status { span class="beside" { (status.as_str().replace('_', " ")) } }
            },
        }
    }
}

/// The rule that found the person, in words.
pub fn matched_by(rule: Option<MatchRule>) -> &'static str {
    match rule {
        None => "—",
        Some(MatchRule::Decision) => "a decision",
        Some(MatchRule::Exact) => "the person's address",
        Some(MatchRule::Alias) => "another address of the person",
        Some(MatchRule::Domain) => "the same name at another domain of the company",
        Some(MatchRule::Untagged) => "the address without its tag",
    }
}

/// What a person should look at about an account.
pub fn to_look_at(
    viewer: &Viewer,
    row: &Identity,
    unmatched: Option<&UnmatchedAccount>,
    leaver: Option<&TerminatedActive>,
) -> Markup {
    html! {
        @if let Some(one) = unmatched {
            div { span class="badge warn" { "no person" } " " (why(one)) }
            @if !one.suggestions.is_empty() {
                div { "Perhaps " @for (place, key) in one.suggestions.iter().enumerate() { @if place > 0 { ", " } bdi { (key) } } }
            }
            @if let Some(class) = one.suggested_class { div { "Perhaps a " (class.as_str()) " account" } }
        }
        @if let Some(one) = leaver {
            div {
                span class="badge bad" { "left" }
                @if let Some(ended) = one.ended { " last day " (ended) }
                @match (one.sign_ins_after_end, one.last_sign_in_after_end) {
                    (Some(0), _) => ", no sign-in since",
                    (Some(count), Some(last)) => { ", " (count) " sign-ins since, the last " (viewer.times.text(last)) },
                    _ => "",
                }
            }
        }
        @if row.duplicate_account { div { span class="badge warn" { "second account" } " The person has another active account" } }
        @if row.class == Class::Service && row.owner.is_none() { div { span class="badge warn" { "no owner" } } }
    }
}

fn why(one: &UnmatchedAccount) -> &'static str {
    use crate::roster::WhyUnmatched;
    match one.why {
        WhyUnmatched::None => "The roster has nobody with this address",
        WhyUnmatched::Ambiguous => "Several people fit",
        WhyUnmatched::Dangling => "A decision names a person who is not in the roster any more",
        WhyUnmatched::Unreadable => "The account has no address that can be read",
    }
}
