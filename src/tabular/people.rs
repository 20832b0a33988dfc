//! A filtered, sorted page of people.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use time::{Duration, OffsetDateTime};

use crate::directory::{Directory, GroupId, Person, UserId, text};
use crate::words::words;

words! {
    /// Which people are wanted, by their access.
    pub enum PeopleState {
        /// Those who are in the workspace.
        Active = "active",
        /// Those who were removed from it.
        Removed = "removed",
        /// Both.
        All = "all",
        /// Those who are invited and have not joined. A directory has none of them.
        Invited = "invited",
    }
}

words! {
    /// Which people are wanted, by their paid inbox seat.
    pub enum SeatFilter {
        /// Those with a paid seat.
        Paid = "paid",
        /// Those without one.
        None = "none",
        /// Those of whom Intercom does not say it.
        Unknown = "unknown",
    }
}

words! {
    /// Which people are wanted, by their second factor.
    pub enum SecondFactorFilter {
        /// Those who have one.
        On = "on",
        /// Those who have none.
        Off = "off",
        /// Those of whom the activity log does not say it.
        Unknown = "unknown",
    }
}

words! {
    /// By what people are sorted. Equal ones are sorted by id.
    pub enum PeopleOrder {
        /// By name, without regard to case.
        Name = "name",
        /// By the sign-in address, without regard to case.
        Address = "address",
        /// By the name of the role, without regard to case.
        Role = "role",
        /// By the time of joining or, if unknown, of the first import with them.
        Joined = "joined",
        /// By the last activity. Unknown ones come first.
        Activity = "activity",
    }
}

/// Which people are wanted, and in which order. A field that is `None` does not restrict them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeopleQuestion {
    /// People whose name, address, id, role or team contains this text, without regard to case and
    /// accents. All texts contain the empty text.
    pub search: String,
    /// By their access.
    pub state: PeopleState,
    /// Members of this team.
    pub team: Option<GroupId>,
    /// Holders of the role with this name or id.
    pub role: Option<String>,
    /// By their paid seat.
    pub seat: Option<SeatFilter>,
    /// By their second factor.
    pub second_factor: Option<SecondFactorFilter>,
    /// Only these people.
    pub only: Option<Arc<HashSet<UserId>>>,
    /// People without a recorded activity in the last so many days.
    pub inactive_for: Option<u16>,
    /// The order.
    pub order: PeopleOrder,
    /// Whether the order is reversed.
    pub descending: bool,
}

impl Default for PeopleQuestion {
    fn default() -> Self {
        Self {
            search: String::new(),
            state: PeopleState::Active,
            team: None,
            role: None,
            seat: None,
            second_factor: None,
            only: None,
            inactive_for: None,
            order: PeopleOrder::Name,
            descending: false,
        }
    }
}

/// People of a directory that match a question: those of one page, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundPeople {
    /// Their indexes in [`Directory::people`], in the order of the question.
    pub places: Vec<usize>,
    /// The number of people on all pages.
    pub total: usize,
}

impl PeopleQuestion {
    /// Finds `limit` people after the first `offset`. `now` is the end of the period without
    /// activity.
    #[must_use]
    pub fn find(
        &self,
        directory: &Directory,
        now: OffsetDateTime,
        offset: usize,
        limit: usize,
    ) -> FoundPeople {
        let filter = Filter::new(self, directory, now);
        let matching =
            directory.people.iter().enumerate().filter(|(_, person)| filter.takes(person));
        let mut keyed: Vec<(Key<'_>, usize)> =
            matching.map(|(place, person)| (self.key(person), place)).collect();
        let total = keyed.len();
        let order = |(left, left_place): &(Key<'_>, usize),
                     (right, right_place): &(Key<'_>, usize)| {
            let by_key = left.cmp(right);
            let by_key = if self.descending { by_key.reverse() } else { by_key };
            // People are sorted by id, so indexes make the order total.
            by_key.then(left_place.cmp(right_place))
        };
        let end = offset.saturating_add(limit).min(total);
        // Only what precedes the end of the page needs to be sorted.
        if end < total {
            keyed.select_nth_unstable_by(end, order);
            keyed.truncate(end);
        }
        keyed.sort_unstable_by(order);
        let places = keyed.into_iter().skip(offset).map(|(_, place)| place).collect();
        FoundPeople { places, total }
    }

    fn key<'a>(&self, person: &'a Person) -> Key<'a> {
        let user = &*person.user;
        match self.order {
            PeopleOrder::Name => Key::text(user.name.as_deref()),
            PeopleOrder::Address => Key::text(user.email.as_deref()),
            PeopleOrder::Role => {
                Key::text(user.role.as_ref().and_then(|role| role.name.as_deref()))
            }
            PeopleOrder::Joined => Key::Time(Some(user.joined_at.unwrap_or(person.stamps.created))),
            PeopleOrder::Activity => Key::Time(person.volatile.last_activity().map(|last| last.at)),
        }
    }
}

