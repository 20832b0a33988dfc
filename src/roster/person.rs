//! People of a roster.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use time::Date;

use super::{Address, PersonKey, dates};
use crate::words::words;

words! {
    /// What kind of holder an account or a row of a roster has.
    #[derive(Default)]
    pub enum Class {
        /// A person on the company's payroll.
        Employee = "employee",
        /// A person who works for the company on another contract.
        Contractor = "contractor",
        /// No person: a shared mailbox or a program. It needs an owner.
        Service = "service",
        /// Intercom's own bot. It needs neither person nor owner.
        Bot = "bot",
        /// Nothing says which.
        #[default]
        Unknown = "unknown",
    }
}

words! {
    /// Whether a person works for the company.
    #[derive(Default)]
    pub enum Status {
        /// Works.
        #[default]
        Active = "active",
        /// Is on leave, and still belongs to the company.
        Leave = "leave",
        /// Has not started yet.
        Future = "future",
        /// Has left.
        Ended = "ended",
    }
}

words! {
    /// How the end of a person's time at the company is known.
    pub enum EndedSource {
        /// The roster has an end date or a status that says so.
        Roster = "roster",
        /// The roster holds only current people, and the person is missing from it. The end date is
        /// the day of the first version without the person.
        Absent = "absent",
    }
}

/// How a person uses an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailKind {
    /// The main address at the company.
    Primary,
    /// A further address at the company.
    Alias,
    /// An address that an earlier version of the roster had for the person.
    Former {
        /// The day of the first version without it.
        #[serde(with = "serde_day")]
        since: Date,
    },
    /// A private address. Dropped while reading, unless `roster.match_personal` is on.
    Personal,
}

/// One address of a person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Email {
    /// The use.
    pub kind: EmailKind,
    /// The address.
    pub address: Address,
}

/// A person of a roster, or a known non-person (class `service`). Only these fields are kept of a
/// source; everything else is dropped before anything is stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Person {
    /// Identifies the person.
    pub key: PersonKey,
    /// The addresses, sorted, each once.
    #[serde(default)]
    pub emails: Vec<Email>,
    /// The full name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The class.
    #[serde(default)]
    pub class: Class,
    /// The status that the roster states. Dates can overrule it: [`Person::status_on`].
    #[serde(default)]
    pub stated: Status,
    /// The first day.
    #[serde(default, with = "dates::option", skip_serializing_if = "Option::is_none")]
    pub started: Option<Date>,
    /// The last day. On it the person still works.
    #[serde(default, with = "dates::option", skip_serializing_if = "Option::is_none")]
    pub ended: Option<Date>,
    /// Whether the end follows from the person's absence from this version.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub absent: bool,
    /// Of a person who ended on an unknown day: the day of the first version that says so.
    #[serde(default, with = "dates::option", skip_serializing_if = "Option::is_none")]
    pub ended_seen: Option<Date>,
    /// The key of the manager if the roster has that person, otherwise the text of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<Arc<str>>,
    /// The department.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<Arc<str>>,
    /// The employee number, with its leading zeros.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employee_number: Option<Box<str>>,
    /// The id that the source gave the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<Box<str>>,
    /// Of class `service`: key or address of the responsible person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Box<str>>,
    /// The name of the source.
    pub source: Arc<str>,
}

impl Person {
    /// Creates a person with a key and a source, without any other data.
    #[must_use]
    pub fn new(key: PersonKey, source: Arc<str>) -> Self {
        Self {
            key,
            emails: Vec::new(),
            name: None,
            class: Class::default(),
            stated: Status::default(),
            started: None,
            ended: None,
            absent: false,
            ended_seen: None,
            manager: None,
            department: None,
            employee_number: None,
            source_id: None,
            owner: None,
            source,
        }
    }

    /// Returns the status on a day. If the last day lies before it, the person has left, whatever
    /// the roster states. If the first day lies after it, the status is [`Status::Future`].
    #[must_use]
    pub fn status_on(&self, today: Date) -> Status {
        let over = self.ended.is_some_and(|ended| ended < today);
        match self.stated {
            _ if over || self.absent => Status::Ended,
            Status::Ended => Status::Ended,
            _ if self.started.is_some_and(|started| started > today) => Status::Future,
            stated => stated,
        }
    }

    /// Whether the person has left by this day.
    #[must_use]
    pub fn has_ended(&self, today: Date) -> bool {
        self.status_on(today) == Status::Ended
    }

