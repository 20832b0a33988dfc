//! Reads the workspace's list of roles.
//!
//! Intercom: `GET /roles`, from version 2.18 on. Its description does not show the form of the list,
//! so each form that other lists of the API have is accepted.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use serde_json::value::RawValue;

use super::Client;
use super::answer::{self, malformed};
use super::error::IntercomError;
use super::page::{Next, next_query};
use super::wire::{Field, Object, Text};
use crate::directory::{ListedRole, RoleList, RoleListState};
use crate::limits;

const PATH: &str = "/roles";

/// The first version of the API that has the list. It is sent with this call only.
const VERSION: &str = "2.18";

/// Reads the list of roles. Returns it with the number of entries that cannot be identified.
///
/// # Errors
/// The reason why the list, or a part of it, could not be read.
pub async fn read_roles(client: &Client) -> Result<(RoleList, usize), IntercomError> {
    let mut list = RoleList { state: RoleListState::Read, ..RoleList::default() };
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut skipped = 0;
    let mut query = Vec::new();
    for _ in 0..limits::INTERCOM_LIST_PAGES {
        let page = client.get_as(PATH, &query, VERSION, read_page).await?;
        let before = seen.len() + skipped;
        skipped += page.skipped;
        for role in page.roles {
            if seen.insert(role.id.clone()) {
                list.roles.push(role);
            }
        }
        list.in_part = skipped > 0;
        if seen.len() + skipped > limits::ROLES {
            return Err(IntercomError::TooMany { resource: PATH.to_owned(), limit: limits::ROLES });
        }
        match page.next {
            Next::End => return Ok((list, skipped)),
            Next::Query(next) => query = next_query(&[], next),
            Next::Unknown => {
                return Err(malformed(PATH, "`pages.next` is in no known format"));
            }
        }
        if seen.len() + skipped == before {
            return Err(malformed(PATH, "its pages repeat"));
        }
    }
    Err(malformed(PATH, "it has too many pages"))
}

/// A page of the list.
struct RolePage {
    roles: Vec<ListedRole>,
    /// The number of entries that cannot be identified.
    skipped: usize,
    next: Next,
}

fn read_page(status: StatusCode, text: &Text) -> Result<RolePage, IntercomError> {
    if text.text.trim_start().starts_with('[') {
        return Ok(page(&answer::list(PATH, status, text)?, text.lossy, Next::End));
    }
    // Recognises errors that have a success status.
    let body = answer::object(PATH, status, text)?;
    let pages = body.object("pages").value();
    let next = pages.and_then(|pages| pages.raw("next").map(Next::from_pages));
    let entries = body.list("data").value().or_else(|| body.list("roles").value());
    let entries = entries.ok_or_else(|| malformed(PATH, "it has no list `data` or `roles`"))?;
    Ok(page(&entries, text.lossy, next.unwrap_or(Next::End)))
}

fn page(entries: &[&RawValue], lossy: bool, next: Next) -> RolePage {
    let roles: Vec<ListedRole> =
        entries.iter().filter_map(|raw| listed_role(&Object::from_raw(raw, lossy)?)).collect();
    RolePage { skipped: entries.len() - roles.len(), roles, next }
}

/// The role of an entry; `None` without a readable id or name. Other members are ignored.
fn listed_role(entry: &Object<'_>) -> Option<ListedRole> {
    // Ids as in the list of admins: texts of any kind, or whole numbers.
    let id = match entry.text("id", 64) {
        Field::Unreadable => entry.id("id"),
        id => id,
    };
    let id = id.value().filter(|id| id.bytes().all(|byte| byte.is_ascii_graphic()))?;
    // Like the names in `/admins`, so that the same name is equal in both.
    let text = |name: &str| entry.text(name, limits::INTERCOM_TEXT_BYTES).value();
    Some(ListedRole { id, name: text("name")?, description: text("description") })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: &impl ToString) -> Result<RolePage, IntercomError> {
        read_page(StatusCode::OK, &Text { text: body.to_string(), lossy: false })
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
            assert_eq!(read(&body).unwrap().roles, std::slice::from_ref(&role), "{body}");
        }
        for body in [json!({"data": {}}), json!({}), json!("x")] {
            assert!(read(&body).is_err(), "{body}");
        }
    }

    #[test]
    fn one_entry_that_cannot_be_read_hides_no_other() {
        let rows = r#"[{"id":"1","name":"\ud83d"},{"id":"2","name":"Agent","description":"\ud83d"},
            {"id":"3","name":""},{"id":" ","name":"x"},{"id":"a b","name":"x"},null]"#;
        let agent = ListedRole { id: "2".to_owned(), name: "Agent".to_owned(), description: None };
        for body in [rows.to_owned(), format!(r#"{{"data":{rows}}}"#)] {
            let page = read(&body).unwrap();
            assert_eq!((page.roles, page.skipped), (vec![agent.clone()], 5), "{body}");
        }
    }

    #[test]
    fn a_list_that_ends_early_is_read_again() {
        for body in [r#"[{"id":"1","name":"Ag"#, r#"{"data":[{"id":"1","name":"Ag"#, "["] {
            let error = read(&body).err().unwrap();
            assert!(error.is_transient() && !error.is_refusal(), "{body}: {error}");
        }
    }
}