/// What people are sorted by. Unknown texts come last, unknown times first.
#[derive(PartialEq, Eq)]
enum Key<'a> {
    Text(Option<Cow<'a, str>>),
    Time(Option<OffsetDateTime>),
}

impl<'a> Key<'a> {
    fn text(value: Option<&'a str>) -> Self {
        Self::Text(value.map(text::folded))
    }

    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(left), Self::Text(right)) => {
                (left.is_none(), left).cmp(&(right.is_none(), right))
            }
            (Self::Time(left), Self::Time(right)) => left.cmp(right),
            // All keys of one list are of one kind.
            _ => Ordering::Equal,
        }
    }
}

/// Whose teams are wanted.
#[derive(Clone, Copy)]
enum TeamFilter {
    /// Those of everybody.
    Any,
    /// Members of the team at this index of [`Directory::teams`].
    At(usize),
    /// Members of a team that does not exist: nobody.
    Unknown,
}

/// A question, prepared for one directory.
struct Filter<'a> {
    question: &'a PeopleQuestion,
    /// The text to search for, without case and accents; `None` if there is none.
    search: Option<String>,
    /// For each team whether its name or id contains the text.
    teams_found: Vec<bool>,
    team: TeamFilter,
    role: Option<String>,
    inactive_since: Option<OffsetDateTime>,
}

impl<'a> Filter<'a> {
    fn new(question: &'a PeopleQuestion, directory: &Directory, now: OffsetDateTime) -> Self {
        let search = Some(text::unaccented(question.search.trim()).into_owned());
        let search = search.filter(|search| !search.is_empty());
        let team_found = |search: &String| {
            let names = directory.teams.iter().map(|team| team.group.name.as_deref());
            names.map(|name| contains(name, search)).collect()
        };
        let place = |id: &GroupId| directory.teams.iter().position(|team| team.group.id == *id);
        let since = |days: u16| now.checked_sub(Duration::days(i64::from(days)));
        Self {
            teams_found: search.as_ref().map(team_found).unwrap_or_default(),
            search,
            team: match &question.team {
                None => TeamFilter::Any,
                Some(id) => place(id).map_or(TeamFilter::Unknown, TeamFilter::At),
            },
            role: question.role.as_deref().map(|role| text::folded(role.trim()).into_owned()),
            inactive_since: question.inactive_for.and_then(since),
            question,
        }
    }

    fn takes(&self, person: &Person) -> bool {
        self.has_state(person)
            && self.question.only.as_ref().is_none_or(|only| only.contains(&person.user.id))
            && self.has_team(person)
            && self.has_role(person)
            && self.has_seat(person)
            && self.has_second_factor(person)
            && self.inactive_since.is_none_or(|since| {
                person.volatile.last_activity().is_none_or(|last| last.at < since)
            })
            && self.search.as_ref().is_none_or(|search| self.is_found(person, search))
    }

    fn has_state(&self, person: &Person) -> bool {
        match self.question.state {
            PeopleState::Active => person.user.active,
            PeopleState::Removed => !person.user.active,
            PeopleState::All => true,
            PeopleState::Invited => false,
        }
    }

    fn has_team(&self, person: &Person) -> bool {
        match self.team {
            TeamFilter::Any => true,
            TeamFilter::At(place) => person.teams.iter().any(|link| link.place as usize == place),
            TeamFilter::Unknown => false,
        }
    }

    fn has_role(&self, person: &Person) -> bool {
        let Some(wanted) = &self.role else { return true };
        let role = person.user.role.as_ref();
        role.is_some_and(|role| {
            let name = role.name.as_deref().unwrap_or(&role.id);
            text::folded(name.trim()) == *wanted || role.id == *wanted
        })
    }

    fn has_seat(&self, person: &Person) -> bool {
        self.question.seat.is_none_or(|wanted| {
            person.user.has_inbox_seat
                == match wanted {
                    SeatFilter::Paid => Some(true),
                    SeatFilter::None => Some(false),
                    SeatFilter::Unknown => None,
                }
        })
    }

    fn has_second_factor(&self, person: &Person) -> bool {
        self.question.second_factor.is_none_or(|wanted| {
            person.user.two_factor_auth
                == match wanted {
                    SecondFactorFilter::On => Some(true),
                    SecondFactorFilter::Off => Some(false),
                    SecondFactorFilter::Unknown => None,
                }
        })
    }

    fn is_found(&self, person: &Person, search: &str) -> bool {
        let user = &*person.user;
        let in_teams = || {
            let found = |place: u32| self.teams_found.get(place as usize).copied();
            person.teams.iter().any(|link| found(link.place).unwrap_or_default())
        };
        let id = search.strip_prefix("adm_").unwrap_or(search);
        contains(user.name.as_deref(), search)
            || contains(user.email.as_deref(), search)
            || contains(user.role.as_ref().and_then(|role| role.name.as_deref()), search)
            || in_teams()
            || !id.is_empty() && user.id.as_str().contains(id)
    }
}

fn contains(value: Option<&str>, search: &str) -> bool {
    value.is_some_and(|value| text::unaccented(value).contains(search))
}

#[cfg(test)]
mod tests;
