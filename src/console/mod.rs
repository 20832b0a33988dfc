//! Who may do what in the console. No side effects.
//!
//! ```text
//! role       what a person may do: viewer, reviewer, admin
//! action     what can be done in the console, and the role that each action needs
//! signed_in  a person who signed in, and how
//! ```

mod action;
mod role;
mod signed_in;

pub use action::ConsoleAction;
pub use role::ConsoleRole;
pub use signed_in::{SignInMethod, SignedIn};
