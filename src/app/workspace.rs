//! One workspace of the bridge: its importer, its publisher, its served snapshot, and the two loops
//! that run them.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::enterprise::EnterpriseValues;
use super::identities::identities_of;
use super::supervisor::Supervisor;
use super::{StartError, days};
use crate::access::WebhookKey;
use crate::base_urls::{okta_base_url, scim_base_url};
use crate::clock::Clock;
use crate::config::{self, Config, ConfigError, WorkspaceConfig};
use crate::directory::RunId;
use crate::http::begin_counting;
use crate::import::{
    Bursts, Connector, Guard, Health, ImportOptions, Importer, Nudge, OAuthApp, OptionalReads,
    Schedule, Times, Worker,
};
use crate::intercom::Client;
use crate::ledger::{Ledger, LedgerError, Notices};
use crate::limits;
use crate::measures::Measures;
use crate::publish::{PastStates, PublishOptions, Publisher, settle_requests};
use crate::runtime::{TaskName, WorkspaceHandle};
use crate::scim::Forms;
use crate::stores::{RequestStore, Stores};

/// Returns the settings of the workspace with this name.
///
/// # Errors
/// [`StartError::Config`], which lists the existing names.
pub fn workspace_of(config: &Config, name: &str) -> Result<WorkspaceConfig, StartError> {
    let all = config.workspaces();
    let names: Vec<&str> = all.iter().map(|workspace| workspace.name.as_str()).collect();
    let unknown = || format!("there is no workspace `{name}`; there is: {}", names.join(", "));
    all.iter()
        .find(|workspace| workspace.name == name)
        .cloned()
        .ok_or_else(|| StartError::Config(ConfigError(vec![unknown()])))
}

/// Builds a workspace's importer, and the connector that gives it its access token.
///
/// # Errors
/// [`StartError::Config`] if there is neither an access token nor an OAuth app to get one with;
/// [`StartError::Client`].
pub fn importer_of(
    config: &Config,
    workspace: &WorkspaceConfig,
    ledger: &Ledger,
    clock: &Clock,
) -> Result<(Importer, Connector), StartError> {
    let connection = config.connection(workspace)?;
    let client = Arc::new(Client::new(connection, clock.clone()).map_err(StartError::Client)?);
    let options = ImportOptions {
        guard: guard(&config.import),
        activity_lookback: days(config.import.activity_lookback_days),
        activity_kinds: config.activity.types.clone(),
        store_addresses: config.activity.store_ip,
        include_bots: config.import.include_bots,
        roles: config.intercom.roles,
        lease: config.import.lease,
        optional: OptionalReads {
            identity_verification: config.posture.read_identity_verification,
            ip_allowlist: config.posture.read_ip_allowlist,
            data_connectors: config.posture.read_data_connectors,
        },
    };
    let app = workspace.client_id.clone().zip(workspace.client_secret.clone());
    let app = app.map(|(client_id, client_secret)| OAuthApp { client_id, client_secret });
    let connector =
        Connector::new(&workspace.name, Arc::clone(&client), app, ledger.clone(), clock.clone());
    Ok((Importer::new(&workspace.name, client, ledger.clone(), clock.clone(), options), connector))
}

fn guard(import: &config::Import) -> Guard {
    Guard {
        max_removals: import.max_removals,
        max_team_removals: import.max_team_removals,
        max_membership_removals: import.max_membership_removals,
        max_role_losses: import.max_role_losses,
        max_seat_losses: import.max_seat_losses,
        max_identifier_losses: import.max_identifier_losses,
        small_losses: import.small_losses,
        window: import.loss_window,
    }
}

/// The forms in which the SCIM service shows roles, seats and permissions.
pub(super) fn catalogue_forms(config: &Config) -> Forms {
    Forms { main: config.scim.roles_and_entitlements, second_okta: config.scim.okta_path }
}

/// What runs for one workspace while the bridge runs.
pub(super) struct Running {
    /// The workspace, as requests see it.
    pub workspace: Arc<WorkspaceHandle>,
    /// What gives the values of the roster to the publisher; `None` without the enterprise
    /// extension.
    pub enterprise: Option<Arc<EnterpriseValues>>,
    worker: Worker,
    publisher: Publisher,
    stores: Stores,
    clock: Clock,
}

