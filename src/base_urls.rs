//! The base URLs of a workspace's APIs.

use crate::directory::DEFAULT_WORKSPACE;

/// The base URL of a workspace's SCIM service, without a slash at the end.
#[must_use]
pub fn scim_base_url(public_url: &str, workspace: &str) -> String {
    format!("{}/scim/v2", workspace_url(public_url, workspace))
}

/// The second base URL of a workspace's SCIM service, which has roles, seats and permissions in
/// Okta's form. Without a slash at the end.
#[must_use]
pub fn okta_base_url(public_url: &str, workspace: &str) -> String {
    format!("{}/scim/okta/v2", workspace_url(public_url, workspace))
}

/// The base URL of a workspace's import and change API, without a slash at the end.
#[must_use]
pub fn api_base_url(public_url: &str, workspace: &str) -> String {
    format!("{}/api/v1", workspace_url(public_url, workspace))
}

fn workspace_url(public_url: &str, workspace: &str) -> String {
    if workspace == DEFAULT_WORKSPACE {
        public_url.to_owned()
    } else {
        format!("{public_url}/workspaces/{workspace}")
    }
}
