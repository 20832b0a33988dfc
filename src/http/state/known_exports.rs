//! The measurements of the latest exports of access reviews.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use time::OffsetDateTime;
use tokio::sync::OnceCell;

use crate::directory::{Directory, Invitation, LogFacts};
use crate::identities::Assessment;
use crate::limits;
use crate::scim::ServedSnapshot;
use crate::tabular::ReviewCounts;

/// What is known of an export only after all of its rows were produced.
pub struct Measured {
    /// The numbers from which the summary of the review is made.
    pub counts: ReviewCounts,
    /// SHA-256 of the CSV.
    pub hash: Vec<u8>,
    /// The length of the CSV in bytes.
    pub length: u64,
}

/// Which directory in memory is exported. An erasure changes what a generation shows, so the number
/// of the generation does not identify the rows.
#[derive(Clone, Debug)]
pub enum DirectoryIdentity {
    /// A served snapshot.
    Served(Weak<ServedSnapshot>),
    /// A state that was read from the ledger.
    Past(Weak<Directory>),
}

impl PartialEq for DirectoryIdentity {
    fn eq(&self, other: &Self) -> bool {
        // A weak pointer keeps its address from being used again.
        match (self, other) {
            (Self::Served(one), Self::Served(other)) => one.ptr_eq(other),
            (Self::Past(one), Self::Past(other)) => one.ptr_eq(other),
            _ => false,
        }
    }
}

/// Everything that determines the bytes of an export.
pub struct ExportKey {
    /// The exported state.
    pub now: DirectoryIdentity,
    /// The earlier state that it is compared with.
    pub before: Option<DirectoryIdentity>,
    /// The moment of the exported state.
    pub as_of: OffsetDateTime,
    /// What Intercom's activity log says about accounts.
    pub log: LogFacts,
    /// The pending invitations that follow the accounts.
    pub invited: Vec<Invitation>,
    /// The moment of the earlier state.
    pub since: Option<OffsetDateTime>,
    /// Who holds the accounts.
    pub identities: Option<Weak<Assessment>>,
    /// Whether the CSV begins with a byte order mark.
    pub with_mark: bool,
}

impl PartialEq for ExportKey {
    fn eq(&self, other: &Self) -> bool {
        let same_identities = match (&self.identities, &other.identities) {
            (None, None) => true,
            (Some(one), Some(other)) => one.ptr_eq(other),
            _ => false,
        };
        same_identities
            && self.now == other.now
            && self.before == other.before
            && self.as_of == other.as_of
            && self.log == other.log
            && self.invited == other.invited
            && self.since == other.since
            && self.with_mark == other.with_mark
    }
}

/// A cache of the measurements of the last exports. Many clients request the same export at the
/// same time, and its manifest afterwards.
#[derive(Default)]
pub struct KnownExports(Mutex<VecDeque<(ExportKey, Arc<Entry>)>>);

/// An entry of the cache, which the first request for it fills.
type Entry = OnceCell<Arc<Measured>>;

impl KnownExports {
    /// Returns the measurements of an export. Simultaneous requests for the same export call
    /// `measure` once.
    ///
    /// # Errors
    /// Those of `measure`.
    pub async fn measured<E, F: Future<Output = Result<Measured, E>>>(
        &self,
        key: ExportKey,
        measure: impl FnOnce() -> F,
    ) -> Result<Arc<Measured>, E> {
        let entry = self.entry(key);
        entry.get_or_try_init(|| async { measure().await.map(Arc::new) }).await.cloned()
    }

    fn entry(&self, key: ExportKey) -> Arc<Entry> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, entry)) = known.iter().find(|(one, _)| *one == key) {
            return Arc::clone(entry);
        }
        if known.len() == limits::KNOWN_EXPORTS {
            known.pop_front();
        }
        let entry = Arc::default();
        known.push_back((key, Arc::clone(&entry)));
        entry
    }
}
