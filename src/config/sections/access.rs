//! Section `access`, and `[[access.issuers]]`.

use std::collections::BTreeMap;
use std::time::Duration;

use figment::value::Dict;
use reqwest::Url;
use secrecy::SecretString;

use crate::access::{Scope, SigningAlgorithm};
use crate::config::rules::{duration, some_text, some_texts, whole};
use crate::config::setting::section;
use crate::config::values::{algorithms, encryption_key, jwks_url, scopes};
use crate::limits::{TOKEN_LEEWAY_MAX, TOKEN_TTL_MAX};

section! {
    /// Section `access`: the clients of the bridge.
    pub struct Access in "access" {
        /// The key that encrypts secrets in the database: signing keys, and access tokens of
        /// connected workspaces. All bridges on one database need the same. Empty: the first start
        /// makes a key and keeps it in a file. For SQLite, the file is beside the database, with
        /// .key at its end. For PostgreSQL, it is bridge.key in the working directory.
        pub encryption_key: Option<SecretString> = "", encryption_key().or_empty();

        /// The previous key, while encryption_key is being replaced. The next start encrypts
        /// everything with the new key.
        pub previous_encryption_key: Option<SecretString> = "", encryption_key().or_empty();

        /// The lifetime of the tokens that OAuth clients get.
        pub token_ttl: Duration = "1h", duration(Duration::from_secs(1)..=TOKEN_TTL_MAX, "1h");

        /// How long the audit trail is kept, in days.
        pub audit_retention_days: u32 = 400u32, whole(1..=36_500);
    }
}

section! {
    /// A table of `[[access.issuers]]`: another issuer whose tokens are accepted (Okta, Entra,
    /// Auth0, Keycloak …). See [`crate::access::TrustedIssuer`].
    pub struct Issuer in "access.issuers[]" {
        /// The exact `iss` of its tokens.
        pub issuer: String = "https://login.example.com/",
            some_text("a name that no other issuer here has")
                .required();

        /// Where its public keys are published.
        pub jwks_url: Url = "https://login.example.com/keys", jwks_url().required();

        /// The accepted `aud`. A token must have one of them.
        pub audience: Vec<String> = "https://bridge.example.com",
            some_texts("the aud of its tokens, or a list of them").required();

        /// The accepted signature algorithms.
        pub algorithms: Vec<SigningAlgorithm> = vec!["RS256", "ES256", "EdDSA"], algorithms();

        /// The accepted difference between its clock and that of the bridge.
        pub leeway: Duration = "30s", duration(Duration::from_secs(1)..=TOKEN_LEEWAY_MAX, "30s");

        /// The claim with the client's identity.
        pub subject_claim: String = "sub", some_text("the name of a claim, such as sub");

        /// The claim with the client's permissions.
        pub scope_claim: String = "scope",
            some_text("the name of a claim, such as scope, scp, roles or realm_access.roles");

        /// The workspaces that its tokens give access to.
        pub workspaces: Vec<String> = vec!["default"],
            some_texts("a list of names of configured workspaces");

        /// The scopes that each word of scope_claim grants. Empty: the words are the bridge's
        /// scopes.
        pub scopes: BTreeMap<String, Vec<Scope>> = Dict::new(), scopes();
    }
}
