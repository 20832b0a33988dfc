//! Suggestions by name, for accounts without a person. A name never matches by itself.

use std::collections::HashMap;

use time::Date;

use super::{NameForm, Person, Roster};
use crate::limits;

/// Words in the local part of an address that suggest a service account. "no-reply" does so, too.
const SERVICE_WORDS: [&str; 7] =
    ["noreply", "admin", "bot", "integration", "api", "service", "svc"];

/// The people of a roster by their names.
#[derive(Debug)]
pub struct Names<'a> {
    people: &'a [Person],
    by_words: HashMap<String, Vec<usize>>,
    by_family: HashMap<String, Vec<usize>>,
}

impl<'a> Names<'a> {
    /// Indexes the names. People who have not left come first, then the order is that of the keys.
    #[must_use]
    pub fn new(roster: &'a Roster, today: Date) -> Self {
        let people = roster.people();
        let mut names = Self { people, by_words: HashMap::new(), by_family: HashMap::new() };
        let (ended, current): (Vec<usize>, Vec<usize>) = (0..people.len())
            .partition(|place| people.get(*place).is_some_and(|person| person.has_ended(today)));
        for place in current.into_iter().chain(ended) {
            let name = people.get(place).and_then(|person| person.name.as_deref());
            let Some(form) = name.and_then(NameForm::read) else { continue };
            names.by_words.entry(form.all_words()).or_default().push(place);
            if let Some(key) = form.family_and_initial() {
                names.by_family.entry(key).or_default().push(place);
            }
        }
        names
    }

    /// Returns at most three people with a similar name: those with the same words first, then
    /// those with the same family name and first letter.
    #[must_use]
    pub fn similar(&self, name: &str, is_allowed: impl Fn(&Person) -> bool) -> Vec<usize> {
        let Some(form) = NameForm::read(name) else { return Vec::new() };
        let same = self.by_words.get(&form.all_words());
        let family = form.family_and_initial().and_then(|key| self.by_family.get(&key));
        let mut similar = Vec::new();
        for place in same.into_iter().chain(family).flatten().copied() {
            if similar.len() == limits::ROSTER_SUGGESTIONS {
                break;
            }
            let is_new = !similar.contains(&place);
            if is_new && self.people.get(place).is_some_and(&is_allowed) {
                similar.push(place);
            }
        }
        similar
    }
}

/// Whether the words of a local part suggest that the account belongs to no person.
#[must_use]
pub fn looks_like_service(local: &str) -> bool {
    let mut words = local.split(|letter: char| !letter.is_alphanumeric()).peekable();
    while let Some(word) = words.next() {
        // "no-reply" is two words here.
        let is_service = match word {
            "no" => words.peek() == Some(&"reply"),
            word => SERVICE_WORDS.contains(&word),
        };
        if is_service {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_suggest_a_service_account() {
        for local in ["noreply", "no-reply", "it.admin", "slack_integration", "bot+1"] {
            assert!(looks_like_service(local), "{local}");
        }
        for local in ["ida.berg", "abbott", "no.berg", "administrator.ida2", "ida"] {
            assert!(!looks_like_service(local), "{local}");
        }
    }
}
