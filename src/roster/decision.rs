//! Decisions of people about accounts. They are appended and never changed. Which of them are in
//! force at a moment follows from the list alone.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Class, PersonKey};
use crate::directory::UserId;
use crate::limits;
use crate::words::words;

/// The number of an entry of the list of decisions; the first is 1. A decision's id is the number
/// of its entry.
pub type DecisionId = u64;

/// What is decided about an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Verdict {
    /// The account belongs to this person.
    Is {
        /// The person.
        person_key: PersonKey,
    },
    /// The account does not belong to this person.
    IsNot {
        /// The person.
        person_key: PersonKey,
    },
    /// The account is of this class.
    Class {
        /// The class.
        class: Class,
        /// Of a service account: key or address of the responsible person.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
    },
}

impl Verdict {
    /// Whether a newer verdict about the same account takes the place of this one. Person and class
    /// are decided apart, and several people can be excluded.
    #[must_use]
    fn is_replaced_by(&self, newer: &Self) -> bool {
        match (self, newer) {
            (Self::Is { .. }, Self::Is { .. }) | (Self::Class { .. }, Self::Class { .. }) => true,
            (Self::Is { person_key: old }, Self::IsNot { person_key: new })
            | (
                Self::IsNot { person_key: old },
                Self::Is { person_key: new } | Self::IsNot { person_key: new },
            ) => old == new,
            _ => false,
        }
    }
}

/// A decision about one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The account, by Intercom's id: an account that is made again under the same address needs a
    /// new decision.
    pub account: UserId,
    /// What is decided.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The reason.
    pub why: String,
    /// The first moment at which the decision is not in force any more.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub until: Option<OffsetDateTime>,
    /// The version of the roster that the person who decided saw.
    pub roster_version: u64,
}

/// A decision that cannot be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDecision {
    /// There is no reason.
    #[error("`why` is required: the reason of the decision, in one sentence")]
    NoReason,
    /// The reason is too long.
    #[error("`why` is longer than {} characters", limits::DECISION_REASON_CHARACTERS)]
    LongReason,
    /// The end is missing.
    #[error(
        "`until` is required for this kind of decision: at most {} days from now",
        limits::DECISION_LASTS.whole_days()
    )]
    NoEnd,
    /// The end is not ahead.
    #[error("`until` must be in the future")]
    PastEnd,
    /// The end is too far away.
    #[error("`until` must be at most {} days from now", limits::DECISION_LASTS.whole_days())]
    LateEnd,
    /// The person is not in the roster.
    #[error(
        "`person_key` names nobody in the current roster. The roster's source, and the view \
         `identities`, have the keys"
    )]
    NoSuchPerson,
    /// Only the bridge says which account is Intercom's own bot.
    #[error("`class` must be `employee`, `contractor`, `service` or `unknown`")]
    BotClass,
    /// Only service accounts have an owner.
    #[error("`owner` is only for the class `service`")]
    OwnerWithoutService,
    /// The owner is not in the roster.
    #[error(
        "`owner` names nobody in the current roster. Give the key or the address of one person"
    )]
    NoSuchOwner,
}

