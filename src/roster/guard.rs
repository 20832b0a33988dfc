//! The guard against a halved roster: decides whether a new version comes into force at once or is
//! held until a person accepts it (`roster accept`). A version that is held changes nothing; the
//! one before stays in force.

use std::collections::BTreeSet;

use serde::Serialize;
use time::{Duration, OffsetDateTime};

use super::columns::Field;
use super::evaluation::{Evaluated, Evaluation};
use super::{Class, Outcome};
use crate::clock::age;
use crate::directory::UserId;

/// A version that loses at most this many people is not held for that.
const FEW_PEOPLE: usize = 5;

/// NB: a version in which at most this many accounts lose their person is not held for that. In a
/// workspace of three teammates, each leaver is a third of the accounts. Holding the roster would
/// hide that very leaver.
const FEW_ACCOUNTS: usize = 1;

/// The share of rows without an address, in percent, above which a file is held.
const MAX_WITHOUT_ADDRESS: usize = 20;

/// The share of the columns of the version before, in percent, that a file must have.
const MIN_COLUMNS: usize = 80;

/// The share of active accounts, in percent, that a first version must match.
const MIN_MATCHED_FIRST: usize = 50;

/// What the guard compares of a version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// People who have not left.
    pub active_people: usize,
    /// Rows of the file.
    pub rows: usize,
    /// Rows of the file without an address.
    pub without_address: usize,
    /// The fields that had a column in the file.
    pub fields: BTreeSet<Field>,
    /// The active accounts of people. Service accounts and Intercom's own bot are left out.
    pub accounts: BTreeSet<UserId>,
    /// Those of them that belong to a person who has not left.
    pub matched: BTreeSet<UserId>,
}

impl Standing {
    /// Summarises a version. `fields` are those of the file's report.
    #[must_use]
    pub fn new(evaluation: &Evaluation<'_>, fields: &[Field]) -> Self {
        let today = evaluation.day.today;
        let people = evaluation.input.roster.people();
        let rows = || people.iter().filter(|person| !person.absent);
        let needs_person = |row: &&Evaluated<'_>| {
            row.account.user.active
                && row.classified.class != Class::Service
                && row.outcome != Outcome::Machine
        };
        let accounts = || evaluation.accounts.iter().filter(needs_person);
        let id = |row: &Evaluated<'_>| row.account.user.id.clone();
        Self {
            active_people: people.iter().filter(|person| !person.has_ended(today)).count(),
            rows: rows().count(),
            without_address: rows().filter(|person| person.emails.is_empty()).count(),
            fields: fields.iter().copied().collect(),
            accounts: accounts().map(id).collect(),
            matched: accounts()
                .filter(|row| row.person.is_some_and(|person| !person.has_ended(today)))
                .map(id)
                .collect(),
        }
    }
}

/// A reason for which a version is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum HoldReason {
    /// Many people are gone.
    #[error(
        "{after} of {before} active people are left, which is a loss of more than {max_shrink} %"
    )]
    FewerPeople {
        /// Active people of the version in force.
        before: usize,
        /// Active people of the new version.
        after: usize,
        /// `roster.max_shrink`
        max_shrink: u8,
    },
    /// Many accounts would lose their person.
    #[error(
        "{lost} of {before} matched accounts would have no person, or one who has left, which is \
         more than {max_shrink} %"
    )]
    FewerMatches {
        /// Matched accounts of the version in force.
        before: usize,
        /// Those that are not matched any more.
        lost: usize,
        /// `roster.max_shrink`
        max_shrink: u8,
    },
    /// Many rows have no address.
    #[error("{without} of {rows} rows have no readable address. The column may be a wrong one")]
    FewerAddresses {
        /// Rows without an address.
        without: usize,
        /// All rows.
        rows: usize,
    },
    /// Columns are gone.
    #[error("the file does not have these columns any more: {}", names(.missing))]
    FewerColumns {
        /// The fields that had a column in the version in force.
        missing: Vec<Field>,
    },
    /// A first version fits few accounts.
    #[error(
        "only {matched} of {accounts} active accounts have a person in it. It may be the roster \
         of another company, or a wrong column"
    )]
    FewMatchesAtFirst {
        /// Active accounts that are matched.
        matched: usize,
        /// All active accounts of people.
        accounts: usize,
    },
}

