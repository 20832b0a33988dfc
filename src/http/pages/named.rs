//! Finds the people that a viewer names in a filter: by name, address or id.

use super::viewer::Viewer;
use crate::directory::text::unaccented;
use crate::directory::{Person, UserId};
use crate::http::errors::ApiError;
use crate::http::state::service::Service;
use crate::ledger::ActorQuestion;
use crate::limits;

/// The people whose name, address or id contains a text, ignoring case and accents, and those who
/// ever had it as address. `None` if the text is empty.
pub async fn people_named(
    service: &Service,
    viewer: &Viewer,
    text: &str,
) -> Result<Option<ActorQuestion>, ApiError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let wanted = unaccented(text).into_owned();
    let id = wanted.strip_prefix("adm_").unwrap_or(&wanted).to_owned();
    let served = viewer.workspace.live.served();
    let found = service.makers.page(async move {
        let contains =
            |value: Option<&str>| value.is_some_and(|value| unaccented(value).contains(&*wanted));
        let is_named = |person: &&Person| {
            let user = &person.user;
            user.id.as_str() == id
                || contains(user.name.as_deref())
                || contains(user.email.as_deref())
        };
        let people = served.iter().flat_map(|served| &served.directory().people);
        let named = people.filter(is_named).map(|person| person.user.id.clone());
        let mut ids: Vec<UserId> = named.take(limits::PAGE_NAMED).collect();
        // A person who left long ago is known only to the history.
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        if is_id && !ids.iter().any(|known| known.as_str() == id) {
            ids.push(UserId::new(id));
        }
        ids
    });
    let mut ids = found.await?;
    let email = text.contains('@').then(|| text.to_owned());
    if let Some(email) = &email {
        let name = &viewer.workspace.name;
        let had = service.stores.ledger.people_with_address(name, email).await?;
        ids.extend(had.into_iter().take(limits::PAGE_NAMED));
        ids.sort();
        ids.dedup();
    }
    Ok(Some(ActorQuestion { ids, email }))
}
