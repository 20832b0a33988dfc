//! The next version of a roster: a new file, with what must be known of the version before.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use time::{Date, Duration};

use super::{Email, EmailKind, NameForm, Person, PersonKey, Roster, Status};

/// Whom a source's files contain (`roster.complete`). It decides what it means that a person is
/// missing. There is no default: a guess would either miss leavers or invent them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Completeness {
    /// Only current people: a missing person has left.
    Current,
    /// All people, those who left included: a missing person is unknown.
    All,
}

/// Makes the next version of a roster. `people` are those of the new file, read on the day `today`.
///
/// Versions are never merged row by row: each person of the file is as the file has it. Three
/// things are taken over. The day on which the end of a person was first seen is kept if the file
/// has no end date. Addresses that a person had before are kept as former ones for `keep_former`.
/// People who are missing from a file of current people stay in the roster, as ended.
#[must_use]
pub fn next_version(
    previous: Option<&Roster>,
    version: u64,
    mut people: Vec<Person>,
    completeness: Completeness,
    today: Date,
    keep_former: Duration,
) -> Roster {
    let Some(previous) = previous else {
        note_ends(&mut people, &HashMap::new(), today);
        return Roster::new(version, people);
    };
    let successors = Successors::new(&people);
    let mut formers: HashMap<usize, Vec<Email>> = HashMap::new();
    let mut absent = Vec::new();
    let mut seen: HashMap<usize, Date> = HashMap::new();
    for before in previous.people() {
        match successors.of(before, &people) {
            Some(place) => {
                seen.extend(before.ended_seen.map(|day| (place, day)));
                formers.entry(place).or_default().extend(former(before, today));
            }
            None if completeness == Completeness::Current => {
                absent.push(ended_by_absence(before, today));
            }
            None => {}
        }
    }
    for (place, formers) in formers {
        if let Some(person) = people.get_mut(place) {
            add_formers(person, formers, today, keep_former);
        }
    }
    note_ends(&mut people, &seen, today);
    people.extend(absent);
    Roster::new(version, people)
}

/// Notes when the end of each person without an end date was first seen: on the day in `seen`, by
/// index, or `today`.
fn note_ends(people: &mut [Person], seen: &HashMap<usize, Date>, today: Date) {
    for (place, person) in people.iter_mut().enumerate() {
        if person.stated == Status::Ended && person.ended.is_none() {
            person.ended_seen = Some(seen.get(&place).copied().unwrap_or(today));
        }
    }
}

/// Returns people who may be erased: those who ended more than `keep_ended` before `today`, unless
/// an account still belongs to them. For a person who ended on an unknown day, the time counts from
/// the first version that says so.
#[must_use]
pub fn erasable<'a>(
    roster: &'a Roster,
    with_accounts: &[PersonKey],
    today: Date,
    keep_ended: Duration,
) -> Vec<&'a PersonKey> {
    let with_accounts: BTreeSet<&PersonKey> = with_accounts.iter().collect();
    let is_over = |person: &&Person| {
        let end =
            person.ended.or(person.ended_seen).and_then(|ended| ended.checked_add(keep_ended));
        person.has_ended(today) && end.is_some_and(|end| end < today)
    };
    let keys = roster.people().iter().filter(is_over).map(|person| &person.key);
    keys.filter(|key| !with_accounts.contains(key)).collect()
}

/// Finds the people of an earlier version in a new file.
struct Successors {
    keys: HashMap<PersonKey, usize>,
    numbers: HashMap<Box<str>, usize>,
    addresses: HashMap<Box<str>, usize>,
}

impl Successors {
    fn new(people: &[Person]) -> Self {
        let mut successors = Self {
            keys: HashMap::with_capacity(people.len()),
            numbers: HashMap::new(),
            addresses: HashMap::new(),
        };
        for (place, person) in people.iter().enumerate() {
            successors.keys.insert(person.key.clone(), place);
            if let Some(number) = &person.employee_number {
                successors.numbers.insert(number.clone(), place);
            }
            if let Some(address) = person.primary() {
                successors.addresses.insert(address.as_str().into(), place);
            }
        }
        successors
    }

    /// Returns the index of the same human in the new file. Usually the key is the same. It changes
    /// when a source begins to give employee numbers, or the settings name another key column; then
    /// the number is the same, or both address and name are.
    fn of(&self, before: &Person, people: &[Person]) -> Option<usize> {
        if let Some(place) = self.keys.get(&before.key) {
            return Some(*place);
        }
        let number = before.employee_number.as_ref();
        if let Some(place) = number.and_then(|number| self.numbers.get(number)) {
            return Some(*place);
        }
        let place = *self.addresses.get(before.primary()?.as_str())?;
        let after = people.get(place)?;
        let both_numbered = before.employee_number.is_some() && after.employee_number.is_some();
        let name = |person: &Person| NameForm::read(person.name.as_deref()?);
        let same_name = name(before).is_some() && name(before) == name(after);
        (same_name && !both_numbered).then_some(place)
    }
}

/// Returns the addresses of a person as former ones.
fn former(before: &Person, today: Date) -> impl Iterator<Item = Email> {
    before.emails.iter().filter_map(move |email| {
        let kind = match email.kind {
            EmailKind::Primary | EmailKind::Alias => EmailKind::Former { since: today },
            former @ EmailKind::Former { .. } => former,
            EmailKind::Personal => return None,
        };
        Some(Email { kind, address: email.address.clone() })
    })
}

