//! Why an attempt to deliver a notification failed.

use std::time::Duration;

/// Why an attempt failed. No message has the URL, which may contain a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryFailure {
    /// Standard Webhooks: "410 Gone: the endpoint should be disabled".
    #[error("the receiver answered 410: it wants no more notifications")]
    Gone,
    /// A redirect. It is not followed: it could lead to any address.
    #[error("the receiver answered {0}, a redirect, which is not followed; correct the URL")]
    Redirect(u16),
    /// Another status that is not 2xx.
    #[error("the receiver answered {status}")]
    Status {
        /// The status.
        status: u16,
        /// The wait that the receiver asks for (RFC 9110 §10.2.3).
        retry_after: Option<Duration>,
    },
    /// There was no answer in time.
    #[error("the receiver did not answer in time")]
    Timeout,
    /// The connection could not be made or ended early.
    #[error("the receiver could not be reached; check the URL and the network")]
    Unreachable,
    /// The certificate of the receiver is not valid for the host of the URL, or not trusted.
    #[error(
        "the certificate of the receiver is not trusted; check its names, its dates and who issued \
         it, and the CA certificates of the bridge's system"
    )]
    Certificate,
    /// The connection was made, but TLS could not be set up.
    #[error("TLS with the receiver failed; check that the port of the URL answers with TLS")]
    Tls,
    /// The name has no address.
    #[error("the name of the receiver could not be resolved")]
    Unresolved,
    /// The receiver has no address to which the bridge may connect.
    #[error(
        "the receiver has only addresses of private networks or of this machine; set \
         allow_private_addresses if that is intended"
    )]
    PrivateAddress,
    /// The receiver has no address to which the bridge may ever connect.
    #[error(
        "the receiver has only addresses to which the bridge never connects, such as those of \
         metadata services"
    )]
    ForbiddenAddress,
    /// The next events could not be read, so nothing was sent.
    #[error("the next events cannot be read from the database: {0}")]
    Unreadable(String),
}

impl DeliveryFailure {
    /// The wait that the receiver asks for.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The failure that a status means; `None` for 2xx.
    #[must_use]
    pub fn of_status(status: u16, retry_after: Option<Duration>) -> Option<Self> {
        match status {
            200..=299 => None,
            410 => Some(Self::Gone),
            300..=399 => Some(Self::Redirect(status)),
            _ => Some(Self::Status { status, retry_after }),
        }
    }
}
