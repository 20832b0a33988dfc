//! The audit trail of requests: counted in memory when they are answered, and written to the
//! database a moment later.
//!
//! Equal requests become one entry with a count, so that a client with a thousand requests a second
//! causes one row a second. No request is left out: if there are too many different ones, entries
//! are merged by dropping details.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::{Equivalent, HashMap};
use time::OffsetDateTime;

use super::Principal;
use crate::clock::Clock;
use crate::database::AuditEntry;
use crate::database::DatabaseError;
use crate::limits;
use crate::stores::AuditStore;

/// Who made a request.
#[derive(Clone, Debug)]
pub enum AuditActor {
    /// A client with a valid token.
    Principal(Arc<Principal>),
    /// A person in the console.
    Page {
        /// The person's name.
        name: Arc<str>,
        /// The session and the way of sign-in: names need not be unique.
        session: Arc<str>,
    },
}

/// The event of a request with headers of a proxy from an address that is not trusted. `address` is
/// that of the proxy.
pub const PROXY_NOT_TRUSTED: &str = "proxy.not_trusted";

/// The name of the console in the audit trail. Recorded entries have it, so it does not change.
pub const CONSOLE: &str = "status page";

impl AuditActor {
    /// The subject, which is not necessarily unique.
    #[must_use]
    pub fn subject(&self) -> &str {
        match self {
            Self::Principal(principal) => &principal.subject,
            Self::Page { name, .. } => name,
        }
    }

    /// The unique identity.
    #[must_use]
    pub fn identity(&self) -> &str {
        match self {
            Self::Principal(principal) => &principal.identity,
            Self::Page { session, .. } => session,
        }
    }
}

impl PartialEq for AuditActor {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            // Usually both are the same `Arc`.
            (Self::Principal(one), Self::Principal(other)) if Arc::ptr_eq(one, other) => true,
            _ => self.identity() == other.identity() && self.subject() == other.subject(),
        }
    }
}

impl Eq for AuditActor {}

/// A request and the status of its response, as the audit trail counts it.
#[derive(Clone, Debug, Eq)]
pub struct Answered<'a> {
    /// Who made the request, if that is known.
    pub actor: Option<AuditActor>,
    /// The workspace, if the token is valid for it.
    pub workspace: Option<Arc<str>>,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The HTTP method.
    pub method: &'static str,
    /// The pattern of the path; `None` for a path without a route.
    pub route: Option<Arc<str>>,
    /// The id in the path.
    pub target: Option<Cow<'a, str>>,
    /// The HTTP status of the response.
    pub status: u16,
}

impl PartialEq for Answered<'_> {
    fn eq(&self, other: &Self) -> bool {
        let same = |one: &Option<Arc<str>>, other: &Option<Arc<str>>| match (one, other) {
            // Usually both are the same `Arc`.
            (Some(one), Some(other)) => Arc::ptr_eq(one, other) || one == other,
            (one, other) => one == other,
        };
        self.status == other.status
            && self.address == other.address
            && self.target == other.target
            && self.method == other.method
            && same(&self.route, &other.route)
            && same(&self.workspace, &other.workspace)
            && self.actor == other.actor
    }
}

/// Hashes only the members that differ most: this runs for each response.
impl Hash for Answered<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.target, self.status, self.address).hash(state);
    }
}

impl Answered<'_> {
    fn into_owned(self) -> Answered<'static> {
        Answered { target: self.target.map(|target| target.into_owned().into()), ..self }
    }
}

/// A borrowed key for lookups: most requests are known already, and then nothing is copied.
#[derive(Hash)]
struct Like<'a>(&'a Answered<'a>);

impl Equivalent<Answered<'static>> for Like<'_> {
    fn equivalent(&self, known: &Answered<'static>) -> bool {
        self.0 == known
    }
}

