//! The labels of the metrics.

use std::fmt::{self, Write};
use std::sync::Arc;

use prometheus_client::encoding::{
    EncodeLabel, EncodeLabelSet, EncodeLabelValue, LabelSetEncoder, LabelValueEncoder,
};

/// A label value that is shared instead of copied.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shared(pub Arc<str>);

impl EncodeLabelValue for Shared {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> fmt::Result {
        encoder.write_str(&self.0)
    }
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    pub method: &'static str,
    pub route: Shared,
    pub status: u16,
}

/// A route: the pattern of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RouteLabels {
    pub route: Shared,
}

/// A workspace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct WorkspaceLabels {
    pub workspace: String,
}

/// An import that ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ImportLabels {
    pub workspace: String,
    pub mode: &'static str,
    pub outcome: &'static str,
}

/// A refused write.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct WriteLabels {
    pub workspace: String,
    pub operation: &'static str,
}

/// A token request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct TokenLabels {
    pub outcome: &'static str,
}

/// A task of one workspace or, without the label, of the whole process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TaskLabels {
    pub workspace: Option<String>,
    pub task: &'static str,
}

impl EncodeLabelSet for TaskLabels {
    fn encode(&self, encoder: &mut LabelSetEncoder) -> fmt::Result {
        if let Some(workspace) = &self.workspace {
            ("workspace", workspace.as_str()).encode(encoder.encode_label())?;
        }
        ("task", self.task).encode(encoder.encode_label())
    }
}

/// An attempt to deliver a notification.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AttemptLabels {
    pub workspace: String,
    pub endpoint: String,
    pub outcome: &'static str,
}

/// An endpoint of notifications.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct EndpointLabels {
    pub workspace: String,
    pub endpoint: String,
}

/// Checks of the posture with one severity.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SeverityLabels {
    pub workspace: String,
    pub severity: &'static str,
}

/// The build of the bridge.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct BuildLabels {
    pub version: &'static str,
    pub commit: &'static str,
}

/// The reason why the bridge closed a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ClosingLabels {
    pub reason: &'static str,
}
