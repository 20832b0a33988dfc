//! Accounts, roster and decisions put together for one moment. The views are made of it.

use std::collections::HashMap;

use time::OffsetDateTime;

use super::class::{ClassReason, Classified, classify};
use super::decision::Decisions;
use super::matching::{Account, Day, MatchRule, Outcome, match_accounts};
use super::rules::MatchSettings;
use super::{Class, Person, References, Roster};
use crate::directory::Generation;
use crate::moments::Zone;
use crate::words::words;

/// The versions of everything that a result depends on: the same versions, settings and day give
/// the same result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// The version of the roster.
    pub roster_version: u64,
    /// The generation of the directory.
    pub generation: Generation,
    /// The number of the newest decision or revocation.
    pub decisions_version: u64,
}

/// What an evaluation needs.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The accounts. Those that were removed may be among them.
    pub accounts: &'a [Account<'a>],
    /// The generation of the directory that the accounts come from.
    pub generation: Generation,
    /// The roster in force.
    pub roster: &'a Roster,
    /// The decisions in force.
    pub decisions: &'a Decisions<'a>,
    /// The settings.
    pub settings: &'a MatchSettings,
    /// The moment that the result describes.
    pub moment: OffsetDateTime,
    /// `roster.time_zone`
    pub zone: &'a Zone,
}

words! {
    /// What is wrong with the owner of a service account.
    pub enum OwnerProblem {
        /// Nobody is named.
        Missing = "missing",
        /// The named person has left, or has not started.
        Ended = "ended",
        /// What is named fits nobody in the roster, or several people.
        Unmatched = "unmatched",
    }
}

/// The result for one account.
#[derive(Clone, Debug)]
pub struct Evaluated<'a> {
    /// The account.
    pub account: &'a Account<'a>,
    /// How it was matched.
    pub outcome: Outcome,
    /// Its person.
    pub person: Option<&'a Person>,
    /// Its class.
    pub classified: Classified<'a>,
    /// What is wrong with its owner; `None` if it has one or needs none.
    pub owner_problem: Option<OwnerProblem>,
    /// Whether another active account has the same person.
    pub is_duplicate: bool,
}

/// The result for all accounts.
#[derive(Debug)]
pub struct Evaluation<'a> {
    /// The input.
    pub input: Input<'a>,
    /// The day of the moment.
    pub day: Day<'a>,
    /// The results, sorted by account id.
    pub accounts: Vec<Evaluated<'a>>,
}

impl<'a> Evaluation<'a> {
    /// Evaluates. Pure: the order of accounts, people and decisions does not matter.
    #[must_use]
    pub fn new(input: Input<'a>) -> Self {
        let Input { accounts, roster, decisions, settings, .. } = input;
        let day = Day::at(input.moment, input.zone);
        let outcomes = match_accounts(accounts, roster, decisions, settings, day);
        let mut active_accounts: HashMap<usize, usize> = HashMap::new();
        for (account, outcome) in accounts.iter().zip(&outcomes) {
            if let Outcome::Matched { person, .. } = outcome
                && account.user.active
            {
                *active_accounts.entry(*person).or_default() += 1;
            }
        }
        let mut references = None;
        let mut evaluated: Vec<Evaluated<'a>> = accounts
            .iter()
            .zip(outcomes)
            .map(|(account, outcome)| {
                let classified = classify(account, &outcome, roster, decisions, settings);
                let place = match outcome {
                    Outcome::Matched { person, .. } => Some(person),
                    _ => None,
                };
                let owner_problem = (classified.class == Class::Service).then(|| {
                    let references = references
                        .get_or_insert_with(|| References::new(roster.people(), day.today));
                    owner_problem(references, classified.owner, day)
                });
                let accounts_of_person = place.and_then(|place| active_accounts.get(&place));
                Evaluated {
                    account,
                    outcome,
                    person: place.and_then(|place| roster.people().get(place)),
                    classified,
                    owner_problem: owner_problem.flatten(),
                    is_duplicate: account.user.active
                        && accounts_of_person.is_some_and(|count| *count > 1),
                }
            })
            .collect();
        evaluated.sort_by(|first, second| first.account.user.id.cmp(&second.account.user.id));
        Self { input, day, accounts: evaluated }
    }

    /// The versions of everything that the result depends on.
    #[must_use]
    pub fn versions(&self) -> Versions {
        Versions {
            roster_version: self.input.roster.version,
            generation: self.input.generation,
            decisions_version: self.input.decisions.version,
        }
    }
}

impl Evaluated<'_> {
    /// The rule of the match.
    #[must_use]
    pub fn rule(&self) -> Option<MatchRule> {
        match self.outcome {
            Outcome::Matched { rule, .. } => Some(rule),
            _ => None,
        }
    }

    /// Whether the account is active and belongs to a person who has left.
    #[must_use]
    pub fn is_terminated_active(&self, day: Day<'_>) -> bool {
        self.account.user.active && self.person.is_some_and(|person| person.has_ended(day.today))
    }

    /// Whether the account is active and attributed to nobody. A service account needs no person,
    /// since it has an owner. An account whose class was decided needs none either. A decision
    /// that names a missing person always counts as unmatched.
    #[must_use]
    pub fn is_unmatched(&self) -> bool {
        let is_attributed = match self.classified.reason {
            ClassReason::Decision => self.classified.class != Class::Unknown,
            _ => self.classified.class == Class::Service,
        };
        let is_dangling =
            matches!(self.outcome, Outcome::Unmatched { why: super::WhyUnmatched::Dangling, .. });
        self.account.user.active
            && matches!(self.outcome, Outcome::Unmatched { .. })
            && (is_dangling || !is_attributed)
    }
}

fn owner_problem(
    references: &References<'_>,
    owner: Option<&str>,
    day: Day<'_>,
) -> Option<OwnerProblem> {
    let Some(owner) = owner else { return Some(OwnerProblem::Missing) };
    match references.person(owner) {
        None => Some(OwnerProblem::Unmatched),
        // A service account cannot answer for another.
        Some(person) if person.class == Class::Service => Some(OwnerProblem::Unmatched),
        Some(person) => match person.status_on(day.today) {
            super::Status::Active | super::Status::Leave => None,
            super::Status::Future | super::Status::Ended => Some(OwnerProblem::Ended),
        },
    }
}
