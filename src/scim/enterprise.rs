//! What a roster adds to the users of a view: SCIM's enterprise extension (RFC 7643 §4.3).

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};

use super::view::{EnterpriseAt, Resource, UserRef, View};
use crate::directory::{Enterprise, EnterpriseFacts, Enterprises, Person};

impl View {
    /// Adds the enterprise extension, with the values of a roster.
    pub(super) fn with_enterprise(mut self, enterprises: &Enterprises) -> Self {
        let at = |person: &Person| {
            let enterprise = enterprises.get(&person.user.id).cloned();
            let facts = enterprise.as_ref().map(|enterprise| &enterprise.facts);
            let manager = facts.and_then(|facts| facts.manager.as_ref()?.account.as_ref());
            let manager = manager.and_then(|id| self.directory.place(id));
            EnterpriseAt { enterprise, manager }
        };
        let all: Arc<[EnterpriseAt]> = self.directory.people.iter().map(at).collect();
        self.additions = hash_of(&self.directory.people, &all);
        self.enterprise = Some(all);
        self
    }

    /// A hash of what the roster adds to users; 0 without the enterprise extension. It is the same in
    /// all processes.
    pub(super) fn additions(&self) -> u64 {
        self.additions
    }

    /// Whether users have the enterprise extension.
    pub(super) fn has_enterprise(&self) -> bool {
        self.enterprise.is_some()
    }

    /// Whether the roster adds the same to the user at a position as in an earlier view.
    pub(super) fn has_same_enterprise(&self, earlier: &Self, place: usize) -> bool {
        match (&self.enterprise, &earlier.enterprise) {
            (None, None) => true,
            (Some(now), Some(before)) => {
                let (now, before) = (now.get(place), before.get(place));
                let shows_manager =
                    |at: Option<&EnterpriseAt>| at.is_some_and(|at| at.manager.is_some());
                let facts = |at: Option<&EnterpriseAt>| at.and_then(|at| at.enterprise.clone());
                facts(now) == facts(before) && shows_manager(now) == shows_manager(before)
            }
            _ => false,
        }
    }
}

/// A hash of the times at which users got their values. A change of the values changes the time.
fn hash_of(people: &[Person], all: &[EnterpriseAt]) -> u64 {
    let mut hash = Context::new(&SHA256);
    for (person, at) in people.iter().zip(all) {
        if let Some(enterprise) = &at.enterprise {
            hash.update(person.user.id.as_str().as_bytes());
            hash.update(b" ");
            hash.update(&enterprise.changed_at.unix_timestamp_nanos().to_be_bytes());
        }
    }
    let hash = hash.finish();
    let first = hash.as_ref().first_chunk().copied().unwrap_or_default();
    // 0 stands for no extension.
    u64::from_be_bytes(first) | 1
}

impl<'a> UserRef<'a> {
    /// What the roster adds, with the time at which that changed.
    pub(super) fn enterprise_record(self) -> Option<&'a Enterprise> {
        self.view.enterprise.as_ref()?.get(self.place)?.enterprise.as_deref()
    }

    /// What the roster adds.
    pub(super) fn enterprise(self) -> Option<&'a EnterpriseFacts> {
        self.enterprise_record().map(|record| &record.facts)
    }

    /// The manager's user.
    pub(super) fn manager(self) -> Option<Resource<'a>> {
        let manager = self.view.enterprise.as_ref()?.get(self.place)?.manager?;
        self.view.user_at(manager)
    }
}
