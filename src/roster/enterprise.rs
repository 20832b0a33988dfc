//! What the roster adds to users over SCIM (RFC 7643 §4.3).

use std::collections::HashMap;

use super::evaluation::{Evaluated, Evaluation};
use super::matching::{Confidence, MatchRule};
use super::{Person, References};
use crate::directory::{EnterpriseFacts, Manager, UserId};

/// Returns the values of SCIM's enterprise extension for each account that has some.
///
/// Only exact matches count: a client may take these values for the truth, and cannot see by which
/// rule the person was found.
///
/// RFC 7643 §4.3, manager.value: "The 'id' of the SCIM resource representing the user's manager". So
/// a manager has an account only if an active account belongs to that person by an exact match. If
/// several do, it is the one with the smallest id. Otherwise only the name is known.
#[must_use]
pub fn enterprise_facts(evaluation: &Evaluation<'_>) -> HashMap<UserId, EnterpriseFacts> {
    let exact =
        |row: &&Evaluated<'_>| row.rule().map(MatchRule::confidence) == Some(Confidence::Exact);
    let mut accounts: HashMap<&str, &UserId> = HashMap::new();
    // The results are sorted by account id.
    for row in evaluation.accounts.iter().filter(exact).filter(|row| row.account.user.active) {
        if let Some(person) = row.person {
            accounts.entry(person.key.as_str()).or_insert(&row.account.user.id);
        }
    }
    let references = References::new(evaluation.input.roster.people(), evaluation.day.today);
    let of_person = |person: &Person| EnterpriseFacts {
        employee_number: person.employee_number.clone(),
        department: person.department.clone(),
        manager: person.manager.as_deref().and_then(|text| manager(text, &references, &accounts)),
    };
    let rows = evaluation.accounts.iter().filter(exact);
    let facts = rows.filter_map(|row| Some((row.account.user.id.clone(), of_person(row.person?))));
    facts.filter(|(_, facts)| !facts.is_empty()).collect()
}

/// Returns the manager that a row of the roster names by `text`. A text that names nobody in the
/// roster is taken for a name if it looks like one; ids and addresses are not given away.
fn manager(
    text: &str,
    references: &References<'_>,
    accounts: &HashMap<&str, &UserId>,
) -> Option<Manager> {
    let Some(person) = references.person(text) else {
        let is_name = text.trim().contains(char::is_whitespace)
            && !text.contains('@')
            && !text.contains(|letter: char| letter.is_ascii_digit());
        return is_name.then(|| Manager { account: None, name: Some(text.trim().into()) });
    };
    let account = accounts.get(person.key.as_str()).map(|id| (*id).clone());
    let name: Option<Box<str>> = person.name.as_deref().map(Into::into);
    (account.is_some() || name.is_some()).then_some(Manager { account, name })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use time::macros::datetime;

    use super::*;
    use crate::directory::User;
    use crate::moments::Zone;
    use crate::roster::{
        Account, Address, Decisions, Email, EmailKind, Input, MatchSettings, PersonKey, Roster,
    };

    const NOW: time::OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

    fn person(key: &str, email: &str, manager: Option<&str>) -> Person {
        let address = Address::read(email).unwrap();
        Person {
            name: Some(format!("Name of {key}")),
            emails: vec![Email { kind: EmailKind::Primary, address }],
            employee_number: Some(format!("00{key}").into()),
            department: Some("Care".into()),
            manager: manager.map(Into::into),
            ..Person::new(PersonKey::new(key).unwrap(), Arc::from("test"))
        }
    }

    fn user(id: &str, email: &str, active: bool) -> User {
        User { email: Some(email.to_owned()), active, ..User::new(UserId::new(id)) }
    }

    fn facts(people: Vec<Person>, users: &[User]) -> HashMap<UserId, EnterpriseFacts> {
        let accounts: Vec<Account<'_>> = users
            .iter()
            .map(|user| Account { user, first_seen: NOW, is_privileged: None })
            .collect();
        let roster = Roster::new(1, people);
        let (decisions, settings) = (Decisions::default(), MatchSettings::default());
        enterprise_facts(&Evaluation::new(Input {
            accounts: &accounts,
            generation: 1,
            roster: &roster,
            decisions: &decisions,
            settings: &settings,
            moment: NOW,
            zone: &Zone::UTC,
        }))
    }

    fn manager_of(facts: &HashMap<UserId, EnterpriseFacts>, id: &str) -> Option<(String, String)> {
        let manager = facts.get(&UserId::new(id))?.manager.clone()?;
        let account = manager.account.map(|id| id.to_string()).unwrap_or_default();
        Some((account, manager.name.map(String::from).unwrap_or_default()))
    }

    fn named(account: &str, name: &str) -> (String, String) {
        (account.to_owned(), name.to_owned())
    }

    #[test]
    fn a_manager_has_an_account_only_if_an_active_one_belongs_to_that_person() {
        let people = || {
            vec![
                person("1", "ida@acme.example", Some("2")),
                person("2", "boss@acme.example", Some("Olga Owner")),
                person("3", "jon@acme.example", Some("E777")),
            ]
        };
        let ida = user("10", "ida@acme.example", true);
        let jon = user("12", "jon@acme.example", true);
        let boss = |active| user("11", "Boss@Acme.example", active);
        let all = facts(people(), &[ida.clone(), boss(true), jon.clone()]);
        assert_eq!(manager_of(&all, "10"), Some(named("11", "Name of 2")));
        assert_eq!(manager_of(&all, "11"), Some(named("", "Olga Owner")), "a name of the source");
        assert_eq!(manager_of(&all, "12"), None, "an id that names nobody");
        let first = &all[&UserId::new("10")];
        assert_eq!(first.employee_number.as_deref(), Some("001"));
        assert_eq!(first.department.as_deref(), Some("Care"));

        let all = facts(people(), &[ida.clone(), boss(false)]);
        assert_eq!(manager_of(&all, "10"), Some(named("", "Name of 2")), "the account was removed");
        let all = facts(people(), &[ida, user("13", "boss+x@acme.example", true)]);
        assert_eq!(manager_of(&all, "10"), Some(named("", "Name of 2")), "a derived match");
    }

    #[test]
    fn only_exact_matches_count_and_whoever_has_no_values_is_left_out() {
        let tagged = user("1", "ida+test@acme.example", true);
        let all = facts(vec![person("1", "ida@acme.example", None)], &[tagged]);
        assert!(all.is_empty(), "{all:?}");
        let bare = Person {
            employee_number: None,
            department: None,
            ..person("1", "ida@acme.example", None)
        };
        assert!(facts(vec![bare], &[user("1", "ida@acme.example", true)]).is_empty());
    }
}
