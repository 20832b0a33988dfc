//! Authenticates clients: keys, tokens, client secrets, scopes, rate limits. Only this module uses
//! jsonwebtoken and argon2. `http::extract` authorises requests with it.
//!
//! ```text
//! scopes        permissions of tokens             tokens         issuing and verifying tokens
//! keys          the bridge's signing keys         issuers        trusted issuers and their keys
//! claims        strict reading of claims          token_request  OAuth token requests
//! secrets       random ids, secrets and hashes    sealing        encryption of stored secrets
//! allowance     rate limits                       webhook        signatures of Intercom's webhooks
//! audit_buffer  audit entries before writing      login          verification of client secrets
//! verified      the cache of verified tokens      principal      the authenticated client
//! key_set       public keys (JWK Sets)            published_keys keys that are fetched from a URL
//! client_keys   the registered keys of clients    client_assertion
//!                                                                verification of clients' JWTs
//! open_id       sign-in of people by an identity provider
//! error         the errors of all of these
//! ```

mod allowance;
mod audit_buffer;
mod claims;
mod client_assertion;
mod client_keys;
mod error;
mod issuers;
mod key_set;
mod keys;
mod login;
mod open_id;
mod principal;
mod published_keys;
mod scopes;
mod sealing;
mod secrets;
mod token_request;
mod tokens;
mod verified;
mod webhook;

pub use allowance::{Allowance, Allowances, AnonymousLimits, TooMany, network_of};
pub use audit_buffer::{Answered, AuditActor, AuditTrail, CONSOLE, PROXY_NOT_TRUSTED};
pub use client_assertion::{
    ASSERTION_ALGORITHMS, AssertionRefusal, ClientAssertions, ValidAssertion,
};
pub use client_keys::{ClientKeys, ClientKeysError, authentication_method};
pub use error::AccessError;
pub use issuers::{Issuer, SigningAlgorithm, TrustedIssuer};
pub use keys::KeyRing;
pub use login::{ClientLogin, Login};
pub use open_id::{OpenId, OpenIdPerson, OpenIdSettings, SignInError};
pub use principal::Principal;
pub use scopes::Scope;
pub use sealing::{Vault, connection_purpose};
pub use secrets::{
    client_id, client_secret, client_secret_of, derived_secret, hash_of_random, is_same_secret,
    is_tagged_secret, looks_random, random_reference, random_secret,
};
pub use token_request::{ClientCredential, TokenRefusal, TokenRequest};
pub use tokens::{Grant, Issued, TokenOptions, Tokens};
pub use webhook::WebhookKey;
