//! The settings of identities.

use std::sync::Arc;

use time::Duration;

use crate::moments::Zone;
use crate::roster::{Completeness, MatchSettings, ReadSettings};

/// The settings of identities.
#[derive(Clone, Debug)]
pub struct IdentityOptions {
    /// `roster.complete`; without it, no roster can be imported.
    pub completeness: Option<Completeness>,
    /// `roster.time_zone`
    pub zone: Zone,
    /// How files are read. Source and format are those of each import.
    pub reading: ReadSettings,
    /// How accounts are matched.
    pub matching: MatchSettings,
    /// `roster.max_shrink`
    pub max_shrink: u8,
    /// `roster.max_age`
    pub max_age: Duration,
    /// `roster.ended_grace`, in whole days.
    pub ended_grace: Duration,
    /// `roster.keep_ended`, in whole days.
    pub keep_ended: Duration,
    /// `roster.keep_versions`
    pub keep_versions: usize,
    /// The names of roles whose holders count as privileged.
    pub privileged_roles: Arc<[String]>,
    /// How far back a full import reads Intercom's activity log.
    pub activity_lookback: std::time::Duration,
    /// Whether the values of SCIM's enterprise extension are computed.
    pub with_enterprise: bool,
}
