//! What all requests share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use arc_swap::ArcSwapOption;
use time::OffsetDateTime;
use tokio::sync::SemaphorePermit;

use super::connections::Connections;
use super::errors::{ApiError, RequestContext};
use super::large::Makers;
use super::origin::Origin;
use super::reviews::KnownExports;
use super::tasks::Tasks;
use crate::access::{AnonymousLimits, AuditTrail, ClientLogin, Tokens, WebhookKey, network_of};
use crate::clock::{self, Clock};
use crate::directory::{DEFAULT_WORKSPACE, Names};
use crate::import::{Bursts, Connector, Health, Nudge};
use crate::ledger::Ledger;
use crate::measures::Measures;
use crate::publish::{Live, Past};
use crate::scim::{CursorKey, PageRules, ScimError};

/// The running bridge, as requests see it.
#[derive(Clone)]
pub struct Service {
    /// Verifies who asks.
    pub tokens: Arc<Tokens>,
    /// How long the tokens are good that OAuth clients get.
    pub token_ttl: Duration,
    /// How often those may ask who show no token that is known.
    pub strangers: Arc<AnonymousLimits>,
    /// Looks at the secrets of OAuth clients.
    pub login: Arc<ClientLogin>,
    /// What was asked.
    pub trail: Arc<AuditTrail>,
    /// What is counted and measured.
    pub measures: Arc<Measures>,
    /// Where history is, and refused writes are recorded.
    pub ledger: Ledger,
    /// The time.
    pub clock: Clock,
    /// How large pages are.
    pub page_rules: PageRules,
    /// Seals the cursors of walks over lists.
    pub cursor_key: Arc<CursorKey>,
    /// How fresh answers are.
    pub freshness: Freshness,
    /// Where clients reach the bridge.
    pub origin: Origin,
    /// How names of one word are split.
    pub names: Names,
    /// How long those who are gone stay visible.
    pub retention: Duration,
    /// Names of roles whose holders are privileged in reviews.
    pub privileged_roles: Arc<[String]>,
    /// How far back a full import reads Intercom's activity log.
    pub activity_lookback: Duration,
    /// The connections of clients.
    pub connections: Arc<Connections>,
    /// Where large answers are made.
    pub makers: Arc<Makers>,
    /// What is known of the last exports.
    pub known_exports: Arc<KnownExports>,
    /// How the tasks in the background are.
    pub tasks: Arc<Tasks>,
    /// Every workspace, by name.
    pub workspaces: BTreeMap<String, Arc<Workspace>>,
}

/// How fresh answers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// An older answer is given, and makes the bridge look for changes.
    pub max_age: Option<Duration>,
    /// Whether every question waits for what Intercom says now.
    pub read_through: bool,
    /// How long a question waits for that.
    pub max_wait: Duration,
}

/// One workspace, as requests see it.
pub struct Workspace {
    /// Its name in paths and tokens.
    pub name: Arc<str>,
    /// What is shown.
    pub live: Arc<Live>,
    /// How imports are going.
    pub health: Arc<Health>,
    /// Gets the importer to look again.
    pub nudge: Arc<Nudge>,
    /// Says when the import behind a webhook is due.
    pub bursts: Bursts,
    /// What was shown before.
    pub past: Past,
    /// Checks the signatures of Intercom's webhooks; none without a client secret.
    pub webhook_key: ArcSwapOption<WebhookKey>,
    /// Gives the importer its token.
    pub connector: Connector,
}

impl Service {
    /// Takes note of a request whose token, secret, signature, session or link was looked at and is not good. Each kind is
    /// counted for itself. Nobody with a good one is refused because of it: many clients may be behind one address.
    ///
    /// # Errors
    /// When its address has asked too much.
    pub fn stranger(&self, kind: &'static str, request: &HttpRequest) -> Result<(), ApiError> {
        let network = network_of(RequestContext::with(request, |facts| facts.forwarded.from).flatten());
        self.strangers.ask(&format!("{kind} {network}")).map_err(ApiError::TooMany)
    }

    /// The right to look something up in the database for somebody who may be anybody; to be held while that lasts.
    ///
    /// # Errors
    /// When too many others do so.
    pub async fn lookup(&self) -> Result<SemaphorePermit<'_>, ApiError> {
        let why = || "too many ask at the same time, or the database is slow; try again shortly".to_owned();
        self.login.lookup().await.ok_or_else(|| ScimError::Unavailable { why: why() }.into())
    }

    /// Who was gone by then is not visible any more at `moment`.
    #[must_use]
    pub fn gone_by(&self, moment: OffsetDateTime) -> OffsetDateTime {
        clock::before(moment, self.retention)
    }
}

/// Root of a workspace's SCIM service, without a slash at its end.
#[must_use]
pub fn scim_base_url(public_url: &str, workspace: &str) -> String {
    format!("{}/scim/v2", workspace_url(public_url, workspace))
}

/// Root of a workspace's import and change API, without a slash at its end.
#[must_use]
pub fn api_base_url(public_url: &str, workspace: &str) -> String {
    format!("{}/api/v1", workspace_url(public_url, workspace))
}

fn workspace_url(public_url: &str, workspace: &str) -> String {
    if workspace == DEFAULT_WORKSPACE { public_url.to_owned() } else { format!("{public_url}/workspaces/{workspace}") }
}
