//! Starting the bridge: everything is opened first, then the tasks and servers are started.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use secrecy::ExposeSecret;
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::task::JoinHandle;

use super::access::{AccessLoop, audit_loop, open_id, open_tokens};
use super::database::open_stores;
use super::errors::StartError;
use super::identities::RosterLoop;
use super::notifications::NotificationLoop;
use super::open_files::OpenFiles;
use super::posture::posture_loop;
use super::pull::puller_of;
use super::reload::Reload;
use super::supervisor::Supervisor;
use super::upkeep::upkeep_loop;
use super::workspace::{Running, catalogue_forms};
use super::{App, AuditTask, days};
use crate::access::{
    AccessError, AnonymousLimits, AuditTrail, ClientAssertions, ClientLogin, Tokens,
};
use crate::clock::Clock;
use crate::config::Config;
use crate::database::Database;
use crate::http::{self, Certificates, Connections, Freshness, Makers, Origin, Service};
use crate::identities::pull::Puller;
use crate::limits;
use crate::measures::Measures;
use crate::runtime::{TaskName, WorkspaceHandle};
use crate::scim::{CursorKey, PageRules};
use crate::stores::Stores;

/// The number of resources on a page if the client sends no `count`.
const DEFAULT_COUNT: usize = 100;

impl App {
    /// Starts the bridge. It serves what was imported before at once; the first imports begin
    /// immediately.
    ///
    /// # Errors
    /// [`StartError`]. A token that Intercom refuses does not prevent the start: the workspace's
    /// status shows it.
    pub async fn start(config: &Config, clock: Clock) -> Result<Self, StartError> {
        config.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        OpenFiles::raised().too_few(config).inspect(|why| tracing::warn!("{why}"));
        let stores = prepared_stores(config, &clock).await?;
        let certificates = certificates(config)?;
        let listener = listen(config)?;
        let ops_listener = config.server.ops_bind.map(bind).transpose()?;
        let ops_address = ops_listener.as_ref().and_then(|listener| listener.local_addr().ok());
        let address = listener.local_addr().unwrap_or(config.server.bind);
        let public_url = match config.server.public_url {
            Some(_) => config.public_url(),
            // With port 0 the system chooses a free port, which only the listener knows.
            None => config.url_of(address),
        };
        let tokens = Arc::new(open_tokens(config, &stores.access, &public_url, &clock).await?);
        let measures = Arc::new(Measures::default());
        let mut running = Vec::new();
        for workspace in config.workspaces() {
            let prepared =
                Running::prepare(config, &workspace, &public_url, &stores, &clock, &measures);
            running.push(prepared.await?);
        }
        let workspaces: Vec<Arc<WorkspaceHandle>> =
            running.iter().map(|running| Arc::clone(&running.workspace)).collect();
        let access = access_loop(config, &tokens, &workspaces, &clock).await?;
        let makers = makers(config, &clock)?;
        let puller = puller_of(config, &clock).map_err(StartError::Client)?.map(Arc::new);
        let shared = Shared { tokens, stores, clock, measures, public_url, makers, workspaces };
        let service = service(config, shared)?;
        let server = serve(config, listener, &service, certificates.clone())?;
        let (stop, stopped) = watch::channel(false);
        let mut tasks = Tasks::new(config, &service, stopped);
        let mut servers = vec![server.handle()];
        tasks.keep_rosters(&running, puller.as_ref());
        tasks.keep_workspaces(running);
        tasks.keep_access(access);
        tasks.keep_upkeep();
        tasks.keep_posture();
        tasks.keep_notifications()?;
        if let Some(certificates) = certificates.clone() {
            tasks.keep_certificates(certificates);
        }
        if let Some(listener) = ops_listener {
            // Last in the list, so that it is stopped after the main server: probes are answered
            // until the last request has been.
            servers.push(tasks.serve_ops(listener)?);
        }
        let broken = tasks.watch_server(server);
        let audit = tasks.keep_audit();
        tracing::info!(address = %address, "listening");
        Ok(Self {
            address,
            reload: Reload::new(config, certificates, puller),
            loops: tasks.loops,
            service,
            stop,
            broken,
            audit,
            servers,
            ops_address,
        })
    }
}

/// Opens and migrates the database, and takes over what earlier versions recorded.
async fn prepared_stores(config: &Config, clock: &Clock) -> Result<Stores, StartError> {
    let (stores, _) = open_stores(config).await?;
    for workspace in config.workspaces() {
        let taken = stores.ledger.take_from_earlier_versions(&workspace.name, clock.now()).await;
        taken.map_err(|error| StartError::database(config, &error))?;
    }
    Ok(stores)
}

