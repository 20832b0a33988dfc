//! A person who signed in to the console.

use super::{ConsoleAction, ConsoleRole};
use crate::words::words;

words! {
    /// How a person signed in.
    pub enum SignInMethod {
        /// By a one-time link of the command `login-link`.
        Link = "link",
        /// By the company's identity provider (OpenID Connect).
        OpenIdConnect = "oidc",
    }
}

/// A person who signed in to the console, or for whom a link was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// The person's name in the audit trail. Of a link: the name that was given when it was made.
    pub name: String,
    /// What the person may do.
    pub role: ConsoleRole,
    /// How the person signed in.
    pub method: SignInMethod,
    /// The names of the workspaces that the person sees.
    pub workspaces: Vec<String>,
}

impl SignedIn {
    /// Whether the person may do this.
    #[must_use]
    pub fn can(&self, action: ConsoleAction) -> bool {
        self.role >= action.needs()
    }
}
