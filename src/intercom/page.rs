//! One page of an Intercom list, and what it says about further pages.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;
use serde_json::value::RawValue;

use super::wire::{Field, Object, text_of, value_of};

/// The position of the next page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// There is no further page.
    End,
    /// The same path with these query parameters.
    Query(Vec<(String, String)>),
    /// There is a further page, but its position is in no known format.
    Unknown,
}

impl Next {
    /// Parses `pages.next`: null at the end, else a URL (older API versions), a cursor object
    /// (newer ones) or a page number. Of a URL only the query is used, never the host, so that the
    /// token goes only to the configured address.
    pub fn from_pages(raw: &RawValue) -> Self {
        value_of(raw).map_or(Self::Unknown, |value| Self::from_value(&value))
    }

    /// The same for a parsed value.
    pub fn from_value(value: &Value) -> Self {
        match value {
            Value::Null | Value::Bool(false) => Self::End,
            Value::String(url) if url.trim().is_empty() => Self::End,
            Value::String(url) => match url.split_once('?') {
                Some((_, query)) => {
                    let query = query.split('#').next().unwrap_or_default();
                    Self::Query(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
                }
                None => Self::Unknown,
            },
            Value::Number(page) => Self::Query(vec![("page".to_owned(), page.to_string())]),
            Value::Object(cursor) if cursor.is_empty() => Self::End,
            Value::Object(cursor) => {
                let text = |(name, value): (&String, &Value)| match value {
                    Value::String(text) => Some((name.clone(), text.clone())),
                    Value::Number(number) => Some((name.clone(), number.to_string())),
                    _ => None,
                };
                let query: Vec<_> = cursor.iter().filter_map(text).collect();
                if query.is_empty() { Self::Unknown } else { Self::Query(query) }
            }
            Value::Bool(true) | Value::Array(_) => Self::Unknown,
        }
    }
}

/// Returns the query of the next page: the parameters of the list, replaced or completed by those
/// of `next`.
pub(super) fn next_query(
    parameters: &[(String, String)],
    next: Vec<(String, String)>,
) -> Vec<(String, String)> {
    let is_kept = |name: &String| next.iter().all(|(other, _)| other != name);
    let mut query: Vec<_> = parameters.iter().filter(|(name, _)| is_kept(name)).cloned().collect();
    query.extend(next);
    query
}

/// A page of a list, and what it says about further pages.
#[derive(Debug)]
pub(super) struct Page<'a> {
    /// The raw JSON of each entry.
    pub entries: Vec<&'a RawValue>,
    /// Where the next page is.
    pub next: Next,
    /// The number of pages, if the response states it.
    pub total_pages: Option<i64>,
    /// The number of entries on all pages, if the response states it.
    pub total_count: Option<i64>,
    /// The field that suggests that the list is incomplete, without saying where the rest is.
    pub doubt: Option<&'static str>,
}

/// Fields that indicate further entries, unless they are null, false, zero or empty. Intercom
/// documents only `pages.next`; the others occur in other lists of its API and in other APIs. Case,
/// `_` and `-` are ignored.
const MORE: &[&str] = &[
    "after",
    "continuation_token",
    "has_more",
    "has_next",
    "has_next_page",
    "is_partial",
    "is_truncated",
    "more",
    "next",
    "next_cursor",
    "next_link",
    "next_page",
    "next_page_token",
    "next_page_url",
    "next_token",
    "next_url",
    "partial",
    "scroll_param",
    "starting_after",
    "truncated",
];

/// Fields that state the number of entries on all pages, and the number of pages.
const TOTALS: &[&str] =
    &["count", "total", "total_count", "total_entries", "total_items", "total_results"];
const PAGES: &[&str] = &["page_count", "total_pages"];

/// Objects that may contain such fields.
const HOLDERS: &[&str] = &["cursors", "links", "meta", "page_info", "paging", "pagination"];

