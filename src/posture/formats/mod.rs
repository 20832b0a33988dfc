//! The report in the forms of other tools. [`Report`] itself serialises as the bridge's own JSON.
//!
//! ```text
//! rows   one row for each finding: CSV and NDJSON
//! ocsf   Compliance Findings of the Open Cybersecurity Schema Framework 1.8.0
//! sarif  SARIF 2.1.0 (OASIS), for code scanning
//! text   a table for terminals
//! ```
//!
//! [`Report`]: super::Report

mod ocsf;
mod rows;
mod sarif;
mod text;

pub use ocsf::{OcsfPer, ocsf};
pub use rows::{PostureRow, rows};
pub use sarif::{Suppressed, sarif};
pub use text::text;

use crate::words::words;

words! {
    /// The formats that the API offers.
    pub enum Format {
        /// The bridge's own JSON.
        Json = "json",
        /// One row for each finding.
        Csv = "csv",
        /// The same rows, one JSON document on each line.
        Ndjson = "ndjson",
        /// OCSF Compliance Findings, one on each line.
        Ocsf = "ocsf",
        /// SARIF 2.1.0.
        Sarif = "sarif",
    }
}

/// What a subject is, by the form of its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SubjectType {
    Teammate,
    Activity,
    Consent,
    Invitation,
    Connector,
    Network,
    Workspace,
    Unknown,
}

impl SubjectType {
    fn of(subject: &str) -> Self {
        match subject.split_once(':').map_or(subject, |(kind, _)| kind) {
            super::outcome::WORKSPACE => Self::Workspace,
            super::outcome::UNKNOWN => Self::Unknown,
            "activity" => Self::Activity,
            "consent" => Self::Consent,
            "invitation" => Self::Invitation,
            "connector" => Self::Connector,
            "network" => Self::Network,
            _ => Self::Teammate,
        }
    }

    /// What OCSF calls the type of a resource.
    fn name(self) -> &'static str {
        match self {
            Self::Teammate => "Teammate",
            Self::Activity => "Activity log entry",
            Self::Consent => "Impersonation consent",
            Self::Invitation => "Invitation",
            Self::Connector => "Data connector",
            Self::Network => "Network",
            Self::Workspace => "Workspace",
            Self::Unknown => "Unknown",
        }
    }

    /// The folder in the artifact URIs of SARIF.
    fn folder(self) -> &'static str {
        match self {
            Self::Teammate => "teammates",
            Self::Activity => "activity",
            Self::Consent => "consents",
            Self::Invitation => "invitations",
            Self::Connector => "connectors",
            Self::Network => "networks",
            Self::Workspace | Self::Unknown => "settings",
        }
    }
}
