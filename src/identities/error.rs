//! Why something about identities cannot be done. No message has a value of the roster.

use crate::ledger::LedgerError;
use crate::roster::{BadDecision, BadDecisionFile};

/// Why something cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The ledger cannot be used.
    #[error("{0}")]
    Ledger(#[from] LedgerError),
    /// No roster is in force.
    #[error("no roster is in force. Import one with `roster import` or `PUT /api/v1/roster`")]
    NoRoster,
    /// No roster was in force then.
    #[error("no roster was in force at that time. Request a later time")]
    NoRosterThen,
    /// The setting is missing.
    #[error(
        "the setting roster.complete is missing: `current` if the roster holds only people who \
         work for the company now, `all` if it holds those who left, too. Without it, nobody \
         knows what a missing person means"
    )]
    NoCompleteness,
    /// Another process changed the roster again and again meanwhile.
    #[error("another process changed the roster at the same time. Try again")]
    Busy,
    /// There is no such version.
    #[error("there is no version {0} of the roster, or it is not kept any more")]
    NoSuchVersion(u64),
    /// The version is not held.
    #[error(
        "version {0} of the roster is not held. It came into force, or the source had the people \
         of the version in force again"
    )]
    NotHeld(u64),
    /// The version was compared with another one than that in force.
    #[error(
        "version {version} of the roster was compared with an earlier version than {in_force}, \
         which is in force now. Import the file again"
    )]
    Outdated {
        /// The version to accept.
        version: u64,
        /// The version in force.
        in_force: u64,
    },
    /// The account is not known.
    #[error("`account` names no account. Give its id (`adm_…`) or its address")]
    NoSuchAccount,
    /// The person is not known.
    #[error(
        "`person` matches no person, or several people, in the current roster. Give the key. The \
         roster's source, and the view `identities`, have the keys"
    )]
    NoSuchPerson,
    /// There is no person with this key in any version.
    #[error("no version of the roster has this person")]
    NobodyToForget,
    /// The person was not forgotten.
    #[error("this person was not forgotten")]
    NotForgotten,
    /// The decision cannot be recorded.
    #[error("{}", sentences(.0))]
    Decision(Vec<BadDecision>),
    /// The file of decisions cannot be recorded.
    #[error("{}", sentences(.0))]
    DecisionFile(Vec<BadDecisionFile>),
    /// There is no such decision.
    #[error("there is no decision {0}")]
    NoSuchDecision(u64),
    /// The decision was revoked before.
    #[error("decision {0} was revoked before")]
    RevokedBefore(u64),
}

/// Joins sentences. Long lists end after the first ones.
fn sentences<T: std::fmt::Display>(all: &[T]) -> String {
    const SHOWN: usize = 20;
    let mut sentences: Vec<String> = all.iter().take(SHOWN).map(ToString::to_string).collect();
    if all.len() > SHOWN {
        sentences.push(format!("and {} more", all.len() - SHOWN));
    }
    sentences.join("; ")
}
