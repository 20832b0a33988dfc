//! What the responses of identity providers say. Pure.

use serde_json::Value;

use super::error::PullError;
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
    /// of the list does not disturb.
    pub(super) fn of_config(config: &Value) -> Self {
        let pagination = member(config, "pagination");
        let has_cursors = pagination.and_then(|pagination| member(pagination, "cursor"));
        if has_cursors == Some(&Value::Bool(true)) { Self::Cursor } else { Self::Index }
    }
}

/// One page of people.
#[derive(Debug, PartialEq)]
pub(super) struct Page {
    pub people: Vec<Value>,
    /// The announced number of people of the whole list.
    pub total: Option<usize>,
    pub next_cursor: Option<String>,
}

impl Page {
    /// Reads a ListResponse (RFC 7644 §3.4.2).
    pub(super) fn of_scim(body: &Value, path: &str) -> Result<Self, PullError> {
        let malformed = || PullError::Malformed { what: path.to_owned() };
        let total = member(body, "totalResults").and_then(Value::as_u64);
        let total = total.map(|total| usize::try_from(total).unwrap_or(usize::MAX));
        let people = match member(body, "Resources") {
            Some(Value::Array(people)) => people.clone(),
            // RFC 7644 §3.4.2: `Resources` is required only if there are any.
            None | Some(Value::Null) if body.is_object() && total.is_some() => Vec::new(),
            _ => return Err(malformed()),
        };
        if !people.iter().all(Value::is_object) {
            return Err(malformed());
        }
        let next_cursor = member(body, "nextCursor").and_then(Value::as_str);
        let next_cursor = next_cursor.filter(|cursor| !cursor.is_empty()).map(str::to_owned);
        Ok(Self { people, total, next_cursor })
    }

    /// Reads a list of Okta's users.
    pub(super) fn of_okta(body: Value, path: &str) -> Result<Self, PullError> {
        match body {
            Value::Array(people) if people.iter().all(Value::is_object) => {
                Ok(Self { people, total: None, next_cursor: None })
            }
            _ => Err(PullError::Malformed { what: path.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_are_read_in_any_case() {
        let page = json!({"resources": [{"id": "1"}], "nextcursor": "x"});
        let page = Page::of_scim(&page, "users").unwrap();
        assert_eq!((page.people.len(), page.next_cursor.as_deref()), (1, Some("x")));
        let empty = Page::of_scim(&json!({"totalResults": 0}), "Users").unwrap();
        assert_eq!((empty.people.len(), empty.total), (0, Some(0)));
        for bad in [json!({}), json!([]), json!({"Resources": "x"}), json!({"Resources": [1]})] {
            assert!(Page::of_scim(&bad, "Users").is_err(), "{bad}");
        }
    }

    #[test]
    fn the_configuration_of_the_server_says_how_it_pages() {
        let cursor = json!({"pagination": {"cursor": true, "index": true}});
        assert_eq!(Paging::of_config(&cursor), Paging::Cursor);
        assert_eq!(Paging::of_config(&json!({"pagination": {"cursor": false}})), Paging::Index);
        assert_eq!(Paging::of_config(&json!({})), Paging::Index);
    }
}
