//! The person behind a session: which workspaces they see, and which of them a page shows.

use std::sync::Arc;

use actix_web::HttpRequest;

use super::html::parameter;
use super::session::{Session, session, session_name};
use super::times::Times;
use crate::console::SignedIn;
use crate::directory::{Team, team_id};
use crate::http::errors::ApiError;
use crate::http::request::context::RequestContext;
use crate::http::request::query;
use crate::http::state::service::Service;
use crate::runtime::WorkspaceHandle;

/// A session with at least one workspace.
pub struct Viewer {
    /// The person.
    pub person: SignedIn,
    /// The token that every form of the session carries.
    pub csrf: String,
    /// The hash of the session's secret.
    session: String,
    /// The workspace of the page.
    pub workspace: Arc<WorkspaceHandle>,
    /// All workspaces of the session.
    pub all: Vec<Arc<WorkspaceHandle>>,
    /// The viewer's time zone, and the time of the page.
    pub times: Times,
    /// The path and query of the page, to return to it.
    pub here: String,
}

impl Viewer {
    /// The viewer that a request comes from; `None` without a valid session. The parameter
    /// `workspace` selects one of the workspaces; the first one is the default.
    pub async fn from_request(
        request: &HttpRequest,
        service: &Service,
    ) -> Result<Option<Self>, ApiError> {
        let Some(Session { person, csrf, hash }) = session(request, service).await? else {
            return Ok(None);
        };
        // A workspace may have been removed from the settings since.
        let known = person.workspaces.iter().filter_map(|name| service.workspaces.get(name));
        let all: Vec<Arc<WorkspaceHandle>> = known.cloned().collect();
        let wanted = parameter(request, "workspace")
            .and_then(|name| all.iter().find(|workspace| *workspace.name == *name));
        let Some(workspace) = wanted.or(all.first()).cloned() else { return Ok(None) };
        RequestContext::with(|context| context.workspace = Some(Arc::clone(&workspace.name)));
        let times = Times::from_request(request, service.clock.now());
        let here = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        Ok(Some(Self { person, csrf, session: hash, workspace, all, times, here }))
    }

    /// The unique name of the session in the audit trail.
    pub fn session_name(&self) -> String {
        session_name(&self.session, &self.person)
    }

    /// The address of a page of the same workspace.
    pub fn address(&self, path: &str, parameters: &[(&str, &str)]) -> String {
        address(path, &self.workspace.name, parameters)
    }

    /// The address of the page of a person, by the id of the account.
    pub fn person_address(&self, id: &str) -> String {
        self.address(&format!("/people/{id}"), &[])
    }

    /// The address of the page of a team, by its id (`team_…`).
    pub fn team_address(&self, id: &str) -> String {
        self.address(&format!("/teams/{id}"), &[])
    }

    /// The address of the list of the members of a team.
    pub fn members_address(&self, team: &Team) -> String {
        self.address("/people", &[("team", &team_id(&team.group.id))])
    }
}

/// The address of a page of a workspace. Parameters without a value are left out.
pub fn address(path: &str, workspace: &str, parameters: &[(&str, &str)]) -> String {
    let given = parameters.iter().copied().filter(|(_, value)| !value.is_empty());
    format!("{path}?{}", query::encode([("workspace", workspace)].into_iter().chain(given)))
}