fn add_formers(person: &mut Person, formers: Vec<Email>, today: Date, keep_former: Duration) {
    for former in formers {
        let is_kept = match former.kind {
            EmailKind::Former { since } => {
                since.checked_add(keep_former).is_none_or(|end| end >= today)
            }
            _ => false,
        };
        if is_kept && !person.emails.iter().any(|email| email.address == former.address) {
            person.emails.push(former);
        }
    }
    person.emails.sort_unstable();
}

/// Returns a person who is missing from a file of current people, as ended. A person who had ended
/// before is returned unchanged.
fn ended_by_absence(before: &Person, today: Date) -> Person {
    let mut person = before.clone();
    if !before.has_ended(today) {
        person.absent = true;
        person.ended = Some(before.ended.map_or(today, |ended| ended.min(today)));
    }
    person
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use time::macros::date;

    use super::super::Address;
    use super::*;

    const YEAR: Duration = Duration::days(365);

    fn person(key: &str, address: &str) -> Person {
        let mut person = Person::new(PersonKey::new(key).unwrap(), Arc::from("test"));
        let address = Address::read(address).unwrap();
        person.emails.push(Email { kind: EmailKind::Primary, address });
        person.name =
            Some(format!("Name of {address}", address = person.emails[0].address.local()));
        person
    }

    fn next(previous: &Roster, people: Vec<Person>, complete: Completeness, today: Date) -> Roster {
        next_version(Some(previous), previous.version + 1, people, complete, today, YEAR)
    }

    #[test]
    fn a_missing_person_has_ended_if_the_file_has_only_current_people() {
        let first = Roster::new(1, vec![person("1", "ida@a.example"), person("2", "bo@a.example")]);
        let day = date!(2026 - 03 - 01);
        let all = next(&first, vec![person("2", "bo@a.example")], Completeness::All, day);
        assert_eq!(all.people().len(), 1);
        let current = next(&first, vec![person("2", "bo@a.example")], Completeness::Current, day);
        let gone = &current.people()[0];
        assert_eq!((gone.ended, gone.absent), (Some(day), true));
        assert_eq!(gone.status_on(day), Status::Ended);
        // Later versions keep the first day of the absence, and a return ends it.
        let later = date!(2026 - 04 - 01);
        let third = next(&current, vec![person("2", "bo@a.example")], Completeness::Current, later);
        assert_eq!(third.people()[0].ended, Some(day));
        let back = next(&third, vec![person("1", "ida@a.example")], Completeness::Current, later);
        assert_eq!(back.people()[0].status_on(later), Status::Active);
        assert!(back.people()[1].absent);
    }

    #[test]
    fn addresses_of_earlier_versions_are_kept_for_a_time() {
        let first = Roster::new(1, vec![person("1", "ida@old.example")]);
        let day = date!(2026 - 03 - 01);
        let second = next(&first, vec![person("1", "ida@new.example")], Completeness::All, day);
        let address = Address::read("ida@old.example").unwrap();
        let former = Email { kind: EmailKind::Former { since: day }, address };
        assert!(second.people()[0].emails.contains(&former));
        let later = date!(2026 - 09 - 01);
        let third = next(&second, vec![person("1", "ida@new.example")], Completeness::All, later);
        assert!(third.people()[0].emails.contains(&former));
        let much_later = date!(2027 - 04 - 01);
        let last =
            next(&third, vec![person("1", "ida@new.example")], Completeness::All, much_later);
        assert_eq!(last.people()[0].emails.len(), 1);
    }

    #[test]
    fn a_person_whose_key_changes_is_no_leaver() {
        let first = Roster::new(1, vec![person("ida@a.example", "ida@a.example")]);
        let mut numbered = person("007", "ida@a.example");
        numbered.employee_number = Some("007".into());
        let day = date!(2026 - 03 - 01);
        let second = next(&first, vec![numbered.clone()], Completeness::Current, day);
        assert_eq!(second.people().len(), 1);
        let mut other = numbered.clone();
        (other.key, other.employee_number) = (PersonKey::new("008").unwrap(), Some("008".into()));
        let third = next(&second, vec![other], Completeness::Current, day);
        assert_eq!(third.people().len(), 2, "two employee numbers are two humans");
    }

    #[test]
    fn people_are_erased_some_time_after_their_end_unless_an_account_is_left() {
        let mut left = person("1", "ida@a.example");
        left.ended = Some(date!(2026 - 01 - 01));
        let mut unknown = person("2", "bo@a.example");
        unknown.stated = Status::Ended;
        let roster = Roster::new(1, vec![left.clone(), unknown, person("3", "al@a.example")]);
        let keep = Duration::days(180);
        assert_eq!(erasable(&roster, &[], date!(2026 - 06 - 30), keep), Vec::<&PersonKey>::new());
        assert_eq!(erasable(&roster, &[], date!(2026 - 07 - 01), keep), [&left.key]);
        let matched = [left.key.clone()];
        assert!(erasable(&roster, &matched, date!(2026 - 07 - 01), keep).is_empty());
    }

    #[test]
    fn an_end_on_an_unknown_day_counts_from_the_version_that_showed_it_first() {
        let mut left = person("1", "ida@a.example");
        left.stated = Status::Ended;
        let first_day = date!(2026 - 01 - 01);
        let people = vec![left.clone()];
        let first = next_version(None, 1, people.clone(), Completeness::All, first_day, YEAR);
        let second = next(&first, people, Completeness::All, date!(2026 - 05 - 01));
        assert_eq!(second.people()[0].ended_seen, Some(first_day));
        let keep = Duration::days(180);
        assert!(erasable(&second, &[], date!(2026 - 06 - 30), keep).is_empty());
        assert_eq!(erasable(&second, &[], date!(2026 - 07 - 01), keep), [&left.key]);
    }
}
