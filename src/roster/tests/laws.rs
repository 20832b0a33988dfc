//! Laws of matching, for any roster and any accounts.

use std::sync::Arc;

use proptest::prelude::*;
use time::macros::{date, datetime};
use time::{Duration, OffsetDateTime};

use super::super::*;
use crate::directory::{User, UserId};
use crate::moments::Zone;

const NOW: OffsetDateTime = datetime!(2026-05-04 09:00 UTC);

/// Few local parts and domains, so that people share addresses.
fn address() -> impl Strategy<Value = String> {
    let local = prop::sample::select(vec!["ida", "bo", "ida+x", "bo+ida", "i.da"]);
    let domains = vec!["a.example", "b.example", "c.example", "gmail.com"];
    (local, prop::sample::select(domains)).prop_map(|(local, domain)| format!("{local}@{domain}"))
}

fn kind() -> impl Strategy<Value = EmailKind> {
    prop::sample::select(vec![
        EmailKind::Primary,
        EmailKind::Alias,
        EmailKind::Former { since: date!(2026 - 01 - 01) },
        EmailKind::Former { since: date!(2024 - 01 - 01) },
        EmailKind::Personal,
    ])
}

fn day() -> impl Strategy<Value = Option<time::Date>> {
    prop::option::of(prop::sample::select(vec![
        date!(2024 - 01 - 01),
        date!(2025 - 07 - 01),
        date!(2026 - 05 - 04),
        date!(2027 - 01 - 01),
    ]))
}

prop_compose! {
    fn person(key: u32)(
        emails in prop::collection::vec((kind(), address()), 0..3),
        name in prop::sample::select(vec!["Ida Berg", "Bo Dahl", "Berg, I.", "Bo"]),
        started in day(),
        ended in day(),
    ) -> Person {
        let mut person = Person::new(PersonKey::new(&key.to_string()).unwrap(), Arc::from("x"));
        person.emails = emails
            .into_iter()
            .map(|(kind, address)| Email { kind, address: Address::read(&address).unwrap() })
            .collect();
        person.name = Some(name.to_owned());
        (person.started, person.ended) = (started, ended);
        person
    }
}

fn people() -> impl Strategy<Value = Vec<Person>> {
    (0_u32..7).prop_flat_map(|count| (0..count).map(person).collect::<Vec<_>>())
}

fn users() -> impl Strategy<Value = Vec<User>> {
    let user = (prop::option::of(address()), prop::option::of(prop::bool::ANY));
    prop::collection::vec(user, 1..6).prop_map(|users| {
        let user = |(number, (email, is_old)): (usize, (Option<String>, Option<bool>))| {
            let mut user = User::new(UserId::new(number.to_string()));
            user.email = email;
            user.name = Some("Ida Berg".to_owned());
            user.joined_at =
                is_old.map(|is_old| NOW - Duration::days(if is_old { 900 } else { 9 }));
            user
        };
        users.into_iter().enumerate().map(user).collect()
    })
}

fn verdicts() -> impl Strategy<Value = Vec<(usize, u32, bool)>> {
    prop::collection::vec((0_usize..5, 0_u32..8, prop::bool::ANY), 0..4)
}

fn entries(verdicts: &[(usize, u32, bool)]) -> Vec<Entry> {
    let entry = |(number, (account, person, is)): (u64, &(usize, u32, bool))| {
        let person_key = PersonKey::new(&person.to_string()).unwrap();
        let decision = Decision {
            account: UserId::new(account.to_string()),
            verdict: if *is { Verdict::Is { person_key } } else { Verdict::IsNot { person_key } },
            why: "x".to_owned(),
            until: None,
            roster_version: 1,
        };
        Entry { number, at: NOW, by: "x".to_owned(), act: Act::Decide(decision) }
    };
    (1..).zip(verdicts).map(entry).collect()
}

fn settings() -> MatchSettings {
    let sets = [vec!["a.example".to_owned(), "b.example".to_owned()]];
    let equivalent_domains = EquivalentDomains::new(&sets).unwrap();
    MatchSettings { equivalent_domains, ..MatchSettings::default() }
}

/// The outcome of each account by its id, with keys for people.
fn outcomes(people: Vec<Person>, users: &[User], entries: &[Entry]) -> Vec<(UserId, String)> {
    let roster = Roster::new(1, people);
    let account = |user| Account { user, first_seen: NOW, is_privileged: None };
    let accounts: Vec<Account<'_>> = users.iter().map(account).collect();
    let decisions = Decisions::at(entries, NOW);
    let zone = Zone::UTC;
    let day = Day::at(NOW, &zone);
    let outcomes = match_accounts(&accounts, &roster, &decisions, &settings(), day);
    let keys = |places: &[usize]| {
        let keys = places.iter().map(|place| roster.people()[*place].key.as_str());
        keys.collect::<Vec<_>>().join(" ")
    };
    let text = |outcome: &Outcome| match outcome {
        Outcome::Machine => "machine".to_owned(),
        Outcome::Matched { person, rule, .. } => format!("{} by {rule:?}", keys(&[*person])),
        Outcome::Unmatched { why, candidates, suggestions, .. } => {
            format!("{why:?} [{}] [{}]", keys(candidates), keys(suggestions))
        }
    };
    let mut outcomes: Vec<_> = users
        .iter()
        .zip(&outcomes)
        .map(|(user, outcome)| (user.id.clone(), text(outcome)))
        .collect();
    outcomes.sort();
    outcomes
}

