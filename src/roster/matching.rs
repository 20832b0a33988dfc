//! Which person of a roster holds which account.
//!
//! The rules are tried in the order of [`MatchRule`]; the first that gives people decides. If it
//! gives several, the account is ambiguous, and later rules are not tried. Local parts alone never
//! match across unrelated domains.

use std::borrow::Cow;
use std::collections::HashMap;

use time::{Date, OffsetDateTime};

use super::decision::{AccountDecisions, DecisionId, Decisions};
use super::rules::MatchSettings;
use super::suggest::Names;
use super::{Address, EmailKind, Person, Roster};
use crate::directory::{User, UserKind};
use crate::moments::Zone;
use crate::words::words;

/// An account of the directory, with what matching and views need to know about it.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    /// The teammate.
    pub user: &'a User,
    /// When the bridge saw the account first. Stands for the time of joining if that is unknown.
    pub first_seen: OffsetDateTime,
    /// Whether the account can grant access to others; `None` if that is unknown.
    pub is_privileged: Option<bool>,
}

impl Account<'_> {
    /// When the teammate joined; if that is unknown, the latest possible time: the first sighting.
    #[must_use]
    pub fn joined_at(&self) -> OffsetDateTime {
        self.user.joined_at.unwrap_or(self.first_seen)
    }
}

words! {
    /// The rule by which an account got its person.
    pub enum MatchRule {
        /// A decision by hand that is in force.
        Decision = "decision",
        /// The account's address is the person's primary address.
        Exact = "exact",
        /// It is one of the person's other addresses, former ones included.
        Alias = "alias",
        /// It has the same local part, and both domains belong to the company.
        Domain = "domain",
        /// It is the same without what people add to their own address (`ida+test@…`).
        Untagged = "untagged",
    }
}

words! {
    /// How certain a match is.
    pub enum Confidence {
        /// By decision or by an address of the person.
        Exact = "exact",
        /// By an address that was changed to fit. A finding that depends on it needs a review.
        Derived = "derived",
    }
}

impl MatchRule {
    /// The rules that compare addresses, in their order.
    const BY_ADDRESS: [Self; 4] = [Self::Exact, Self::Alias, Self::Domain, Self::Untagged];

    /// How certain a match by this rule is.
    #[must_use]
    pub fn confidence(self) -> Confidence {
        match self {
            Self::Decision | Self::Exact | Self::Alias => Confidence::Exact,
            Self::Domain | Self::Untagged => Confidence::Derived,
        }
    }
}

words! {
    /// Why an account has no person.
    pub enum WhyUnmatched {
        /// No rule gives a person.
        None = "none",
        /// A rule gives several people.
        Ambiguous = "ambiguous",
        /// A decision names a person whom the roster does not have any more.
        Dangling = "dangling",
        /// The account has no address, or one that cannot be read.
        Unreadable = "unreadable",
    }
}

/// The result for one account. People are indices of [`Roster::people`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Intercom's own bot: it needs no person.
    Machine,
    /// The account belongs to a person.
    Matched {
        /// The person.
        person: usize,
        /// By which rule.
        rule: MatchRule,
        /// The decision, if the rule is one.
        decision: Option<DecisionId>,
    },
    /// The account belongs to nobody.
    Unmatched {
        /// Why.
        why: WhyUnmatched,
        /// The people between whom a rule cannot decide, sorted by key.
        candidates: Vec<usize>,
        /// People with a similar name, the most similar first.
        suggestions: Vec<usize>,
        /// The decision that names a missing person.
        decision: Option<DecisionId>,
    },
}

/// Matches accounts with people. The results are in the order of the accounts.
///
/// Pure: the same accounts, roster, decisions, settings and day give the same results, in any order
/// of accounts, people and decisions.
#[must_use]
pub fn match_accounts(
    accounts: &[Account<'_>],
    roster: &Roster,
    decisions: &Decisions<'_>,
    settings: &MatchSettings,
    day: Day<'_>,
) -> Vec<Outcome> {
    let index = Index::new(roster, settings, day);
    let mut outcomes: Vec<Outcome> = accounts
        .iter()
        .map(|account| index.outcome(account, decisions.about(&account.user.id)))
        .collect();
    let mut names = None;
    for (account, outcome) in accounts.iter().zip(&mut outcomes) {
        if let Outcome::Unmatched { suggestions, why, .. } = outcome
            && *why != WhyUnmatched::Ambiguous
            && let Some(name) = &account.user.name
        {
            let names = names.get_or_insert_with(|| Names::new(roster, day.today));
            let about = decisions.about(&account.user.id);
            *suggestions = names.similar(name, |person| !is_excluded(about, person));
        }
    }
    outcomes
}

/// The day for which statuses are computed, and the zone in which days are counted.
#[derive(Clone, Copy, Debug)]
pub struct Day<'a> {
    /// The day.
    pub today: Date,
    /// `roster.time_zone`
    pub zone: &'a Zone,
}

