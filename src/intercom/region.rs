//! The regions that host workspaces.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The region that hosts a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Region {
    /// United States.
    Us,
    /// European Union.
    Eu,
    /// Australia.
    Au,
}

impl Region {
    /// The root of the region's API.
    #[must_use]
    pub fn base_url(self) -> &'static str {
        match self {
            Self::Us => "https://api.intercom.io",
            Self::Eu => "https://api.eu.intercom.io",
            Self::Au => "https://api.au.intercom.io",
        }
    }

    /// All regions.
    pub(super) const ALL: [Self; 3] = [Self::Us, Self::Eu, Self::Au];

    /// The name of the region in Intercom's error messages.
    pub(super) fn place(self) -> &'static str {
        match self {
            Self::Us => "United States",
            Self::Eu => "Europe",
            Self::Au => "Australia",
        }
    }

    /// Returns the region with this code, without regard to case.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|region| region.to_string().eq_ignore_ascii_case(code.trim()))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Us => "US",
            Self::Eu => "EU",
            Self::Au => "AU",
        })
    }
}
