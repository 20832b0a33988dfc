//! Outbound webhooks: which events an endpoint gets, what is sent, how it is signed, and what
//! happens after a failure. Pure.
//!
//! ```text
//! filter    which events an endpoint gets        message   one event as a signed body
//! secret    signatures (Standard Webhooks)       address   to which addresses may be connected
//! standing  the state of an endpoint             place     how far an endpoint was served
//! failure   why an attempt failed
//! ```

mod address;
mod failure;
mod filter;
mod message;
mod place;
mod secret;
mod standing;

pub use address::{AddressKind, kind_of, may_connect};
pub use failure::DeliveryFailure;
pub use filter::Filter;
pub use message::{Message, NewFinding};
pub use place::{Place, Places, ReplayFrom};
pub use secret::{SecretError, Secrets};
pub use standing::{EndpointState, Standing};
