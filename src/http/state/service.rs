//! The state that all requests share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::known_exports::KnownExports;
use crate::access::{
    AnonymousLimits, AuditTrail, ClientAssertions, ClientLogin, OpenId, Tokens, network_of,
};
use crate::activity::WantedKinds;
use crate::assessment::Basis;
use crate::clock::{self, Clock};
use crate::directory::{Names, Price};
use crate::http::connection::connections::Connections;
use crate::http::errors::ApiError;
use crate::http::request::context::RequestContext;
use crate::http::request::origin::Origin;
use crate::http::response::large::Makers;
use crate::measures::Measures;
use crate::runtime::{Tasks, WorkspaceHandle};
use crate::scim::{CursorKey, Forms, PageRules};
use crate::stores::Stores;

/// The running bridge, as requests see it.
#[derive(Clone)]
pub struct Service {
    /// Issues and verifies tokens.
    pub tokens: Arc<Tokens>,
    /// How long the tokens of OAuth clients are valid.
    pub token_ttl: Duration,
    /// The rate limits of clients without a valid token.
    pub anonymous_limits: Arc<AnonymousLimits>,
    /// Verifies the secrets of OAuth clients.
    pub login: Arc<ClientLogin>,
    /// Verifies the JWTs by which OAuth clients authenticate.
    pub assertions: Arc<ClientAssertions>,
    /// Signs people in to the console by an identity provider; `None` if none is configured.
    pub open_id: Option<Arc<OpenId>>,
    /// The audit trail.
    pub trail: Arc<AuditTrail>,
    /// The metrics.
    pub measures: Arc<Measures>,
    /// The ledger and the stores beside it.
    pub stores: Stores,
    /// The clock.
    pub clock: Clock,
    /// The page sizes of lists.
    pub page_rules: PageRules,
    /// Encrypts cursors.
    pub cursor_key: Arc<CursorKey>,
    /// How old responses may be.
    pub freshness: Freshness,
    /// The forms in which roles, seats and permissions are shown.
    pub forms: Forms,
    /// The public address of the bridge, and the proxies that it trusts.
    pub origin: Origin,
    /// How names of one word are split into given and family name.
    pub names: Names,
    /// Whether users have the enterprise extension, with values of the roster.
    pub with_enterprise: bool,
    /// How long removed people stay visible.
    pub retention: Duration,
    /// The names of roles whose holders count as privileged in reviews.
    pub privileged_roles: Arc<[String]>,
    /// The kinds of entries that imports read from Intercom's activity log.
    pub activity_kinds: WantedKinds,
    /// The settings by which the checks of the posture are evaluated.
    pub posture: Arc<Basis>,
    /// How far back a full import reads Intercom's activity log.
    pub activity_lookback: Duration,
    /// After how many days without activity of its holder a paid seat counts as unused.
    pub unused_after_days: i64,
    /// What a paid seat costs a month, if it is known.
    pub seat_price: Option<Price>,
    /// The currency of that price.
    pub seat_currency: Option<String>,
    /// The endpoints of outbound webhooks: the workspace and the name of each.
    pub endpoints: Arc<[(String, String)]>,
    /// The connections of clients.
    pub connections: Arc<Connections>,
    /// The threads that make large responses.
    pub makers: Arc<Makers>,
    /// The measurements of the latest exports of reviews.
    pub known_exports: Arc<KnownExports>,
    /// Allows one import of a roster at a time: each may need much memory.
    pub roster_imports: Arc<Semaphore>,
    /// The state of the background tasks.
    pub tasks: Arc<Tasks>,
    /// Every workspace, by name.
    pub workspaces: BTreeMap<String, Arc<WorkspaceHandle>>,
}

/// How old responses may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// The greatest age of a response that does not nudge the importer. An older one is still sent.
    /// `None` for no limit.
    pub max_age: Option<Duration>,
    /// Whether every request waits for an import.
    pub read_through: bool,
    /// How long a request waits for an import.
    pub max_wait: Duration,
}

impl Service {
    /// Whether the settings have this endpoint of outbound webhooks.
    #[must_use]
    pub fn has_endpoint(&self, workspace: &str, name: &str) -> bool {
        self.endpoints.iter().any(|known| (&*known.0, &*known.1) == (workspace, name))
    }

    /// Counts a request with an invalid token, secret, signature, session or link against the rate
    /// limit of its network. Each kind has a limit of its own. Call it only after the check failed:
    /// clients with valid credentials may share the address, and must not be refused.
    ///
    /// # Errors
    /// `ApiError::TooMany` if the network has used up its limit.
    pub fn count_invalid_credential(&self, kind: &'static str) -> Result<(), ApiError> {
        let network = network_of(RequestContext::client_address());
        self.anonymous_limits.count_request(&format!("{kind} {network}")).map_err(ApiError::TooMany)
    }

    /// Returns a permit for a database lookup on behalf of an unauthenticated client. Hold it
    /// during the lookup.
    ///
    /// # Errors
    /// `ApiError::Unavailable` if no permit is free in time.
    pub async fn lookup(&self) -> Result<SemaphorePermit<'_>, ApiError> {
        let why = || {
            "too many clients are authenticating, or the database is slow; try again shortly"
                .to_owned()
        };
        self.login.lookup().await.ok_or_else(|| ApiError::Unavailable { why: why() })
    }

    /// The removal cut-off at `moment`: people who were removed before it are no longer visible.
    #[must_use]
    pub fn removal_cutoff(&self, moment: OffsetDateTime) -> OffsetDateTime {
        clock::before(moment, self.retention)
    }
}
