//! Authentication and authorisation. A handler gets a workspace only through [`Caller`], and the
//! authenticated client only through [`Bearer`], so it cannot forget to require a token with a
//! scope.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::{Either, LocalBoxFuture, Ready, ready};

use crate::access::{AccessError, AuditActor, Principal, Scope};
use crate::directory::DEFAULT_WORKSPACE;
use crate::http::errors::ApiError;
use crate::http::request::context::RequestContext;
use crate::http::state::service::Service;
use crate::runtime::WorkspaceHandle;

/// A client whose token is valid and has the scope of `S`.
pub struct Bearer<S> {
    /// The client, as its token describes it.
    pub principal: Arc<Principal>,
    /// The state that all requests share.
    pub service: Data<Service>,
    scope: PhantomData<S>,
}

/// A client whose token is valid for the workspace of the path and has the scope of `S`.
pub struct Caller<S> {
    bearer: Bearer<S>,
    /// The workspace of the path.
    pub workspace: Arc<WorkspaceHandle>,
}

impl<S> Deref for Caller<S> {
    type Target = Bearer<S>;

    fn deref(&self) -> &Bearer<S> {
        &self.bearer
    }
}

/// A client with or without a token. For endpoints that show more to clients with a valid one.
pub struct OptionalCaller(Option<Arc<Principal>>);

impl OptionalCaller {
    /// Whether the request has no valid token.
    pub fn is_anonymous(&self) -> bool {
        self.0.is_none()
    }

    /// The workspaces that the client may see: those that its token is valid for.
    pub fn sees<'a>(&self, service: &'a Service) -> Vec<&'a Arc<WorkspaceHandle>> {
        let opens = |name: &str| self.0.as_ref().is_some_and(|principal| principal.opens(name));
        service.workspaces.values().filter(|workspace| opens(&workspace.name)).collect()
    }
}

/// A scope as a type, so that the signature of a handler shows which scope it requires.
pub trait Declared: 'static {
    /// The scope.
    const SCOPE: Scope;
}

/// Declares a type for each scope.
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

declared!(
    ScimRead,
    ImportRead,
    ActivityRead,
    ImportRun,
    LifecycleWrite,
    PostureRead,
    RosterRead,
    RosterWrite,
    Admin
);

/// The future of the extractors. It is ready at once for known tokens; a new one may require the
/// keys of its issuer.
type Identified<T> =
    Either<Ready<Result<T, ApiError>>, LocalBoxFuture<'static, Result<T, ApiError>>>;

impl<S: Declared> FromRequest for Caller<S> {
    type Error = ApiError;
    type Future = Identified<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        identify(request, |request, client| {
            // A workspace that the token is not valid for and an unknown one get the same response.
            let name = workspace_name(request);
            let workspace = client
                .service
                .workspaces
                .get(name)
                .filter(|_| client.principal.opens(name))
                .cloned();
            let workspace = workspace
                .ok_or_else(|| ApiError::NotFound { what: "this workspace".to_owned() })?;
            RequestContext::with(|context| {
                context.workspace = Some(Arc::clone(&workspace.name));
            });
            Ok(Self { bearer: client.with_scope()?, workspace })
        })
    }
}

impl<S: Declared> FromRequest for Bearer<S> {
    type Error = ApiError;
    type Future = Identified<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        identify(request, |_, client| client.with_scope())
    }
}

impl FromRequest for OptionalCaller {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let known = identify(request, |_, client| Ok(client.principal));
        Box::pin(async move {
            match known.await {
                Ok(principal) => Ok(Self(Some(principal))),
                Err(ApiError::Unauthenticated { .. }) => Ok(Self(None)),
                Err(error) => Err(error),
            }
        })
    }
}

/// A client with a valid token, whatever its scopes.
type Authenticated = Bearer<()>;

impl Authenticated {
    fn with_scope<S: Declared>(self) -> Result<Bearer<S>, ApiError> {
        if !self.principal.scopes.contains(&S::SCOPE) {
            return Err(ApiError::Forbidden { scope: S::SCOPE.as_str() });
        }
        let Self { principal, service, .. } = self;
        Ok(Bearer { principal, service, scope: PhantomData })
    }
}

/// Authenticates the client, applies its rate limit, and calls `then` with it.
fn identify<T: 'static>(
    request: &HttpRequest,
    then: impl FnOnce(&HttpRequest, Authenticated) -> Result<T, ApiError> + 'static,
) -> Identified<T> {
    let Some(service) = request.app_data::<Data<Service>>().cloned() else {
        return Either::Left(ready(Err(ApiError::Internal)));
    };
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let given = headers.next();
    let another = headers.next();
    // With two headers it is unknown which of them a proxy in front has checked, so both are
    // refused.
    let only = given.filter(|_| another.is_none());
    let Some(token) = only.and_then(|value| bearer(value.as_bytes())) else {
        return Either::Left(ready(Err(ApiError::Unauthenticated {
            token_given: given.is_some(),
            ended: None,
        })));
    };
    let welcome = move |request: &HttpRequest,
                        service: Data<Service>,
                        known: Result<Arc<Principal>, AccessError>| {
        let principal = known.map_err(refusal)?;
        RequestContext::with(|context| {
            context.actor = Some(AuditActor::Principal(Arc::clone(&principal)));
        });
        principal.allowance.count_request().map_err(ApiError::TooMany)?;
        then(request, Bearer { principal, service, scope: PhantomData })
    };
    if let Some(known) = service.tokens.recall(token) {
        return Either::Left(ready(welcome(request, service, known)));
    }
    let request = request.clone();
    let token = token.to_vec();
    Either::Right(Box::pin(async move {
        let known = service.tokens.verify(&token).await;
        // Only invalid tokens count against the rate limit of the address: other clients may share
        // it, and their first request with a valid token must not be refused.
        if known.as_ref().is_err_and(|error| !error.is_of_a_known_token()) {
            service.count_invalid_credential("token")?;
        }
        welcome(&request, service, known)
    }))
}

fn refusal(error: AccessError) -> ApiError {
    match error {
        AccessError::KeysUnavailable { .. } => {
            let why =
                "the keys of the token's issuer are unavailable; try again shortly".to_owned();
            ApiError::Unavailable { why }
        }
        // The signature of these is valid, so the client may be told the reason.
        AccessError::Expired => {
            ApiError::Unauthenticated { token_given: true, ended: Some("the access token expired") }
        }
        AccessError::NotYet => ApiError::Unauthenticated {
            token_given: true,
            ended: Some(
                "the access token is not valid yet: the clock of its issuer is ahead of the bridge's clock",
            ),
        },
        AccessError::Revoked => ApiError::Unauthenticated {
            token_given: true,
            ended: Some("the access token was revoked"),
        },
        error => {
            tracing::debug!(reason = %error, "a bearer token was refused");
            ApiError::Unauthenticated { token_given: true, ended: None }
        }
    }
}

/// Returns the bearer token of the header (RFC 6750 §2.1). The scheme's name is case-insensitive
/// (RFC 9110 §11.1).
fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = header.trim_ascii().split_at_checked("bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

/// The name of the workspace in the path, or the default one.
pub fn workspace_name(request: &HttpRequest) -> &str {
    request.match_info().get("workspace").unwrap_or(DEFAULT_WORKSPACE)
}
