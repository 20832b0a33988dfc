//! The task that sends notifications: one bridge delivers, the others wait for its lease.

use std::sync::Arc;

use futures_util::future::try_join_all;
use tokio::sync::watch;

use super::StartError;
use crate::config::{Config, NotificationConfig};
use crate::delivery::{Deliverer, Endpoint, Sender};
use crate::http::Service;
use crate::import::unique_name;
use crate::ledger::Lease;
use crate::limits;

/// The name of the lease. No workspace has it, because names of workspaces have no colon.
const LEASE: &str = ":notifications";

/// Returns an endpoint of the settings.
#[must_use]
pub fn endpoint_of(config: &NotificationConfig) -> Endpoint {
    Endpoint {
        name: config.name.clone(),
        workspace: config.workspace.clone(),
        url: config.url.clone(),
        secrets: config.secrets.clone(),
        filter: config.filter.clone(),
        format: config.format,
        timeout: config.timeout,
        allows_private: config.allows_private,
    }
}

/// Sends the notifications of all endpoints.
pub(super) struct NotificationLoop {
    deliverers: Vec<Deliverer>,
    service: Service,
    holder: String,
}

impl NotificationLoop {
    /// Prepares the task; `None` without endpoints.
    pub fn new(config: &Config, service: &Service) -> Result<Option<Self>, StartError> {
        if config.notifications.is_empty() {
            return Ok(None);
        }
        let mut deliverers = Vec::new();
        for endpoint in config.notifications.iter().map(endpoint_of) {
            service.measures.begin_endpoint(&endpoint.workspace, &endpoint.name);
            let sender =
                Sender::new(&endpoint, service.clock.clone()).map_err(StartError::Client)?;
            deliverers.push(Deliverer {
                endpoint,
                sender,
                stores: service.stores.clone(),
                clock: service.clock.clone(),
                measures: Arc::clone(&service.measures),
            });
        }
        Ok(Some(Self { deliverers, service: service.clone(), holder: unique_name() }))
    }

    /// Waits for the lease, and delivers while this process holds it.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            self.lead(&stop).await;
            tokio::select! {
                () = self.service.clock.sleep(limits::NOTIFICATION_POLL) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
    }

    /// Takes the lease if it is free, delivers until it is lost or the bridge stops, and gives it
    /// back.
    async fn lead(&self, stop: &watch::Receiver<bool>) {
        let ledger = &self.service.stores.ledger;
        let clock = &self.service.clock;
        let lease = match ledger.lease(LEASE, &self.holder, limits::LEASE_USUAL, clock).await {
            Ok(Some(lease)) => lease,
            Ok(None) => return,
            Err(error) => {
                tracing::debug!(error = %error.chain(), "the lease of notifications could not be taken; it will be retried");
                return;
            }
        };
        let deliveries = self.deliverers.iter().map(|one| one.run(&lease, stop.clone()));
        let stopped = async {
            let _ = stop.clone().wait_for(|stop| *stop).await;
            // A receiver that does not answer must not hold up the end of the process.
            clock.sleep(limits::NOTIFICATION_STOP).await;
        };
        let is_lost = tokio::select! {
            ended = try_join_all(deliveries) => ended.is_err(),
            () = self.renew(&lease) => true,
            () = stopped => false,
        };
        if is_lost {
            tracing::info!("another bridge sends the notifications now");
        } else if let Err(error) = ledger.release(&lease, clock.now()).await {
            tracing::warn!(error = %error.chain(), "the lease of notifications was not given back; it ends by itself");
        }
    }

    /// Renews the lease until another process has taken it.
    async fn renew(&self, lease: &Lease) {
        let clock = &self.service.clock;
        loop {
            clock.sleep(limits::NOTIFICATION_RENEWAL).await;
            let ledger = &self.service.stores.ledger;
            match ledger.renew(lease, limits::LEASE_USUAL, clock.now()).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::debug!(error = %error.chain(), "the lease of notifications could not be renewed");
                }
            }
        }
    }
}
