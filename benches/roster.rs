//! Measures how long it takes to read a roster and to match it with the accounts of a workspace.
//!
//! `cargo bench --bench roster [-- ACCOUNTS PEOPLE]` (100,000 accounts and 200,000 people without
//! arguments), on one core. Of ten accounts, six have the primary address of a person, one has an
//! alias, one has the address in another domain of the company, one has a tag, and one belongs to
//! nobody and gets suggestions by name. The results of a run are checked before they are printed.
//!
//! On one core of a virtual machine (AMD EPYC, November 2026) reading takes 0.74 s, matching 1.1 s
//! and making the rows of the view 0.04 s.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark that cannot go on fails so"
)]

use std::fmt::Write;
use std::time::Instant;

use intercom_scim_bridge::directory::{User, UserId};
use intercom_scim_bridge::roster::{
    Account, Decisions, EquivalentDomains, Evaluation, Input, MatchRule, MatchSettings, ReadBounds,
    ReadSettings, Roster, Zone, identities, read, unmatched,
};
use time::OffsetDateTime;

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|text| text.parse().ok()).collect();
    let accounts = numbers.first().copied().unwrap_or(100_000);
    let people = numbers.get(1).copied().unwrap_or(200_000);
    let file = roster_file(people);
    let start = Instant::now();
    let reading = read(file.as_bytes(), &ReadSettings::default(), ReadBounds::default());
    let read_in = start.elapsed();
    assert!(reading.report.is_acceptable(), "{:?}", reading.report.errors);
    assert_eq!(reading.people.len(), people);
    println!("read     {people} people ({} MiB of CSV): {read_in:.2?}", file.len() >> 20);

    let roster = Roster::new(1, reading.people);
    let users: Vec<User> = (0..accounts).map(|number| user(number, people)).collect();
    let first_seen = OffsetDateTime::UNIX_EPOCH;
    let account = |user| Account { user, first_seen, is_privileged: Some(false) };
    let accounts: Vec<Account<'_>> = users.iter().map(account).collect();
    let sets = [vec!["acme.example".to_owned(), "bought.example".to_owned()]];
    let equivalent_domains = EquivalentDomains::new(&sets).unwrap();
    let settings = MatchSettings { equivalent_domains, ..MatchSettings::default() };
    let decisions = Decisions::default();
    let zone = Zone::UTC;
    let input = Input {
        accounts: &accounts,
        generation: 1,
        roster: &roster,
        decisions: &decisions,
        settings: &settings,
        moment: OffsetDateTime::UNIX_EPOCH,
        zone: &zone,
    };
    for _ in 0..3 {
        let start = Instant::now();
        let evaluation = Evaluation::new(input);
        let matched_in = start.elapsed();
        check(&evaluation, accounts.len());
        println!("matched  {} accounts with {people} people: {matched_in:.2?}", accounts.len());
        let start = Instant::now();
        let rows = identities(&evaluation);
        println!("rows     {} identities: {:.2?}", rows.len(), start.elapsed());
    }
}

/// Checks that each rule found what it should.
fn check(evaluation: &Evaluation<'_>, accounts: usize) {
    let by = |wanted| evaluation.accounts.iter().filter(|row| row.rule() == Some(wanted)).count();
    for (rule, tenths) in [
        (MatchRule::Exact, 6),
        (MatchRule::Alias, 1),
        (MatchRule::Domain, 1),
        (MatchRule::Untagged, 1),
    ] {
        assert_eq!(by(rule), accounts * tenths / 10, "{rule:?}");
    }
    let unmatched = unmatched(evaluation);
    assert_eq!(unmatched.len(), accounts / 10);
    assert!(unmatched.iter().all(|row| !row.suggestions.is_empty()));
}

fn roster_file(people: usize) -> String {
    let mut file =
        "employee number,name,email,aliases,department,manager id,start date\n".to_owned();
    for number in 0..people {
        let manager = number / 10;
        writeln!(
            file,
            "{number:06},Given{number} Family{family},p{number}@acme.example,a{number}@acme.example,\
             Department {department},{manager:06},2024-01-01",
            family = number % 5_000,
            department = number % 300,
        )
        .expect("a text grows");
    }
    file
}

fn user(number: usize, people: usize) -> User {
    let person = number * 7 % people;
    let mut user = User::new(UserId::new(number.to_string()));
    user.email = Some(match number % 10 {
        0..=5 => format!("P{person}@Acme.example"),
        6 => format!("a{person}@acme.example"),
        7 => format!("p{person}@bought.example"),
        8 => format!("p{person}+intercom@acme.example"),
        _ => format!("nobody{number}@elsewhere.example"),
    });
    user.name = Some(format!("Given{person} Family{}", person % 5_000));
    user
}