impl Decision {
    /// Checks a decision before it is recorded at `now`. `is_person` and `is_owner` look up the
    /// current roster.
    ///
    /// # Errors
    /// All [`BadDecision`]s together.
    pub fn check(
        &self,
        now: OffsetDateTime,
        is_person: impl Fn(&PersonKey) -> bool,
        is_owner: impl Fn(&str) -> bool,
    ) -> Result<(), Vec<BadDecision>> {
        let mut bad = Vec::new();
        if self.why.trim().is_empty() {
            bad.push(BadDecision::NoReason);
        }
        if self.why.chars().count() > limits::DECISION_REASON_CHARACTERS {
            bad.push(BadDecision::LongReason);
        }
        match (self.until, &self.verdict) {
            (None, Verdict::Is { .. }) => {}
            (None, _) => bad.push(BadDecision::NoEnd),
            (Some(until), _) if until <= now => bad.push(BadDecision::PastEnd),
            (Some(until), _) if until - now > limits::DECISION_LASTS => {
                bad.push(BadDecision::LateEnd);
            }
            (Some(_), _) => {}
        }
        match &self.verdict {
            Verdict::Is { person_key } | Verdict::IsNot { person_key } => {
                if !is_person(person_key) {
                    bad.push(BadDecision::NoSuchPerson);
                }
            }
            Verdict::Class { class: Class::Bot, .. } => bad.push(BadDecision::BotClass),
            Verdict::Class { class: Class::Service, owner: Some(owner) } => {
                if !is_owner(owner) {
                    bad.push(BadDecision::NoSuchOwner);
                }
            }
            Verdict::Class { class: Class::Service, owner: None } => {}
            Verdict::Class { owner, .. } => {
                if owner.is_some() {
                    bad.push(BadDecision::OwnerWithoutService);
                }
            }
        }
        if bad.is_empty() { Ok(()) } else { Err(bad) }
    }
}

/// What an entry does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Records a decision.
    Decide(Decision),
    /// Ends an earlier decision.
    Revoke(DecisionId),
}

/// One entry of the list of decisions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The number. It decides which of two decisions is newer; clocks do not.
    pub number: DecisionId,
    /// When it was recorded.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Who decided, from the token or the login.
    pub by: String,
    /// What it does.
    pub act: Act,
}

words! {
    /// Whether a decision is in force.
    pub enum DecisionState {
        /// It is in force.
        InForce = "in_force",
        /// Its time is over.
        Expired = "expired",
        /// A person revoked it.
        Revoked = "revoked",
        /// A newer decision took its place. It stays replaced when that one ends.
        Replaced = "replaced",
    }
}

/// Returns each decision of the list, in its order, with its state at `moment`. The list has what
/// was recorded until then.
#[must_use]
pub fn decisions_at(
    entries: &[Entry],
    moment: OffsetDateTime,
) -> Vec<(&Entry, &Decision, DecisionState)> {
    let entries = by_number(entries);
    let revoked: BTreeSet<DecisionId> = entries
        .iter()
        .filter_map(|entry| match entry.act {
            Act::Revoke(id) if id < entry.number => Some(id),
            _ => None,
        })
        .collect();
    let mut by_account: HashMap<&UserId, Vec<&Decision>> = HashMap::new();
    let mut states = Vec::new();
    // Newest first, so that each decision meets those that replace it.
    for entry in entries.into_iter().rev() {
        let Act::Decide(decision) = &entry.act else { continue };
        let newer = by_account.entry(&decision.account).or_default();
        let is_replaced = newer.iter().any(|it| decision.verdict.is_replaced_by(&it.verdict));
        newer.push(decision);
        let state = if revoked.contains(&entry.number) {
            DecisionState::Revoked
        } else if is_replaced {
            DecisionState::Replaced
        } else if decision.until.is_some_and(|until| until <= moment) {
            DecisionState::Expired
        } else {
            DecisionState::InForce
        };
        states.push((entry, decision, state));
    }
    states.reverse();
    states
}

fn by_number(entries: &[Entry]) -> Vec<&Entry> {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by_key(|entry| entry.number);
    sorted
}

/// The decisions about one account that are in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountDecisions<'a> {
    /// The person.
    pub person: Option<(DecisionId, &'a PersonKey)>,
    /// The excluded people.
    pub excluded: BTreeSet<&'a PersonKey>,
    /// The class, and the owner of a service account.
    pub class: Option<(DecisionId, Class, Option<&'a str>)>,
}

/// The decisions that are in force at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions<'a> {
    /// The number of the newest entry; 0 without entries. The same version gives the same answers.
    pub version: DecisionId,
    by_account: HashMap<&'a UserId, AccountDecisions<'a>>,
}

