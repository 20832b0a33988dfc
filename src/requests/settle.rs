//! Which open requests the directory shows to be done.

use std::collections::HashMap;

use super::{Operation, Request};
use crate::directory::{Directory, Person, account_id, has_entitlement, is_entitlement_id, text};

/// Returns the requests that the directory shows to be done. People must close requests for changes
/// that the directory cannot show, such as a new password, and requests that name no known account.
#[must_use]
pub fn seen_done<'a>(directory: &Directory, requests: &'a [Request]) -> Vec<&'a Request> {
    let named = PeopleByName::by(directory, requests);
    requests.iter().filter(|request| is_done(directory, named.people(request), request)).collect()
}

fn is_done(directory: &Directory, people: &[&Person], request: &Request) -> bool {
    let active = |person: &&Person| person.user.active;
    let gone = !people.is_empty() && !people.iter().any(active);
    let has_access = |entitlement: &String| {
        people.iter().all(|person| has_entitlement(directory, person, entitlement))
    };
    let lacks_access = |entitlement: &String| {
        !people.iter().any(|person| has_entitlement(directory, person, entitlement))
    };
    // No account has an entitlement with an invalid id. This must not count as a removal.
    let entitlement =
        request.entitlement.as_ref().filter(|id| !people.is_empty() && is_entitlement_id(id));
    match request.operation {
        Operation::CreateAccount => request.user_name.is_some() && people.iter().any(active),
        Operation::EnableAccount => people.iter().any(active),
        // If the account was removed, nothing is left to change.
        Operation::DisableAccount
        | Operation::RemoveAccount
        | Operation::UpdateAccount
        | Operation::ChangePassword => gone,
        Operation::AddAccess => entitlement.is_some_and(has_access),
        Operation::RemoveAccess => entitlement.is_some_and(lacks_access),
        // The directory does not show these.
        Operation::CreateGroup
        | Operation::UpdateGroup
        | Operation::RemoveGroup
        | Operation::ChangeCatalogue
        | Operation::Bulk
        | Operation::Other => false,
    }
}

/// The people that requests name, found in one pass over the directory.
struct PeopleByName<'d> {
    by_id: HashMap<String, Vec<&'d Person>>,
    by_address: HashMap<String, Vec<&'d Person>>,
}

impl<'d> PeopleByName<'d> {
    fn by(directory: &'d Directory, requests: &[Request]) -> Self {
        let none = |text: &String| (text.clone(), Vec::new());
        let mut by_id: HashMap<_, _> =
            requests.iter().filter_map(|request| request.target.as_ref()).map(none).collect();
        let address = |request: &Request| {
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
    fn people(&self, request: &Request) -> &[&'d Person] {
        let found = match (&request.target, &request.user_name) {
            (Some(target), _) if request.operation != Operation::CreateAccount => {
                self.by_id.get(target)
            }
            (_, Some(name)) => self.by_address.get(&*text::folded(name)),
            _ => None,
        };
        found.map(Vec::as_slice).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use time::macros::datetime;

    use super::*;
    use crate::directory::{
        Group, GroupId, Membership, Recorded, Snapshot, Stamps, User, UserId, Volatile,
    };
    use crate::requests::{RequestSource, RequestState};

    const AT: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

    fn recorded<T>(value: T) -> Recorded<T> {
        Recorded { value, stamps: Stamps { created: AT, last_modified: AT } }
    }

    /// Ada and Bo, who are active, and Cy, who was removed. Bo is in team 8, Ada in both teams.
    fn directory() -> Directory {
        let user = |id: &str, email: &str, active: bool| User {
            email: Some(email.to_owned()),
            active,
            ..User::new(UserId::new(id))
        };
        let group = |id: &str, name: Option<&str>| Group {
            id: GroupId::new(id),
            name: name.map(str::to_owned),
            distribution_method: None,
            assignment_limit: None,
        };
        let membership = |group: &str, user: &str| Membership {
            group: GroupId::new(group),
            user: UserId::new(user),
            priority: None,
        };
        let people = [
            user("1", "ada@example.com", true),
            user("2", "bo@example.com", true),
            user("3", "cy@example.com", false),
        ];
        let snapshot = Snapshot {
            generation: 2,
            users: people.map(|user| (recorded(user), Volatile::default())).to_vec(),
            groups: vec![recorded(group("8", Some("Support"))), recorded(group("9", None))],
            memberships: vec![membership("8", "1"), membership("9", "1"), membership("8", "2")],
            ..Snapshot::default()
        };
        Directory::new(snapshot, OffsetDateTime::UNIX_EPOCH, None)
    }

    fn request(
        operation: Operation,
        target: Option<&str>,
        entitlement: Option<&str>,
        user_name: Option<&str>,
    ) -> Request {
        Request {
            reference: "req_1".to_owned(),
            state: RequestState::Open,
            source: RequestSource::Ticket,
            operation,
            target: target.map(str::to_owned),
            entitlement: entitlement.map(str::to_owned),
            user_name: user_name.map(str::to_owned),
            comment: None,
            requester: "eic".to_owned(),
            requested_at: AT,
            request_id: "1".to_owned(),
            method: "POST".to_owned(),
            closed_at: None,
            closed_by: None,
            note: None,
            times: 1,
            last_requested_at: AT,
        }
    }

    #[test]
    fn a_request_is_done_once_the_directory_shows_the_requested_change() {
        let directory = directory();
        for (operation, target, entitlement, user_name, done) in [
            (Operation::RemoveAccount, Some("adm_1"), None, None, false),
            (Operation::RemoveAccount, Some("adm_3"), None, None, true),
            (Operation::DisableAccount, None, None, Some("CY@example.com"), true),
            (Operation::CreateAccount, Some("new.bo"), None, Some("bo@example.com"), true),
            (Operation::RemoveAccount, Some("adm_404"), None, None, false),
            (Operation::EnableAccount, Some("adm_1"), None, None, true),
            (Operation::EnableAccount, Some("adm_3"), None, None, false),
            (Operation::CreateAccount, None, None, Some("Bo@Example.com"), true),
            (Operation::CreateAccount, None, None, Some("new@example.com"), false),
            (Operation::CreateAccount, None, None, Some("cy@example.com"), false),
            (Operation::AddAccess, Some("adm_2"), Some("team_8"), None, true),
            (Operation::AddAccess, Some("adm_2"), Some("team_9"), None, false),
            (Operation::RemoveAccess, Some("adm_2"), Some("team_9"), None, true),
            (Operation::RemoveAccess, Some("adm_2"), Some("team_8"), None, false),
            (Operation::RemoveAccess, Some("adm_404"), Some("team_8"), None, false),
            (Operation::AddAccess, Some("adm_2"), None, None, false),
            (Operation::ChangePassword, Some("adm_1"), None, None, false),
            (Operation::UpdateAccount, Some("adm_1"), None, None, false),
            (Operation::UpdateAccount, Some("adm_3"), None, None, true),
            (Operation::RemoveAccess, Some("adm_2"), Some("Support"), None, false),
            (Operation::RemoveAccess, Some("adm_2"), Some("[Billing]"), None, false),
            (Operation::RemoveGroup, Some("team_404"), None, None, false),
        ] {
            let requests = [request(operation, target, entitlement, user_name)];
            assert_eq!(
                seen_done(&directory, &requests).len() == 1,
                done,
                "{operation} {target:?} {entitlement:?} {user_name:?}"
            );
        }
    }
}
