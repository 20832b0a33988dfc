//! How texts are compared: without regard to case where an attribute is not `caseExact`, and always
//! independently of their Unicode form.
//!
//! RFC 7644 §5 has service providers compare user names as PRECIS does. The PRECIS profile for this
//! is UsernameCaseMapped (RFC 8265 §3.3): wide and narrow characters are mapped to their usual
//! forms, upper case to lower case, and the result is normalised to Unicode Normalization Form C.
//! Filters, sorting, searches and look-ups by name use this module, so `é` as one character and `é`
//! as two are equal in all of these.
//!
//! NB: two deviations from that profile. First, a name that the profile refuses, such as one with a
//! space or with characters of both directions, is compared all the same: Intercom decides which
//! names are valid. Second, Greek final sigma is mapped to sigma. Otherwise the lower case of a
//! letter would depend on the letters around it, and a substring would not match its word.

use std::borrow::Cow;

use unicode_normalization::char::{decompose_compatible, is_combining_mark};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Returns the form in which a text is compared.
#[must_use]
pub fn comparable(text: &str, case_exact: bool) -> Cow<'_, str> {
    if case_exact { composed(text) } else { folded(text) }
}

/// Returns the form in which a text is compared without regard to case. Most texts are in lower
/// case already and are borrowed.
#[must_use]
pub fn folded(text: &str) -> Cow<'_, str> {
    // No early exit, so that the loop vectorises.
    let changes =
        text.bytes().fold(false, |any, byte| any | !byte.is_ascii() | byte.is_ascii_uppercase());
    if !changes {
        text.into()
    } else if text.is_ascii() {
        text.to_ascii_lowercase().into()
    } else {
        folded_beyond_ascii(text).into()
    }
}

/// Returns the form in which people search a text: without regard to case and accents, so that
/// `Zoë` is found as `zoe`. NB: SCIM's filters do not use it: RFC 7644 §5 keeps accents.
#[must_use]
pub fn unaccented(text: &str) -> Cow<'_, str> {
    match folded(text) {
        folded if folded.is_ascii() => folded,
        folded => folded.nfd().filter(|letter| !is_combining_mark(*letter)).nfc().collect(),
    }
}

/// Returns the form in which a text is compared with regard to case.
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
            // The characters that Unicode defines as wide or narrow forms of others.
            '\u{3000}' | '\u{FF01}'..='\u{FFEE}' => {
                decompose_compatible(letter, |usual| lower(usual, &mut folded));
            }
            letter => lower(letter, &mut folded),
        }
    }
    // Without combining characters nothing can be composed. U+0300 is the first one; most European
    // text stays below it.
    let composed = folded.chars().all(|letter| letter < '\u{300}');
    if composed || is_nfc_quick(folded.chars()) == IsNormalized::Yes {
        folded
    } else {
        folded.nfc().collect()
    }
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
        for (first, second) in
            [("é", "e"), ("ß", "ss"), ("ı", "i"), ("x²", "x2"), ("а", "a"), ("ﬁ", "fi")]
        {
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

    /// Tests every Unicode character from U+0080 on.
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