    /// Returns how the end is known; `None` for a person who has not left.
    #[must_use]
    pub fn ended_source(&self, today: Date) -> Option<EndedSource> {
        (self.status_on(today) == Status::Ended).then_some(if self.absent {
            EndedSource::Absent
        } else {
            EndedSource::Roster
        })
    }

    /// Returns the primary address.
    #[must_use]
    pub fn primary(&self) -> Option<&Address> {
        let primary = self.emails.iter().find(|email| email.kind == EmailKind::Primary);
        primary.map(|email| &email.address)
    }

    /// Whether two rows have the same employee number or id of the source, and so describe one
    /// human.
    #[must_use]
    pub fn is_same_human(&self, other: &Self) -> bool {
        let same = |first: &Option<Box<str>>, second| first.is_some() && first == second;
        same(&self.employee_number, &other.employee_number)
            || same(&self.source_id, &other.source_id)
    }
}

/// The people of one version of a roster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// The number of the version; the first is 1.
    pub version: u64,
    /// Sorted by key.
    people: Vec<Person>,
}

impl Roster {
    /// Creates a version. The order of `people` does not matter; of people with the same key only
    /// the first is kept (reading refuses such rosters).
    #[must_use]
    pub fn new(version: u64, mut people: Vec<Person>) -> Self {
        people.sort_by(|first, second| first.key.cmp(&second.key));
        people.dedup_by(|second, first| second.key == first.key);
        Self { version, people }
    }

    /// The people, sorted by key.
    #[must_use]
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// Returns the person with this key.
    #[must_use]
    pub fn person(&self, key: &PersonKey) -> Option<&Person> {
        self.people.get(self.place(key)?)
    }

    /// Returns the index of the person with this key in [`Roster::people`].
    #[must_use]
    pub(super) fn place(&self, key: &PersonKey) -> Option<usize> {
        self.people.binary_search_by(|person| person.key.cmp(key)).ok()
    }
}

/// Finds the person to whom another row refers, for example as manager: by key, employee number,
/// id of the source or address.
#[derive(Debug)]
pub struct References<'a> {
    /// `None`: several people.
    by_text: HashMap<&'a str, Option<&'a Person>>,
}

impl<'a> References<'a> {
    /// Indexes people. An id or address that several people share refers to the only one of them
    /// who has not left, if there is exactly one, and otherwise to nobody.
    #[must_use]
    pub fn new(people: &'a [Person], today: Date) -> Self {
        let mut by_text = named_by(people.iter().filter(|person| !person.has_ended(today)));
        for (text, person) in named_by(people.iter().filter(|person| person.has_ended(today))) {
            by_text.entry(text).or_insert(person);
        }
        // Keys are unique. So a key refers to its own person, even if it is also another's id.
        for person in people {
            by_text.insert(person.key.as_str(), Some(person));
        }
        Self { by_text }
    }

    /// Returns the person to whom a text refers; `None` if that is nobody or several people.
    #[must_use]
    pub fn person(&self, text: &str) -> Option<&'a Person> {
        let by_id = || *self.by_text.get(super::id::normal_id(text).as_ref())?;
        let by_address = || *self.by_text.get(Address::read(text)?.as_str())?;
        by_id().or_else(by_address)
    }
}

/// Returns the ids and addresses of people; `None` stands for several people.
fn named_by<'a>(people: impl Iterator<Item = &'a Person>) -> HashMap<&'a str, Option<&'a Person>> {
    let mut named: HashMap<&'a str, Option<&'a Person>> = HashMap::new();
    for person in people {
        let ids = [&person.employee_number, &person.source_id];
        let ids = ids.into_iter().flatten().map(AsRef::as_ref);
        for text in ids.chain(person.emails.iter().map(|email| email.address.as_str())) {
            let entry = named.entry(text).or_insert(Some(person));
            if entry.is_some_and(|other| other.key != person.key) {
                *entry = None;
            }
        }
    }
    named
}

/// Writes a date as RFC 3339 does.
mod serde_day {
    use serde::{Deserializer, Serializer};
    use time::Date;

    use super::dates;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
    pub fn serialize<S: Serializer>(date: &Date, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&dates::written(*date))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
        dates::option::deserialize(deserializer)?
            .ok_or_else(|| serde::de::Error::custom("not a date"))
    }
}
