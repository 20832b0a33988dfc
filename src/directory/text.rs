//! How texts are compared: in any case where case does not matter, and always in whichever Unicode form they came.
//!
//! RFC 7644 §5 has service providers compare user names as PRECIS does. Its profile for that is UsernameCaseMapped (RFC 8265
//! §3.3): wide and narrow characters become their usual ones, upper case becomes lower case, and what can be composed is
//! composed (Unicode Normalization Form C). All texts that are compared go through here, so that `é` in one character and
//! `é` in two are the same in filters, in sorting, in searches and where a name is looked up.
//!
//! NB: two deviations from that profile. A name that it would refuse, such as one with a space or with characters of both
//! directions, is compared all the same: Intercom decides what a name is. And Greek final sigma is a sigma: what is lower
//! case depends on the letters around it otherwise, and a part of a word would not be found in the word.

use std::borrow::Cow;

use unicode_normalization::char::decompose_compatible;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// A text as it is compared.
#[must_use]
pub fn comparable(text: &str, case_exact: bool) -> Cow<'_, str> {
    if case_exact { composed(text) } else { folded(text) }
}

/// A text as it is compared where case does not matter. Most are in lower case already, and are not copied.
#[must_use]
pub fn folded(text: &str) -> Cow<'_, str> {
    // To the end in any case: then many bytes are looked at in one step.
    let changes = text.bytes().fold(false, |any, byte| any | !byte.is_ascii() | byte.is_ascii_uppercase());
    if !changes {
        text.into()
    } else if text.is_ascii() {
        text.to_ascii_lowercase().into()
    } else {
        folded_beyond_ascii(text).into()
    }
}

/// A text as it is compared where case matters.
#[must_use]
pub fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        text.into()
    } else {
        text.nfc().collect::<String>().into()
    }
}

fn folded_beyond_ascii(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            // The characters that Unicode calls wide or narrow forms of others.
            '\u{3000}' | '\u{FF01}'..='\u{FFEE}' => decompose_compatible(letter, |usual| lower(usual, &mut folded)),
            letter => lower(letter, &mut folded),
        }
    }
    // Before the first combining character nothing can be composed, and European languages need little beyond it.
    let composed = folded.chars().all(|letter| letter < '\u{300}');
    if composed || is_nfc_quick(folded.chars()) == IsNormalized::Yes { folded } else { folded.nfc().collect() }
}

fn lower(letter: char, folded: &mut String) {
    match letter {
        'ς' => folded.push('σ'),
        letter => folded.extend(letter.to_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_is_the_same_in_any_case_and_any_form() {
        for (first, second) in [
            ("ada", "ADA"),
            ("Chén Wèi", "CHE\u{301}N WE\u{300}I"),
            ("Ångström", "A\u{30a}ngstro\u{308}m"),
            ("Å", "\u{212b}"),
            ("가", "\u{1100}\u{1161}"),
            ("Ａｄａ＠ｅｘａｍｐｌｅ．ｃｏｍ", "ada@example.com"),
            ("ｶﾞ", "ガ"),
            ("a\u{3000}b", "a b"),
            ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
            ("q\u{307}\u{323}", "q\u{323}\u{307}"),
        ] {
            assert_eq!(folded(first), folded(second), "{first} {second}");
        }
        assert_eq!(composed("e\u{301}"), "é");
    }

    #[test]
    fn texts_that_only_look_alike_stay_different() {
        for (first, second) in [("é", "e"), ("ß", "ss"), ("ı", "i"), ("x²", "x2"), ("а", "a"), ("ﬁ", "fi")] {
            assert_ne!(folded(first), folded(second), "{first} {second}");
        }
        assert_ne!(composed("É"), composed("é"));
        assert_ne!(composed("Ａ"), composed("A"));
    }

    #[test]
    fn a_text_without_a_need_is_not_copied() {
        assert!(matches!(folded("ada@example.com"), Cow::Borrowed(_)));
        assert!(matches!(composed("Chén"), Cow::Borrowed(_)));
    }

    /// Of every character there is.
    #[test]
    fn every_character_is_the_same_in_all_its_forms_and_compared_once_is_compared_for_good() {
        let mut buffer = [0; 4];
        for letter in '\u{80}'..=char::MAX {
            let text = letter.encode_utf8(&mut buffer);
            let once = folded(text);
            assert_eq!(folded(&once), once, "{letter:?}");
            if is_nfc_quick(text.chars()) != IsNormalized::Yes || text.nfd().ne(text.chars()) {
                assert_eq!(folded(&text.nfd().collect::<String>()), once, "{letter:?}");
                assert_eq!(folded(&text.nfc().collect::<String>()), once, "{letter:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_the_same_in_all_its_forms(text in "(\\PC|[a-zA-ZÀ-ÿΑ-ω\u{300}-\u{345}\u{ac00}-\u{ac20}\u{1100}-\u{11ff}\u{ff61}-\u{ff9f}İÅ]){0,12}") {
            let (apart, together): (String, String) = (text.nfd().collect(), text.nfc().collect());
            let once = folded(&text);
            prop_assert_eq!(folded(&apart), once.clone());
            prop_assert_eq!(folded(&together), once.clone());
            prop_assert_eq!(folded(&once), once.clone());
            prop_assert_eq!(composed(&apart), composed(&text));
        }
    }
}
