//! Sends the events of one endpoint, in order.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::endpoint::Endpoint;
use super::events::{Step, ends, next_steps};
use super::sender::Sender;
use crate::clock::Clock;
use crate::ledger::{Lease, LedgerError};
use crate::limits;
use crate::measures::Measures;
use crate::notifications::{DeliveryFailure, EndpointState, Message, Place, Places};
use crate::stores::{NewDelivery, Progress, StoredEndpoint, Stores};

/// Sends the events of one endpoint.
pub struct Deliverer {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Sends one message.
    pub sender: Sender,
    /// Where events and places are stored.
    pub stores: Stores,
    /// The clock.
    pub clock: Clock,
    /// The metrics.
    pub measures: Arc<Measures>,
}

/// A pause after a failure. It ends early when a person changes the endpoint.
struct Pause {
    epoch: i64,
    until: Duration,
}

impl Deliverer {
    /// Delivers under a lease until the lease is lost or `stop` is true. A message that is being
    /// sent then is finished.
    ///
    /// # Errors
    /// [`LedgerError::LeaseLost`]. Any other error of the ledger is logged, and the work is
    /// repeated.
    pub async fn run(
        &self,
        lease: &Lease,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), LedgerError> {
        let mut pause = None;
        let mut failing = false;
        while !*stop.borrow() {
            match self.round(lease, &mut pause, &stop).await {
                // There may be more to deliver at once.
                Ok(true) => {
                    failing = false;
                    continue;
                }
                Ok(false) => failing = false,
                Err(LedgerError::LeaseLost) => return Err(LedgerError::LeaseLost),
                Err(error) => {
                    if !failing {
                        tracing::warn!(
                            workspace = self.workspace(), endpoint = self.name(),
                            error = %error.chain(),
                            "the events of the endpoint cannot be read or recorded; it will be retried"
                        );
                    }
                    failing = true;
                }
            }
            tokio::select! {
                () = self.clock.sleep(limits::NOTIFICATION_POLL) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
        Ok(())
    }

    fn workspace(&self) -> &str {
        &self.endpoint.workspace
    }

    fn name(&self) -> &str {
        &self.endpoint.name
    }

    /// Delivers what there is. Returns whether something was delivered or passed.
    async fn round(
        &self,
        lease: &Lease,
        pause: &mut Option<Pause>,
        stop: &watch::Receiver<bool>,
    ) -> Result<bool, LedgerError> {
        let Some(stored) = self.stored(lease).await? else { return Ok(false) };
        let waits =
            |pause: &Pause| pause.epoch == stored.epoch && pause.until > self.clock.running();
        if stored.standing.state == EndpointState::Disabled || pause.as_ref().is_some_and(waits) {
            return Ok(false);
        }
        let steps = next_steps(&self.stores, &self.endpoint, &stored.places).await?;
        let mut stored = stored;
        let mut has_moved = false;
        for Step { place, message, .. } in steps {
            if *stop.borrow() {
                break;
            }
            let moved = match message {
                None => self.pass(lease, &stored, place).await?,
                Some(message) => match self.sender.send(&message).await {
                    Ok(status) => {
                        stored.standing = crate::notifications::Standing::GOOD;
                        self.confirm(lease, &stored, place, &message, status).await?
                    }
                    Err(failure) => {
                        *pause = self.fail(lease, &stored, &message, &failure).await?;
                        return Ok(false);
                    }
                },
            };
            // A person has changed the endpoint: begin again with what is stored now.
            if !moved {
                return Ok(true);
            }
            has_moved = true;
        }
        Ok(has_moved)
    }

    /// The stored endpoint. An endpoint, or a source of it, that is new begins at the end. `None`
    /// before the first import, whose entries are of the past.
    async fn stored(&self, lease: &Lease) -> Result<Option<StoredEndpoint>, LedgerError> {
        let store = &self.stores.notifications;
        let known = store.endpoint(self.workspace(), self.name()).await?;
        let filter = &self.endpoint.filter;
        if let Some(known) = &known {
            let Places { activity, changes, findings } = &known.places;
            let has = [activity.is_some(), changes.is_some(), findings.is_some()];
            if has == [filter.activity, filter.changes, filter.posture] {
                return Ok(Some(known.clone()));
            }
        }
        if self.stores.ledger.generation(self.workspace()).await? == 0 {
            return Ok(None);
        }
        let mut places = ends(&self.stores, &self.endpoint).await?;
        if let Some(known) = known {
            let Places { activity, changes, findings } = known.places;
            places.activity = places.activity.map(|end| activity.unwrap_or(end));
            places.changes = places.changes.map(|end| changes.unwrap_or(end));
            places.findings = places.findings.map(|end| findings.unwrap_or(end));
        }
        store.begin(lease, self.workspace(), self.name(), &places).await?;
        Ok(store.endpoint(self.workspace(), self.name()).await?)
    }

    async fn pass(
        &self,
        lease: &Lease,
        stored: &StoredEndpoint,
        place: Place,
    ) -> Result<bool, LedgerError> {
        let progress = Progress::Passed(place);
        self.stores.notifications.record(lease, self.workspace(), stored, progress).await
    }

    async fn confirm(
        &self,
        lease: &Lease,
        stored: &StoredEndpoint,
        place: Place,
        message: &Message,
        status: u16,
    ) -> Result<bool, LedgerError> {
        self.measures.notification(self.workspace(), self.name(), "delivered");
        let delivery = NewDelivery {
            message: message.id.clone(),
            event: message.event.clone(),
            at: self.clock.now(),
            status,
        };
        let progress = Progress::Delivered(place, delivery);
        self.stores.notifications.record(lease, self.workspace(), stored, progress).await
    }

    async fn fail(
        &self,
        lease: &Lease,
        stored: &StoredEndpoint,
        message: &Message,
        failure: &DeliveryFailure,
    ) -> Result<Option<Pause>, LedgerError> {
        self.measures.notification(self.workspace(), self.name(), "failed");
        let standing = stored.standing.after(failure, self.clock.now());
        let pause = standing.pause(failure.retry_after());
        if standing.failures == 1 || standing.state != stored.standing.state {
            tracing::warn!(
                workspace = self.workspace(), endpoint = self.name(),
                message = message.id.as_str(), state = standing.state.as_str(), error = %failure,
                "a notification could not be delivered; see `notifications list`"
            );
        }
        let progress = Progress::Failed(standing);
        self.stores.notifications.record(lease, self.workspace(), stored, progress).await?;
        Ok(Some(Pause { epoch: stored.epoch, until: self.clock.running() + pause }))
    }
}