impl<'a> Decisions<'a> {
    /// Returns the decisions in force at `moment`. `entries` are those recorded until then, in any
    /// order.
    #[must_use]
    pub fn at(entries: &'a [Entry], moment: OffsetDateTime) -> Self {
        let version = entries.iter().map(|entry| entry.number).max().unwrap_or_default();
        let mut by_account: HashMap<&UserId, AccountDecisions<'a>> = HashMap::new();
        for (entry, decision, state) in decisions_at(entries, moment) {
            if state != DecisionState::InForce {
                continue;
            }
            let account = by_account.entry(&decision.account).or_default();
            match &decision.verdict {
                Verdict::Is { person_key } => account.person = Some((entry.number, person_key)),
                Verdict::IsNot { person_key } => {
                    account.excluded.insert(person_key);
                }
                Verdict::Class { class, owner } => {
                    account.class = Some((entry.number, *class, owner.as_deref()));
                }
            }
        }
        Self { version, by_account }
    }

    /// Returns the decisions about an account.
    #[must_use]
    pub fn about(&self, account: &UserId) -> Option<&AccountDecisions<'a>> {
        self.by_account.get(account)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

    fn key(text: &str) -> PersonKey {
        PersonKey::new(text).unwrap()
    }

    fn decision(verdict: Verdict, until: Option<OffsetDateTime>) -> Decision {
        let account = UserId::new("1");
        Decision { account, verdict, why: "Asked her".to_owned(), until, roster_version: 1 }
    }

    fn is(person: &str) -> Verdict {
        Verdict::Is { person_key: key(person) }
    }

    fn is_not(person: &str) -> Verdict {
        Verdict::IsNot { person_key: key(person) }
    }

    fn class(class: Class, owner: Option<&str>) -> Verdict {
        Verdict::Class { class, owner: owner.map(str::to_owned) }
    }

    fn entry(number: u64, act: Act) -> Entry {
        let at = NOW + Duration::minutes(i64::try_from(number).unwrap());
        Entry { number, at, by: "ida".to_owned(), act }
    }

    fn states(entries: &[Entry], moment: OffsetDateTime) -> Vec<DecisionState> {
        decisions_at(entries, moment).into_iter().map(|(_, _, state)| state).collect()
    }

    #[test]
    fn the_newer_of_two_contradicting_decisions_stands_for_good() {
        use DecisionState::*;
        let soon = NOW + Duration::hours(1);
        let entries = [
            entry(1, Act::Decide(decision(is("a"), None))),
            entry(2, Act::Decide(decision(is_not("b"), Some(soon)))),
            entry(3, Act::Decide(decision(class(Class::Contractor, None), Some(soon)))),
            entry(4, Act::Decide(decision(is_not("a"), Some(soon)))),
        ];
        assert_eq!(states(&entries[..3], soon - Duration::minutes(1)), [InForce; 3]);
        let now = [Replaced, InForce, InForce, InForce];
        assert_eq!(states(&entries, soon - Duration::minutes(1)), now);
        assert_eq!(states(&entries, soon), [Replaced, Expired, Expired, Expired]);
        let decisions = Decisions::at(&entries, soon - Duration::minutes(1));
        let about = decisions.about(&UserId::new("1")).unwrap();
        assert_eq!((decisions.version, about.person), (4, None));
        assert_eq!(about.excluded, BTreeSet::from([&key("a"), &key("b")]));
        assert_eq!(about.class, Some((3, Class::Contractor, None)));
        assert_eq!(decisions.about(&UserId::new("2")), None);
    }

    #[test]
    fn a_revoked_decision_is_over_from_the_moment_of_its_revocation() {
        let entries = [entry(1, Act::Decide(decision(is("a"), None))), entry(2, Act::Revoke(1))];
        assert_eq!(states(&entries[..1], entries[0].at), [DecisionState::InForce]);
        assert_eq!(states(&entries, entries[1].at), [DecisionState::Revoked]);
        assert_eq!(states(&entries, NOW), [DecisionState::Revoked], "recorded by a clock ahead");
        assert_eq!(Decisions::at(&entries, entries[1].at).version, 2);
    }