impl Running {
    /// Prepares a workspace and publishes what was imported before.
    pub async fn prepare(
        config: &Config,
        workspace: &WorkspaceConfig,
        public_url: &str,
        stores: &Stores,
        clock: &Clock,
        measures: &Arc<Measures>,
    ) -> Result<Self, StartError> {
        let ledger = &stores.ledger;
        let (importer, connector) = importer_of(config, workspace, ledger, clock)?;
        let options = PublishOptions {
            base_url: scim_base_url(public_url, &workspace.name),
            second_base_url: config
                .scim
                .okta_path
                .then(|| okta_base_url(public_url, &workspace.name)),
            names: config.scim.one_word_names,
            forms: catalogue_forms(config),
            retention: days(config.import.retention_days),
            activity_lookback: days(config.import.activity_lookback_days),
            with_enterprise: config.scim.enterprise_from_roster,
        };
        let publisher = Publisher::new(&workspace.name, options, ledger.clone(), clock.clone());
        let identities = Arc::new(identities_of(config, &workspace.name, stores, clock));
        let values = EnterpriseValues::new(&identities, stores, &publisher, clock);
        let failed = |error: LedgerError| StartError::database(config, &error);
        // Before the first snapshot, so that a restart changes no user.
        let enterprise = values.begin(config.scim.enterprise_from_roster).await.map_err(failed)?;
        publisher.refresh().await.map_err(failed)?;
        begin_counting(measures, &workspace.name);
        let health = Arc::new(Health::default());
        let nudge = Arc::new(Nudge::default());
        let shown = WorkspaceHandle {
            name: workspace.name.as_str().into(),
            live: Arc::clone(publisher.live()),
            health: Arc::clone(&health),
            nudge: Arc::clone(&nudge),
            bursts: Bursts::default(),
            past: PastStates::new(&workspace.name, ledger.clone()),
            identities,
            webhook_key: ArcSwapOption::from(
                workspace.client_secret.as_ref().map(WebhookKey::new).map(Arc::new),
            ),
            connector,
        };
        let worker = Worker {
            importer,
            ledger: ledger.clone(),
            nudge,
            health,
            seen: Arc::clone(publisher.seen()),
            measures: Arc::clone(measures),
            clock: clock.clone(),
            schedule: Schedule {
                poll: config.import.poll_interval,
                full: config.import.full_interval,
            },
        };
        Ok(Self {
            workspace: Arc::new(shown),
            enterprise,
            worker,
            publisher,
            stores: stores.clone(),
            clock: clock.clone(),
        })
    }

    /// Starts the loops that import and publish, until `stopped` is true.
    pub fn keep(
        self,
        supervisor: &Supervisor,
        stopped: &watch::Receiver<bool>,
    ) -> [JoinHandle<()>; 2] {
        let Self { workspace, worker, publisher, stores, clock, enterprise: _ } = self;
        let name = |task| TaskName { task, workspace: Some(Arc::clone(&workspace.name)) };
        let health = Arc::clone(&workspace.health);
        let worker = Arc::new(worker);
        let shown = publisher.clone();
        let stopping = stopped.clone();
        let import = move || import_loop(Arc::clone(&worker), shown.clone(), stopping.clone());
        let importing =
            supervisor.keep(name("importer"), stopped.clone(), move || health.panicked(), import);
        let shown = Arc::clone(&workspace);
        let stopping = stopped.clone();
        let publish = move || {
            publish_loop(
                publisher.clone(),
                stores.clone(),
                Arc::clone(&shown),
                clock.clone(),
                stopping.clone(),
            )
        };
        [importing, supervisor.keep(name("publisher"), stopped.clone(), || {}, publish)]
    }
}

async fn import_loop(worker: Arc<Worker>, publisher: Publisher, stopped: watch::Receiver<bool>) {
    let publish = async move || {
        if let Err(error) = publisher.refresh().await {
            tracing::warn!(workspace = publisher.workspace(), error = %error.chain(), "the ledger could not be read; the last data is still served");
        }
    };
    worker.run(publish, stopped).await;
}