impl<'a> Day<'a> {
    /// Returns the day of a moment.
    #[must_use]
    pub fn at(moment: OffsetDateTime, zone: &'a Zone) -> Self {
        Self { today: zone.date_at(moment), zone }
    }
}

fn is_excluded(decisions: Option<&AccountDecisions<'_>>, person: &Person) -> bool {
    decisions.is_some_and(|decisions| decisions.excluded.contains(&person.key))
}

/// The people who have an address, by that address.
type Holders<K> = HashMap<K, Vec<usize>>;

/// The people of a roster by their addresses.
struct Index<'a> {
    roster: &'a Roster,
    settings: &'a MatchSettings,
    day: Day<'a>,
    primary: Holders<&'a str>,
    other: Holders<&'a str>,
    /// By local part and the representative of the domain.
    domain: Holders<(&'a str, &'a str)>,
    /// The same, of the untagged form.
    untagged: Holders<(Cow<'a, str>, &'a str)>,
}

impl<'a> Index<'a> {
    fn new(roster: &'a Roster, settings: &'a MatchSettings, day: Day<'a>) -> Self {
        let size = roster.people().len();
        let mut index = Self {
            roster,
            settings,
            day,
            primary: HashMap::with_capacity(size),
            other: HashMap::new(),
            domain: HashMap::new(),
            untagged: HashMap::with_capacity(size),
        };
        for (place, person) in roster.people().iter().enumerate() {
            for email in &person.emails {
                index.add(place, email.kind, &email.address);
            }
        }
        index
    }

    fn add(&mut self, place: usize, kind: EmailKind, address: &'a Address) {
        let counts = match kind {
            EmailKind::Primary | EmailKind::Alias => true,
            EmailKind::Former { since } => {
                since.checked_add(self.settings.keep_former).is_none_or(|end| end >= self.day.today)
            }
            EmailKind::Personal => self.settings.match_personal,
        };
        if !counts {
            return;
        }
        let by_kind = if kind == EmailKind::Primary { &mut self.primary } else { &mut self.other };
        insert(by_kind, address.as_str(), place);
        if let Some(key) = self.domain_key(address) {
            insert(&mut self.domain, key, place);
        }
        let key = self.untagged_key(address);
        insert(&mut self.untagged, key, place);
    }