/// Loads the certificate of the settings, if there is one.
fn certificates(config: &Config) -> Result<Option<Arc<Certificates>>, StartError> {
    let files = config.server.tls_cert.as_ref().zip(config.server.tls_key.as_ref());
    let certificates = files.map(|(chain, key)| Certificates::load(chain, key)).transpose()?;
    Ok(certificates.map(Arc::new))
}

/// Starts the threads that make large responses.
fn makers(config: &Config, clock: &Clock) -> Result<Arc<Makers>, StartError> {
    let makers = Makers::start(config.limits.max_exports, clock.clone());
    makers.map(Arc::new).map_err(|error| StartError::Threads(error.to_string()))
}

/// Prepares the loop that reloads keys, clients and connections.
async fn access_loop(
    config: &Config,
    tokens: &Arc<Tokens>,
    workspaces: &[Arc<WorkspaceHandle>],
    clock: &Clock,
) -> Result<AccessLoop, StartError> {
    let aside = Database::open_aside(config.database.url.expose_secret()).await;
    let aside = aside.map_err(|error| StartError::database(config, &error.into()))?;
    let mut access = AccessLoop::new(Arc::clone(tokens), workspaces.to_vec(), aside, clock.clone());
    access.refresh_connections().await.map_err(StartError::Access)?;
    Ok(access)
}

fn serve(
    config: &Config,
    listener: TcpListener,
    service: &Service,
    certificates: Option<Arc<Certificates>>,
) -> Result<actix_web::dev::Server, StartError> {
    http::serve(listener, service.clone(), config.limits.max_connections, certificates)
        .map_err(|error| StartError::Listen { bind: config.server.bind, why: error.to_string() })
}

fn listen(config: &Config) -> Result<TcpListener, StartError> {
    let address = config.server.bind;
    if config.server.tls_cert.is_none() && !address.ip().is_loopback() {
        tracing::warn!(
            address = %address,
            "LISTENING ON THE NETWORK WITHOUT TLS: tokens and personal data are not encrypted. Set \
             server.tls_cert and server.tls_key, or listen on loopback behind a proxy with TLS"
        );
    }
    bind(address)
}

fn bind(bind: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(bind).map_err(|error| StartError::Listen { bind, why: error.to_string() })
}

/// The background tasks while they are being started.
struct Tasks<'a> {
    config: &'a Config,
    service: &'a Service,
    supervisor: Supervisor,
    stopped: watch::Receiver<bool>,
    loops: Vec<JoinHandle<()>>,
    /// Becomes true if a server ends too early.
    ended: watch::Sender<bool>,
}

impl<'a> Tasks<'a> {
    fn new(config: &'a Config, service: &'a Service, stopped: watch::Receiver<bool>) -> Self {
        let supervisor = Supervisor {
            tasks: Arc::clone(&service.tasks),
            measures: Arc::clone(&service.measures),
            clock: service.clock.clone(),
        };
        let ended = watch::Sender::new(false);
        Self { config, service, supervisor, stopped, loops: Vec::new(), ended }
    }

    fn workspaces(&self) -> Vec<Arc<WorkspaceHandle>> {
        self.service.workspaces.values().cloned().collect()
    }

    fn keep_workspaces(&mut self, running: Vec<Running>) {
        for running in running {
            self.loops.extend(running.keep(&self.supervisor, &self.stopped));
        }
    }

    /// Starts the task that reloads keys, clients and connections from the database.
    fn keep_access(&mut self, access: AccessLoop) {
        let access = Arc::new(Mutex::new(access));
        let stopping = self.stopped.clone();
        let poll = move || {
            let access = Arc::clone(&access);
            let stopping = stopping.clone();
            async move { access.lock().await.run(stopping).await }
        };
        let stopped = self.stopped.clone();
        self.loops.push(self.supervisor.keep(of_all("access"), stopped, || {}, poll));
    }

