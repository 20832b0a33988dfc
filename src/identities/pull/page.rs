//! What the responses of identity providers say. Pure.
//!
//! Each person of a page is passed on as soon as it was parsed, so that a page takes little more
//! memory than its bytes: a million empty entries compress to a few kilobytes.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::Value;
use serde_json::value::RawValue;

use super::error::PullError;
use crate::limits;
use crate::roster::member;

/// How a SCIM server pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paging {
    /// By `startIndex` and `count`.
    Index,
    /// By `cursor` (RFC 9865).
    Cursor,
}

impl Paging {
    /// Reads a ServiceProviderConfig. A server that supports both is read by cursor, which a change
    /// of the list does not disturb. A server whose description cannot be read pages by index.
    pub(super) fn of_config(config: &[u8]) -> Self {
        let config: Value = serde_json::from_slice(config).unwrap_or_default();
        let pagination = member(&config, "pagination");
        let has_cursors = pagination.and_then(|pagination| member(pagination, "cursor"));
        if has_cursors == Some(&Value::Bool(true)) { Self::Cursor } else { Self::Index }
    }
}

/// Takes one person of a page.
pub(super) type Take<'t> = dyn FnMut(&Value) -> Result<(), PullError> + 't;

/// What one page says besides its people.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Page {
    /// The announced number of people of the whole list.
    pub total: Option<usize>,
    pub next_cursor: Option<String>,
}

impl Page {
    /// Reads a ListResponse (RFC 7644 §3.4.2), and passes each of its people to `take`.
    ///
    /// # Errors
    /// [`PullError::Malformed`]; [`PullError::TooLarge`] for a person; the first error of `take`.
    pub(super) fn of_scim(body: &[u8], path: &str, take: &mut Take<'_>) -> Result<Self, PullError> {
        let mut people = People { path, take, failed: None };
        let mut json = serde_json::Deserializer::from_slice(body);
        let read = json.deserialize_map(ListResponse(&mut people));
        let read = read.and_then(|read| json.end().map(|()| read));
        let Listed { page, has_list } = people.result(read)?;
        // RFC 7644 §3.4.2: `Resources` is required only if there are any.
        if has_list || page.total.is_some() {
            Ok(page)
        } else {
            Err(PullError::Malformed { what: path.to_owned() })
        }
    }
}

/// Reads a list of Okta's users, and passes each to `take`.
///
/// # Errors
/// As for [`Page::of_scim`].
pub(super) fn read_okta(body: &[u8], path: &str, take: &mut Take<'_>) -> Result<(), PullError> {
    let mut people = People { path, take, failed: None };
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = json.deserialize_seq(&mut people).and_then(|()| json.end());
    people.result(read)
}

/// Reads a list of people one by one.
struct People<'a, 't> {
    path: &'a str,
    take: &'a mut Take<'t>,
    failed: Option<PullError>,
}

impl People<'_, '_> {
    fn result<T>(self, read: serde_json::Result<T>) -> Result<T, PullError> {
        let malformed = || PullError::Malformed { what: self.path.to_owned() };
        match self.failed {
            Some(failed) => Err(failed),
            None => read.map_err(|_| malformed()),
        }
    }

    fn add(&mut self, person: &RawValue) -> Result<(), PullError> {
        let malformed = || PullError::Malformed { what: self.path.to_owned() };
        let max = limits::PULL_PERSON_BYTES;
        if person.get().len() > max {
            return Err(PullError::TooLarge { what: format!("{} for a person", self.path), max });
        }
        let person: Value = serde_json::from_str(person.get()).map_err(|_| malformed())?;
        if person.is_object() { (self.take)(&person) } else { Err(malformed()) }
    }
}

impl<'de> Visitor<'de> for &mut People<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of people")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(person) = list.next_element::<&RawValue>()? {
            if let Err(error) = self.add(person) {
                self.failed = Some(error);
                return Err(A::Error::custom("the list is not read further"));
            }
        }
        Ok(())
    }
}

/// What was read of a ListResponse.
struct Listed {
    page: Page,
    /// Whether `Resources` was a list; false if it was missing or null.
    has_list: bool,
}