fn names(fields: &[Field]) -> String {
    fields.iter().map(|field| field.as_str()).collect::<Vec<_>>().join(", ")
}

/// Compares a new version with the one in force, and returns every reason to hold it. Both must be
/// evaluated for the same accounts, decisions and moment. `max_shrink` is in percent.
#[must_use]
pub fn reasons_to_hold(
    in_force: Option<&Standing>,
    new: &Standing,
    max_shrink: u8,
) -> Vec<HoldReason> {
    let Some(before) = in_force else {
        let matched = new.matched.len();
        let accounts = new.accounts.len();
        let is_few = matched * 100 < accounts * MIN_MATCHED_FIRST;
        return if is_few {
            vec![HoldReason::FewMatchesAtFirst { matched, accounts }]
        } else {
            Vec::new()
        };
    };
    let shrinks = |lost: usize, all: usize| lost * 100 > all * usize::from(max_shrink);
    let mut reasons = Vec::new();
    let lost_people = before.active_people.saturating_sub(new.active_people);
    if lost_people > FEW_PEOPLE && shrinks(lost_people, before.active_people) {
        reasons.push(HoldReason::FewerPeople {
            before: before.active_people,
            after: new.active_people,
            max_shrink,
        });
    }
    let lost = before.matched.difference(&new.matched).count();
    if lost > FEW_ACCOUNTS && shrinks(lost, before.matched.len()) {
        let before = before.matched.len();
        reasons.push(HoldReason::FewerMatches { before, lost, max_shrink });
    }
    let rises = new.without_address * before.rows > before.without_address * new.rows;
    if rises && new.without_address * 100 > new.rows * MAX_WITHOUT_ADDRESS {
        let without = new.without_address;
        let rows = new.rows;
        reasons.push(HoldReason::FewerAddresses { without, rows });
    }
    let missing: Vec<Field> = before.fields.difference(&new.fields).copied().collect();
    let left = before.fields.len() - missing.len();
    if left * 100 < before.fields.len() * MIN_COLUMNS {
        reasons.push(HoldReason::FewerColumns { missing });
    }
    reasons
}

/// Adds the losses of people and of matches since an earlier version, if they are reasons to hold
/// the new one. So a list that shrinks a little with each version is held, too.
pub fn add_losses_since(
    reasons: &mut Vec<HoldReason>,
    earlier: &Standing,
    new: &Standing,
    max_shrink: u8,
) {
    let kind = std::mem::discriminant::<HoldReason>;
    for reason in reasons_to_hold(Some(earlier), new, max_shrink) {
        let is_loss =
            matches!(reason, HoldReason::FewerPeople { .. } | HoldReason::FewerMatches { .. });
        if is_loss && !reasons.iter().any(|known| kind(known) == kind(&reason)) {
            reasons.push(reason);
        }
    }
}

