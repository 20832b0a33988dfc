//! Who asks. A handler that wants a workspace gets it only through [`Caller`], and one that is about the bridge itself
//! only through [`Bearer`], so none can forget to ask for a token with a scope.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::{Either, LocalBoxFuture, Ready, ready};

use super::errors::{ApiError, RequestContext};
use super::service::{Service, Workspace};
use crate::access::{AccessError, Actor, Principal, Scope};
use crate::directory::DEFAULT_WORKSPACE;
use crate::scim::ScimError;

/// Somebody with a good token that has the scope which `S` declares.
pub struct Bearer<S> {
    /// Who.
    pub principal: Arc<Principal>,
    /// What all requests share.
    pub service: Data<Service>,
    scope: PhantomData<S>,
}

/// Somebody with a good token that has the scope which `S` declares, for the workspace of the path.
pub struct Caller<S> {
    bearer: Bearer<S>,
    /// Where.
    pub workspace: Arc<Workspace>,
}

impl<S> Deref for Caller<S> {
    type Target = Bearer<S>;

    fn deref(&self) -> &Bearer<S> {
        &self.bearer
    }
}

/// Somebody who may have shown a token, or not: for what everybody may see, but not all of it.
pub struct OptionalCaller(Option<Arc<Principal>>);

impl OptionalCaller {
    /// Whether no good token was shown.
    pub fn is_anonymous(&self) -> bool {
        self.0.is_none()
    }

    /// The workspaces that the visitor may know of: those that the token opens.
    pub fn sees<'a>(&self, service: &'a Service) -> Vec<&'a Arc<Workspace>> {
        let opens = |name: &str| self.0.as_ref().is_some_and(|principal| principal.opens(name));
        service.workspaces.values().filter(|workspace| opens(&workspace.name)).collect()
    }
}

/// A scope as a type, so that a handler's signature says what it needs.
pub trait Declared: 'static {
    /// The scope.
    const SCOPE: Scope;
}

/// Makes a type of each scope.
macro_rules! declared {
    ($($name:ident),+) => {
        $(
            #[doc = concat!("Declares [`Scope::", stringify!($name), "`].")]
            pub struct $name;

            impl Declared for $name {
                const SCOPE: Scope = Scope::$name;
            }
        )+
    };
}

declared!(ScimRead, ImportRead, ImportRun, LifecycleWrite, Admin);

/// Most tokens are known; only a new one may take a question to its issuer.
type Identified<T> = Either<Ready<Result<T, ApiError>>, LocalBoxFuture<'static, Result<T, ApiError>>>;

impl<S: Declared> FromRequest for Caller<S> {
    type Error = ApiError;
    type Future = Identified<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        identify(request, |request, somebody| {
            // A workspace that the token is not for and one that does not exist look the same.
            let name = workspace_name(request);
            let workspace = somebody.service.workspaces.get(name).filter(|_| somebody.principal.opens(name)).cloned();
            let workspace = workspace.ok_or_else(|| ScimError::NotFound { what: "this workspace".to_owned() })?;
            RequestContext::with(request, |facts| facts.workspace = Some(Arc::clone(&workspace.name)));
            Ok(Self { bearer: somebody.with_scope()?, workspace })
        })
    }
}

impl<S: Declared> FromRequest for Bearer<S> {
    type Error = ApiError;
    type Future = Identified<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        identify(request, |_, somebody| somebody.with_scope())
    }
}

impl FromRequest for OptionalCaller {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let known = identify(request, |_, somebody| Ok(somebody.principal));
        Box::pin(async move {
            match known.await {
                Ok(principal) => Ok(Self(Some(principal))),
                Err(ApiError::Unauthenticated { .. }) => Ok(Self(None)),
                Err(error) => Err(error),
            }
        })
    }
}

/// Whoever showed a good token, whatever it is good for.
type Authenticated = Bearer<()>;

impl Authenticated {
    fn with_scope<S: Declared>(self) -> Result<Bearer<S>, ApiError> {
        if !self.principal.scopes.contains(&S::SCOPE) {
            return Err(ScimError::Forbidden { scope: S::SCOPE.as_str() }.into());
        }
        let Self { principal, service, .. } = self;
        Ok(Bearer { principal, service, scope: PhantomData })
    }
}

/// Finds out who asks and when, and what that is good for.
fn identify<T: 'static>(
    request: &HttpRequest,
    then: impl FnOnce(&HttpRequest, Authenticated) -> Result<T, ApiError> + 'static,
) -> Identified<T> {
    let Some(service) = request.app_data::<Data<Service>>().cloned() else {
        return Either::Left(ready(Err(ScimError::Internal.into())));
    };
    let mut given = request.headers().get_all(AUTHORIZATION);
    let (given, another) = (given.next(), given.next());
    // Which of two a proxy in front believed, nobody knows.
    let only = given.filter(|_| another.is_none());
    let Some(token) = only.and_then(|value| bearer(value.as_bytes())) else {
        return Either::Left(ready(Err(ApiError::Unauthenticated { token_given: given.is_some(), ended: None })));
    };
    let welcome = move |request: &HttpRequest, service: Data<Service>, known: Result<Arc<Principal>, AccessError>| {
        let principal = known.map_err(refusal)?;
        RequestContext::with(request, |facts| facts.actor = Some(Actor::Principal(Arc::clone(&principal))));
        principal.allowance.ask().map_err(ApiError::TooMany)?;
        then(request, Bearer { principal, service, scope: PhantomData })
    };
    if let Some(known) = service.tokens.recall(token) {
        return Either::Left(ready(welcome(request, service, known)));
    }
    let (request, token) = (request.clone(), token.to_vec());
    Either::Right(Box::pin(async move {
        let known = service.tokens.verify(&token).await;
        // Only those whose token is not good count as strangers: behind one address there may be others, whose first
        // request with a good token must not be refused because of them.
        if known.as_ref().is_err_and(|error| !error.is_of_a_known_token()) {
            service.stranger("token", &request)?;
        }
        welcome(&request, service, known)
    }))
}

fn refusal(error: AccessError) -> ApiError {
    match error {
        AccessError::KeysUnavailable { .. } => {
            let why = "the keys of this token's issuer cannot be read now; try again shortly".to_owned();
            ScimError::Unavailable { why }.into()
        }
        // These bear a signature that is good, so whoever shows them may know.
        AccessError::Expired => {
            ApiError::Unauthenticated { token_given: true, ended: Some("the access token expired") }
        }
        AccessError::NotYet => ApiError::Unauthenticated {
            token_given: true,
            ended: Some("the access token is not valid yet: the clock of who issued it is ahead of the bridge's"),
        },
        AccessError::Revoked => {
            ApiError::Unauthenticated { token_given: true, ended: Some("the access token was revoked") }
        }
        error => {
            tracing::debug!(reason = %error, "a bearer token was refused");
            ApiError::Unauthenticated { token_given: true, ended: None }
        }
    }
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