    /// Starts a task for the roster of each workspace.
    fn keep_rosters(&mut self, running: &[Running], puller: Option<&Arc<Puller>>) {
        let clock = &self.service.clock;
        for running in running {
            let workspace = Arc::clone(&running.workspace);
            let name = TaskName { task: "roster", workspace: Some(Arc::clone(&workspace.name)) };
            let roster = Arc::new(RosterLoop {
                workspace,
                enterprise: running.enterprise.clone(),
                makers: Arc::clone(&self.service.makers),
                puller: puller.cloned(),
                interval: self.config.roster_pull.interval,
                clock: clock.clone(),
            });
            let stopping = self.stopped.clone();
            let keep = move || {
                let roster = Arc::clone(&roster);
                let stopping = stopping.clone();
                async move { roster.run(stopping).await }
            };
            let stopped = self.stopped.clone();
            self.loops.push(self.supervisor.keep(name, stopped, || {}, keep));
        }
    }

    fn keep_upkeep(&mut self) {
        let stores = self.service.stores.clone();
        let workspaces = self.workspaces();
        let config = self.config.clone();
        let clock = self.service.clock.clone();
        let stopping = self.stopped.clone();
        let upkeep = move || {
            upkeep_loop(
                stores.clone(),
                workspaces.clone(),
                config.clone(),
                clock.clone(),
                stopping.clone(),
            )
        };
        let stopped = self.stopped.clone();
        self.loops.push(self.supervisor.keep(of_all("upkeep"), stopped, || {}, upkeep));
    }

    /// Starts the task that records since when findings of the posture exist.
    fn keep_posture(&mut self) {
        let service = self.service.clone();
        let stopping = self.stopped.clone();
        let watch = move || posture_loop(service.clone(), stopping.clone());
        let stopped = self.stopped.clone();
        self.loops.push(self.supervisor.keep(of_all("posture"), stopped, || {}, watch));
    }

    /// Starts the task that sends notifications, if the settings have endpoints.
    fn keep_notifications(&mut self) -> Result<(), StartError> {
        let Some(notifications) = NotificationLoop::new(self.config, self.service)? else {
            return Ok(());
        };
        let notifications = Arc::new(notifications);
        let stopping = self.stopped.clone();
        let send = move || {
            let notifications = Arc::clone(&notifications);
            let stopping = stopping.clone();
            async move { notifications.run(stopping).await }
        };
        let stopped = self.stopped.clone();
        self.loops.push(self.supervisor.keep(of_all("notifications"), stopped, || {}, send));
        Ok(())
    }

    /// Starts the task that reads the certificate again when its files change.
    fn keep_certificates(&mut self, certificates: Arc<Certificates>) {
        let clock = self.service.clock.clone();
        let stopping = self.stopped.clone();
        let watch = move || Arc::clone(&certificates).watch(clock.clone(), stopping.clone());
        let stopped = self.stopped.clone();
        self.loops.push(self.supervisor.keep(of_all("certificates"), stopped, || {}, watch));
    }

    /// Starts the listener for probes and metrics.
    fn serve_ops(
        &mut self,
        listener: TcpListener,
    ) -> Result<actix_web::dev::ServerHandle, StartError> {
        let bind = self.config.server.ops_bind.unwrap_or(self.config.server.bind);
        let ops = http::serve_ops(listener, self.service.clone())
            .map_err(|error| StartError::Listen { bind, why: error.to_string() })?;
        let handle = ops.handle();
        let stopped = self.stopped.clone();
        let ended = self.ended.clone();
        self.loops.push(self.supervisor.watch(of_all("ops_server"), stopped, ended, async {
            if let Err(error) = ops.await {
                tracing::error!(error = %error, "the listener for probes and metrics ended");
            }
        }));
        Ok(handle)
    }

    /// Runs the server. The returned value becomes true if it, or the listener for probes, ends too
    /// early.
    fn watch_server(&mut self, server: actix_web::dev::Server) -> watch::Receiver<bool> {
        let ended = self.ended.clone();
        let broken = ended.subscribe();
        let stopped = self.stopped.clone();
        self.loops.push(self.supervisor.watch(of_all("server"), stopped, ended, async {
            if let Err(error) = server.await {
                tracing::error!(error = %error, "the server ended");
            }
        }));
        broken
    }

    /// Starts the task that writes the audit trail. It ends after all others, when the last request
    /// has been answered.
    fn keep_audit(&self) -> AuditTask {
        let (end, ends) = watch::channel(false);
        let trail = Arc::clone(&self.service.trail);
        let stores = self.service.stores.clone();
        let workspaces = self.workspaces();
        let config = self.config.clone();
        let clock = self.service.clock.clone();
        let stopping = ends.clone();
        let write = move || {
            audit_loop(
                Arc::clone(&trail),
                stores.clone(),
                workspaces.clone(),
                config.clone(),
                clock.clone(),
                stopping.clone(),
            )
        };
        AuditTask { end, task: self.supervisor.keep(of_all("audit_trail"), ends, || {}, write) }
    }
}

