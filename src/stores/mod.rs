//! What the database has beside the ledger. Each store is a small type over one
//! [`Database`], and [`Stores`] has all of them.
//!
//! ```text
//! access         OAuth clients, issued tokens and signing keys, with `clients`,
//! `client_assertions`
//!                and `keys`
//! audit          the audit trail
//! connections    Intercom's tokens, encrypted
//! enterprise     since when accounts have their values of SCIM's enterprise extension
//! notifications  how far endpoints of outbound webhooks were served
//! page_sessions  access to the console
//! posture        exceptions and answers of the posture, and since when findings exist
//! reviews        access reviews
//! requests       changes that a person must make in Intercom
//! roster         rosters of people, and decisions about accounts
//! ```

mod access;
mod audit;
mod client_assertions;
mod clients;
mod connections;
mod enterprise;
mod keys;
mod notifications;
mod page_sessions;
mod posture;
mod requests;
mod reviews;
mod roster;

pub use access::AccessStore;
pub use audit::{AuditQuestion, AuditStore};
pub use clients::{IssuedToken, OAuthClient, Revocations, Rotation};
pub use connections::{ConnectProof, ConnectionStore, SealedConnection};
pub use enterprise::EnterpriseStore;
pub use keys::SealedKey;
pub use notifications::{Delivery, NewDelivery, NotificationStore, Progress, StoredEndpoint};
pub use page_sessions::PageSessionStore;
pub use posture::{NotedFinding, NumberedFinding, PostureRecord, PostureStore};
pub use requests::{Closing, NewRequest, RequestQuestion, RequestStore};
pub use reviews::{Decided, ReviewChanged, ReviewStore, Signing, WantedItems};
pub use roster::{
    Acceptance, Forgotten, NewVersion, RosterStore, StoredVersion, Tombstones, VersionState,
    held_version, version_in_force,
};

use time::OffsetDateTime;

use crate::database::Database;
use crate::ledger::{Ahead, Ledger, LedgerError};

/// The ledger and the stores beside it, in one database.
#[derive(Clone)]
pub struct Stores {
    /// The history, and the record of imports.
    pub ledger: Ledger,
    /// OAuth clients, issued tokens and signing keys.
    pub access: AccessStore,
    /// The audit trail.
    pub audit: AuditStore,
    /// The connections to Intercom.
    pub connections: ConnectionStore,
    /// Since when accounts have their values of SCIM's enterprise extension.
    pub enterprise: EnterpriseStore,
    /// The endpoints of outbound webhooks.
    pub notifications: NotificationStore,
    /// The sessions of the console.
    pub page_sessions: PageSessionStore,
    /// What people recorded about the checks of the posture, and since when findings exist.
    pub posture: PostureStore,
    /// The changes that a person must make in Intercom.
    pub requests: RequestStore,
    /// Access reviews.
    pub reviews: ReviewStore,
    /// Rosters of people, and decisions about accounts.
    pub roster: RosterStore,
}

impl Stores {
    /// The ledger and the stores in this database.
    #[must_use]
    pub fn new(database: &Database) -> Self {
        Self {
            ledger: Ledger::new(database.clone()),
            access: AccessStore::new(database.clone()),
            audit: AuditStore::new(database.clone()),
            connections: ConnectionStore::new(database.clone()),
            enterprise: EnterpriseStore::new(database.clone()),
            notifications: NotificationStore::new(database.clone()),
            page_sessions: PageSessionStore::new(database.clone()),
            posture: PostureStore::new(database.clone()),
            requests: RequestStore::new(database.clone()),
            reviews: ReviewStore::new(database.clone()),
            roster: RosterStore::new(database.clone()),
        }
    }

    /// The recorded time of a workspace that lies farthest in the future; `None` if none does.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn times_ahead(
        &self,
        workspace: &str,
        now: OffsetDateTime,
    ) -> Result<Option<Ahead>, LedgerError> {
        let of_history = self.ledger.times_ahead(workspace, now).await?;
        let of_rosters = self.roster.times_ahead(workspace, now).await?;
        Ok(of_history.into_iter().chain(of_rosters).max_by_key(|ahead| ahead.at))
    }

    /// Closes all connections of the database.
    pub async fn close(self) {
        self.ledger.close().await;
    }
}
