//! Assembles and runs the bridge: the server and each workspace's loops, which share the database.
//!
//! ```text
//! start       opens everything, then starts the tasks and servers
//! workspace   the loops of the importer and the publisher
//! supervisor  restarts loops that fail
//! access      keys, clients, connections, the audit trail
//! reload      settings, secrets and certificates, read again on SIGHUP
//! identities  rosters: settings, the loop that pulls, figures
//! pull        what pulls the roster, made from the settings
//! enterprise  gives the values of the roster to the publisher
//! notifications  the task that sends notifications
//! posture     posture: settings, and since when findings exist
//! upkeep      erases personal data, deletes log entries, expires requests and folds runs, when due
//! database, database_url  the database that the settings name
//! errors      why the bridge cannot start
//! open_files  the process's limit of open files
//! ```

mod access;
mod database;
mod database_url;
mod enterprise;
mod errors;
mod identities;
mod notifications;
mod open_files;
mod posture;
mod pull;
mod reload;
mod start;
mod supervisor;
mod upkeep;
mod workspace;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) use access::{
    key_file, open_connection, open_tokens, stored_vault, trusted_issuers, vault,
};
pub use database::open_stores;
pub(crate) use database_url::{missing_file, without_password};
pub use errors::StartError;
pub use identities::identities_of;
pub use notifications::endpoint_of;
pub(crate) use open_files::OpenFiles;
pub use posture::posture_basis;
pub use pull::puller_of;
use reload::Reload;
pub use reload::Reloaded;
#[cfg(test)]
pub(crate) use supervisor::tests::fault as inject_fault;
pub use upkeep::keep_up;
pub use workspace::{importer_of, workspace_of};

use crate::config::{Config, ConfigError};
use crate::http::Service;
use crate::limits;

/// A running bridge.
pub struct App {
    address: SocketAddr,
    service: Service,
    stop: watch::Sender<bool>,
    broken: watch::Receiver<bool>,
    reload: Reload,
    loops: Vec<JoinHandle<()>>,
    audit: AuditTask,
    servers: Vec<actix_web::dev::ServerHandle>,
    ops_address: Option<SocketAddr>,
}

/// The task that writes the audit trail, and how to end it.
struct AuditTask {
    end: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl App {
    /// Waits until the server has ended, which only a fault of the bridge causes. The caller must
    /// then stop the bridge and end the process, so that the service manager restarts it.
    pub async fn broken(&self) {
        // A dropped sender means that the server's task has ended, too.
        let _ = self.broken.clone().wait_for(|broken| *broken).await;
    }

    /// Applies changes of the settings, of files with secrets and of the certificate, as far as
    /// that is possible without a restart, and logs the outcome. `read` are the settings, read
    /// again.
    pub fn reload(&self, read: Result<Config, ConfigError>) -> Reloaded {
        self.reload.again(&self.service, read)
    }

    /// The address that the bridge listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of the separate listener for probes and metrics, if there is one.
    #[must_use]
    pub fn ops_address(&self) -> Option<SocketAddr> {
        self.ops_address
    }

    /// Keeps serving for at most `most`, or until no connection is open. Each response closes its
    /// connection, so that no client that reuses connections is in the middle of a request when the
    /// bridge stops.
    pub async fn drain(&self, most: Duration) {
        tracing::info!("stopping: each response now tells its client that the connection ends");
        let connections = &self.service.connections;
        let clock = &self.service.clock;
        connections.begin_to_stop();
        let gone = async {
            while connections.standing().open > 0 {
                clock.sleep(limits::DRAIN_POLL).await;
            }
        };
        clock.within(most, gone).await;
    }

    /// The state that all requests share.
    #[must_use]
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Stops the bridge. New requests are refused, and those in progress are finished. An import in
    /// progress is abandoned: the ledger has all of it or nothing. Takes at most [`limits::STOP`],
    /// even if the database does not answer.
    pub async fn stop(self) {
        tracing::info!("stopping");
        let clock = self.service.clock.clone();
        // Boxed: it holds the whole bridge, which would make every future that stops one large.
        if clock.within(limits::STOP, Box::pin(self.ended())).await.is_none() {
            tracing::warn!(
                "some tasks did not end in time and are abandoned; check the database. An import is recorded completely or not at all"
            );
        }
    }

    async fn ended(self) {
        self.stop.send_replace(true);
        self.service.connections.begin_to_stop();
        for server in &self.servers {
            server.stop(true).await;
        }
        for task in self.loops {
            // The supervisor has already logged failures.
            let _ = task.await;
        }
        self.audit.end.send_replace(true);
        let _ = self.audit.task.await;
        self.service.stores.close().await;
    }
}

/// Spawns a task. All tasks are spawned here, and [`App::stop`] waits for them.
#[expect(clippy::disallowed_methods, reason = "this is the one place that may spawn")]
fn run(task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(task)
}

fn days(days: u32) -> Duration {
    Duration::from_hours(24) * days
}
