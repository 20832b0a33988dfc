//! Reads the people of an identity provider: by SCIM with index or cursor paging (RFC 7644
//! §3.4.2.4, RFC 9865), by the SCIM API of Entra, or by the Users API of Okta. Only GET requests
//! are sent, besides the request for a token.
//!
//! A pull returns all people or an error: an incomplete list would turn colleagues into leavers.
//!
//! ```text
//! source  from where, and how the bridge signs in
//! error   why a pull failed
//! client  requests: credentials, retries, limits
//! page    what a response says. Pure
//! ```

mod client;
mod error;
mod page;
mod source;

pub use error::PullError;
pub use source::{PullCredentials, PullSource};

use std::collections::HashSet;

use serde_json::Value;

use crate::clock::Clock;
use crate::limits;
use crate::roster::{Completeness, PullKind, pulled_id, pulled_record};
use client::PullClient;
use page::{Page, Paging};

/// The attributes that a pull asks a SCIM server for.
const ATTRIBUTES: &str = "userName,externalId,active,name,displayName,emails,userType,title,\
                          urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// What separates the records of a pulled roster.
const SEPARATOR: &str = ",\n";

/// The number of people on a page of Okta.
const OKTA_PAGE: &str = "200";

/// Reads the people of an identity provider.
pub struct Puller {
    client: PullClient,
    source: PullSource,
    completeness: Completeness,
    clock: Clock,
}

/// The people that were read so far.
struct Collected {
    kind: PullKind,
    /// The records of people, each once.
    records: Vec<String>,
    /// The size of the records in bytes.
    bytes: usize,
    ids: HashSet<String>,
    /// Entries of all pages, repeated ones included.
    entries: usize,
    pages: usize,
}

impl Collected {
    fn new(kind: PullKind) -> Self {
        let ids = HashSet::new();
        Self { kind, records: Vec::new(), bytes: 0, ids, entries: 0, pages: 0 }
    }

    /// Adds one person of a page, unless the person was read before.
    fn add(&mut self, person: &Value) -> Result<(), PullError> {
        self.entries += 1;
        let is_new = pulled_id(person).is_none_or(|id| self.ids.insert(id.to_owned()));
        if is_new { self.add_record(pulled_record(self.kind, person).to_string()) } else { Ok(()) }
    }

    fn add_record(&mut self, record: String) -> Result<(), PullError> {
        if self.records.len() == limits::ROSTER_ROWS {
            return Err(PullError::TooMany { max: limits::ROSTER_ROWS });
        }
        self.bytes += record.len() + SEPARATOR.len();
        if self.bytes > limits::ROSTER_BYTES {
            return Err(PullError::TooManyBytes { max: limits::ROSTER_BYTES });
        }
        self.records.push(record);
        Ok(())
    }

    /// Counts a page that was read.
    fn end_page(&mut self) -> Result<(), PullError> {
        self.pages += 1;
        if self.pages > limits::PULL_PAGES {
            return Err(PullError::TooManyPages { max: limits::PULL_PAGES });
        }
        Ok(())
    }

    /// Checks a list that has ended.
    fn whole(self, total: Option<usize>) -> Result<Self, PullError> {
        match total {
            Some(total) if self.entries < total => {
                Err(PullError::Incomplete { read: self.records.len(), total })
            }
            // Entries that were sent twice took the places of people who were not sent: the list
            // shifted between two pages.
            Some(total) if self.records.len() < total => Err(PullError::Changing),
            _ => Ok(self),
        }
    }
}

impl Puller {
    /// Prepares a pull. Sends nothing yet.
    ///
    /// # Errors
    /// A sentence, if TLS cannot be set up.
    pub fn new(
        source: PullSource,
        completeness: Completeness,
        clock: Clock,
    ) -> Result<Self, String> {
        let client = PullClient::new(&source, clock.clone())?;
        Ok(Self { client, source, completeness, clock })
    }

