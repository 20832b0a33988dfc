//! Tests of queries against a fixed directory of twelve people.

mod attributes;
mod enterprise;
mod laws;
mod lists;
mod questions;

use serde_json::Value;
use time::OffsetDateTime;
use time::macros::datetime;

use super::resource_types::USER;
use super::*;
use crate::directory::{
    Directory, Generation, Group, GroupId, Membership, Names, Priority, Recorded, Role, Snapshot,
    Stamps, User, UserId, Volatile, Workspace,
};

/// Id, address, name, title, active, day of the last change, teams.
type Person = (
    &'static str,
    &'static str,
    &'static str,
    Option<&'static str>,
    bool,
    u8,
    &'static [&'static str],
);

const PEOPLE: [Person; 12] = [
    ("1", "ada@example.com", "Ada Lovelace", Some("Team Lead"), true, 1, &["1", "2"]),
    ("2", "Bo@Example.com", "Bo", None, true, 2, &["1"]),
    ("3", "chen@example.com", "Chén Wèi 陳偉", Some("Agent"), true, 3, &["1"]),
    ("4", "dana@example.org", "Dana O'Malley", Some("agent"), false, 9, &[]),
    ("5", "eve@example.com", "Eve van der Berg", Some("Analyst"), true, 3, &["2"]),
    ("6", "frank@example.com", "Frank \"Fin\" Müller", None, true, 4, &[]),
    ("7", "gül@example.com", "Gül Şahin", Some("Agent"), true, 5, &["3"]),
    ("8", "hana@example.com", "Hana Kovářová", Some("Lead"), true, 6, &["1", "3"]),
    ("9", "ivan@example.com", "Ivan Ivanov", Some("Agent"), false, 9, &[]),
    ("10", "jo@example.com", "Jo Jo", Some("Agent"), true, 7, &["2"]),
    ("11", "kim@example.com", "Kim Lee", Some("Manager"), true, 8, &["1", "2", "3"]),
    ("12", "lars@example.com", "Lars Åberg", Some("Agent"), true, 8, &[]),
];

const TEAMS: [(&str, &str); 4] =
    [("1", "Support"), ("2", "sales"), ("3", "Émigrés"), ("4", "Nobody's")];

fn served() -> ServedSnapshot {
    ServedSnapshot::new(
        directory(snapshot(1)),
        "https://bridge.example/scim/v2",
        Names::default(),
        None,
    )
}

fn directory(snapshot: Snapshot) -> Directory {
    Directory::new(snapshot, OffsetDateTime::UNIX_EPOCH, None)
}

fn snapshot(generation: Generation) -> Snapshot {
    let day = |day: u8| datetime!(2026-03-01 12:00 UTC).replace_day(day).unwrap();
    let users = PEOPLE.map(|(id, email, name, title, active, changed, teams)| {
        let mut user = User::new(UserId::new(id));
        user.email = Some(email.to_owned());
        user.name = Some(name.to_owned());
        user.job_title = title.map(Into::into);
        user.active = active;
        user.has_inbox_seat = Some(!teams.is_empty());
        user.role = title
            .map(|title| Role { id: title.len().to_string(), name: Some(title.to_owned()) }.into());
        // Only some people have a value.
        user.two_factor_auth = (changed < 3).then_some(changed == 1);
        user.permissions =
            (changed == 1).then(|| ["manage_teammates", "reports"].map(str::to_owned).into());
        let stamps = Stamps { created: day(1), last_modified: day(changed) };
        let volatile = Volatile { away_status_reason_id: id.parse().ok(), ..Volatile::default() };
        (Recorded { value: user, stamps }, volatile)
    });
    let groups = TEAMS.map(|(id, name)| {
        let group = Group {
            id: GroupId::new(id),
            name: Some(name.to_owned()),
            distribution_method: None,
            assignment_limit: (id == "1").then_some(10),
        };
        Recorded { value: group, stamps: Stamps { created: day(1), last_modified: day(2) } }
    });
    let mut memberships: Vec<Membership> = PEOPLE
        .iter()
        .flat_map(|person| person.6.iter().map(move |team| (person.0, *team)))
        .map(|(user, team)| Membership {
            group: GroupId::new(team),
            user: UserId::new(user),
            priority: (team == "1").then_some(if user == "1" {
                Priority::Primary
            } else {
                Priority::Secondary
            }),
        })
        .collect();
    memberships.sort();
    Snapshot {
        generation,
        workspace: Workspace { id: Some("ws".to_owned()), ..Workspace::default() },
        users: users.to_vec(),
        groups: groups.to_vec(),
        memberships,
        ..Snapshot::default()
    }
}

const EXTENSION: &str = "urn:ietf:params:scim:schemas:extension:intercom:2.0:User";

const RULES: PageRules = PageRules { default_count: 100, max_count: 1000, cursors: true };

fn key() -> CursorKey {
    CursorKey::new(&[7; CursorKey::SECRET]).unwrap()
}

/// Runs a query given as URL parameters.
fn ask(
    types: &'static [&'static ResourceType],
    parameters: &[(&str, &str)],
) -> Result<Value, ScimError> {
    ask_of(&served(), types, parameters, "test").map(|page| json(&page))
}

fn ask_of(
    served: &ServedSnapshot,
    types: &'static [&'static ResourceType],
    parameters: &[(&str, &str)],
    name: &str,
) -> Result<Page, ScimError> {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let question = Query::of_list(&query)?.about(types)?;
    let walker = Walker { key: &key(), client: name, workspace: "default" };
    let window = question.window(RULES, walker)?;
    question.list(served, window, walker)
}

fn json(page: &Page) -> Value {
    serde_json::from_slice(&written_out(page)).unwrap()
}

fn written_out(page: &Page) -> Vec<u8> {
    match &page.body {
        Body::Whole(whole) => whole.to_vec(),
        Body::Chunks(chunks) => chunks.concat(),
    }
}

/// The ids in a response, without the prefix of users.
fn ids(answer: &Value) -> Vec<String> {
    let resources = answer["Resources"].as_array().unwrap();
    resources.iter().map(|resource| resource["id"].as_str().unwrap().replace("adm_", "")).collect()
}

fn found(filter: &str) -> Vec<String> {
    ids(&ask(&[USER], &[("filter", filter)]).unwrap_or_else(|error| panic!("{filter}: {error}")))
}

fn in_order(by: &str, order: &str) -> Vec<String> {
    ids(&ask(&[USER], &[("sortBy", by), ("sortOrder", order)]).unwrap())
}