    #[test]
    fn a_decision_needs_a_reason_and_most_need_an_end() {
        let soon = NOW + Duration::DAY;
        let late = NOW + Duration::days(366);
        let check = |decision: &Decision| {
            let found = decision.check(NOW, |person| *person == key("a"), |owner| owner == "a");
            found.err().unwrap_or_default()
        };
        for (verdict, until, expected) in [
            (is("a"), None, vec![]),
            (is("a"), Some(soon), vec![]),
            (is("x"), None, vec![BadDecision::NoSuchPerson]),
            (is_not("a"), None, vec![BadDecision::NoEnd]),
            (is_not("a"), Some(NOW), vec![BadDecision::PastEnd]),
            (is_not("a"), Some(late), vec![BadDecision::LateEnd]),
            (class(Class::Service, Some("a")), Some(soon), vec![]),
            (class(Class::Service, Some("x")), Some(soon), vec![BadDecision::NoSuchOwner]),
            (class(Class::Employee, Some("a")), Some(soon), vec![BadDecision::OwnerWithoutService]),
            (class(Class::Bot, None), None, vec![BadDecision::NoEnd, BadDecision::BotClass]),
        ] {
            let decision = decision(verdict, until);
            assert_eq!(check(&decision), expected, "{decision:?}");
        }
        let silent = Decision { why: " ".to_owned(), ..decision(is("a"), None) };
        assert_eq!(check(&silent), [BadDecision::NoReason]);
        let endless = Decision { why: "x".repeat(1_001), ..decision(is("a"), None) };
        assert_eq!(check(&endless), [BadDecision::LongReason]);
    }

    #[test]
    fn entries_are_stored_as_json_and_read_back() {
        let entry = entry(1, Act::Decide(decision(class(Class::Service, Some("a")), Some(NOW))));
        let json = serde_json::to_value(&entry).unwrap();
        assert_eq!(json["act"]["decide"]["kind"], "class");
        assert_eq!(serde_json::from_value::<Entry>(json).unwrap(), entry);
    }

    proptest! {
        #[test]
        fn at_most_one_person_and_one_class_is_in_force_and_the_order_of_entries_does_not_matter(
            verdicts in proptest::collection::vec((0_u8..6, any::<bool>()), 0..12),
        ) {
            let mut entries: Vec<Entry> = (1..).zip(&verdicts).map(|(number, (kind, revokes))| {
                let verdict = match kind {
                    0 => is("a"),
                    1 => is("b"),
                    2 => is_not("a"),
                    3 => is_not("b"),
                    4 => class(Class::Service, None),
                    _ => class(Class::Employee, None),
                };
                let act = if *revokes && number > 1 {
                    Act::Revoke(number - 1)
                } else {
                    Act::Decide(decision(verdict, None))
                };
                entry(number, act)
            }).collect();
            let end = NOW + Duration::DAY;
            let states = decisions_at(&entries, end);
            let in_force = |is_kind: fn(&Verdict) -> bool| {
                let is_counted = |(_, decision, state): &&(&Entry, &Decision, DecisionState)| {
                    *state == DecisionState::InForce && is_kind(&decision.verdict)
                };
                states.iter().filter(is_counted).count()
            };
            let people = in_force(|verdict| matches!(verdict, Verdict::Is { .. }));
            let classes = in_force(|verdict| matches!(verdict, Verdict::Class { .. }));
            prop_assert!(people <= 1 && classes <= 1);
            let about = |entries: &[Entry]| {
                let decisions = Decisions::at(entries, end);
                let about = decisions.about(&UserId::new("1"));
                if let Some((AccountDecisions { excluded, .. }, (_, person))) =
                    about.and_then(|about| Some((about, about.person?)))
                {
                    assert!(!excluded.contains(person));
                }
                format!("{about:?}")
            };
            let expected = about(&entries);
            entries.reverse();
            prop_assert_eq!(about(&entries), expected);
        }
    }
}
