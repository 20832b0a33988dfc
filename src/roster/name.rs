//! Names of people in a form in which they can be compared. Names only suggest; they never match.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A name without regard to case, marks, punctuation and the order of its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameForm {
    /// The words, sorted, each once.
    words: Vec<String>,
    /// The family name: the last word, or the last word before a comma.
    family: String,
    /// The first letter of the given name.
    initial: char,
}

impl NameForm {
    /// Reads a name such as `Ida Berg` or `Berg, Ida`; `None` if it has no letter or digit.
    #[must_use]
    pub fn read(name: &str) -> Option<Self> {
        let name = if name.is_ascii() {
            name.to_ascii_lowercase().replace('\'', "")
        } else {
            without_marks(name)
        };
        let family_first = name.split_once(',');
        let ordered = match family_first {
            Some((family, given)) => words(given).chain(words(family)).collect::<Vec<_>>(),
            None => words(&name).collect(),
        };
        let (Some(first), Some(last)) = (ordered.first(), ordered.last()) else { return None };
        let initial = first.chars().next()?;
        let family = (*last).to_owned();
        let mut words: Vec<String> = ordered.into_iter().map(str::to_owned).collect();
        words.sort_unstable();
        words.dedup();
        Some(Self { words, family, initial })
    }

    /// A text that is equal for names of the same words in any order.
    #[must_use]
    pub fn all_words(&self) -> String {
        self.words.join(" ")
    }

    /// A text that is equal for names of the same family name and the same first letter; `None` for
    /// a name of one word.
    #[must_use]
    pub fn family_and_initial(&self) -> Option<String> {
        (self.words.len() > 1).then(|| format!("{} {}", self.family, self.initial))
    }
}

/// Returns a name in lower case, without marks, apostrophes and compatibility characters.
fn without_marks(name: &str) -> String {
    name.nfkc()
        .flat_map(char::to_lowercase)
        .nfd()
        .filter(|letter| !is_combining_mark(*letter) && !matches!(letter, '\'' | '\u{2019}'))
        .nfc()
        .collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn form(name: &str) -> NameForm {
        NameForm::read(name).unwrap()
    }

    #[test]
    fn order_case_marks_and_punctuation_of_a_name_do_not_count() {
        for (first, second) in [
            ("Ida Berg", "BERG  ida"),
            ("Berg, Ida", "Ida Berg"),
            ("Zo\u{eb} \u{c5}str\u{f6}m", "zoe astrom"),
            ("Zoe\u{308} Astrom", "Zo\u{eb} Astrom"),
            ("Anna-Maria Neri", "Anna Maria Neri"),
            ("Sean O\u{2019}Brien", "Sean OBrien"),
            ("\u{ff29}\u{ff44}\u{ff41} Berg", "Ida Berg"),
        ] {
            assert_eq!(form(first).all_words(), form(second).all_words(), "{first} {second}");
        }
        for (first, second) in [("Ida Berg", "Ada Berg"), ("Ida Berg", "Ida"), ("Ида", "Ida")] {
            assert_ne!(form(first).all_words(), form(second).all_words(), "{first} {second}");
        }
        assert_eq!(NameForm::read(" - "), None);
    }

    #[test]
    fn family_name_and_initial_are_found_in_both_orders() {
        let expected = Some("berg i".to_owned());
        for name in ["Ida Berg", "Berg, Ida", "I. Berg", "Ida Maria Berg", "Berg, I."] {
            assert_eq!(form(name).family_and_initial(), expected, "{name}");
        }
        assert_eq!(form("Ida").family_and_initial(), None);
        assert_eq!(form("Ada Berg").family_and_initial(), Some("berg a".to_owned()));
    }

    proptest! {
        #[test]
        fn any_order_of_words_is_the_same_name(mut words in proptest::collection::vec("[a-zéÅß]{1,6}", 1..5)) {
            let name = form(&words.join(" "));
            words.reverse();
            prop_assert_eq!(form(&words.join(" ")).all_words(), name.all_words());
        }

        #[test]
        fn no_name_makes_reading_panic(name in "\\PC{0,20}") {
            let _ = NameForm::read(&name);
        }
    }
}
