//! The words with which sources state class and status.

use std::collections::BTreeMap;

use super::{Class, SourceSystem, Status};

/// Words for classes, in the form of [`comparable_word`]. The settings add to them and overrule
/// them (`roster.classes`).
const CLASSES: [(&str, Class); 19] = [
    ("employee", Class::Employee),
    ("regular", Class::Employee),
    ("full time", Class::Employee),
    ("part time", Class::Employee),
    ("permanent", Class::Employee),
    ("intern", Class::Employee),
    ("contractor", Class::Contractor),
    ("contingent", Class::Contractor),
    ("contingent worker", Class::Contractor),
    ("consultant", Class::Contractor),
    ("vendor", Class::Contractor),
    ("temp", Class::Contractor),
    ("agency", Class::Contractor),
    ("guest", Class::Contractor),
    ("external", Class::Contractor),
    ("service", Class::Service),
    ("shared", Class::Service),
    ("functional", Class::Service),
    ("unknown", Class::Unknown),
];

/// Entra's word for every account that is not a guest. It says nothing about the class.
const NEUTRAL: &str = "member";

/// Words for statuses, in the form of [`comparable_word`].
const STATUSES: [(&str, Status); 23] = [
    ("active", Status::Active),
    ("enabled", Status::Active),
    ("true", Status::Active),
    ("employed", Status::Active),
    // Okta's statuses of users who can sign in, or will once they choose a password.
    ("provisioned", Status::Active),
    ("recovery", Status::Active),
    ("locked out", Status::Active),
    ("password expired", Status::Active),
    ("leave", Status::Leave),
    ("on leave", Status::Leave),
    ("leave of absence", Status::Leave),
    ("loa", Status::Leave),
    ("future", Status::Future),
    ("staged", Status::Future),
    ("pre hire", Status::Future),
    ("prehire", Status::Future),
    ("ended", Status::Ended),
    ("terminated", Status::Ended),
    ("inactive", Status::Ended),
    ("deprovisioned", Status::Ended),
    ("disabled", Status::Ended),
    ("false", Status::Ended),
    ("deactivated", Status::Ended),
];

/// Returns the form in which words are compared: in lower case, with one blank for each run of
/// blanks, `_` and `-`.
#[must_use]
pub fn comparable_word(word: &str) -> String {
    let word = word.to_lowercase();
    let parts = word.split(|letter: char| letter.is_whitespace() || matches!(letter, '_' | '-'));
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Returns the status of a word (in the form of [`comparable_word`]); `None` for other words.
#[must_use]
pub fn status_of(word: &str, system: Option<SourceSystem>) -> Option<Status> {
    // In these two systems, administrators suspend the accounts of people who left. In others, a
    // suspended person still belongs to the company.
    let suspends = matches!(system, Some(SourceSystem::GoogleWorkspace | SourceSystem::Okta));
    if word == "suspended" && suspends {
        return Some(Status::Ended);
    }
    STATUSES.iter().find(|(known, _)| *known == word).map(|(_, status)| *status)
}

/// What a word says about the class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassWord {
    /// It names a class.
    Class(Class),
    /// It is known and names no class. Some sources write a status such as "Terminated" into the
    /// column of the class.
    Neutral(Option<Status>),
    /// It is not known.
    Other,
}

/// The words for classes.
#[derive(Clone, Debug)]
pub struct ClassWords(BTreeMap<String, Class>);

impl ClassWords {
    /// The built-in words, with those of the settings. A word of the settings for [`Class::Bot`] is
    /// left out, and so counts as not known.
    #[must_use]
    pub fn new(own: &BTreeMap<String, Class>) -> Self {
        let known = CLASSES.into_iter().map(|(word, class)| (word.to_owned(), class));
        // Only the bridge itself says which account is Intercom's bot.
        let own = own.iter().filter(|(_, class)| **class != Class::Bot);
        let own = own.map(|(word, class)| (comparable_word(word), *class));
        Self(known.chain(own).collect())
    }

    /// Reads a word (in the form of [`comparable_word`]).
    #[must_use]
    pub fn read(&self, word: &str) -> ClassWord {
        match (self.0.get(word), status_of(word, None)) {
            (Some(class), _) => ClassWord::Class(*class),
            (None, Some(status)) => ClassWord::Neutral(Some(status)),
            (None, None) if word == NEUTRAL => ClassWord::Neutral(None),
            (None, None) => ClassWord::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_compared_without_case_and_punctuation() {
        let words = ClassWords::new(&BTreeMap::new());
        for word in ["Full-Time", "full_time", " FULL  time "] {
            let read = words.read(&comparable_word(word));
            assert_eq!(read, ClassWord::Class(Class::Employee), "{word}");
        }
        assert_eq!(words.read("terminated"), ClassWord::Neutral(Some(Status::Ended)));
        assert_eq!(words.read("member"), ClassWord::Neutral(None));
        assert_eq!(words.read("salaried ft"), ClassWord::Other);
    }

    #[test]
    fn words_of_the_settings_overrule_the_built_in_ones() {
        let own = BTreeMap::from([
            ("SALARIED_FT".to_owned(), Class::Employee),
            ("Agency".to_owned(), Class::Unknown),
            ("Robot".to_owned(), Class::Bot),
        ]);
        let words = ClassWords::new(&own);
        assert_eq!(words.read("salaried ft"), ClassWord::Class(Class::Employee));
        assert_eq!(words.read("agency"), ClassWord::Class(Class::Unknown));
        assert_eq!(words.read("robot"), ClassWord::Other);
    }

    #[test]
    fn suspended_means_ended_only_where_administrators_suspend_leavers() {
        assert_eq!(status_of("suspended", Some(SourceSystem::Okta)), Some(Status::Ended));
        assert_eq!(status_of("suspended", Some(SourceSystem::BambooHr)), None);
        assert_eq!(status_of(&comparable_word("LOCKED_OUT"), None), Some(Status::Active));
        assert_eq!(status_of(&comparable_word("Pre-Hire"), None), Some(Status::Future));
    }
}
