//! Sends the events of one endpoint, in order.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::endpoint::Endpoint;
use super::events::{Step, ends, next_steps, warn_beyond};
use super::sender::Sender;
use crate::clock::Clock;
use crate::ledger::{Lease, LedgerError};
use crate::limits;
use crate::measures::Measures;
use crate::notifications::{DeliveryFailure, EndpointState, Message, Place, Places, Standing};
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

/// What is remembered between the rounds.
#[derive(Default)]
struct Memory {
    pause: Option<Pause>,
    /// What happened to the endpoint, but is not recorded yet. Until then nothing is sent, so a
    /// database that cannot be written does not repeat messages.
    unrecorded: Option<Unrecorded>,
    /// The epoch whose places were compared with the ends of their sources.
    compared: Option<i64>,
}

/// What happened to an endpoint, and the endpoint before.
struct Unrecorded {
    known: StoredEndpoint,
    progress: Progress,
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
        let mut memory = Memory::default();
        let mut failing = false;
        while !*stop.borrow() {
            match self.round(lease, &mut memory, &stop).await {
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

    /// Delivers the events that wait. Returns whether something was delivered or passed.
    async fn round(
        &self,
        lease: &Lease,
        memory: &mut Memory,
        stop: &watch::Receiver<bool>,
    ) -> Result<bool, LedgerError> {
        self.record(lease, memory).await?;
        let Some(mut stored) = self.stored(lease, memory).await? else { return Ok(false) };
        let waits =
            |pause: &Pause| pause.epoch == stored.epoch && pause.until > self.clock.running();
        if stored.standing.state == EndpointState::Disabled
            || memory.pause.as_ref().is_some_and(waits)
        {
            return Ok(false);
        }
        let steps = match next_steps(&self.stores, &self.endpoint, &stored.places).await {
            Ok(steps) => steps,
            Err(error) => {
                let progress = self.unreadable(&stored, &error, memory);
                self.note(lease, memory, &stored, progress).await?;
                return Ok(false);
            }
        };
        if stored.standing.state == EndpointState::Unreadable {
            stored.standing = Standing::GOOD;
            if !self.note(lease, memory, &stored, Progress::Readable).await? {
                return Ok(true);
            }
        }
        let mut has_moved = false;
        for Step { place, message, .. } in steps {
            if *stop.borrow() {
                break;
            }
            let progress = match message {
                None => Progress::Passed(place),
                Some(message) => self.attempt(&stored, place, &message, memory).await,
            };
            let has_failed = matches!(progress, Progress::Failed(_));
            if matches!(progress, Progress::Delivered(..)) {
                stored.standing = Standing::GOOD;
            }
            // If a person has changed the endpoint, begin again with what is stored now.
            if !self.note(lease, memory, &stored, progress).await? {
                return Ok(true);
            }
            if has_failed {
                return Ok(false);
            }
            has_moved = true;
        }
        Ok(has_moved)
    }

    /// The stored endpoint. An endpoint, or a source of it, that is new begins at the end. `None`
    /// before the first import, whose entries are of the past.
    async fn stored(
        &self,
        lease: &Lease,
        memory: &mut Memory,
    ) -> Result<Option<StoredEndpoint>, LedgerError> {
        let store = &self.stores.notifications;
        let known = store.endpoint(self.workspace(), self.name()).await?;
        let filter = &self.endpoint.filter;
        if let Some(known) = &known {
            let Places { activity, changes, findings } = &known.places;
            let has = [activity.is_some(), changes.is_some(), findings.is_some()];
            if has == [filter.activity, filter.changes, filter.posture] {
                return self.within(lease, memory, known.clone()).await.map(Some);
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
        tracing::info!(
            workspace = self.workspace(),
            endpoint = self.name(),
            "the endpoint, or a source of its events, is new: it gets events that are recorded \
             from now on"
        );
        Ok(store.endpoint(self.workspace(), self.name()).await?)
    }

    /// Moves places that are beyond the end of their source back to the end, once for each epoch:
    /// the database may have been replaced by an earlier copy.
    async fn within(
        &self,
        lease: &Lease,
        memory: &mut Memory,
        mut known: StoredEndpoint,
    ) -> Result<StoredEndpoint, LedgerError> {
        if memory.compared == Some(known.epoch) {
            return Ok(known);
        }
        let ends = ends(&self.stores, &self.endpoint).await?;
        for end in known.places.beyond(&ends) {
            warn_beyond(&self.endpoint, end.source());
            if self.note(lease, memory, &known, Progress::Passed(end.clone())).await? {
                known.places.advance(end);
            }
        }
        memory.compared = Some(known.epoch);
        Ok(known)
    }

    /// Sends a message once, and returns what happened.
    async fn attempt(
        &self,
        stored: &StoredEndpoint,
        place: Place,
        message: &Message,
        memory: &mut Memory,
    ) -> Progress {
        match self.sender.send(message).await {
            Ok(status) => {
                let delivery = NewDelivery {
                    message: message.id.clone(),
                    event: message.event.clone(),
                    at: self.clock.now(),
                    status,
                };
                Progress::Delivered(place, delivery)
            }
            Err(failure) => {
                self.measures.notification(self.workspace(), self.name(), "failed");
                let standing = self.failed(stored, &failure, memory);
                if standing.failures == 1 || standing.state != stored.standing.state {
                    tracing::warn!(
                        workspace = self.workspace(), endpoint = self.name(),
                        message = message.id.as_str(), state = standing.state.as_str(),
                        error = %failure,
                        "a notification could not be delivered; see `notifications list`"
                    );
                }
                Progress::Failed(standing)
            }
        }
    }

    /// What an error in the reading of the next events means for the endpoint.
    fn unreadable(
        &self,
        stored: &StoredEndpoint,
        error: &LedgerError,
        memory: &mut Memory,
    ) -> Progress {
        if stored.standing.state != EndpointState::Unreadable {
            tracing::warn!(
                workspace = self.workspace(), endpoint = self.name(), error = %error.chain(),
                "the next events of the endpoint cannot be read; it will be retried"
            );
        }
        let failure = DeliveryFailure::Unreadable(error.to_string());
        Progress::Failed(self.failed(stored, &failure, memory))
    }

    /// The standing after a failure. The pause begins now, whether or not the failure can be
    /// recorded.
    fn failed(
        &self,
        stored: &StoredEndpoint,
        failure: &DeliveryFailure,
        memory: &mut Memory,
    ) -> Standing {
        let standing = stored.standing.after(failure, self.clock.now());
        let until = self.clock.running() + standing.pause(failure.retry_after());
        memory.pause = Some(Pause { epoch: stored.epoch, until });
        standing
    }

    /// Records what happened. Returns false if a person has changed the endpoint meanwhile. After
    /// an error, it stays in the memory.
    async fn note(
        &self,
        lease: &Lease,
        memory: &mut Memory,
        known: &StoredEndpoint,
        progress: Progress,
    ) -> Result<bool, LedgerError> {
        memory.unrecorded = Some(Unrecorded { known: known.clone(), progress });
        self.record(lease, memory).await
    }

    /// Records what is not recorded yet. Returns false if a person has changed the endpoint
    /// meanwhile: then the rest of a round is out of date.
    async fn record(&self, lease: &Lease, memory: &mut Memory) -> Result<bool, LedgerError> {
        let Some(Unrecorded { known, progress }) = &memory.unrecorded else { return Ok(true) };
        let store = &self.stores.notifications;
        let is_current = store.record(lease, self.workspace(), known, progress.clone()).await?;
        if matches!(progress, Progress::Delivered(..)) {
            self.measures.notification(self.workspace(), self.name(), "delivered");
        }
        memory.unrecorded = None;
        Ok(is_current)
    }
}