/// Reads a ListResponse.
struct ListResponse<'p, 'a, 't>(&'p mut People<'a, 't>);

impl<'de> Visitor<'de> for ListResponse<'_, '_, '_> {
    type Value = Listed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a ListResponse")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Listed, A::Error> {
        let mut listed = Listed { page: Page::default(), has_list: false };
        let mut is_read = false;
        // RFC 7643 §2.1: "Attribute names are case insensitive".
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            let is = |own: &str| name.eq_ignore_ascii_case(own);
            if is("Resources") {
                if std::mem::replace(&mut is_read, true) {
                    return Err(A::Error::custom("`Resources` is there twice"));
                }
                listed.has_list = map.next_value_seed(OptionalPeople(self.0))?;
            } else if is("totalResults") {
                let total = map.next_value::<&RawValue>()?.get().parse::<u64>().ok();
                listed.page.total = total.map(|total| usize::try_from(total).unwrap_or(usize::MAX));
            } else if is("nextCursor") {
                let cursor = serde_json::from_str::<String>(map.next_value::<&RawValue>()?.get());
                listed.page.next_cursor = cursor.ok().filter(|cursor| !cursor.is_empty());
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(listed)
    }
}

/// Reads a list of people or null. Returns whether it was a list.
struct OptionalPeople<'p, 'a, 't>(&'p mut People<'a, 't>);

impl<'de> DeserializeSeed<'de> for OptionalPeople<'_, '_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for OptionalPeople<'_, '_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of people or null")
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_seq(self.0).map(|()| true)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Reads a page, and returns what it says and how many people it has.
    fn read(body: &Value) -> Result<(Page, usize), PullError> {
        let mut people = 0;
        let body = body.to_string();
        let page = Page::of_scim(body.as_bytes(), "Users", &mut |_| {
            people += 1;
            Ok(())
        })?;
        Ok((page, people))
    }

    #[test]
    fn lists_are_read_in_any_case() {
        let (page, people) =
            read(&json!({"resources": [{"id": "1"}], "nextcursor": "x", "schemas": [[]]})).unwrap();
        assert_eq!((people, page.next_cursor.as_deref()), (1, Some("x")));
        for empty in [json!({"totalResults": 0}), json!({"Resources": null, "totalresults": 0})] {
            let (page, people) = read(&empty).unwrap();
            assert_eq!((people, page.total), (0, Some(0)));
        }
        for bad in [
            json!({}),
            json!([]),
            json!({"Resources": "x"}),
            json!({"Resources": [1]}),
            json!({"Resources": [], "resources": []}),
        ] {
            let malformed = PullError::Malformed { what: "Users".to_owned() };
            assert_eq!(read(&bad), Err(malformed), "{bad}");
        }
    }

    #[test]
    fn a_page_is_not_read_beyond_the_first_error_of_its_reader() {
        let mut people = 0;
        let list = format!("[{}", "{\"\":0},".repeat(100_000));
        let read = read_okta(list.as_bytes(), "users", &mut |_| {
            people += 1;
            if people > 10 { Err(PullError::TooMany { max: 10 }) } else { Ok(()) }
        });
        assert_eq!((read, people), (Err(PullError::TooMany { max: 10 }), 11));
    }

    #[test]
    fn one_person_has_a_bounded_size() {
        let text = "x".repeat(limits::PULL_PERSON_BYTES);
        let error = read(&json!({"Resources": [{"id": text}]})).unwrap_err();
        assert!(matches!(error, PullError::TooLarge { .. }), "{error}");
    }

    #[test]
    fn the_configuration_of_the_server_says_how_it_pages() {
        let paging = |config: Value| Paging::of_config(config.to_string().as_bytes());
        let cursor = json!({"pagination": {"cursor": true, "index": true}});
        assert_eq!(paging(cursor), Paging::Cursor);
        assert_eq!(paging(json!({"pagination": {"cursor": false}})), Paging::Index);
        assert_eq!(paging(json!({})), Paging::Index);
        assert_eq!(Paging::of_config(b"<html>"), Paging::Index);
    }
}
