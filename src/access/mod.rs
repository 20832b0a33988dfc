//! Who may ask: keys, tokens and scopes. The only user of jsonwebtoken.

mod scopes;
mod tokens;
mod webhook;

pub use scopes::{Scope, UnknownScope};
pub use tokens::{AccessError, Grant, Principal, Tokens};
pub use webhook::WebhookKey;