impl<'a> Page<'a> {
    /// Parses a page whose entries are in the field `name`; `None` if there is no such list.
    pub fn from_answer(answer: &Object<'a>, name: &str) -> Option<Self> {
        let mut doubt = None;
        let entries = match answer.list(name) {
            Field::Value(entries) => entries,
            // The envelope of newer resources. It is not documented for this resource: it is read,
            // but may be incomplete.
            Field::Absent => {
                doubt = Some("data");
                answer.list("data").value()?
            }
            Field::Null | Field::Unreadable => return None,
        };
        let mut page =
            Self { entries, next: Next::End, total_pages: None, total_count: None, doubt };
        page.take(answer, MORE);
        for &holder in HOLDERS {
            let Some(raw) = answer.raw_of_word(holder).filter(|raw| says_something(raw)) else {
                continue;
            };
            match Object::from_raw(raw, false) {
                Some(holder) => page.take(&holder, MORE),
                None => page.doubt = page.doubt.or(Some(holder)),
            }
        }
        match answer.object("pages") {
            Field::Value(pages) => {
                page.next = pages.raw("next").map_or(Next::End, Next::from_pages);
                let more: Vec<&str> =
                    MORE.iter().copied().filter(|member| *member != "next").collect();
                page.take(&pages, &more);
            }
            Field::Unreadable => match answer.raw("pages").and_then(amount) {
                Some(pages) => page.total_pages = page.total_pages.max(Some(pages)),
                None => page.doubt = page.doubt.or(Some("pages")),
            },
            Field::Absent | Field::Null => {}
        }
        Some(page)
    }

    /// Records what an object says about further pages.
    fn take(&mut self, holder: &Object<'_>, more: &[&'static str]) {
        let more =
            more.iter().find(|member| holder.raw_of_word(member).is_some_and(says_something));
        self.doubt = self.doubt.or(more.copied());
        let most = |names: &[&str]| {
            names.iter().filter_map(|name| amount(holder.raw_of_word(name)?)).max()
        };
        self.total_count = self.total_count.max(most(TOTALS));
        self.total_pages = self.total_pages.max(most(PAGES));
    }
}

/// Whether a field has a value that means yes, or that refers to something.
fn says_something(raw: &RawValue) -> bool {
    !matches!(raw.get().trim_matches('"').trim(), "null" | "false" | "no" | "0" | "" | "[]" | "{}")
}

/// Parses a count in any number format; [`i64::MAX`] if it is larger.
fn amount(raw: &RawValue) -> Option<i64> {
    let text = match raw.get().as_bytes().first()? {
        b'"' => text_of(raw, false, 32)?,
        _ => raw.get().to_owned(),
    };
    let number = text.parse::<f64>().ok().filter(|number| !number.is_nan())?.max(0.0);
    Some(format!("{number:.0}").parse().unwrap_or(i64::MAX))
}

