//! Content negotiation by `Accept` (RFC 9110 §12.5.1), for all responses. Without side effects.

/// The index in `offers` of the media type that the client prefers; `None` if it accepts none of
/// them.
///
/// `accept` are the values of the header, which may occur several times. `offers` are the media
/// types of the response, with their parameters; the default comes first.
///
/// Among types of equal weight, the order is: a type that the client names (not by `*/*` or
/// `text/*`), then the type that it names first, then the first of `offers`.
pub fn preferred<'a>(accept: impl Iterator<Item = &'a str>, offers: &[&str]) -> Option<usize> {
    let ranges: Vec<Range<'_>> =
        accept.flat_map(|value| parts(value, b',')).filter_map(Range::read).collect();
    // RFC 9110 §12.5.1: "A request without any Accept header field implies that the user agent will
    // accept any media type". An empty header is treated in the same way.
    if ranges.is_empty() {
        return Some(0);
    }
    let rated = offers.iter().enumerate().filter_map(|(number, offer)| {
        let offer = Range::read(offer)?;
        // RFC 9110 §12.5.1: "the most specific reference has precedence."
        let fitting = ranges
            .iter()
            .enumerate()
            .filter_map(|(place, range)| Some((range.fits(&offer)?, range.weight, place)));
        // A range with other parameters and weight 0 refuses another variety of the type, not this
        // one.
        let fitting =
            fitting.filter(|(fit, weight, _)| *fit != Fit::OtherParameters || *weight > 0.0);
        let (fit, weight, place) =
            fitting.max_by(|(fit, weight, place), (other_fit, other_weight, other_place)| {
                fit.cmp(other_fit).then(weight.total_cmp(other_weight)).then(other_place.cmp(place))
            })?;
        // RFC 9110 §12.4.2: "a value of 0 means "not acceptable"."
        (weight > 0.0).then_some((weight, fit > Fit::AnySubtype, place, number))
    });
    let best = rated.max_by(|one, other| {
        one.0
            .total_cmp(&other.0)
            .then(one.1.cmp(&other.1))
            .then(other.2.cmp(&one.2))
            .then(other.3.cmp(&one.3))
    });
    best.map(|(.., number)| number)
}

/// A media range with its weight.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
    weight: f32,
}

/// How a range matches a media type, in ascending order of specificity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// `*/*`
    Anything,
    /// `text/*`
    AnySubtype,
    /// The type, with parameters that the response does not have.
    ///
    /// NB: strictly, such a range does not match. But clients copy `charset`, `version` and the
    /// like from examples, and mean the type. So it matches if no better range does.
    OtherParameters,
    /// The type.
    Type,
    /// The type, with parameters that the response has.
    Parameters,
}

impl<'a> Range<'a> {
    /// Parses an element of the list; `None` if it is empty.
    fn read(text: &'a str) -> Option<Self> {
        let mut parts = parts(text, b';').map(str::trim);
        let essence = parts.next().filter(|_| !text.trim().is_empty())?;
        // An invalid media range matches nothing. But `*`, which Java's `HttpURLConnection` sends,
        // is read as `*/*`.
        let (kind, subtype) = if essence == "*" {
            ("*", "*")
        } else {
            essence.split_once('/').unwrap_or((essence, ""))
        };
        let mut range = Self {
            kind: kind.trim(),
            subtype: subtype.trim(),
            parameters: Vec::new(),
            weight: 1.0,
        };
        for part in parts.filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let name = name.trim();
            let value = value.trim().trim_matches('"');
            if name.eq_ignore_ascii_case("q") {
                range.weight = weight(value);
            } else {
                range.parameters.push((name, value));
            }
        }
        Some(range)
    }

    fn fits(&self, offer: &Self) -> Option<Fit> {
        let same = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
        if (self.kind, self.subtype) == ("*", "*") {
            return Some(Fit::Anything);
        }
        if !same(self.kind, offer.kind) {
            return None;
        }
        if self.subtype == "*" {
            return Some(Fit::AnySubtype);
        }
        if !same(self.subtype, offer.subtype) {
            return None;
        }
        let has = |(name, value): &(&str, &str)| {
            offer.parameters.iter().any(|(known, its)| same(known, name) && same(its, value))
        };
        Some(match self.parameters.as_slice() {
            [] => Fit::Type,
            all if all.iter().all(has) => Fit::Parameters,
            _ => Fit::OtherParameters,
        })
    }
}

/// Parses a weight (RFC 9110 §12.4.2), a number from 0 to 1. NB: more digits, or none before the
/// point, are accepted too. A larger number counts as 1, and an invalid weight is ignored.
fn weight(text: &str) -> f32 {
    let number = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.')
        .then(|| text.parse::<f32>().ok());
    number.flatten().map_or(1.0, |weight| weight.min(1.0))
}

