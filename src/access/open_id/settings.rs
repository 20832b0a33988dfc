//! The settings of the identity provider, and the person who signed in.

use std::collections::BTreeMap;

use reqwest::Url;
use secrecy::SecretString;

use crate::console::{ConsoleRole, SignedIn};

/// The settings of the identity provider for the console.
#[derive(Clone, Debug)]
pub struct OpenIdSettings {
    /// The exact `iss`. Discovery appends `/.well-known/openid-configuration` to it.
    pub issuer: Url,
    /// The id of the bridge at the provider.
    pub client_id: String,
    /// The secret of the bridge there; `None` for a public client.
    pub client_secret: Option<SecretString>,
    /// The scopes that the bridge requests, beside `openid`.
    pub scopes: Vec<String>,
    /// The claim with the person's groups.
    pub groups_claim: String,
    /// The role that each group gives.
    pub groups: BTreeMap<String, ConsoleRole>,
    /// The role that a verified e-mail address of each domain gives.
    pub email_domains: BTreeMap<String, ConsoleRole>,
    /// The workspaces that people see.
    pub workspaces: Vec<String>,
}

/// A person who signed in, and the subject at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenIdPerson {
    /// The person.
    pub person: SignedIn,
    /// The `sub` at the provider, which never changes.
    pub subject: String,
}
