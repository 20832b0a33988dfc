//! The metrics of the posture.

use super::Measures;
use super::labels::{SeverityLabels, WorkspaceLabels};

/// The posture of a workspace, for its metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PostureFigures {
    /// The number of failing checks with each severity, without excepted ones.
    pub failing: Vec<(&'static str, usize)>,
    /// The number of findings that are new since the last evaluation.
    pub new_findings: usize,
    /// When the activity log was last read, in seconds since 1970; `None` if it never was.
    pub log_read_at: Option<i64>,
}

impl Measures {
    /// Sets the gauges of a workspace's posture, and counts its new findings.
    #[expect(clippy::cast_precision_loss, reason = "no count here reaches 2^52")]
    pub fn posture(&self, workspace: &str, figures: &PostureFigures) {
        let of = WorkspaceLabels { workspace: workspace.to_owned() };
        for (severity, checks) in &figures.failing {
            let of = SeverityLabels { workspace: workspace.to_owned(), severity };
            self.posture_failing.get_or_create(&of).set(*checks as f64);
        }
        self.posture_new.get_or_create(&of).inc_by(figures.new_findings as u64);
        match figures.log_read_at {
            Some(at) => {
                self.log_read_at.get_or_create(&of).set(at as f64);
            }
            None => drop(self.log_read_at.remove(&of)),
        }
    }
}
