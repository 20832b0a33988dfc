//! Ids of people in their normal form.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Identifies a person of a roster. It is the first of these that the row has: the key column, the
/// employee number, the id of the source, the primary address. It is unique within a roster, and
/// usually the same from one version to the next.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonKey(Box<str>);

impl PersonKey {
    /// Creates a key; `None` if the text is empty in its normal form.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = normal_id(text);
        (!text.is_empty()).then(|| Self(text.as_ref().into()))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PersonKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PersonKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a character has no width. Text that was copied from web pages and spreadsheets often has
/// such characters.
#[must_use]
pub fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// Returns the normal form of an id: in Unicode Normalization Form C, without invisible characters
/// and surrounding blanks. Case and leading zeros stay, because ids are texts, not numbers.
#[must_use]
pub fn normal_id(text: &str) -> Cow<'_, str> {
    let clean = !text.chars().any(is_invisible)
        && (text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes);
    if clean {
        return text.trim().into();
    }
    let text: String = text.nfc().filter(|letter| !is_invisible(*letter)).collect();
    // Once an invisible character between two others is removed, these may compose.
    text.trim().nfc().collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_keep_zeros_and_case_and_lose_invisible_characters() {
        for (text, expected) in [
            (" 00123\t", "00123"),
            ("E-17\u{200b}", "E-17"),
            ("\u{feff}e-17", "e-17"),
            ("Zoe\u{301}", "Zo\u{e9}"),
            ("a b", "a b"),
            (" \u{a0}", ""),
        ] {
            assert_eq!(normal_id(text), expected);
        }
        assert_eq!(PersonKey::new(" \u{200b} "), None);
    }

    proptest! {
        #[test]
        fn the_normal_form_is_its_own_normal_form(text in "[a-c \u{200b}e\u{301}\u{ad}]{0,8}|\\PC{0,12}") {
            let once = normal_id(&text).into_owned();
            prop_assert_eq!(normal_id(&once), once.clone());
        }
    }
}