proptest! {
    #[test]
    fn the_order_of_rows_accounts_and_decisions_changes_nothing(
        people in people(), users in users(), verdicts in verdicts(), turn in 0_usize..7,
    ) {
        let entries = entries(&verdicts);
        let expected = outcomes(people.clone(), &users, &entries);
        let mut turned = people;
        let mut users = users;
        let mut entries = entries;
        turned.reverse();
        let places = turned.len().max(1);
        turned.rotate_left(turn % places);
        users.reverse();
        entries.reverse();
        prop_assert_eq!(outcomes(turned, &users, &entries), expected);
    }

    #[test]
    fn an_unrelated_person_changes_no_match(
        people in people(), users in users(), verdicts in verdicts(),
    ) {
        let entries = entries(&verdicts);
        let expected = outcomes(people.clone(), &users, &entries);
        let mut more = people;
        for key in ["0a", "zz"] {
            let mut other = Person::new(PersonKey::new(key).unwrap(), Arc::from("x"));
            other.name = Some("Unrelated".to_owned());
            let address = Address::read(&format!("{key}@a.example")).unwrap();
            other.emails.push(Email { kind: EmailKind::Primary, address });
            more.push(other);
        }
        prop_assert_eq!(outcomes(more, &users, &entries), expected);
    }

    #[test]
    fn a_decision_wins_over_every_other_rule(
        people in people(), users in users(), verdicts in verdicts(),
    ) {
        let entries = entries(&verdicts);
        let decisions = Decisions::at(&entries, NOW);
        let roster = Roster::new(1, people.clone());
        for (account, outcome) in outcomes(people, &users, &entries) {
            let Some(about) = decisions.about(&account) else { continue };
            match about.person {
                Some((_, key)) if roster.person(key).is_some() => {
                    prop_assert_eq!(outcome, format!("{key} by Decision"));
                }
                Some(_) => prop_assert!(outcome.starts_with("Dangling")),
                None => {
                    for key in &about.excluded {
                        let is_matched = outcome.starts_with(&format!("{key} by"));
                        prop_assert!(!is_matched, "{}", outcome);
                    }
                }
            }
        }
    }

    #[test]
    fn a_match_by_address_is_one_that_the_rule_allows(people in people(), users in users()) {
        let roster = Roster::new(1, people.clone());
        for (account, outcome) in outcomes(people, &users, &[]) {
            let Some((key, rule)) = outcome.split_once(" by ") else { continue };
            let user = users.iter().find(|user| user.id == account).unwrap();
            let address = Address::read(user.email.as_deref().unwrap()).unwrap();
            let person = roster.person(&PersonKey::new(key).unwrap()).unwrap();
            let own = |kind: fn(EmailKind) -> bool| {
                person.emails.iter().any(|email| kind(email.kind) && email.address == address)
            };
            let company = |domain: &str| domain == "a.example" || domain == "b.example";
            let similar = person.emails.iter().any(|email| {
                let domain = email.address.domain();
                let other = address.domain();
                domain == other || company(domain) && company(other)
            });
            match rule {
                "Exact" => prop_assert!(own(|kind| kind == EmailKind::Primary)),
                "Alias" => prop_assert!(own(|kind| kind != EmailKind::Primary)),
                _ => prop_assert!(similar),
            }
            prop_assert!(person.emails.iter().any(|email| email.kind != EmailKind::Personal));
        }
    }

    #[test]
    fn no_file_makes_reading_panic(
        text in "(email|name|status|[a-z@;,\"\n\t ]|é){0,60}",
        bytes in prop::collection::vec(any::<u8>(), 0..80),
        json in "[\\[{][\\[\\]{}\",:a-z0-9\n]{0,40}",
    ) {
        for file in [text.as_bytes(), &bytes, json.as_bytes()] {
            let reading = read(file, &ReadSettings::default(), ReadBounds::default());
            prop_assert!(!reading.report.is_acceptable() || !reading.people.is_empty());
        }
    }

    #[test]
    fn the_order_of_rows_does_not_change_the_people_of_a_file(
        rows in prop::collection::vec(("[a-d]{1,3}@a\\.example", "[A-C]{0,2}", "active|ended|x|"), 1..6),
        turn in 0_usize..6,
    ) {
        let text = |rows: &[(String, String, String)]| {
            let lines = rows.iter().map(|(email, name, status)| format!("{email},{name},{status}\n"));
            "email,name,status\n".to_owned() + &lines.collect::<String>()
        };
        let mut rows = rows;
        rows.sort();
        rows.dedup_by(|second, first| second.0 == first.0);
        let people = |rows: &[_]| {
            read(text(rows).as_bytes(), &ReadSettings::default(), ReadBounds::default()).people
        };
        let expected = people(&rows);
        let places = rows.len();
        rows.rotate_left(turn % places);
        prop_assert_eq!(people(&rows), expected);
    }

    #[test]
    fn a_stored_person_is_read_back(people in people()) {
        let json = serde_json::to_string(&people).unwrap();
        prop_assert_eq!(serde_json::from_str::<Vec<Person>>(&json).unwrap(), people);
    }
}
