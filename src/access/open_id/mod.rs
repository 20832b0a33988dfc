//! Sign-in of people by an identity provider: OpenID Connect Core 1.0, authorisation code flow with
//! PKCE (RFC 7636).
//!
//! A browser that begins to sign in gets a random secret in a cookie. The state, the nonce and the
//! code verifier are derived from it, so only that browser can finish the sign-in.
//!
//! ```text
//! flow       the steps of a sign-in
//! settings   the settings, and the person who signed in
//! provider   the provider's addresses (discovery) and keys
//! id_token   the checks of an ID token
//! granted    which role the claims give
//! error      why a sign-in is refused, in words for people
//! ```

mod error;
mod flow;
mod granted;
mod id_token;
mod provider;
mod settings;

pub use error::SignInError;
pub use flow::OpenId;
pub use settings::{OpenIdPerson, OpenIdSettings};
