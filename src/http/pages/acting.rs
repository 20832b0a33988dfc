//! The guard of every request of the console that changes something. A handler that takes
//! [`Acting`] runs only for a person with a session, with the token of that session in the form,
//! from a page of this bridge, and with a role that may do it.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse};

use super::denied;
use super::form::{CSRF, FormData, Notice};
use super::html::parameter;
use super::session::by_another_site;
use super::viewer::Viewer;
use crate::access::{CONSOLE, Scope, is_same_secret};
use crate::console::ConsoleAction;
use crate::database::AuditEntry;
use crate::http::errors::ApiError;
use crate::http::extract::body::Body;
use crate::http::extract::required_scope::RequiredScope;
use crate::http::request::context::RequestContext;
use crate::http::state::service::Service;

/// An action as a type, so that the signature of a handler shows which action it is.
pub trait Acts: 'static {
    /// The action.
    const ACTION: ConsoleAction;
}

/// Declares a type for each action.
macro_rules! acts {
    ($($name:ident),+ $(,)?) => {
        $(
            #[doc = concat!("Declares [`ConsoleAction::", stringify!($name), "`].")]
            pub struct $name;

            impl Acts for $name {
                const ACTION: ConsoleAction = ConsoleAction::$name;
            }
        )+
    };
}

acts!(
    StartImport,
    ReleaseImport,
    KeepImport,
    CloseRequest,
    DisableClient,
    RevokeToken,
    DecideIdentity,
    Review,
);

/// A person who may do `A`, in the workspace of the page, and what the form says.
pub struct Acting<A> {
    /// The person, with the workspace.
    pub viewer: Viewer,
    /// The state that all requests share.
    pub service: Data<Service>,
    /// The fields of the form.
    pub form: FormData,
    action: PhantomData<A>,
}

impl<A> RequiredScope for Acting<A> {
    const SCOPE: Option<Scope> = None;
}

impl<A: Acts> FromRequest for Acting<A> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let mut payload = payload.take();
        Box::pin(async move {
            let service = request.app_data::<Data<Service>>().cloned().ok_or(ApiError::Internal)?;
            let viewer = signed_in(&request, &service).await?;
            let body = <Body>::from_request(&request, &mut payload).await?;
            let form = FormData::parse(&body.0);
            if !has_token(&viewer, &form) {
                return Err(denied::wrong_token());
            }
            viewer.require(A::ACTION)?;
            Ok(Self { viewer, service, form, action: PhantomData })
        })
    }
}

/// The viewer of a request that comes from a page of this bridge and names a workspace of the
/// session.
async fn signed_in(request: &HttpRequest, service: &Service) -> Result<Viewer, ApiError> {
    if by_another_site(request, service) {
        return Err(denied::another_site());
    }
    let viewer = Viewer::from_request(request, service).await?.ok_or_else(denied::no_session)?;
    // A page shows the first workspace if the address names none or an unknown one. A change must
    // not be made in another workspace than the person saw.
    let named = parameter(request, "workspace");
    if named.as_deref() == Some(&*viewer.workspace.name) {
        Ok(viewer)
    } else {
        Err(denied::no_workspace())
    }
}

/// Whether the form has the token of the session.
pub fn has_token(viewer: &Viewer, form: &FormData) -> bool {
    form.text(CSRF).is_some_and(|token| is_same_secret(token, &viewer.csrf))
}

impl<A> Acting<A> {
    /// An entry of the audit trail: the person did this, in the workspace of the page.
    pub fn event(&self, event: &str, target: &str, detail: Option<String>) -> AuditEntry {
        AuditEntry {
            workspace: Some(self.viewer.workspace.name.to_string()),
            target: Some(target.to_owned()),
            detail,
            ..self.viewer.audit_entry(event, self.service.clock.now())
        }
    }

    /// The same event for each of several workspaces.
    pub fn events(&self, event: &str, target: &str, workspaces: &[String]) -> Vec<AuditEntry> {
        let entry = |workspace: &String| AuditEntry {
            workspace: Some(workspace.clone()),
            ..self.event(event, target, None)
        };
        workspaces.iter().map(entry).collect()
    }

    /// Records what the person did, for changes that record no entry of their own.
    ///
    /// # Errors
    /// `ApiError::Problem` if the database is unavailable.
    pub async fn record(&self, entry: AuditEntry) -> Result<(), ApiError> {
        Ok(self.service.stores.audit.record(vec![entry]).await?)
    }

    /// The answer after a change: sends the browser to a page, which says what was done.
    pub fn done(&self, path: &str, notice: Notice) -> HttpResponse {
        self.leads_to(path, &[("notice", notice.as_str())])
    }

    /// Sends the browser to a page of the workspace.
    pub fn leads_to(&self, path: &str, parameters: &[(&str, &str)]) -> HttpResponse {
        HttpResponse::build(StatusCode::SEE_OTHER)
            .insert_header((LOCATION, self.viewer.address(path, parameters)))
            .insert_header((CACHE_CONTROL, "no-store"))
            .finish()
    }
}

impl Viewer {
    /// Refuses a person whose role may not do this.
    ///
    /// # Errors
    /// 403, with the role that the action needs.
    pub fn require(&self, action: ConsoleAction) -> Result<(), ApiError> {
        if self.person.can(action) { Ok(()) } else { Err(denied::too_small_a_role(self, action)) }
    }

    /// An entry of the audit trail with the name of the person.
    pub fn audit_entry(&self, event: &str, at: time::OffsetDateTime) -> AuditEntry {
        AuditEntry {
            actor: Some(self.person.name.clone()),
            identity: Some(self.session_name()),
            target: Some(CONSOLE.to_owned()),
            ..RequestContext::audit_entry(event, at)
        }
    }
}
