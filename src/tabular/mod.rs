//! The directory as flat rows (one level of JSON) for connectors that cannot read SCIM's nested
//! attributes, and its history as a log of changes. No side effects.
//!
//! ```text
//! account        a teammate
//! entitlement    a team, a role, a seat, a permission
//! role           a role, whether somebody has it or not
//! membership     an account's access
//! people         which people a person wants to see, and in which order
//! change         a change of one of them
//! compare        the difference between two states
//! seat           a paid seat, and whether it is used
//! invitation     an invitation that is pending
//! activity       an entry of Intercom's activity log
//! review         accounts with their access, for a review
//! review_counts  the counts of a review
//! ```
//!
//! Ids are those of SCIM (`adm_…`, `team_…`), so that clients can join both views.

mod account;
mod activity;
mod change;
mod compare;
mod entitlement;
mod invitation;
mod membership;
mod people;
mod review;
mod review_counts;
mod role;
mod seat;

pub use account::{Account, KnownLog, account, accounts, invited_accounts};
pub use activity::ActivityRow;
pub use change::{
    ChangeDocument, ChangeRow, ChangedBy, attributes_of_group, attributes_of_membership,
    attributes_of_user,
};
pub use compare::{Difference, DifferenceKind, DifferenceOf, compare};
pub use entitlement::{Entitlement, entitlement_named, entitlements};
pub use invitation::InvitationRow;
pub use membership::{AccessMembership, MembershipSelection, memberships};
pub use people::{
    FoundPeople, PeopleOrder, PeopleQuestion, PeopleState, SeatFilter, SecondFactorFilter,
};
pub use review::{
    ReviewBasis, ReviewChange, ReviewedAccount, is_privileged, review, reviewed_account,
    reviewed_invitation,
};
pub use review_counts::{Answers, ReviewCounts};
pub use role::{RoleSource, WorkspaceRole, roles};
pub use seat::{
    ActivityOf, MonthlyPrice, Seat, SeatQuestion, SeatTotals, SeatUse, seat_holders, seat_totals,
    seats,
};

use serde::Serialize;
use time::OffsetDateTime;

use crate::directory::Person;

/// The rows that a client wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only rows that changed at this time or later.
    pub modified_since: Option<OffsetDateTime>,
    /// Whether removed people are included.
    pub include_removed: bool,
    /// People who were removed at this time or earlier are left out, even with `include_removed`.
    pub removal_cutoff: Option<OffsetDateTime>,
    /// The number of rows to skip.
    pub offset: usize,
    /// The maximum number of rows to return.
    pub limit: usize,
}

/// A row of a flat view.
pub trait Row: Serialize {
    /// The names of the members in serialisation order, which are the header of a table.
    const COLUMNS: &'static [&'static str];
}

/// One page of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows<T> {
    /// The rows of the page.
    pub items: Vec<T>,
    /// The number of rows on all pages.
    pub total: usize,
}

impl Selection {
    fn takes(&self, person: &Person) -> bool {
        let last_modified = person.stamps.last_modified;
        let there = person.user.active
            || self.include_removed && self.removal_cutoff.is_none_or(|by| last_modified > by);
        there && self.modified_since.is_none_or(|since| last_modified >= since)
    }

    fn page<T, R>(&self, all: impl Iterator<Item = T> + Clone, row: impl FnMut(T) -> R) -> Rows<R> {
        let total = all.clone().count();
        Rows { items: all.skip(self.offset).take(self.limit).map(row).collect(), total }
    }
}

/// The number of whole days since a time; `None` if the time lies in the future, because then a
/// clock was wrong.
fn days_since(at: OffsetDateTime, moment: OffsetDateTime) -> Option<i64> {
    let age = crate::clock::age(moment, at)?;
    i64::try_from(age.as_secs() / 86_400).ok()
}

#[cfg(test)]
mod tests;
