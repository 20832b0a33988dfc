//! Requests for changes that a person must make in Intercom, and whether the directory shows that
//! they were made.

use std::collections::HashMap;

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::entitlement::is_id;
use super::membership::has;
use super::{Row, account_id};
use crate::directory::{Directory, Person, text};

/// A change that somebody asked for and a person must make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LifecycleRequest {
    /// `req_…`.
    #[serde(rename = "id")]
    pub reference: String,
    /// `open`; `done`: somebody has said so, or an import has seen it; `declined`: somebody has
    /// said that it will not be; or `expired`: nobody did it within `limits.request_expiry`.
    pub state: String,
    /// `refused`: a write that the bridge refused; `ticket`: a request that was made as such.
    pub source: String,
    /// What was asked for, such as `remove_account` or `add_access`.
    pub operation: String,
    /// What was to be changed: the id of an account, a team or an entitlement, as it was named.
    pub target: Option<String>,
    /// The id of the entitlement that the account was to get or to lose.
    pub entitlement: Option<String>,
    /// The sign-in address of whom it is about, where the ticket tells it.
    pub user_name: Option<String>,
    /// What the ticket says besides; of a refused write, the names in its body.
    pub comment: Option<String>,
    /// Who asked: the subject of the token.
    pub requester: String,
    /// When.
    #[serde(with = "crate::date_time")]
    pub requested_at: OffsetDateTime,
    /// The `X-Request-Id` of the request.
    pub request_id: String,
    /// The HTTP method of the request.
    pub method: String,
    /// When it was done, or found to be.
    #[serde(with = "crate::date_time::option")]
    pub closed_at: Option<OffsetDateTime>,
    /// Who said so; `import`, where the bridge has seen it.
    pub closed_by: Option<String>,
    /// What they said.
    pub note: Option<String>,
    /// How often it was asked for: a refused write that the same client repeats while it is open is
    /// counted here.
    pub times: i64,
    /// When it was asked for the last time.
    #[serde(with = "crate::date_time")]
    pub last_requested_at: OffsetDateTime,
}

impl Row for LifecycleRequest {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "state",
        "source",
        "operation",
        "target",
        "entitlement",
        "user_name",
        "comment",
        "requester",
        "requested_at",
        "request_id",
        "method",
        "closed_at",
        "closed_by",
        "note",
        "times",
        "last_requested_at",
    ];
}

/// The operations that a request can ask for.
pub const OPERATIONS: [&str; 13] = [
    "create_account",
    "update_account",
    "enable_account",
    "disable_account",
    "remove_account",
    "change_password",
    "add_access",
    "remove_access",
    "create_group",
    "update_group",
    "remove_group",
    "bulk",
    // The change that the comment describes. Only a person can tell when it is done.
    "other",
];

/// Returns the requests that the directory shows to be done. Changes that it cannot show, such as a
/// new password, are left to people to close, as are requests that name no known account.
#[must_use]
pub fn seen_done<'a>(
    directory: &Directory,
    requests: &'a [LifecycleRequest],
) -> Vec<&'a LifecycleRequest> {
    let named = PeopleByName::by(directory, requests);
    requests.iter().filter(|request| is_done(directory, named.people(request), request)).collect()
}

fn is_done(directory: &Directory, people: &[&Person], request: &LifecycleRequest) -> bool {
    let active = |person: &&Person| person.user.active;
    let gone = !people.is_empty() && !people.iter().any(active);
    match request.operation.as_str() {
        "create_account" => request.user_name.is_some() && people.iter().any(active),
        "enable_account" => people.iter().any(active),
        "disable_account" | "remove_account"
        // Nothing is left to change in an account that was removed.
        | "update_account" | "change_password" => gone,
        operation @ ("add_access" | "remove_access") => {
            // No account has an unknown entitlement; this must not pass for its removal.
            let Some(entitlement) = request.entitlement.as_ref().filter(|id| is_id(id)) else { return false };
            let wanted = operation == "add_access";
            !people.is_empty() && people.iter().all(|person| has(directory, person, entitlement) == wanted)
        }
        _ => false,
    }
}

/// The people that requests name, found in one pass over the directory.
struct PeopleByName<'d> {
    by_id: HashMap<String, Vec<&'d Person>>,
    by_address: HashMap<String, Vec<&'d Person>>,
}

impl<'d> PeopleByName<'d> {
    fn by(directory: &'d Directory, requests: &[LifecycleRequest]) -> Self {
        let none = |text: &String| (text.clone(), Vec::new());
        let mut by_id: HashMap<_, _> =
            requests.iter().filter_map(|request| request.target.as_ref()).map(none).collect();
        let address = |request: &LifecycleRequest| {
            Some((text::folded(request.user_name.as_ref()?).into_owned(), Vec::new()))
        };
        let mut by_address: HashMap<_, _> = requests.iter().filter_map(address).collect();
        for person in &directory.people {
            if let Some(found) = by_id.get_mut(&account_id(&person.user.id)) {
                found.push(person);
            }
            let email = person.user.email.as_ref().map(|email| text::folded(email));
            if let Some(found) = email.and_then(|email| by_address.get_mut(&*email)) {
                found.push(person);
            }
        }
        Self { by_id, by_address }
    }

    /// Returns the people that a request is about: the account with the target's id, else the
    /// accounts with the sign-in address. The target of `create_account` is ignored: a new account
    /// has no SCIM id yet, whatever the client calls it.
    fn people(&self, request: &LifecycleRequest) -> &[&'d Person] {
        let found = match (&request.target, &request.user_name) {
            (Some(target), _) if request.operation != "create_account" => self.by_id.get(target),
            (_, Some(name)) => self.by_address.get(&*text::folded(name)),
            _ => None,
        };
        found.map(Vec::as_slice).unwrap_or_default()
    }
}
