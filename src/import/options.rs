//! The settings of an importer, and the phases of an import.

use std::fmt;
use std::time::Duration;

use super::optional::OptionalReads;
use super::policy::Guard;
use crate::activity::WantedKinds;
use crate::intercom::Progress;

/// The settings that an importer needs, mostly from the section `import`.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// How much an import may take without approval.
    pub guard: Guard,
    /// How far back a full import reads the activity log.
    pub activity_lookback: Duration,
    /// The kinds of log entries to read.
    pub activity_kinds: WantedKinds,
    /// Whether IP addresses in log entries are recorded.
    pub store_addresses: bool,
    /// Whether the workspace's bots are recorded like people.
    pub include_bots: bool,
    /// Which calls a full import makes for the checks of the posture.
    pub optional: OptionalReads,
    /// Whether Intercom's list of roles is read.
    pub roles: bool,
    /// The duration of a lease: how long a process that died keeps others from importing.
    pub lease: Duration,
}

/// The progress of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Reading Intercom.
    Reading(Progress),
    /// Writing changes to the ledger.
    Recording {
        /// The number of changes of people, teams and memberships.
        changes: usize,
    },
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reading(Progress::Workspace) => {
                f.write_str("asking Intercom which workspace it is")
            }
            Self::Reading(Progress::Admins) => f.write_str("reading admins"),
            Self::Reading(Progress::Teams) => f.write_str("reading teams"),
            Self::Reading(Progress::Rereading { count }) => {
                write!(f, "reading {count} admins and teams again, on which the lists disagree")
            }
            Self::Reading(Progress::Activity { page }) => {
                write!(f, "reading the activity log, page {page}")
            }
            Self::Recording { changes } => write!(f, "recording {changes} changes"),
        }
    }
}
