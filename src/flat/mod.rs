//! The directory as flat rows, one level of JSON, for connectors that cannot dig into SCIM; and its history as a log of
//! changes. Pure.
//!
//! ```text
//! account      a teammate             entitlement  a team, a role, a seat, a permission
//! membership   who has which          change       what became of one of them
//! request      what people must do   review       accounts as somebody reviews them
//! asked        what a refused write is about
//! ```
//!
//! Ids are those of SCIM (`adm_…`, `team_…`), so that both views of somebody can be put together.

mod account;
mod asked;
mod change;
mod entitlement;
mod membership;
mod request;
mod review;

pub use account::{Account, accounts};
pub use asked::Asked;
pub use change::{
    ChangeDocument, ChangeRow, ChangedBy, attributes_of_group, attributes_of_membership, attributes_of_user,
};
pub use entitlement::{Entitlement, EntitlementType, entitlement_named, entitlements};
pub use membership::{AccessMembership, MembershipSelection, memberships};
pub use request::{LifecycleRequest, OPERATIONS, seen_done};
pub use review::{ReviewBasis, ReviewChange, ReviewedAccount, review, reviewed_account};

use serde::Serialize;
use time::OffsetDateTime;

use crate::directory::{GroupId, Person, UserId};

/// Which rows are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only what changed at this moment or later.
    pub modified_since: Option<OffsetDateTime>,
    /// Whether people who are gone are wanted too.
    pub include_removed: bool,
    /// Who was gone by then is not wanted all the same.
    pub gone_by: Option<OffsetDateTime>,
    /// How many rows to leave out.
    pub offset: usize,
    /// How many to give at the most.
    pub limit: usize,
}

/// A row of a flat view.
pub trait Row: Serialize {
    /// The names of its members, in their order; the header of a table.
    const COLUMNS: &'static [&'static str];
}

/// The rows that are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows<T> {
    /// Those of the page.
    pub items: Vec<T>,
    /// How many there are on all pages.
    pub total: usize,
}

impl Selection {
    fn takes(&self, person: &Person) -> bool {
        let last_modified = person.stamps.last_modified;
        let there = person.user.active || self.include_removed && self.gone_by.is_none_or(|by| last_modified > by);
        there && self.modified_since.is_none_or(|since| last_modified >= since)
    }

    fn page<T, R>(&self, all: impl Iterator<Item = T> + Clone, row: impl FnMut(T) -> R) -> Rows<R> {
        let total = all.clone().count();
        Rows { items: all.skip(self.offset).take(self.limit).map(row).collect(), total }
    }
}

/// The id of a teammate's account, as SCIM has it too.
#[must_use]
pub fn account_id(id: &UserId) -> String {
    format!("adm_{id}")
}

/// The id of a team, as SCIM has it too.
#[must_use]
pub fn team_id(id: &GroupId) -> String {
    format!("team_{id}")
}

#[cfg(test)]
mod tests;
