//! The metrics of outbound webhooks.

use super::Measures;
use super::labels::{AttemptLabels, EndpointLabels};

/// The state of an endpoint, for its gauges.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EndpointFigures {
    /// How long it has been failing, in seconds; 0 if the last attempt succeeded.
    pub failing: f64,
    /// Whether it is paused, disabled or unreadable.
    pub is_stopped: bool,
}

impl Measures {
    /// Creates the counters of an endpoint with the value zero.
    pub fn begin_endpoint(&self, workspace: &str, endpoint: &str) {
        for outcome in ["delivered", "failed"] {
            drop(self.notifications.get_or_create(&attempt(workspace, endpoint, outcome)));
        }
    }

    /// Counts an attempt to deliver a notification: `delivered` or `failed`.
    pub fn notification(&self, workspace: &str, endpoint: &str, outcome: &'static str) {
        self.notifications.get_or_create(&attempt(workspace, endpoint, outcome)).inc();
    }

    /// Sets the gauges of an endpoint.
    pub fn endpoint(&self, workspace: &str, endpoint: &str, figures: EndpointFigures) {
        let of = EndpointLabels { workspace: workspace.to_owned(), endpoint: endpoint.to_owned() };
        self.notification_failing.get_or_create(&of).set(figures.failing);
        let stopped = f64::from(u8::from(figures.is_stopped));
        self.notification_stopped.get_or_create(&of).set(stopped);
    }
}

fn attempt(workspace: &str, endpoint: &str, outcome: &'static str) -> AttemptLabels {
    AttemptLabels { workspace: workspace.to_owned(), endpoint: endpoint.to_owned(), outcome }
}
