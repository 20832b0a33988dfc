//! The errors of reading Intercom, distinguished by what the caller can do about them.

use std::fmt;
use std::time::Duration;

use super::region::Region;

/// The reason why Intercom could not be read. It contains no token, no address and no text of
/// Intercom's other than error codes (`unauthorized`, `api_plan_restricted` …) and field names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntercomError {
    /// There is no token: the workspace was never connected, or was disconnected.
    #[error("the workspace is not connected to Intercom")]
    NotConnected,
    /// 401: the token is wrong or revoked, or belongs to another region. Intercom also answers 401
    /// if the token lacks a permission; see [`IntercomError::MissingPermission`].
    #[error("Intercom refused the access token for {resource} (401 {code})")]
    Unauthorized {
        /// The requested resource, for example `/admins`.
        resource: String,
        /// Intercom's error code.
        code: String,
    },
    /// 403: the token is valid but not allowed to read this.
    #[error("the access token is not allowed to read {resource} (403 {code})")]
    Forbidden {
        /// The requested resource, for example `/admins`.
        resource: String,
        /// Intercom's error code.
        code: String,
    },
    /// 401 or 403 for one resource although the same token can read `/me`: the app lacks a
    /// permission.
    #[error(
        "the access token works, but its app lacks the permission \"{permission}\", which {resource} needs ({code})"
    )]
    MissingPermission {
        /// The requested resource.
        resource: String,
        /// The permission that the resource needs.
        permission: Permission,
        /// Intercom's error code.
        code: String,
    },
    /// 404: the resource does not exist.
    #[error("Intercom does not know {resource} (404 {code})")]
    NotFound {
        /// The requested resource.
        resource: String,
        /// Intercom's error code.
        code: String,
    },
    /// 429 on every attempt.
    #[error("Intercom's rate limit is exhausted for {resource}; it resets in {} s", retry_after.as_secs())]
    RateLimited {
        /// The requested resource.
        resource: String,
        /// The time until the rate limit resets.
        retry_after: Duration,
    },
    /// No response, an incomplete one, or a 5xx, on every attempt.
    #[error("Intercom could not be reached for {resource}: {outage}")]
    Unavailable {
        /// The requested resource.
        resource: String,
        /// The kind of failure.
        outage: Outage,
    },
    /// Any other error response.
    #[error("Intercom refused the request for {resource} ({status} {code})")]
    Refused {
        /// The requested resource.
        resource: String,
        /// The HTTP status.
        status: u16,
        /// Intercom's error code.
        code: String,
    },
    /// A response that does not have the documented form.
    #[error("Intercom's response for {resource} cannot be read: {what}")]
    Malformed {
        /// The requested resource.
        resource: String,
        /// The field and what is wrong with it; never a value.
        what: String,
    },
    /// A response body over the size limit.
    #[error("Intercom's response for {resource} is larger than {limit} bytes")]
    TooLarge {
        /// The requested resource.
        resource: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// A list with more entries than the limit.
    #[error("Intercom's response for {resource} has more than {limit} entries")]
    TooMany {
        /// The requested resource.
        resource: String,
        /// The maximum number of entries.
        limit: usize,
    },
    /// 403 `region_mismatch`: the workspace of the token is hosted in another region.
    #[error("the workspace is hosted in {}, but the bridge is configured for {} (403 region_mismatch)", named(*.actual), named(*.configured))]
    WrongRegion {
        /// The configured region; `None` if a base URL is configured instead.
        configured: Option<Region>,
        /// The region that Intercom names, if the bridge knows it.
        actual: Option<Region>,
    },
}

/// The same as [`IntercomError::needs_operator`], for the code that a run recorded.
#[must_use]
pub fn code_needs_operator(code: &str) -> bool {
    matches!(
        code,
        "intercom_not_connected"
            | "intercom_unauthorized"
            | "intercom_forbidden"
            | "intercom_permission_missing"
            | "intercom_wrong_region"
    )
}

/// A permission of an app, with the name that Intercom's Developer Hub gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Teammates and teams: `/admins`, `/teams`.
    ReadAdmins,
    /// The activity log: `/admins/activity_logs`.
    ReadActivityLogs,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadAdmins => "Read admins",
            Self::ReadActivityLogs => "Read admin activity logs",
        })
    }
}

fn named(region: Option<Region>) -> String {
    region.map_or_else(|| "another region".to_owned(), |region| region.to_string())
}

