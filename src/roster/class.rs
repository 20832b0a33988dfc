//! The class of an account, with its reason, and the owner of a service account.

use super::decision::Decisions;
use super::matching::{Account, Outcome};
use super::rules::MatchSettings;
use super::suggest::looks_like_service;
use super::{Address, Class, Roster};
use crate::words::words;

words! {
    /// Why an account has its class.
    pub enum ClassReason {
        /// It is Intercom's own bot.
        Machine = "machine",
        /// A decision says so.
        Decision = "decision",
        /// Its address is listed in `roster.service_accounts`.
        Setting = "setting",
        /// Its person has the class in the roster.
        Roster = "roster",
        /// Nothing says which class it has.
        Nothing = "nothing",
    }
}

/// The class of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Classified<'a> {
    /// The class.
    pub class: Class,
    /// Why.
    pub reason: ClassReason,
    /// Of a service account: what names its owner.
    pub owner: Option<&'a str>,
    /// The class that the words of the address suggest. It is only a suggestion.
    pub suggested: Option<Class>,
}

/// Returns the class of an account. A decision comes before the settings, and they before the
/// roster.
#[must_use]
pub fn classify<'a>(
    account: &Account<'_>,
    outcome: &Outcome,
    roster: &'a Roster,
    decisions: &Decisions<'a>,
    settings: &MatchSettings,
) -> Classified<'a> {
    let person = match outcome {
        Outcome::Matched { person, .. } => roster.people().get(*person),
        _ => None,
    };
    let row_owner = person.and_then(|person| person.owner.as_deref());
    let address = account.user.email.as_deref().and_then(Address::read);
    let decided = decisions.about(&account.user.id).and_then(|about| about.class);
    let is_listed = || {
        let address = address.as_ref();
        address.is_some_and(|address| settings.service_accounts.iter().any(|it| it.fits(address)))
    };
    let (class, reason, owner) = match (outcome, decided, person) {
        (Outcome::Machine, ..) => (Class::Bot, ClassReason::Machine, None),
        (_, Some((_, class, owner)), _) => (class, ClassReason::Decision, owner.or(row_owner)),
        _ if is_listed() => (Class::Service, ClassReason::Setting, row_owner),
        (.., Some(person)) if person.class != Class::Unknown => {
            (person.class, ClassReason::Roster, row_owner)
        }
        _ => (Class::Unknown, ClassReason::Nothing, None),
    };
    let guess = class == Class::Unknown
        && address.is_some_and(|address| looks_like_service(address.local()));
    Classified {
        class,
        reason,
        owner: owner.filter(|_| class == Class::Service),
        suggested: guess.then_some(Class::Service),
    }
}