    fn domain_key<'k>(&self, address: &'k Address) -> Option<(&'k str, &'a str)> {
        let domain = self.settings.equivalent_domains.representative(address.domain())?;
        Some((address.local(), domain))
    }

    fn untagged_key<'k>(&self, address: &'k Address) -> (Cow<'k, str>, &'k str)
    where
        'a: 'k,
    {
        let (local, domain) = address.untagged(&self.settings.tag_separators);
        (local, self.settings.equivalent_domains.representative(domain).unwrap_or(domain))
    }

    /// Returns the people whom one rule gives for an address, sorted by key.
    fn holders<'s>(&'s self, rule: MatchRule, address: &'s Address) -> &'s [usize] {
        let holders = match rule {
            MatchRule::Decision => None,
            MatchRule::Exact => self.primary.get(address.as_str()),
            MatchRule::Alias => self.other.get(address.as_str()),
            MatchRule::Domain => self.domain_key(address).and_then(|key| self.domain.get(&key)),
            MatchRule::Untagged => self.untagged.get(&self.untagged_key(address)),
        };
        holders.map_or(&[], Vec::as_slice)
    }

    fn outcome(&self, account: &Account<'_>, decisions: Option<&AccountDecisions<'_>>) -> Outcome {
        if account.user.kind() == UserKind::Bot {
            return Outcome::Machine;
        }
        if let Some((decision, key)) = decisions.and_then(|decisions| decisions.person) {
            let rule = MatchRule::Decision;
            return match self.roster.place(key) {
                Some(person) => Outcome::Matched { person, rule, decision: Some(decision) },
                None => unmatched(WhyUnmatched::Dangling, Vec::new(), Some(decision)),
            };
        }
        let Some(address) = account.user.email.as_deref().and_then(Address::read) else {
            return unmatched(WhyUnmatched::Unreadable, Vec::new(), None);
        };
        for rule in MatchRule::BY_ADDRESS {
            let holders = self.allowed(self.holders(rule, &address), decisions);
            if !holders.is_empty() {
                return match self.choose(account, &address, rule, &holders, decisions) {
                    Ok(person) => Outcome::Matched { person, rule, decision: None },
                    Err(candidates) => unmatched(WhyUnmatched::Ambiguous, candidates, None),
                };
            }
        }
        unmatched(WhyUnmatched::None, Vec::new(), None)
    }

    /// Leaves out people whom a decision excludes.
    fn allowed(&self, places: &[usize], decisions: Option<&AccountDecisions<'_>>) -> Vec<usize> {
        let is_allowed =
            |place: &usize| self.person(*place).is_some_and(|it| !is_excluded(decisions, it));
        places.iter().copied().filter(is_allowed).collect()
    }

    fn person(&self, place: usize) -> Option<&'a Person> {
        self.roster.people().get(place)
    }

    fn has_ended(&self, place: usize) -> bool {
        self.person(place).is_some_and(|person| person.has_ended(self.day.today))
    }

    /// Chooses one of the people whom a rule gives; otherwise returns the candidates.
    ///
    /// Of several rows for one address (a person who left and came back) the one who has not left
    /// is chosen, or else the one who ended last.
    fn choose(
        &self,
        account: &Account<'_>,
        address: &Address,
        rule: MatchRule,
        holders: &[usize],
        decisions: Option<&AccountDecisions<'_>>,
    ) -> Result<usize, Vec<usize>> {
        let current: Vec<usize> =
            holders.iter().copied().filter(|place| !self.has_ended(*place)).collect();
        let chosen = match (&current[..], holders) {
            ([one], _) | ([], [one]) => Some(*one),
            ([], _) => self.last_ended(holders),
            _ => None,
        };
        let Some(chosen) = chosen else { return Err(holders.to_vec()) };
        let mut earlier = holders.to_vec();
        if matches!(rule, MatchRule::Exact | MatchRule::Alias) {
            for rule in [MatchRule::Exact, MatchRule::Alias] {
                earlier.extend(self.allowed(self.holders(rule, address), decisions));
            }
        }
        earlier.sort_unstable();
        earlier.dedup();
        if self.is_recycled(account, chosen, &earlier) { Err(earlier) } else { Ok(chosen) }
    }

    /// Returns the only person who ended last; `None` if an end is unknown or two are equal.
    fn last_ended(&self, holders: &[usize]) -> Option<usize> {
        let mut ends = Vec::with_capacity(holders.len());
        for place in holders {
            ends.push((self.person(*place)?.ended?, *place));
        }
        ends.sort_unstable();
        let (last, place) = ends.pop()?;
        ends.last().is_none_or(|(before, _)| *before < last).then_some(place)
    }

    /// Whether the address may have belonged to another person when the account was made: the
    /// chosen person started after that, and another person with the address has left.
    fn is_recycled(&self, account: &Account<'_>, chosen: usize, holders: &[usize]) -> bool {
        let Some(person) = self.person(chosen) else { return false };
        let joined = self.day.zone.date_at(account.joined_at());
        person.started.is_some_and(|started| started > joined)
            && holders.iter().any(|place| {
                let other = self.person(*place);
                *place != chosen
                    && self.has_ended(*place)
                    && other.is_some_and(|other| !other.is_same_human(person))
            })
    }
}

fn insert<K: std::hash::Hash + Eq>(holders: &mut Holders<K>, key: K, place: usize) {
    let places = holders.entry(key).or_default();
    // One person may have several addresses with the same key.
    if places.last() != Some(&place) {
        places.push(place);
    }
}

fn unmatched(why: WhyUnmatched, candidates: Vec<usize>, decision: Option<DecisionId>) -> Outcome {
    Outcome::Unmatched { why, candidates, suggestions: Vec::new(), decision }
}
