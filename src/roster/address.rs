//! Email addresses in their normal forms.
//!
//! Two addresses belong to the same mailbox if their *exact* forms are equal. The *untagged* form
//! also removes what people add to their own address (`ida+test@…`). Only [`MatchRule::Untagged`]
//! uses it.
//!
//! [`MatchRule::Untagged`]: super::MatchRule::Untagged

use std::borrow::Cow;
use std::fmt;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use serde::{Deserialize, Deserializer, Serialize};
use unicode_normalization::UnicodeNormalization;

use super::id::is_invisible;

/// The maximum length of an address in characters (RFC 5321 §4.5.3.1: 64 for the local part, `@`,
/// 255 for the domain).
const MAX_CHARACTERS: usize = 320;

/// The domains of Google's public mail service. Dots in their local parts mean nothing.
const GMAIL: [&str; 2] = ["gmail.com", "googlemail.com"];

/// An email address in its exact form: compatibility characters replaced (NFKC), invisible
/// characters and surrounding blanks removed, in lower case, the domain in ASCII (UTS 46).
///
/// NB: RFC 5321 §2.4 says "The local-part of a mailbox MUST BE treated as case sensitive". No
/// identity provider does so, and people write their address in any case.
///
/// Lower case is not case folding: `straße@` and `strasse@` are two mailboxes. Characters that only
/// look alike stay different.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Address(Box<str>);

impl Address {
    /// Reads an address; `None` if the text is not exactly one address.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = if text.is_ascii() { text.into() } else { visible_compatible(text) };
        // The information separators, U+001C to U+001F, are not white space to Rust.
        let text = text.trim_matches(|letter: char| {
            letter.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&letter)
        });
        let text: Cow<'_, str> = if text.is_ascii() {
            text.to_ascii_lowercase().into()
        } else {
            text.to_lowercase().nfc().collect::<String>().into()
        };
        if text.chars().any(|letter| letter.is_whitespace() || letter.is_control())
            || text.chars().count() > MAX_CHARACTERS
        {
            return None;
        }
        let (local, domain) = text.split_once('@').filter(|(_, domain)| !domain.contains('@'))?;
        let domain = read_domain(domain)?;
        (!local.is_empty()).then(|| Self(format!("{local}@{domain}").into()))
    }

    /// The exact form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the `@`.
    #[must_use]
    pub fn local(&self) -> &str {
        self.parts().0
    }

    /// The domain, in ASCII.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.parts().1
    }

    /// Returns local part and domain of the untagged form: the local part ends before the first of
    /// `separators`, unless nothing would remain; the dots of a Gmail address are removed.
    #[must_use]
    pub fn untagged(&self, separators: &str) -> (Cow<'_, str>, &str) {
        let (mut local, domain) = self.parts();
        for separator in separators.chars() {
            match local.split(separator).next() {
                Some(head) if !head.is_empty() => local = head,
                _ => {}
            }
        }
        if GMAIL.contains(&domain) {
            return (local.replace('.', "").into(), GMAIL[0]);
        }
        (local.into(), domain)
    }

    fn parts(&self) -> (&str, &str) {
        // Each address has exactly one `@`: see `read`.
        self.0.split_once('@').unwrap_or((&self.0, ""))
    }
}

/// Replaces compatibility characters (NFKC) and removes invisible ones.
fn visible_compatible(text: &str) -> Cow<'_, str> {
    text.nfkc().filter(|letter| !is_invisible(*letter)).collect::<String>().into()
}

/// Returns a domain in ASCII (UTS 46), without one trailing dot; `None` if it is not a domain.
#[must_use]
pub fn read_domain(text: &str) -> Option<Cow<'_, str>> {
    let domain = text.strip_suffix(['.', '\u{3002}']).unwrap_or(text);
    if is_plain_domain(domain) {
        return Some(domain.into());
    }
    Uts46::new()
        .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::Check, DnsLength::Verify)
        .ok()
        .filter(|domain| !domain.is_empty())
}