/// Whether a roster is too old for answers without a warning (`roster.max_age`). One whose age is
/// unknown is: a wrong clock recorded its time.
#[must_use]
pub fn is_stale(read_at: OffsetDateTime, moment: OffsetDateTime, max_age: Duration) -> bool {
    age(moment, read_at).is_none_or(|age| age > max_age)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn standing(people: usize, accounts: usize, matched: usize) -> Standing {
        let ids = |count: usize| (0..count).map(|id| UserId::new(id.to_string())).collect();
        Standing {
            active_people: people,
            rows: people,
            without_address: 0,
            fields: [Field::Email, Field::Name, Field::Status, Field::Ended, Field::Manager].into(),
            accounts: ids(accounts),
            matched: ids(matched),
        }
    }

    fn held(before: &Standing, after: &Standing) -> Vec<HoldReason> {
        reasons_to_hold(Some(before), after, 20)
    }

    #[test]
    fn the_same_roster_and_a_growing_one_come_into_force() {
        let before = standing(100, 10, 8);
        assert_eq!(held(&before, &before), []);
        assert_eq!(held(&before, &standing(200, 12, 12)), []);
        assert_eq!(held(&standing(0, 0, 0), &standing(0, 0, 0)), []);
    }

    #[test]
    fn a_loss_of_people_is_held_if_it_is_large_and_not_a_handful() {
        let before = standing(100, 10, 8);
        assert_eq!(held(&before, &standing(80, 10, 8)), []);
        let reasons = held(&before, &standing(79, 10, 8));
        assert_eq!(reasons, [HoldReason::FewerPeople { before: 100, after: 79, max_shrink: 20 }]);
        assert_eq!(
            reasons[0].to_string(),
            "79 of 100 active people are left, which is a loss of more than 20 %"
        );
        assert_eq!(held(&standing(10, 10, 8), &standing(5, 10, 8)), []);
        assert_eq!(held(&standing(10, 10, 8), &standing(4, 10, 8)).len(), 1);
    }

    #[test]
    fn a_loss_of_matched_accounts_is_held_unless_it_is_one() {
        let before = standing(1_000, 10, 10);
        assert_eq!(held(&before, &standing(999, 10, 8)), []);
        let expected = HoldReason::FewerMatches { before: 10, lost: 3, max_shrink: 20 };
        assert_eq!(held(&before, &standing(999, 10, 7)), [expected]);
        assert_eq!(held(&standing(9, 3, 3), &standing(9, 3, 2)), []);
        assert_eq!(held(&standing(9, 3, 3), &standing(9, 3, 1)).len(), 1);
        // As many accounts are matched as before, but they are others.
        let mut others = before.clone();
        others.matched = (10..20).map(|id| UserId::new(id.to_string())).collect();
        assert_eq!(held(&before, &others).len(), 1);
    }

    #[test]
    fn lost_addresses_and_lost_columns_are_held() {
        let before = standing(100, 10, 8);
        let with = |without| Standing { without_address: without, ..before.clone() };
        assert_eq!(held(&before, &with(20)), []);
        let expected = HoldReason::FewerAddresses { without: 21, rows: 100 };
        assert_eq!(held(&before, &with(21)), [expected]);
        assert_eq!(held(&with(30), &with(30)), [], "it did not rise");
        let mut fewer = before.clone();
        fewer.fields.remove(&Field::Manager);
        assert_eq!(held(&before, &fewer), []);
        fewer.fields.remove(&Field::Ended);
        let missing = vec![Field::Ended, Field::Manager];
        assert_eq!(held(&before, &fewer), [HoldReason::FewerColumns { missing }]);
    }

    #[test]
    fn a_first_version_must_match_half_of_the_accounts() {
        assert_eq!(reasons_to_hold(None, &standing(3, 10, 5), 20), []);
        let expected = HoldReason::FewMatchesAtFirst { matched: 4, accounts: 10 };
        assert_eq!(reasons_to_hold(None, &standing(500, 10, 4), 20), [expected]);
        assert_eq!(reasons_to_hold(None, &standing(3, 0, 0), 20), []);
    }

    #[test]
    fn a_roster_grows_stale_after_its_age() {
        let read = datetime!(2026-03-01 12:00 UTC);
        let week = Duration::days(7);
        assert!(!is_stale(read, read + week, week));
        assert!(is_stale(read, read + week + Duration::SECOND, week));
        assert!(!is_stale(read, read - Duration::SECOND, week));
        assert!(is_stale(read, read - Duration::HOUR, week), "the age is unknown");
    }
}
