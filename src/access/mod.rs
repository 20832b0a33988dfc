//! Who may ask: keys, tokens, clients and scopes. The only user of jsonwebtoken.
//!
//! ```text
//! scopes    what may be done           tokens         issuing and verifying
//! keys      what signs, opened         issuers        others whose tokens are taken
//! claims    what a token says          token_request  what a client sends to get one
//! secrets   random names, and hashes   sealing        secrets that the ledger keeps
//! allowance how much a client may ask  webhook        Intercom's signatures
//! trail     what was asked, to note it  login          clients and their secrets
//! verified  tokens that are remembered, and what was taken back
//! ```

mod allowance;
mod audit_buffer;
mod claims;
mod issuers;
mod keys;
mod login;
mod scopes;
mod sealing;
mod secrets;
mod token_request;
mod tokens;
mod verified;
mod webhook;

pub use allowance::{Allowance, Allowances, AnonymousLimits, TooMany, network_of};
pub use audit_buffer::{Actor, Answered, AuditTrail, PROXY_NOT_TRUSTED, STATUS_PAGE};
pub use issuers::{Issuer, SigningAlgorithm, TrustedIssuer};
pub use keys::KeyRing;
pub use login::{ClientLogin, Login};
pub use scopes::{Scope, UnknownScope};
pub use sealing::{SealError, Vault, connection_purpose};
pub use secrets::{
    client_id, client_secret, client_secret_of, hash_of_random, is_client_secret, is_tagged_secret,
    looks_like_client_secret, looks_random, random_reference, random_secret, secret_id,
};
pub use token_request::{TokenRefusal, TokenRequest};
pub use tokens::{AccessError, Grant, Issued, Principal, TokenOptions, Tokens};
pub use webhook::WebhookKey;