/// The parts between separators that are not in a quoted string (RFC 9110 §5.6.4).
fn parts(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut quoted = false;
        let mut escaped = false;
        let end = text.bytes().position(|byte| {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                _ => {}
            }
            byte == separator && !quoted
        });
        let (part, after) = end.map_or((text, None), |end| (&text[..end], Some(&text[end + 1..])));
        rest = after;
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const JSON: &str = "application/json";
    const CSV: &str = "text/csv; charset=utf-8; header=present";

    /// Which of JSON (the default) and CSV is preferred.
    fn preferred_of(accept: &str) -> Option<&'static str> {
        preferred(accept.split('|'), &[JSON, CSV]).map(|number| ["JSON", "CSV"][number])
    }

    #[test]
    fn the_most_preferred_type_wins() {
        for (accept, answered) in [
            // Without a range, everything is accepted.
            ("", "JSON"),
            (" ", "JSON"),
            (",", "JSON"),
            ("|", "JSON"),
            ("*/*", "JSON"),
            ("*", "JSON"),
            ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", "JSON"),
            ("text/csv", "CSV"),
            ("TEXT/CSV", "CSV"),
            ("text/*", "CSV"),
            ("application/*", "JSON"),
            // Weights.
            ("text/csv;q=0.1, application/json", "JSON"),
            ("application/json;q=0.1, text/csv", "CSV"),
            ("application/json;q=0.899, text/csv;q=0.9", "CSV"),
            ("text/csv ; Q=0.1 , application/json ; Q=0.2", "JSON"),
            ("text/csv;q=0.5|application/json;q=0.7", "JSON"),
            ("text/csv;q=1.000, application/json;q=0.999", "CSV"),
            // Among equal weights: the type that the client names, and names first.
            ("text/csv, */*", "CSV"),
            ("*/*, text/csv", "CSV"),
            ("text/csv, application/json", "CSV"),
            ("application/json, text/csv", "JSON"),
            // The most specific range counts (RFC 9110 §12.5.1), wherever it stands.
            ("*/*, application/json;q=0.1", "CSV"),
            ("application/json;q=0.1, */*;q=0.5", "CSV"),
            ("text/*;q=0.9, text/csv;q=0.1, application/json;q=0.5", "JSON"),
            ("text/csv;q=0.1, text/csv;header=present, application/json;q=0.5", "CSV"),
            ("text/csv;q=0.1, text/csv;header=absent, application/json;q=0.5", "JSON"),
            // Refused types.
            ("application/json;q=0, */*", "CSV"),
            ("*/*, application/json;q=0.00", "CSV"),
            ("application/*;q=0.000, */*;q=0.1", "CSV"),
            ("text/csv;q=0, text/csv;header=present", "CSV"),
            ("application/json;indent=4;q=0, */*", "JSON"),
            // Parameters.
            ("application/json;charset=utf-8", "JSON"),
            ("text/csv; charset=ISO-8859-1, application/json;q=0.5", "CSV"),
            (r#"application/json;profile="a,b;q=0", text/csv;q=0.5"#, "JSON"),
            (r#"text/csv;x="\",application/json;q=0.1""#, "CSV"),
            // An invalid weight is ignored; one above 1 is 1.
            ("text/csv;q=high, application/json;q=0.9", "CSV"),
            ("text/csv;q=7, application/json;q=0.9", "CSV"),
            ("text/csv;q=, application/json;q=0.9", "CSV"),
        ] {
            assert_eq!(preferred_of(accept), Some(answered), "{accept}");
        }
    }

    #[test]
    fn responses_have_an_accepted_form() {
        for accept in [
            "text/html",
            "json",
            "*/*;q=0",
            "*/*;q=0.0, text/html",
            "*;q=0",
            "application/json;q=0, text/csv;q=0.00",
            "*/json",
            "application/jsonx",
            "application/",
            "/",
            ";q=1",
        ] {
            assert_eq!(preferred_of(accept), None, "{accept}");
        }
    }

    proptest! {
        /// Whatever else the header contains, a type with weight 1 is accepted, and types with
        /// weight 0 are not.
        #[test]
        fn any_header_is_read(noise in r#"[ ,;=a-z/*"\\q0-9.]{0,24}"#) {
            let refused = preferred_of(&format!("text/csv;q=0, application/json;q=0|{noise}"));
            prop_assert!(refused.is_none() || noise.contains("json") || noise.contains("csv"), "{}", noise);
            let wanted = preferred_of(&format!("text/csv;q=1|{noise}"));
            prop_assert!(wanted.is_some());
        }
    }
}