/// The way in which Intercom was unreachable. It never contains an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Outage {
    /// The connection could not be opened.
    #[error("no connection (check the address, and whether the network allows it)")]
    NoConnection,
    /// There was no response within the time-out.
    #[error("no response in time")]
    TimedOut,
    /// The response ended early.
    #[error("the response ended early")]
    CutOff,
    /// The connection failed in another way.
    #[error("the connection failed")]
    Broken,
    /// A status of a temporary failure: 408 or 5xx.
    #[error("the response was {status} {code}")]
    Answered {
        /// The HTTP status.
        status: u16,
        /// Intercom's error code.
        code: String,
    },
    /// A response that is not Intercom's: an HTML page, a redirect or an empty body, sent by
    /// something in between.
    #[error("the response ({status}) is not from Intercom's API: {what}")]
    NotIntercom {
        /// The HTTP status.
        status: u16,
        /// What is wrong with the response; never a part of it.
        what: &'static str,
    },
}

impl IntercomError {
    /// Whether a retry may soon succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Unavailable { .. })
    }

    /// Whether a response says that this resource is not available to this token: it does not exist,
    /// is not allowed, or has an unknown form. It counts too if it does not have the form of an
    /// error of Intercom's: a gateway may reply for a path that does not exist.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Unavailable { outage: Outage::NotIntercom { status, .. }, .. } => {
                matches!(status, 400 | 403 | 404 | 406)
            }
            Self::NotConnected
            | Self::RateLimited { .. }
            | Self::Unavailable { .. }
            | Self::WrongRegion { .. } => false,
            Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::MissingPermission { .. }
            | Self::NotFound { .. }
            | Self::Refused { .. }
            | Self::Malformed { .. }
            | Self::TooLarge { .. }
            | Self::TooMany { .. } => true,
        }
    }

    /// Whether an operator must change something before it can succeed.
    #[must_use]
    pub fn needs_operator(&self) -> bool {
        code_needs_operator(self.code())
    }

    /// The code of this kind of error, for machines.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotConnected => "intercom_not_connected",
            Self::Unauthorized { .. } => "intercom_unauthorized",
            Self::Forbidden { .. } => "intercom_forbidden",
            Self::MissingPermission { .. } => "intercom_permission_missing",
            Self::NotFound { .. } => "intercom_not_found",
            Self::RateLimited { .. } => "intercom_rate_limited",
            Self::Unavailable { .. } => "intercom_unavailable",
            Self::Refused { .. } => "intercom_refused",
            Self::Malformed { .. } => "intercom_malformed",
            Self::TooLarge { .. } | Self::TooMany { .. } => "intercom_too_large",
            Self::WrongRegion { .. } => "intercom_wrong_region",
        }
    }

    /// Returns what an operator can do about the error.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::NotConnected => {
                "run `intercom-scim-bridge connect` on the bridge's host (with --workspace if there are several), and open the \
                 address that it prints".to_owned()
            }
            Self::Unauthorized { .. } => {
                "check INTERCOM_ACCESS_TOKEN, or the access token of this workspace in [[workspaces]] (Intercom: Settings > Integrations > \
                 Developer Hub > your app > Authentication), and that INTERCOM_REGION, or the region there, is the one that hosts the \
                 workspace (us, eu or au)"
                    .to_owned()
            }
            Self::Forbidden { code, .. } if code == "api_plan_restricted" => {
                "this requires a higher Intercom plan; ask the owner of the workspace's subscription".to_owned()
            }
            Self::Forbidden { .. } => Permission::ReadAdmins.remedy(),
            Self::MissingPermission { permission, .. } => permission.remedy(),
            Self::WrongRegion { actual: Some(actual), .. } => {
                format!("set INTERCOM_REGION={}", actual.to_string().to_ascii_lowercase())
            }
            Self::WrongRegion { actual: None, .. } => {
                "set INTERCOM_REGION to the region that hosts the workspace (us, eu or au), or INTERCOM_BASE_URL to its API".to_owned()
            }
            Self::RateLimited { .. } | Self::Unavailable { .. } => {
                "the bridge retries by itself; if the error stays, check the network, the proxy, INTERCOM_BASE_URL \
                 and Intercom's status page"
                    .to_owned()
            }
            Self::NotFound { .. }
            | Self::Refused { .. }
            | Self::Malformed { .. }
            | Self::TooLarge { .. }
            | Self::TooMany { .. } => {
                "check that INTERCOM_BASE_URL is Intercom's API, and that intercom.api_version in the configuration is a version of it; \
                 if both are right, report this message to the bridge's developers"
                    .to_owned()
            }
        }
    }
}

impl Permission {
    /// Returns what an operator must do to give a token this permission.
    #[must_use]
    pub fn remedy(self) -> String {
        format!(
            "give the app of this token the permission \"{self}\" (Intercom: Settings > Integrations > Developer Hub > your app > \
             Authentication), then create a new access token and set it: an existing token keeps its permissions"
        )
    }
}