/// The number of equal requests, and the time and id of the first.
#[derive(Clone, Debug)]
struct EntryCount {
    first: OffsetDateTime,
    request_id: String,
    count: i64,
}

/// Requests and events that are not written to the database yet.
#[derive(Debug)]
pub struct AuditTrail {
    clock: Clock,
    pending: Mutex<HashMap<Answered<'static>, EntryCount>>,
    /// Events that wait for the next write.
    events: Mutex<Vec<AuditEntry>>,
}

impl AuditTrail {
    /// An empty trail.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, pending: Mutex::default(), events: Mutex::default() }
    }

    /// Counts an answered request.
    pub fn note(&self, answered: Answered<'_>, request_id: &str) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = pending.get_mut(&Like(&answered)) {
            known.count += 1;
            return;
        }
        let tally =
            EntryCount { first: self.clock.now(), request_id: request_id.to_owned(), count: 1 };
        add(&mut pending, answered.into_owned(), tally);
    }

    /// Records events at once or, if the database is busy with a large import, with the next write.
    /// Returns false if too many are waiting already.
    pub async fn record(&self, store: &AuditStore, events: Vec<AuditEntry>) -> bool {
        let recorded = self.clock.within(limits::REFUSAL_WAIT, store.record(events.clone())).await;
        if matches!(recorded, Some(Ok(()))) {
            return true;
        }
        let mut waiting = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let room = waiting.len() + events.len() <= limits::AUDIT_WAITING;
        if room {
            waiting.extend(events);
        }
        room
    }

    /// Adds an event to the next write. If too many are waiting already, the event is dropped.
    pub fn remember(&self, event: AuditEntry) {
        let mut waiting = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < limits::AUDIT_WAITING {
            waiting.push(event);
        }
    }

    /// Writes all pending requests and events to the database.
    ///
    /// # Errors
    /// [`DatabaseError`]. Then everything is kept for the next write.
    pub async fn write(&self, store: &AuditStore) -> Result<(), DatabaseError> {
        let noted =
            std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        let events =
            std::mem::take(&mut *self.events.lock().unwrap_or_else(PoisonError::into_inner));
        if noted.is_empty() && events.is_empty() {
            return Ok(());
        }
        let mut entries: Vec<AuditEntry> =
            noted.iter().map(|(answered, tally)| entry(answered, tally)).collect();
        entries.extend(events.iter().cloned());
        entries.sort_by(|a, b| (a.at, &a.request_id).cmp(&(b.at, &b.request_id)));
        let written = store.record(entries).await;
        if written.is_err() {
            let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
            for (answered, tally) in noted {
                add(&mut pending, answered, tally);
            }
            self.events.lock().unwrap_or_else(PoisonError::into_inner).extend(events);
        }
        written
    }
}

/// Adds a request to the pending ones. If there are many, drops details so that entries merge.
fn add(
    pending: &mut HashMap<Answered<'static>, EntryCount>,
    mut answered: Answered<'static>,
    tally: EntryCount,
) {
    if answered.actor.is_none() {
        // Anonymous clients can make any number of different requests.
        answered.target = None;
        let anonymous = pending.keys().filter(|answered| answered.actor.is_none()).count();
        if anonymous >= limits::AUDIT_ANONYMOUS && !pending.contains_key(&answered) {
            (answered.route, answered.method) = (None, "OTHER");
        }
        // The address is dropped last: an investigation needs it most.
        if anonymous >= 4 * limits::AUDIT_ANONYMOUS && !pending.contains_key(&answered) {
            answered.address = None;
        }
    }
    if !pending.contains_key(&answered) {
        if pending.len() >= limits::AUDIT_DETAILED {
            answered.target = None;
        }
        if pending.len() >= limits::AUDIT_PENDING {
            answered.address = None;
        }
        if pending.len() >= 2 * limits::AUDIT_PENDING {
            answered.actor = None;
        }
    }
    pending
        .entry(answered)
        .and_modify(|known| {
            known.count += tally.count;
            known.first = known.first.min(tally.first);
        })
        .or_insert(tally);
}