/// The name of a task that runs once for all workspaces.
fn of_all(task: &'static str) -> TaskName {
    TaskName { task, workspace: None }
}

/// What requests share with the background tasks.
struct Shared {
    tokens: Arc<Tokens>,
    stores: Stores,
    clock: Clock,
    measures: Arc<Measures>,
    public_url: String,
    makers: Arc<Makers>,
    workspaces: Vec<Arc<WorkspaceHandle>>,
}

/// How old responses may be.
fn freshness(config: &Config) -> Freshness {
    Freshness {
        max_age: config.serve.max_age,
        read_through: config.serve.read_through,
        max_wait: config.serve.max_wait,
    }
}

/// Builds the state that all requests share.
fn service(config: &Config, shared: Shared) -> Result<Service, StartError> {
    let Shared { tokens, stores, clock, measures, public_url, makers, workspaces } = shared;
    let cursors = tokens
        .vault()
        .derive("cursors")
        .map_err(AccessError::Sealed)
        .map_err(StartError::Access)?;
    Ok(Service {
        cursor_key: Arc::new(CursorKey::new(&cursors).ok_or(StartError::Access(AccessError::Key))?),
        login: Arc::new(
            ClientLogin::new(Arc::clone(tokens.vault()), clock.clone())
                .map_err(StartError::Access)?,
        ),
        assertions: Arc::new(
            ClientAssertions::new(tokens.issuer(), clock.clone()).map_err(StartError::Access)?,
        ),
        tokens,
        open_id: open_id(config, &clock).map_err(StartError::Access)?,
        token_ttl: config.access.token_ttl,
        anonymous_limits: Arc::new(anonymous_limits(config, &clock)),
        trail: Arc::new(AuditTrail::new(clock.clone())),
        measures,
        stores,
        page_rules: page_rules(config),
        forms: catalogue_forms(config),
        freshness: freshness(config),
        origin: Origin {
            public_url,
            trusted_proxies: config.server.trusted_proxies.as_slice().into(),
            may_be_forwarded: config.server.public_url.is_none(),
            has_tls: config.server.tls_cert.is_some(),
            untrusted: Arc::default(),
        },
        connections: Connections::new(
            config.limits.max_connections,
            config.limits.max_connections_per_address,
            config.server.trusted_proxies.as_slice().into(),
            clock.clone(),
        ),
        makers,
        known_exports: Arc::default(),
        roster_imports: Arc::new(Semaphore::new(1)),
        tasks: Arc::default(),
        names: config.scim.one_word_names,
        with_enterprise: config.scim.enterprise_from_roster,
        retention: days(config.import.retention_days),
        posture: Arc::new(super::posture_basis(config)),
        endpoints: endpoints(config),
        privileged_roles: config.reviews.privileged_roles.as_slice().into(),
        activity_kinds: config.activity.types.clone(),
        activity_lookback: days(config.import.activity_lookback_days),
        unused_after_days: config.seats.unused_after_days(),
        seat_price: config.seats.price,
        seat_currency: config.seats.currency.clone(),
        workspaces: by_name(workspaces),
        clock,
    })
}

fn by_name(workspaces: Vec<Arc<WorkspaceHandle>>) -> BTreeMap<String, Arc<WorkspaceHandle>> {
    workspaces.into_iter().map(|workspace| (workspace.name.to_string(), workspace)).collect()
}

/// The endpoints of outbound webhooks.
fn endpoints(config: &Config) -> Arc<[(String, String)]> {
    let endpoints = config.notifications.iter();
    endpoints.map(|endpoint| (endpoint.workspace.clone(), endpoint.name.clone())).collect()
}

/// The rate limits of clients without a valid token. Without a limit for clients, they have none
/// either.
fn anonymous_limits(config: &Config, clock: &Clock) -> AnonymousLimits {
    match config.limits.requests_per_second {
        0 => AnonymousLimits::unlimited(clock.clone()),
        _ => {
            AnonymousLimits::new(limits::ANONYMOUS_REQUESTS, limits::ANONYMOUS_PAUSE, clock.clone())
        }
    }
}

/// The page sizes that the settings give.
fn page_rules(config: &Config) -> PageRules {
    let max_count = config.scim.max_results as usize;
    PageRules {
        default_count: DEFAULT_COUNT.min(max_count),
        max_count,
        cursors: config.scim.cursor_pagination,
    }
}
