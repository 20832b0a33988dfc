//! What the loops of a workspace and the requests share.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use crate::access::WebhookKey;
use crate::identities::Identities;
use crate::import::{Bursts, Connector, Health, Nudge};
use crate::publish::{Live, PastStates};

/// One workspace while the bridge runs. Its loops write it, and requests read it.
pub struct WorkspaceHandle {
    /// Its name in paths and tokens.
    pub name: Arc<str>,
    /// The current and recent served snapshots.
    pub live: Arc<Live>,
    /// The state of its imports.
    pub health: Arc<Health>,
    /// Asks the importer for an import soon.
    pub nudge: Arc<Nudge>,
    /// Decides when the import after a webhook is due.
    pub bursts: Bursts,
    /// Past states, read from the ledger.
    pub past: PastStates,
    /// Who holds which account.
    pub identities: Arc<Identities>,
    /// Verifies the signatures of Intercom's webhooks; `None` without a client secret.
    pub webhook_key: ArcSwapOption<WebhookKey>,
    /// Gives the importer its access token.
    pub connector: Connector,
}