/// When the recorded times were last checked.
#[derive(Clone, Copy)]
struct TimesChecked {
    /// The newest run at that time.
    run: Option<RunId>,
    at: Duration,
}

impl TimesChecked {
    /// Whether there is another run since, or the check is old.
    fn is_due(self, newest: Option<RunId>, now: Duration) -> bool {
        self.run != newest || now.saturating_sub(self.at) >= limits::TIMES_POLL
    }
}

/// Looks for generations and runs that another process recorded or queued: at each notice of the
/// database, and every [`limits::GENERATION_POLL`].
async fn publish_loop(
    publisher: Publisher,
    stores: Stores,
    shown: Arc<WorkspaceHandle>,
    clock: Clock,
    mut stop: watch::Receiver<bool>,
) {
    let ledger = &stores.ledger;
    let workspace = publisher.workspace();
    let mut settled = None;
    let mut erased = None;
    let mut failing = false;
    let mut notices = None;
    let mut times_checked: Option<TimesChecked> = None;
    loop {
        if notices.is_none() {
            // If the database gives no notices, polling still finds everything.
            notices = ledger.notices().await.ok();
        }
        let refreshed = async {
            let erasure = ledger.last_erasure(workspace).await?;
            publisher.refresh().await?;
            if erased.replace(erasure) != Some(erasure) {
                shown.past.forget().await;
            }
            // Another process queued the import, and that process may have ended.
            if ledger.has_queued(workspace, &clock).await? {
                shown.nudge.serve_queue();
            }
            ledger.last_ended(workspace).await
        };
        let failed = match refreshed.await {
            Ok(run) => {
                let now = clock.running();
                let newest = run.as_ref().map(|run| run.id);
                if times_checked.is_none_or(|checked| checked.is_due(newest, now)) {
                    times_checked = Some(TimesChecked { run: newest, at: now });
                    check_times(&stores, &shown, &clock).await;
                }
                if let Some(run) = run {
                    shown.health.learn(&run);
                }
                false
            }
            Err(error) => {
                if !failing {
                    tracing::warn!(workspace, error = %error.chain(), "the ledger cannot be read; the last data is still served");
                }
                true
            }
        };
        if failing && !failed {
            tracing::info!(workspace, "the ledger can be read again");
        }
        failing = failed;
        let snapshot_id = shown.live.served().map(|served| served.snapshot_id());
        if settled != snapshot_id && settle(&stores.requests, &shown, &clock).await {
            settled = snapshot_id;
        }
        tokio::select! {
            () = clock.sleep(limits::GENERATION_POLL) => {}
            notice = next_notice(&mut notices) => if notice.is_err() { notices = None },
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
}

/// Closes the requests that an import has fulfilled. Returns whether that succeeded; if not, the
/// next round tries again.
async fn settle(requests: &RequestStore, shown: &WorkspaceHandle, clock: &Clock) -> bool {
    let settled =
        settle_requests(requests, &shown.name, &shown.live, &shown.past, clock.now()).await;
    if let Err(error) = &settled {
        tracing::debug!(workspace = %shown.name, error = %error.chain(), "the requests could not be checked");
    }
    settled.is_ok()
}

/// Updates the workspace's health with recorded times that lie in the future, and with a clock that
/// differs from Intercom's.
async fn check_times(stores: &Stores, shown: &WorkspaceHandle, clock: &Clock) {
    let now = clock.now();
    match stores.times_ahead(&shown.name, now).await {
        Ok(ahead) => {
            shown.health.times(&shown.name, &Times::of(ahead, shown.connector.clock_ahead(), now));
        }
        // The next round tries again.
        Err(error) => {
            tracing::debug!(workspace = %shown.name, error = %error.chain(), "the recorded times could not be checked");
        }
    }
}

/// Waits for the next notice. Without a listener it never returns.
async fn next_notice(notices: &mut Option<Notices>) -> Result<(), LedgerError> {
    match notices {
        Some(notices) => notices.next().await,
        None => std::future::pending().await,
    }
}
