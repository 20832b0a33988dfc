//! What can go wrong upstream, by what the caller can do about it.

use std::time::Duration;

use super::Region;

/// Why Intercom could not be read. Holds no token, no address and no text of Intercom's: only its
/// error codes (`unauthorized`, `api_plan_restricted` …) and the names of fields.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntercomError {
    /// There is no token: nobody has connected the workspace yet, or somebody has disconnected it.
    #[error("the workspace is not connected to Intercom")]
    NotConnected,
    /// 401: the token is wrong or revoked, or belongs to another region.
    #[error("Intercom refused the access token (401 {code})")]
    Unauthorized {
        /// Intercom's error code.
        code: String,
    },
    /// 403: the token is good and may not do this.
    #[error("Intercom does not let this access token read {resource} (403 {code})")]
    Forbidden {
        /// What was asked for, for example `/admins`.
        resource: String,
        /// Intercom's error code.
        code: String,
    },
    /// 404: it is not there.
    #[error("Intercom does not know {resource} (404 {code})")]
    NotFound {
        /// What was asked for.
        resource: String,
        /// Intercom's error code.
        code: String,
    },
    /// 429 on every try.
    #[error("Intercom's rate limit is used up; it opens again in {} s", retry_after.as_secs())]
    RateLimited {
        /// How long until Intercom counts anew.
        retry_after: Duration,
    },
    /// No answer, half an answer, or a 5xx, on every try.
    #[error("Intercom could not be reached: {0}")]
    Unavailable(Outage),
    /// Any other refusal.
    #[error("Intercom refused to answer for {resource} ({status} {code})")]
    Refused {
        /// What was asked for.
        resource: String,
        /// The HTTP status.
        status: u16,
        /// Intercom's error code.
        code: String,
    },
    /// An answer that is not what Intercom documents.
    #[error("Intercom's answer for {resource} cannot be read: {what}")]
    Malformed {
        /// What was asked for.
        resource: String,
        /// Which field, and what is wrong with it; never a value.
        what: String,
    },
    /// A body over the limit.
    #[error("Intercom's answer for {resource} is larger than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        resource: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// The token opens a workspace that is hosted elsewhere.
    #[error("the workspace is hosted in {actual}, not in {configured}")]
    WrongRegion {
        /// The region in the configuration.
        configured: Region,
        /// The region Intercom names.
        actual: String,
    },
}

/// How Intercom was out of reach; none of them names an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Outage {
    /// Nobody took the connection.
    #[error("no connection (is the address right, and is it let through by the network?)")]
    NoConnection,
    /// Silence for too long.
    #[error("it did not answer in time")]
    TimedOut,
    /// Half an answer.
    #[error("the answer was cut off")]
    CutOff,
    /// The connection ended in another way.
    #[error("the connection broke")]
    Broken,
    /// A status that says it may pass: 408 or 5xx.
    #[error("it answered {status} {code}")]
    Answered {
        /// The HTTP status.
        status: u16,
        /// Intercom's error code.
        code: String,
    },
}

impl IntercomError {
    /// Whether trying again shortly may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Unavailable(_))
    }

    /// Whether a person must change something before it can work.
    #[must_use]
    pub fn needs_operator(&self) -> bool {
        matches!(
            self,
            Self::NotConnected | Self::Unauthorized { .. } | Self::Forbidden { .. } | Self::WrongRegion { .. }
        )
    }

    /// The kind of error as one word for machines.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotConnected => "intercom_not_connected",
            Self::Unauthorized { .. } => "intercom_unauthorized",
            Self::Forbidden { .. } => "intercom_forbidden",
            Self::NotFound { .. } => "intercom_not_found",
            Self::RateLimited { .. } => "intercom_rate_limited",
            Self::Unavailable(_) => "intercom_unavailable",
            Self::Refused { .. } => "intercom_refused",
            Self::Malformed { .. } => "intercom_malformed",
            Self::TooLarge { .. } => "intercom_too_large",
            Self::WrongRegion { .. } => "intercom_wrong_region",
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::NotConnected => {
                "run `intercom-scim-bridge connect` where the bridge runs (with --workspace, where there are several), and open the \
                 address that it prints".to_owned()
            }
            Self::Unauthorized { .. } => {
                "check INTERCOM_ACCESS_TOKEN, or the token of this workspace in [[workspaces]] (Intercom: Settings > Integrations > \
                 Developer Hub > your app > Authentication), and that INTERCOM_REGION, or its region (us, eu, au), is where the \
                 workspace is hosted"
                    .to_owned()
            }
            Self::Forbidden { .. } => {
                "give the app of this token the permission \"Read admins\" in Intercom's Developer Hub; \
                 some resources also need a higher plan"
                    .to_owned()
            }
            Self::WrongRegion { actual, .. } => format!("set INTERCOM_REGION={}", actual.to_ascii_lowercase()),
            Self::RateLimited { .. } | Self::Unavailable(_) => {
                "nothing, if it passes: the bridge tries again by itself; else check the network, a proxy, INTERCOM_BASE_URL \
                 and Intercom's status page"
                    .to_owned()
            }
            Self::NotFound { .. } | Self::Refused { .. } | Self::Malformed { .. } | Self::TooLarge { .. } => {
                "check that INTERCOM_BASE_URL is Intercom's API and intercom.api_version (now in the configuration) one it has; \
                 if both are right, report it to the bridge's developers with this message"
                    .to_owned()
            }
        }
    }
}