/// Returns a hash by which equal records are recognised within one reading.
pub(super) fn record_hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::super::wire::Text;
    use super::*;
    use crate::limits;

    fn text(json: &str) -> Text {
        Text { text: json.to_owned(), lossy: false }
    }

    /// Returns the page of a list whose answer has these members too, without its entries.
    fn page(members: &str) -> Page<'static> {
        let answer = text(&format!(r#"{{"admins":[1,2]{members}}}"#));
        let Page { next, total_pages, total_count, doubt, .. } =
            Page::from_answer(&Object::parse(&answer).unwrap(), "admins").unwrap();
        Page { entries: Vec::new(), next, total_pages, total_count, doubt }
    }

    #[test]
    fn a_complete_list_has_no_next_page() {
        for complete in [
            "",
            r#","pages":null"#,
            r#","pages":{}"#,
            r#","has_more":false"#,
            r#","next":null,"links":{"next":""}"#,
        ] {
            let page = page(complete);
            assert_eq!(
                (page.doubt, page.next, page.total_pages, page.total_count),
                (None, Next::End, None, None),
                "{complete}"
            );
        }
    }

    #[test]
    fn every_sign_of_a_further_page_is_reported_by_its_member() {
        for (part, member) in [
            (r#","has_more":true"#, "has_more"),
            (r#","has_more":"yes""#, "has_more"),
            (r#","links":{"next":"/admins?page=2"}"#, "next"),
            (r#","pages":[1,2]"#, "pages"),
            (r#","pages":"1 of 2""#, "pages"),
            (r#","next_page":2"#, "next_page"),
            (r#","hasMore":true"#, "has_more"),
            (r#","nextPageToken":"x""#, "next_page_token"),
            (r#","_links":{"next":{"href":"/admins?page=2"}}"#, "next"),
            (r#","pageInfo":{"hasNextPage":true}"#, "has_next_page"),
            (r#","pages":{"next":null,"has_more":true}"#, "has_more"),
        ] {
            assert_eq!(page(part).doubt, Some(member), "{part}");
        }
    }

    #[test]
    fn totals_are_read_in_any_number_format() {
        let with_totals = page(r#","pages":{"total_pages":"3"},"total_count":9"#);
        assert_eq!(
            (with_totals.doubt, with_totals.next, with_totals.total_pages, with_totals.total_count),
            (None, Next::End, Some(3), Some(9))
        );
        for (total, expected) in [
            ("40.5", Some(40)),
            ("4e1", Some(40)),
            ("\"40\"", Some(40)),
            ("1e400", Some(i64::MAX)),
            ("99999999999999999999", Some(i64::MAX)),
            ("-3", Some(0)),
            ("\"many\"", None),
            ("[1]", None),
        ] {
            let count = page(&format!(r#","totalCount":{total}"#)).total_count;
            assert_eq!(count, expected, "{total}");
            let count = page(&format!(r#","meta":{{"total":{total}}}"#)).total_count;
            assert_eq!(count, expected, "{total}");
        }
        assert_eq!(page(r#","pages":3"#).total_pages, Some(3));
    }

    #[test]
    fn the_next_page_is_read_from_an_address_an_object_or_a_number() {
        /// Returns the next page of a list, with the query in a fixed order.
        fn next_page(next: &str) -> Next {
            match page(&format!(r#","pages":{{"next":{next}}}"#)).next {
                Next::Query(mut pairs) => {
                    pairs.sort();
                    Next::Query(pairs)
                }
                other => other,
            }
        }
        let query = |pairs: &[(&str, &str)]| {
            Next::Query(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect())
        };
        for (next, expected) in [
            (
                r#""https://elsewhere.example/x?page=2&per_page=5#y""#,
                query(&[("page", "2"), ("per_page", "5")]),
            ),
            (
                r#"{"starting_after":"Zm9v","page":2}"#,
                query(&[("page", "2"), ("starting_after", "Zm9v")]),
            ),
            ("3", query(&[("page", "3")])),
            (r#""soon""#, Next::Unknown),
            ("[2]", Next::Unknown),
        ] {
            assert_eq!(next_page(next), expected, "{next}");
        }
    }

    #[test]
    fn a_list_in_an_envelope_that_is_not_documented_is_not_believed_to_be_whole() {
        let answer = text(r#"{"type":"list","data":[{}],"total_count":1}"#);
        let page = Page::from_answer(&Object::parse(&answer).unwrap(), "admins").unwrap();
        assert_eq!((page.entries.len(), page.doubt), (1, Some("data")));
        assert!(
            Page::from_answer(&Object::parse(&text(r#"{"admins":null}"#)).unwrap(), "admins")
                .is_none()
        );
    }

    #[test]
    fn a_list_without_end_is_bounded() {
        let answer =
            text(&format!(r#"{{"admins":[{}0]}}"#, "0,".repeat(limits::INTERCOM_ENTRIES + 10)));
        assert_eq!(
            Page::from_answer(&Object::parse(&answer).unwrap(), "admins").unwrap().entries.len(),
            limits::INTERCOM_ENTRIES + 1
        );
    }
}