fn entry(answered: &Answered<'_>, tally: &EntryCount) -> AuditEntry {
    AuditEntry {
        workspace: answered.workspace.as_deref().map(str::to_owned),
        actor: answered.actor.as_ref().map(|actor| actor.subject().to_owned()),
        identity: answered.actor.as_ref().map(|actor| actor.identity().to_owned()),
        address: answered.address.map(|address| address.to_string()),
        method: Some(answered.method.to_owned()),
        route: answered.route.as_deref().map(str::to_owned),
        target: answered.target.as_deref().map(str::to_owned),
        status: Some(i32::from(answered.status)),
        count: tally.count,
        request_id: Some(tally.request_id.clone()),
        ..AuditEntry::event("request", tally.first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::Database;
    use crate::stores::Stores;

    fn answered(target: usize) -> Answered<'static> {
        Answered {
            actor: Some(AuditActor::Page { name: "Ada".into(), session: "test".into() }),
            workspace: None,
            address: Some([127, 0, 0, 1].into()),
            method: "GET",
            route: Some("/scim/v2/Users/{id}".into()),
            target: Some(format!("adm_{target}").into()),
            status: 200,
        }
    }

    #[tokio::test]
    async fn events_wait_for_a_database_that_is_busy() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", directory.path().join("ledger.db").display());
        let database = Database::open(&url).await.unwrap();
        let store = AuditStore::new(database.clone());
        let trail = AuditTrail::new(Clock::System);
        // The database is not migrated yet, so writing fails.
        let event = |name: &str| vec![AuditEntry::event(name, OffsetDateTime::UNIX_EPOCH)];
        assert!(trail.record(&store, event("token.issued")).await);
        assert!(trail.write(&store).await.is_err());
        Stores::new(&database).ledger.migrate().await.unwrap();
        assert!(trail.record(&store, event("token.refused")).await);
        trail.write(&store).await.unwrap();
        trail.write(&store).await.unwrap();
        let entries = store.entries(&crate::stores::AuditQuestion::default(), 10).await.unwrap();
        let names: Vec<&str> = entries.iter().map(|entry| entry.event.as_str()).collect();
        assert_eq!(names, ["token.refused", "token.issued"], "once each");
    }

    #[test]
    fn anonymous_requests_make_few_rows() {
        let trail = AuditTrail::new(Clock::manual(OffsetDateTime::UNIX_EPOCH));
        for number in 0..10_000_usize {
            let [.., high, low] = number.to_be_bytes();
            let address = Some([10, 0, high, low].into());
            let route = Some(format!("/{number}").into());
            trail.note(
                Answered { actor: None, address, route, status: 401, ..answered(number) },
                "id",
            );
        }
        let pending = trail.pending.lock().unwrap();
        assert!(pending.len() <= 4 * limits::AUDIT_ANONYMOUS + 1, "{}", pending.len());
        assert_eq!(pending.values().map(|tally| tally.count).sum::<i64>(), 10_000);
    }

    #[test]
    fn all_requests_are_counted_in_bounded_memory() {
        let trail = AuditTrail::new(Clock::manual(OffsetDateTime::UNIX_EPOCH));
        for target in 0..10_000_usize {
            let [.., high, low] = target.to_be_bytes();
            trail.note(
                Answered { address: Some([10, 0, high, low].into()), ..answered(target) },
                "id",
            );
            trail.note(answered(0), "id");
        }
        let pending = trail.pending.lock().unwrap();
        assert_eq!(pending.values().map(|tally| tally.count).sum::<i64>(), 20_000);
        assert_eq!(pending[&answered(0)].count, 10_000, "what is known in full stays so");
        assert!(pending.len() <= 2 * limits::AUDIT_PENDING + 10, "{}", pending.len());
    }
}