/// Whether UTS 46 returns this domain unchanged. It is a cheap check that most domains pass.
fn is_plain_domain(domain: &str) -> bool {
    domain.len() <= 253
        && domain.split('.').all(|label| {
            let hyphens = label.starts_with('-')
                || label.ends_with('-')
                || label.get(2..4).is_some_and(|middle| middle == "--");
            (1..=63).contains(&label.len())
                && !hyphens
                && label.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        })
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        Self::read(&text).ok_or_else(|| serde::de::Error::custom("not an email address"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn untagged(text: &str) -> Option<String> {
        Address::read(text).map(|address| {
            let (local, domain) = address.untagged("+");
            format!("{local}@{domain}")
        })
    }

    #[test]
    fn each_address_has_one_exact_and_one_untagged_form() {
        for (text, exact, without_tag) in [
            (" Ida.Berg@ACME.example ", "ida.berg@acme.example", "ida.berg@acme.example"),
            (
                "\u{ff49}\u{ff44}\u{ff41}\u{ff20}acme.example",
                "ida@acme.example",
                "ida@acme.example",
            ),
            ("ida\u{200b}@acme.example", "ida@acme.example", "ida@acme.example"),
            ("\u{feff}ida@acme.example", "ida@acme.example", "ida@acme.example"),
            ("ida@b\u{fc}cher.example", "ida@xn--bcher-kva.example", "ida@xn--bcher-kva.example"),
            ("ida@XN--BCHER-KVA.example", "ida@xn--bcher-kva.example", "ida@xn--bcher-kva.example"),
            ("ida@acme.example.", "ida@acme.example", "ida@acme.example"),
            ("stra\u{df}e@acme.example", "stra\u{df}e@acme.example", "stra\u{df}e@acme.example"),
            ("STRASSE@acme.example", "strasse@acme.example", "strasse@acme.example"),
            ("\u{130}da@acme.example", "i\u{307}da@acme.example", "i\u{307}da@acme.example"),
            ("ida+intercom@acme.example", "ida+intercom@acme.example", "ida@acme.example"),
            ("+ida@acme.example", "+ida@acme.example", "+ida@acme.example"),
            ("i.d.a+x@googlemail.com", "i.d.a+x@googlemail.com", "ida@gmail.com"),
            ("i.d.a@acme.example", "i.d.a@acme.example", "i.d.a@acme.example"),
            (
                "ida_partner.example#EXT#@acme.onmicrosoft.com",
                "ida_partner.example#ext#@acme.onmicrosoft.com",
                "ida_partner.example#ext#@acme.onmicrosoft.com",
            ),
            ("e\u{301}va@acme.example", "\u{e9}va@acme.example", "\u{e9}va@acme.example"),
            ("\u{e9}va@acme.example", "\u{e9}va@acme.example", "\u{e9}va@acme.example"),
            (
                "\u{438}\u{434}\u{430}@acme.example",
                "\u{438}\u{434}\u{430}@acme.example",
                "\u{438}\u{434}\u{430}@acme.example",
            ),
        ] {
            let address = Address::read(text).unwrap();
            assert_eq!(address.as_str(), exact, "{text}");
            assert_eq!(untagged(text).as_deref(), Some(without_tag), "{text}");
        }
    }

    #[test]
    fn text_that_is_not_exactly_one_address_is_not_read() {
        for text in [
            "",
            "@",
            "ida",
            "ida@",
            "@acme.example",
            "ida\u{a0}@acme.example",
            "Ida <ida@acme.example>",
            "ida@acme@x.example",
            "ida@acme..example",
            "ida@acme.example..",
            "ida@.",
            "ida@-acme.example",
            "ida@a_b.example",
            "ida@[127.0.0.1]",
            "ida\u{1}@acme.example",
            "ida@xn--a.example",
            &format!("ida@{}.example", "x".repeat(64)),
            &format!("{}@acme.example", "x".repeat(320)),
        ] {
            assert_eq!(Address::read(text), None, "{text}");
        }
    }

    #[test]
    fn tags_end_at_the_separators_of_the_settings() {
        let address = Address::read("ida-test+x@acme.example").unwrap();
        assert_eq!(address.untagged("").0, "ida-test+x");
        assert_eq!(address.untagged("+").0, "ida-test");
        assert_eq!(address.untagged("+-").0, "ida");
    }

    proptest! {
        #[test]
        fn the_exact_form_is_its_own_exact_form(
            text in "[a-zA-Zéß\u{130}\u{301}+. \u{200b}]{0,8}@[a-zA-Zü\u{ff0e}.-]{0,12}|\\PC{0,20}",
        ) {
            if let Some(address) = Address::read(&text) {
                prop_assert_eq!(Address::read(address.as_str()), Some(address.clone()));
                let (local, domain) = address.untagged("+");
                prop_assert!(!local.is_empty() || GMAIL.contains(&domain));
            }
        }

        #[test]
        fn a_plain_domain_is_what_uts_46_returns(domain in "[a-z0-9-]{0,5}(\\.[a-z0-9-]{0,5}){0,3}") {
            if is_plain_domain(&domain) {
                let full = Uts46::new().to_ascii(
                    domain.as_bytes(), AsciiDenyList::STD3, Hyphens::Check, DnsLength::Verify,
                );
                prop_assert_eq!(full.unwrap(), domain.as_str());
            }
        }
    }
}
