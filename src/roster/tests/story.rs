//! Two rosters in sequence, with leavers, a rehire, a recycled address, and the domain of a company
//! that was bought. The expected tables were worked out by hand.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use time::macros::{date, datetime};
use time::{Duration, OffsetDateTime};

use super::super::*;
use crate::directory::{User, UserId};
use crate::moments::Zone;

const FIRST_DAY: time::Date = date!(2026 - 03 - 02);
const NOW: OffsetDateTime = datetime!(2026-05-04 09:00 UTC);

const FIRST: &str = "employee number,name,email,aliases,employee type,start date,end date,\
manager id,owner
1,Ida Berg,ida@acme.example,,employee,2020-01-01,,9,
2,Bo Dahl,bo@acme.example,,employee,2020-01-01,,9,
3,Cy Ek,cy.ek@acme.example,cy@acme.example,employee,2020-01-01,,9,
4,Di Falk,di@acme.example,,contractor,2020-01-01,2026-04-30,9,
5,John Smith,john@acme.example,,employee,2020-01-01,2025-11-30,9,
6,Ed Gran,ed@acme.example,,employee,2021-01-01,2023-12-31,9,
9,Mia Holm,mia@acme.example,,employee,2015-01-01,,,
S1,Slack Robot,slack@acme.example,,service,,,,2
";

/// Bo (2) is missing, Cy's login changed, another John Smith (7) got the address of the first, Ed
/// came back as 8, and two twins have one address.
const SECOND: &str = "employee number,name,email,aliases,employee type,start date,end date,\
manager id,owner
1,Ida Berg,ida@acme.example,,employee,2020-01-01,,9,
3,Cy Ek-Lund,cy.lund@acme.example,,employee,2020-01-01,,9,
4,Di Falk,di@acme.example,,contractor,2020-01-01,2026-04-30,9,
5,John Smith,john@acme.example,,employee,2020-01-01,2025-11-30,9,
6,Ed Gran,ed@acme.example,,employee,2021-01-01,2023-12-31,9,
7,John Smith,john@acme.example,,employee,2026-02-01,,9,
8,Ed Gran,ed@acme.example,,employee,2025-01-01,,9,
9,Mia Holm,mia@acme.example,,employee,2015-01-01,,,
10,Al Twin,twins@acme.example,,employee,2015-01-01,,9,
11,Bea Twin,twins@acme.example,,employee,2015-01-01,,9,
S1,Slack Robot,slack@acme.example,,service,,,,2
";

fn people(text: &str) -> Vec<Person> {
    let settings = ReadSettings { source: Arc::from("hr"), ..ReadSettings::default() };
    let reading = read(text.as_bytes(), &settings, ReadBounds::default());
    assert_eq!((reading.report.errors, reading.report.warnings), (vec![], vec![]));
    reading.people
}

fn roster() -> Roster {
    let former = Duration::days(365);
    let first = next_version(None, 1, people(FIRST), Completeness::Current, FIRST_DAY, former);
    let day = NOW.date();
    next_version(Some(&first), 2, people(SECOND), Completeness::Current, day, former)
}

fn user(id: &str, email: &str, name: &str) -> User {
    let mut user = User::new(UserId::new(id));
    user.email = (!email.is_empty()).then(|| email.to_owned());
    user.name = Some(name.to_owned());
    user.joined_at = Some(datetime!(2025-06-01 12:00 UTC));
    user
}

fn users() -> Vec<User> {
    let mut gone = user("19", "ida@acme.example", "Ida Berg");
    gone.active = false;
    vec![
        user("1", "operator+abc@intercom.io", "Operator"),
        user("2", "Ida@Acme.example", "Ida"),
        user("3", "ida+test@acme.example", "Ida (test)"),
        user("4", "bo@acme.example", "Bo"),
        user("5", "cy@acme.example", "Cy"),
        user("6", "cy.ek@bought.example", "Cy"),
        user("7", "di+x@acme.example", "Di"),
        user("8", "john@acme.example", "John Smith"),
        user("9", "ed@acme.example", "Ed"),
        user("10", "twins@acme.example", "Twin"),
        user("11", "m.holm@private.example", "Holm, Mia"),
        user("12", "slack@acme.example", "Slack"),
        user("13", "support@acme.example", "Support"),
        user("14", "freelance@studio.example", "Zed"),
        user("15", "no-reply@acme.example", "No reply"),
        user("16", "", "Nobody"),
        user("17", "x@y.example", "Kim"),
        user("18", "mia@other.example", "Mia"),
        gone,
    ]
}

fn entry(number: u64, account: &str, verdict: Verdict) -> Entry {
    let decision = Decision {
        account: UserId::new(account),
        verdict,
        why: "Asked".to_owned(),
        until: Some(datetime!(2026-12-31 0:00 UTC)),
        roster_version: 2,
    };
    let at = datetime!(2026-05-01 9:00 UTC);
    Entry { number, at, by: "mia".to_owned(), act: Act::Decide(decision) }
}

