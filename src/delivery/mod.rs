//! Sends notifications to the endpoints of the settings: outbound webhooks.
//!
//! ```text
//! endpoint   an endpoint, as the settings describe it
//! sender     one attempt over HTTP                 guard     the addresses it may connect to
//! events     reads the next events of an endpoint  deliverer  sends them in order
//! ```
//!
//! A message is sent at least once: the place of an endpoint is stored after the receiver has
//! confirmed the message, so a crash between the two sends it again, with the same id.

mod deliverer;
mod endpoint;
mod events;
mod guard;
mod sender;

pub use deliverer::Deliverer;
pub use endpoint::Endpoint;
pub use events::{ends, first_waiting};
pub use sender::Sender;