    /// The name of the source.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source.source
    }

    /// Signs in with other credentials from the next pull on.
    pub fn take(&self, credentials: PullCredentials) {
        self.client.take(credentials);
    }

    /// Reads all people, and returns them as records that an import reads. The same people give
    /// the same bytes.
    ///
    /// # Errors
    /// [`PullError`].
    pub async fn pull(&self) -> Result<Vec<u8>, PullError> {
        let read = self.clock.within(limits::PULL_WAIT, self.people()).await;
        let mut records = read.ok_or(PullError::TooSlow)??;
        records.sort_unstable();
        Ok(format!("[{}]", records.join(SEPARATOR)).into_bytes())
    }

    /// Reads the records of all people.
    async fn people(&self) -> Result<Vec<String>, PullError> {
        self.client.sign_in().await?;
        if self.source.kind == PullKind::OktaApi {
            return self.okta_people().await;
        }
        match self.scim_people().await {
            // RFC 7644 §3.4.2.4: the list may change between two pages. So it is read again.
            Err(PullError::Changing) => self.scim_people().await,
            read => read,
        }
    }

    /// Reads all people of a SCIM server.
    async fn scim_people(&self) -> Result<Vec<String>, PullError> {
        let paging = self.paging().await?;
        let mut attributes = Some(ATTRIBUTES);
        let mut collected = Collected::new(self.source.kind);
        let mut cursor: Option<String> = None;
        let mut total = None;
        loop {
            let query = self.scim_query(paging, attributes, collected.entries, cursor.as_deref());
            let max = limits::PULL_PAGE_BYTES;
            let answer = match self.client.get(self.users_path(), &query, max).await {
                // Some servers do not support `attributes`.
                Err(PullError::Status { status: 400, .. })
                    if attributes.is_some() && collected.pages == 0 =>
                {
                    attributes = None;
                    continue;
                }
                answer => answer?,
            };
            let (known, entries) = (collected.records.len(), collected.entries);
            let page = Page::of_scim(&answer.body, self.users_path(), &mut |person| {
                collected.add(person)
            })?;
            collected.end_page()?;
            let new = collected.records.len() - known;
            let is_empty = collected.entries == entries;
            if page.total.is_some() && total.is_some() && page.total != total {
                return Err(PullError::Changing);
            }
            total = total.or(page.total);
            let is_last = match paging {
                Paging::Cursor => {
                    let is_repeated = page.next_cursor == cursor || (new == 0 && !is_empty);
                    if page.next_cursor.is_some() && is_repeated {
                        return Err(PullError::Repeating);
                    }
                    cursor = page.next_cursor;
                    cursor.is_none()
                }
                Paging::Index => new == 0 || total.is_some_and(|total| collected.entries >= total),
            };
            if is_last {
                return Ok(collected.whole(total)?.records);
            }
        }
    }

    fn users_path(&self) -> &'static str {
        if self.source.kind == PullKind::EntraScim { "users" } else { "Users" }
    }

    fn scim_query(
        &self,
        paging: Paging,
        attributes: Option<&str>,
        entries: usize,
        cursor: Option<&str>,
    ) -> Vec<(&'static str, String)> {
        let mut query = Vec::new();
        query.extend(attributes.map(|attributes| ("attributes", attributes.to_owned())));
        // Entra's documentation gives two different page sizes, so its own is used.
        if self.source.kind == PullKind::Scim {
            query.push(("count", limits::PULL_PAGE.to_string()));
        }
        match (paging, cursor) {
            (Paging::Index, _) => query.push(("startIndex", (entries + 1).to_string())),
            (Paging::Cursor, Some(cursor)) => query.push(("cursor", cursor.to_owned())),
            // RFC 9865 §2.1: an empty cursor begins a walk. Entra has no other paging.
            (Paging::Cursor, None) if self.source.kind == PullKind::Scim => {
                query.push(("cursor", String::new()));
            }
            (Paging::Cursor, None) => {}
        }
        query
    }

    /// How the server pages, as its ServiceProviderConfig says.
    async fn paging(&self) -> Result<Paging, PullError> {
        if self.source.kind == PullKind::EntraScim {
            return Ok(Paging::Cursor);
        }
        let max = limits::PULL_ANSWER_BYTES;
        match self.client.get("ServiceProviderConfig", &[], max).await {
            Ok(answer) => Ok(Paging::of_config(&answer.body)),
            // Servers without that resource page by index, which all had before RFC 9865.
            Err(PullError::Status { .. } | PullError::Malformed { .. }) => Ok(Paging::Index),
            Err(error) => Err(error),
        }
    }

    /// Reads all people of Okta.
    async fn okta_people(&self) -> Result<Vec<String>, PullError> {
        let limit = || ("limit", OKTA_PAGE.to_owned());
        let mut collected = Collected::new(self.source.kind);
        self.okta_list(&[limit()], &mut collected).await?;
        if self.completeness == Completeness::All {
            // The plain list leaves out users who were deprovisioned.
            let filter = ("filter", "status eq \"DEPROVISIONED\"".to_owned());
            self.okta_list(&[limit(), filter], &mut collected).await?;
        }
        Ok(collected.records)
    }

    async fn okta_list(
        &self,
        query: &[(&'static str, String)],
        collected: &mut Collected,
    ) -> Result<(), PullError> {
        let path = "api/v1/users";
        // The ids of this list: those of the other list are no repetition.
        let mut ids = HashSet::new();
        let mut answer = self.client.get(path, query, limits::PULL_PAGE_BYTES).await?;
        loop {
            let (mut entries, mut new) = (0, 0);
            page::read_okta(&answer.body, path, &mut |person| {
                entries += 1;
                let is_new = pulled_id(person).is_none_or(|id| ids.insert(id.to_owned()));
                new += usize::from(is_new);
                collected.add(person)
            })?;
            collected.end_page()?;
            match answer.next {
                Some(next) if new > 0 || entries == 0 => {
                    answer = self.client.get_next(&next).await?;
                }
                Some(_) => return Err(PullError::Repeating),
                None => return Ok(()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_people_of_all_pages_are_bounded_together() {
        let mut collected = Collected::new(PullKind::Scim);
        let name = "x".repeat(limits::PULL_PERSON_BYTES / 2);
        let person = |number: usize| json!({"id": number.to_string(), "displayName": name});
        // The same person again takes no room.
        let read = (0..1_000).try_for_each(|number| collected.add(&person(number / 2)));
        assert_eq!(read, Err(PullError::TooManyBytes { max: limits::ROSTER_BYTES }));
        assert!(collected.bytes < limits::ROSTER_BYTES + limits::PULL_PERSON_BYTES);
        assert_eq!(collected.records.len(), 127);
    }

    #[test]
    fn the_number_of_pages_is_bounded() {
        let mut collected = Collected::new(PullKind::Scim);
        let read = (0..=limits::PULL_PAGES).try_for_each(|_| collected.end_page());
        assert_eq!(read, Err(PullError::TooManyPages { max: limits::PULL_PAGES }));
        assert_eq!(collected.pages, limits::PULL_PAGES + 1);
    }
}