fn entries() -> Vec<Entry> {
    let key = |key| PersonKey::new(key).unwrap();
    vec![
        entry(1, "14", Verdict::Class { class: Class::Contractor, owner: None }),
        entry(2, "17", Verdict::Is { person_key: key("404") }),
        entry(3, "2", Verdict::Is { person_key: key("1") }),
        entry(
            4,
            "13",
            Verdict::Class { class: Class::Service, owner: Some("mia@acme.example".to_owned()) },
        ),
    ]
}

fn with_evaluation(check: impl Fn(&Evaluation<'_>)) {
    let roster = roster();
    let users = users();
    let account = |user| Account { user, first_seen: NOW, is_privileged: Some(false) };
    let accounts: Vec<Account<'_>> = users.iter().map(account).collect();
    let entries = entries();
    let decisions = Decisions::at(&entries, NOW);
    let sets = [vec!["acme.example".to_owned(), "bought.example".to_owned()]];
    let settings = MatchSettings {
        equivalent_domains: EquivalentDomains::new(&sets).unwrap(),
        ..MatchSettings::default()
    };
    check(&Evaluation::new(Input {
        accounts: &accounts,
        generation: 7,
        roster: &roster,
        decisions: &decisions,
        settings: &settings,
        moment: NOW,
        zone: &Zone::UTC,
    }));
}

#[test]
fn every_account_gets_the_person_that_a_reviewer_would_find() {
    with_evaluation(|evaluation| {
        let versions = Versions { roster_version: 2, generation: 7, decisions_version: 4 };
        assert_eq!(evaluation.versions(), versions);
        let line = |row: &Identity| {
            let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
            format!(
                "{} {} {} {} {} {}",
                row.account_id.trim_start_matches("adm_"),
                text(&row.person_key),
                row.class.as_str(),
                row.match_rule.map_or("-", MatchRule::as_str),
                row.person_status.map_or("-", Status::as_str),
                if row.duplicate_account { "duplicate" } else { "-" },
            )
        };
        let rows = identities(evaluation);
        assert_eq!(
            rows.iter().map(line).collect::<Vec<_>>(),
            [
                "1 - bot - - -",
                "2 1 employee decision active duplicate",
                "3 1 employee untagged active duplicate",
                "4 2 employee exact ended -",
                "5 3 employee alias active duplicate",
                "6 3 employee domain active duplicate",
                "7 4 contractor untagged ended -",
                // The account is older than the second John Smith.
                "8 - unknown - - -",
                // Ed is back since before the account was made.
                "9 8 employee exact active -",
                "10 - unknown - - -",
                "11 - unknown - - -",
                "12 S1 service exact active -",
                "13 - service - - -",
                "14 - contractor - - -",
                "15 - unknown - - -",
                "16 - unknown - - -",
                "17 - unknown - - -",
                // The same local part in an unrelated domain is another mailbox.
                "18 - unknown - - -",
                "19 1 employee exact active -",
            ]
        );
        assert_eq!((rows[1].decision_id, rows[16].decision_id), (Some(3), Some(2)));
        assert_eq!(rows[3].ended, Some(NOW.date()));
        assert_eq!(rows[1].manager.as_deref(), Some("9"));
    });
}

#[test]
fn accounts_without_a_person_say_why_and_suggest() {
    with_evaluation(|evaluation| {
        let line = |row: &UnmatchedAccount| {
            format!(
                "{} {:?} [{}] [{}] {} {}",
                row.account_id.trim_start_matches("adm_"),
                row.why,
                row.candidates.join(" "),
                row.suggestions.join(" "),
                row.suggested_class.map_or("-", Class::as_str),
                row.days_since_joining,
            )
        };
        assert_eq!(
            unmatched(evaluation).iter().map(line).collect::<Vec<_>>(),
            [
                "8 Ambiguous [5 7] [] - 337",
                "10 Ambiguous [10 11] [] - 337",
                "11 None [] [9] - 337",
                "15 None [] [] service 337",
                "16 Unreadable [] [] - 337",
                "17 Dangling [] [] - 337",
                "18 None [] [] - 337",
            ]
        );
    });
}

#[test]
fn accounts_of_leavers_are_shown_with_their_sign_ins_after_the_last_day() {
    with_evaluation(|evaluation| {
        let last = datetime!(2026-05-01 0:00 UTC);
        let times = HashMap::from([(UserId::new("7"), vec![last - Duration::SECOND, last, NOW])]);
        let covered = Some((datetime!(2026-04-01 0:00 UTC), NOW));
        let sign_ins = SignIns { times, covered };
        let mut rows = terminated_active(evaluation, Duration::ZERO);
        note_sign_ins(&mut rows, &sign_ins, NOW, &Zone::UTC);
        let [bo, di] = rows.try_into().unwrap();
        assert_eq!((bo.person_key.as_str(), bo.ended_source), ("2", EndedSource::Absent));
        assert_eq!((bo.finding, bo.days_since_end), (LeaverFinding::Fail, Some(0)));
        assert_eq!(bo.sign_ins_after_end, Some(0));
        assert_eq!((di.person_key.as_str(), di.ended_source), ("4", EndedSource::Roster));
        assert_eq!((di.finding, di.days_since_end), (LeaverFinding::Review, Some(4)));
        assert_eq!((di.sign_ins_after_end, di.last_sign_in_after_end), (Some(2), Some(NOW)));
        // A log that does not cover the time since then proves nothing.
        let mut unknown = terminated_active(evaluation, Duration::ZERO);
        note_sign_ins(&mut unknown, &SignIns::default(), NOW, &Zone::UTC);
        assert!(unknown.iter().all(|row| row.sign_ins_after_end.is_none()));
        let graced = terminated_active(evaluation, Duration::days(3));
        assert_eq!(graced.len(), 1);
        assert_eq!(terminated_active(evaluation, Duration::days(4)), []);
    });
}

#[test]
fn a_service_account_needs_an_active_owner() {
    with_evaluation(|evaluation| {
        let rows = ownerless(evaluation);
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].account_id.as_str(), rows[0].why), ("adm_12", OwnerProblem::Ended));
    });
}

