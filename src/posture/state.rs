//! What the checks read: the state of one workspace at one moment.

use std::collections::HashMap;

use ipnet::IpNet;
use time::OffsetDateTime;

use super::answer::Answer;
use super::exception::Exception;
use super::log::Log;
use super::settings::PostureSettings;
use crate::directory::{Generation, User, UserId};
use crate::roster::{Class, ReviewIdentity, TerminatedActive};

/// The state of a workspace at one moment, as far as the bridge knows it. The order of lists
/// changes no result.
#[derive(Clone, Copy, Debug)]
pub struct State<'a> {
    /// Identifies the workspace in the ids of findings: Intercom's id of it.
    pub workspace: &'a str,
    /// The moment that is described.
    pub now: OffsetDateTime,
    /// The generation of the accounts.
    pub generation: Generation,
    /// All accounts, including removed ones.
    pub accounts: &'a [Account<'a>],
    /// The activity log up to `now`.
    pub log: &'a Log,
    /// What the company expects.
    pub settings: &'a PostureSettings,
    /// What the roster says; `None` without a roster.
    pub roster: Option<&'a RosterFacts>,
    /// The last reading of the data connectors.
    pub connectors: &'a Reading<Vec<Connector>>,
    /// The last reading of the allowlist of the REST API.
    pub allowlist: &'a Reading<Allowlist>,
    /// Whether `/me` says that the Messenger verifies identities; `None` if it does not say.
    pub identity_verification: Option<bool>,
    /// The last recorded verification of the ledger.
    pub verification: Option<&'a Verification>,
    /// Who last read the activity feed.
    pub feed: Feed<'a>,
    /// All exceptions recorded by then.
    pub exceptions: &'a [Exception],
    /// All answers recorded by then.
    pub answers: &'a [Answer],
}

/// An account of the workspace.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    /// The teammate.
    pub user: &'a User,
    /// When the bridge first saw the account.
    pub first_seen: OffsetDateTime,
}

/// What the roster says about accounts.
#[derive(Clone, Debug, Default)]
pub struct RosterFacts {
    /// When the source last had the people of the roster in force; `None` if that is unknown.
    pub imported_at: Option<OffsetDateTime>,
    /// The active accounts of people who left.
    pub terminated_active: Vec<TerminatedActive>,
    /// The class of each account.
    pub classes: HashMap<UserId, Class>,
    /// Whether evidence leaves out what the roster says about a person, because the reader may not
    /// read the roster.
    pub hides_people: bool,
}

impl RosterFacts {
    /// What a roster says at a moment. `confirmed_at` is when the source last had its people;
    /// `None` if that is unknown. `review` has the columns of the access review.
    #[must_use]
    pub fn new<'a>(
        moment: OffsetDateTime,
        confirmed_at: Option<OffsetDateTime>,
        terminated_active: Vec<TerminatedActive>,
        review: impl IntoIterator<Item = (&'a UserId, &'a ReviewIdentity)>,
    ) -> Self {
        let class = |(id, row): (&UserId, &ReviewIdentity)| Some((id.clone(), row.identity_class?));
        Self {
            // A roster that was in force at a past moment and was confirmed later had the right
            // people at the moment, too.
            imported_at: confirmed_at.map(|at| at.min(moment)),
            terminated_active,
            classes: review.into_iter().filter_map(class).collect(),
            hides_people: false,
        }
    }
}

/// The result of an optional call to Intercom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading<T> {
    /// The call is switched off, or was not made yet.
    NotMade,
    /// The call was refused or failed.
    Failed {
        /// When.
        at: OffsetDateTime,
        /// The code of the failure, such as `forbidden`.
        code: String,
    },
    /// The call succeeded.
    Read {
        /// When.
        at: OffsetDateTime,
        /// The result.
        value: T,
    },
}

/// A data connector: Intercom calls another system with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connector {
    /// Intercom's id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Whether it is in use (`live`), not a draft. `None` if Intercom does not say.
    pub is_live: Option<bool>,
    /// The admin who made it.
    pub created_by: Option<UserId>,
    /// The admin who last changed it.
    pub updated_by: Option<UserId>,
}

/// The allowlist of the REST API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowlist {
    /// Whether it is switched on.
    pub is_enabled: bool,
    /// Its networks.
    pub networks: Vec<IpNet>,
    /// Entries that are not networks.
    pub unreadable: usize,
}

/// A recorded verification of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// When.
    pub at: OffsetDateTime,
    /// The number of deviations that it found.
    pub findings: usize,
    /// The hash of the last record.
    pub head: String,
    /// The generation that the head covers.
    pub generation: Option<Generation>,
}

/// Whether a client collects the activity feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed<'a> {
    /// No client read it yet.
    Unread,
    /// A client read it.
    Read {
        /// The client that read it last.
        client: &'a str,
        /// When.
        at: OffsetDateTime,
    },
}
