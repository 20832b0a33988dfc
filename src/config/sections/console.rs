//! Section `console.oidc`.

use std::collections::BTreeMap;

use figment::value::Dict;
use reqwest::Url;
use secrecy::SecretString;

use crate::config::roster_values::plain_text;
use crate::config::rules::{some_text, some_texts};
use crate::config::setting::section;
use crate::config::values::{console_roles, safe_url, secret};
use crate::console::ConsoleRole;

section! {
    /// Section `console.oidc`: people sign in to the console by the company's identity provider
    /// (OpenID Connect). The redirect address at the provider is the public URL of the bridge with
    /// /oidc/callback at its end.
    pub struct ConsoleOidc in "console.oidc" {
        /// The issuer, as the provider writes it. Empty: people sign in only by the links that the
        /// command login-link prints.
        pub issuer: Option<Url> = "", safe_url("https://login.example.com/").or_empty();

        /// The id of the bridge at the provider.
        pub client_id: Option<String> = "", plain_text("a client id, without blanks").or_empty();

        /// The secret of the bridge at the provider. Empty for a public client, which has only
        /// PKCE.
        pub client_secret: Option<SecretString> = "",
            secret("a client secret, without blanks").or_empty().secret();

        /// The scopes that are requested beside openid.
        pub scopes: Vec<String> = vec!["profile", "email"],
            some_texts("a list of scopes, such as profile, email and groups");

        /// The claim of the ID token with the person's groups.
        pub groups_claim: String = "groups",
            some_text("the name of a claim, such as groups or roles");

        /// The role that each group gives. Who is in several groups gets the largest role.
        pub groups: BTreeMap<String, ConsoleRole> = Dict::new(), console_roles();

        /// The role that a verified e-mail address of each domain gives. Domains are written in
        /// small letters. A person without a role by
        /// a group or a domain is refused.
        pub email_domains: BTreeMap<String, ConsoleRole> = Dict::new(), console_roles();

        /// The workspaces that these people see. Empty: all.
        pub workspaces: Option<Vec<String>> = "",
            some_texts("a list of names of configured workspaces").or_empty();
    }
}