#[test]
fn the_review_gets_its_columns_and_flags() {
    with_evaluation(|evaluation| {
        let columns = review_columns(evaluation);
        let flags = |id| columns[&UserId::new(id)].flags.as_deref();
        for (id, expected) in [
            ("1", None),
            ("2", Some("duplicate_account")),
            ("4", Some("terminated_active")),
            ("8", Some("ambiguous")),
            ("12", Some("ownerless")),
            ("13", None),
            ("14", None),
            ("16", Some("unreadable_address")),
            ("17", Some("decision_dangling")),
            ("18", Some("unmatched")),
            ("19", None),
        ] {
            assert_eq!(flags(id), expected, "{id}");
        }
        let row = serde_json::to_value(&columns[&UserId::new("7")]).unwrap();
        let names: BTreeSet<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ReviewIdentity::COLUMNS.iter().copied().collect());
        assert_eq!(row["ended_at"], "2026-04-30");
        assert_eq!(row["match_confidence"], "derived");
    });
}

#[test]
fn the_columns_of_each_view_are_the_members_of_its_rows() {
    fn assert_members(row: &impl serde::Serialize, columns: &[&str]) {
        let row = serde_json::to_value(row).unwrap();
        let names: BTreeSet<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, columns.iter().copied().collect());
    }
    with_evaluation(|evaluation| {
        assert_members(&identities(evaluation)[0], Identity::COLUMNS);
        assert_members(&unmatched(evaluation)[0], UnmatchedAccount::COLUMNS);
        assert_members(&ownerless(evaluation)[0], Ownerless::COLUMNS);
        let rows = terminated_active(evaluation, Duration::ZERO);
        assert_members(&rows[0], TerminatedActive::COLUMNS);
    });
}

#[test]
fn a_denied_person_is_never_matched_or_suggested() {
    let roster = roster();
    let users = [user("1", "twins@acme.example", "Twin"), user("2", "q@q.example", "Mia Holm")];
    let account = |user| Account { user, first_seen: NOW, is_privileged: None };
    let accounts: Vec<Account<'_>> = users.iter().map(account).collect();
    let is_not = |key| Verdict::IsNot { person_key: PersonKey::new(key).unwrap() };
    let entries = [entry(1, "1", is_not("10")), entry(2, "2", is_not("9"))];
    let decisions = Decisions::at(&entries, NOW);
    let settings = MatchSettings::default();
    let zone = Zone::UTC;
    let day = Day::at(NOW, &zone);
    let outcomes = match_accounts(&accounts, &roster, &decisions, &settings, day);
    let key = |place: usize| roster.people()[place].key.as_str();
    assert!(matches!(outcomes[0], Outcome::Matched { person, .. } if key(person) == "11"));
    let Outcome::Unmatched { suggestions, .. } = &outcomes[1] else { panic!("unmatched") };
    assert!(suggestions.is_empty());
}

#[test]
fn the_guard_counts_leavers_of_the_second_version() {
    with_evaluation(|evaluation| {
        let standing = Standing::new(evaluation, &[Field::Email]);
        assert_eq!((standing.rows, standing.active_people), (11, 8));
        let matched: Vec<&str> = standing.matched.iter().map(UserId::as_str).collect();
        assert_eq!(matched, ["2", "3", "5", "6", "9"]);
        assert_eq!(standing.accounts.len(), 15);
    });
}
