//! Why a sign-in is refused, in words for the person who tried.

use crate::console::ConsoleRole;

/// Why a sign-in by the identity provider is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// The provider cannot be used at the moment.
    #[error(
        "The identity provider {0}. Try again in a minute. If it stays so, ask an operator to check the setting console.oidc.issuer."
    )]
    Unavailable(&'static str),
    /// The provider did not accept the code.
    #[error(
        "The identity provider did not accept the sign-in. It may have taken too long. Sign in again."
    )]
    CodeRefused,
    /// The provider did not accept the bridge.
    #[error(
        "The identity provider did not accept this bridge. Ask an operator to check the settings console.oidc.client_id and console.oidc.client_secret, and the redirect address at the provider."
    )]
    ClientRefused,
    /// The ID token is not valid.
    #[error(
        "The answer of the identity provider is not valid: {0}. Sign in again. If it stays so, ask an operator."
    )]
    Token(&'static str),
    /// The address that would give a role is not verified.
    #[error(
        "Your identity provider has not verified your e-mail address, so it gives you no role. Verify it there, then sign in again."
    )]
    UnverifiedAddress,
    /// Neither a group nor the address gives a role.
    #[error("You may not use this console: none of your groups gives a role ({roles}). Ask an operator to add you to a group with a role.", roles = <ConsoleRole as crate::words::Words>::list())]
    NoRole,
}
