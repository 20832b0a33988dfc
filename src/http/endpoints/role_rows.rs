//! The roles of the workspace as rows.

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;

use super::tabular::View;
use crate::http::errors::ApiError;
use crate::http::extract::caller::{Caller, ImportRead};
use crate::http::wire::{ApiRefusals, FlatParameters, ParameterRefusals, PastRefusals};
use crate::tabular::{self, WorkspaceRole};

/// A page of roles.
#[derive(Serialize, ToSchema)]
pub struct RoleList {
    items: Vec<WorkspaceRole>,
    /// The URL of the next page of the same list; null on the last page.
    next: Option<String>,
    /// The number of items on all pages.
    total: usize,
    /// The maximum number of items of this page: the `limit` of the request, at most 1000.
    limit: usize,
}

/// Lists the roles of the workspace, also those that nobody has.
#[utoipa::path(
    get, path = "/api/v1/roles", operation_id = "list_roles", tag = "flat views", params(FlatParameters),
    responses(
        (
            status = 200, description = "Roles, sorted by id. CSV has a header row, and NDJSON one role on each line. The URL of their next page is in `Link`.",
            content((RoleList = "application/json"), (WorkspaceRole = "application/x-ndjson"), (String = "text/csv")),
        ),
        ParameterRefusals,
        PastRefusals,
        ApiRefusals,
    ),
)]
pub async fn roles(
    request: HttpRequest,
    caller: Caller<ImportRead>,
) -> Result<HttpResponse, ApiError> {
    let view = View::from_request(&request, &caller, &[]).await?;
    let rows = view.rows(&caller, tabular::roles).await?;
    let list = |next, total, limit| RoleList { items: Vec::new(), next, total, limit };
    view.answer(&request, &caller, rows, list).await
}
