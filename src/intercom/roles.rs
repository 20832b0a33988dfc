//! Reads the workspace's list of roles.
//!
//! Intercom: `GET /roles`, from version 2.18 on. Its description does not show the form of the list,
//! so each form that other lists of the API have is accepted.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use serde_json::Value;

use super::Client;
use super::answer::{self, malformed};
use super::error::IntercomError;
use super::page::{Next, next_query};
use super::wire::Text;
use crate::directory::{ListedRole, RoleList};
use crate::limits;

const PATH: &str = "/roles";

/// The first version of the API that has the list. It is sent with this call only.
const VERSION: &str = "2.18";

/// Reads the list of roles. Returns it with the number of entries that cannot be identified.
///
/// # Errors
/// The reason why the list, or a part of it, could not be read.
pub async fn read_roles(client: &Client) -> Result<(RoleList, usize), IntercomError> {
    let mut list = RoleList::default();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut skipped = 0;
    let mut query = Vec::new();
    for _ in 0..limits::INTERCOM_LIST_PAGES {
        let page = client.get_as(PATH, &query, VERSION, read_page).await?;
        let before = seen.len();
        for entry in &page.entries {
            match listed_role(entry) {
                Some(role) if seen.contains(&role.id) => {}
                Some(role) => {
                    seen.insert(role.id.clone());
                    list.roles.push(role);
                }
                None => skipped += 1,
            }
        }
        list.in_part = skipped > 0;
        let next = match page.next {
            Next::End => return Ok((list, skipped)),
            Next::Query(next) => next,
            Next::Unknown => {
                return Err(malformed(PATH, "`pages.next` is in no known format"));
            }
        };
        if seen.len() == before || seen.len() > limits::ROLES {
            return Err(malformed(PATH, "its pages repeat, or have too many roles"));
        }
        query = next_query(&[], next);
    }
    Err(malformed(PATH, "it has too many pages"))
}

/// A page of the list.
struct RolePage {
    entries: Vec<Value>,
    next: Next,
}

fn read_page(status: StatusCode, text: &Text) -> Result<RolePage, IntercomError> {
    if text.text.trim_start().starts_with('[') {
        let entries =
            serde_json::from_str(&text.text).map_err(|_| malformed(PATH, "it is not JSON"))?;
        return Ok(RolePage { entries, next: Next::End });
    }
    // Recognises errors that have a success status.
    answer::object(PATH, status, text)?;
    let mut body: Value =
        serde_json::from_str(&text.text).map_err(|_| malformed(PATH, "it is not JSON"))?;
    let next = body.pointer("/pages/next").map_or(Next::End, Next::from_value);
    for name in ["data", "roles"] {
        if let Some(Value::Array(entries)) = body.get_mut(name).map(Value::take) {
            return Ok(RolePage { entries, next });
        }
    }
    Err(malformed(PATH, "it has no list `data` or `roles`"))
}

/// The role of an entry; `None` without an id or a name. Other members are ignored.
fn listed_role(entry: &Value) -> Option<ListedRole> {
    let id = match entry.get("id")? {
        Value::String(id) => id.trim().to_owned(),
        Value::Number(id) if id.is_u64() => id.to_string(),
        _ => return None,
    };
    let is_id = (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    let text = |name: &str| {
        // Like the names in `/admins`, so that the same name is equal in both.
        let text = entry.get(name)?.as_str()?.replace('\0', "");
        let end = text.floor_char_boundary(text.len().min(limits::INTERCOM_TEXT_BYTES));
        Some(text[..end].trim().to_owned()).filter(|text| !text.is_empty())
    };
    let name = text("name").filter(|_| is_id)?;
    Some(ListedRole { id, name, description: text("description") })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn page(body: &Value) -> Result<Vec<ListedRole>, IntercomError> {
        let text = Text { text: body.to_string(), lossy: false };
        let page = read_page(StatusCode::OK, &text)?;
        Ok(page.entries.iter().filter_map(listed_role).collect())
    }

    #[test]
    fn each_form_of_a_list_is_read() {
        let entry = json!({"type": "role", "id": "7", "name": "Lead", "description": null});
        let role = ListedRole { id: "7".to_owned(), name: "Lead".to_owned(), description: None };
        for body in [
            json!([entry]),
            json!({"type": "list", "data": [entry]}),
            json!({"roles": [entry]}),
            json!({"data": [{"id": 7, "name": " Lead ", "permissions": {}}, {"id": "8"}, 9]}),
        ] {
            assert_eq!(page(&body), Ok(vec![role.clone()]), "{body}");
        }
        for body in [json!({"data": {}}), json!({}), json!("x")] {
            assert!(page(&body).is_err(), "{body}");
        }
    }
}
