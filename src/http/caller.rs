//! Who asks. A handler that wants a workspace gets it only through [`Caller`], so none can forget to ask for
//! a token.

use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};

use super::errors::ApiError;
use super::service::{DEFAULT_WORKSPACE, Service, Workspace};
use crate::access::{Principal, Scope};
use crate::scim::ScimError;

/// A caller with a good token, with the scope that `S` declares, and the workspace of the path.
pub struct Caller<S> {
    /// Who.
    pub principal: Arc<Principal>,
    /// Where.
    pub workspace: Arc<Workspace>,
    /// What all requests share.
    pub service: Data<Service>,
    scope: PhantomData<S>,
}

/// A scope as a type, so that a handler's signature says what it needs.
pub trait Declared: 'static {
    /// The scope.
    const SCOPE: Scope;
}

/// Declares [`Scope::ScimRead`].
pub struct ScimRead;
/// Declares [`Scope::ImportRead`].
pub struct ImportRead;
/// Declares [`Scope::ImportRun`].
pub struct ImportRun;
/// Declares [`Scope::LifecycleWrite`].
pub struct LifecycleWrite;

impl Declared for ScimRead {
    const SCOPE: Scope = Scope::ScimRead;
}
impl Declared for ImportRead {
    const SCOPE: Scope = Scope::ImportRead;
}
impl Declared for ImportRun {
    const SCOPE: Scope = Scope::ImportRun;
}
impl Declared for LifecycleWrite {
    const SCOPE: Scope = Scope::LifecycleWrite;
}

impl<S: Declared> FromRequest for Caller<S> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(identify(request))
    }
}

fn identify<S: Declared>(request: &HttpRequest) -> Result<Caller<S>, ApiError> {
    let service = request.app_data::<Data<Service>>().cloned().ok_or(ScimError::Internal)?;
    let given = request.headers().get(AUTHORIZATION);
    let token = given
        .and_then(|value| bearer(value.as_bytes()))
        .ok_or(ApiError::Unauthenticated { token_given: given.is_some() })?;
    let principal = service.tokens.verify(token).map_err(|error| {
        tracing::info!(reason = %error, "a bearer token was refused");
        ApiError::Unauthenticated { token_given: true }
    })?;
    // A workspace that the token is not for and one that does not exist look the same.
    let name = workspace_name(request);
    let workspace = service.workspaces.get(name).filter(|_| principal.workspaces.iter().any(|allowed| allowed == name));
    let workspace = workspace.cloned().ok_or_else(|| ScimError::NotFound { what: "this workspace".to_owned() })?;
    if !principal.scopes.contains(&S::SCOPE) {
        return Err(ScimError::Forbidden { scope: S::SCOPE.as_str() }.into());
    }
    Ok(Caller { principal, workspace, service, scope: PhantomData })
}

/// RFC 6750 §2.1; the scheme's name is compared without regard to case (RFC 9110 §11.1).
fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = header.trim_ascii().split_at_checked("bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

/// The workspace that the path names.
pub fn workspace_name(request: &HttpRequest) -> &str {
    request.match_info().get("workspace").unwrap_or(DEFAULT_WORKSPACE)
}
