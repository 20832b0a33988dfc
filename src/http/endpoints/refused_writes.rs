//! The table of writes that the bridge refuses, and their descriptions.

use utoipa::openapi::path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{
    ContentBuilder, HttpMethod, OpenApi, OpenApiBuilder, PathsBuilder, Required, ResponsesBuilder,
};

use crate::http::wire::{RefusedByApi, RefusedByScim};
use crate::requests::Operation;

/// A write that the bridge refuses and records.
pub struct RefusedWrite {
    /// The operation, as the path and the method imply it. The body may say more exactly which it
    /// is.
    pub operation: Operation,
    /// The methods that request it.
    pub methods: &'static [HttpMethod],
    /// The path.
    pub path: &'static str,
    /// The id of the operation in the OpenAPI document.
    id: &'static str,
    /// The summary in the OpenAPI document.
    summary: &'static str,
    /// What clients send as a body; `None` if the document describes no body.
    body: Option<&'static str>,
}

/// The methods of SCIM that change a resource.
const CHANGE: &[HttpMethod] = &[HttpMethod::Put, HttpMethod::Patch];
/// The methods of SCIM that change or remove a resource.
const CHANGE_OR_REMOVE: &[HttpMethod] = &[HttpMethod::Put, HttpMethod::Patch, HttpMethod::Delete];
/// The methods that connectors use for lifecycle operations.
const ANY_WRITE: &[HttpMethod] = &[HttpMethod::Post, HttpMethod::Put, HttpMethod::Patch];
const CREATE: &[HttpMethod] = &[HttpMethod::Post];
const REMOVE: &[HttpMethod] = &[HttpMethod::Delete];

/// The path whose target is the client itself (RFC 7644 §3.11).
pub const ME: &str = "/scim/v2/Me";

const USER: Option<&str> = Some("A SCIM User resource (RFC 7643 §4.1).");
const USER_CHANGE: Option<&str> =
    Some("PUT: a SCIM User resource (RFC 7643 §4.1). PATCH: a PatchOp message (RFC 7644 §3.5.2).");
const GROUP: Option<&str> = Some("A SCIM Group resource (RFC 7643 §4.2).");
const GROUP_CHANGE: Option<&str> =
    Some("PUT: a SCIM Group resource (RFC 7643 §4.2). PATCH: a PatchOp message (RFC 7644 §3.5.2).");
const ITEM: Option<&str> = Some("A SCIM resource, or a PatchOp message (RFC 7644 §3.5.2).");
const BULK: Option<&str> = Some("A BulkRequest message (RFC 7644 §3.7).");
const ACCOUNT: Option<&str> =
    Some("A JSON object with values of the account, such as `user_name` and `display_name`.");
const COMMENT: Option<&str> =
    Some("A JSON object, which may have a `comment` for the person who makes the change.");
const ACCESS: Option<&str> = Some("A JSON object with `account_id` and `entitlement_id`.");

/// Follows the text about a body.
const ANY_BODY: &str = "The write is refused, whatever the body contains. What can be read of it \
                        is recorded for the person who makes the change.";

/// Follows every summary.
const ALWAYS_REFUSED: &str = "This version of the bridge does not write to Intercom, so an authorised request always gets \
     501 (RFC 7644 §3.12), also by PUT, which RFC 7644 §3.5 requires. The bridge records the \
     request, so that a person can make the change in Intercom: see `/api/v1/lifecycle/requests`. \
     A write that equals an open request of the same client counts as a repeat of that \
     request.";

const fn row(
    operation: Operation,
    methods: &'static [HttpMethod],
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    body: Option<&'static str>,
) -> RefusedWrite {
    RefusedWrite { operation, methods, path, id, summary, body }
}

/// The writes below `/scim/v2`.
#[rustfmt::skip]
pub static SCIM: [RefusedWrite; 9] = [
    row(Operation::CreateAccount, CREATE, "/scim/v2/Users", "create_user", "Refuses to create a User.", USER),
    row(Operation::UpdateAccount, CHANGE, "/scim/v2/Users/{id}", "update_user", "Refuses to change a User.", USER_CHANGE),
    row(Operation::RemoveAccount, REMOVE, "/scim/v2/Users/{id}", "delete_user", "Refuses to delete a User.", None),
    row(Operation::CreateGroup, CREATE, "/scim/v2/Groups", "create_group", "Refuses to create a Group.", GROUP),
    row(Operation::UpdateGroup, CHANGE, "/scim/v2/Groups/{id}", "update_group", "Refuses to change a Group or its members.", GROUP_CHANGE),
    row(Operation::RemoveGroup, REMOVE, "/scim/v2/Groups/{id}", "delete_group", "Refuses to delete a Group.", None),
    row(Operation::UpdateAccount, CHANGE, ME, "update_me", "Refuses to change the User of the client (RFC 7644 §3.11).", USER_CHANGE),
    row(Operation::RemoveAccount, REMOVE, ME, "delete_me", "Refuses to delete the User of the client (RFC 7644 §3.11).", None),
    row(Operation::Bulk, CREATE, "/scim/v2/Bulk", "run_bulk_operations", "Refuses bulk operations (RFC 7644 §3.7).", BULK),
];

/// The writes to the catalogue of roles, seats and permissions.
#[rustfmt::skip]
pub static CATALOGUE: [RefusedWrite; 8] = [
    row(Operation::ChangeCatalogue, CREATE, "/scim/v2/Roles", "scim_create_role", "Refuses to create a role.", ITEM),
    row(Operation::ChangeCatalogue, CHANGE_OR_REMOVE, "/scim/v2/Roles/{id}", "scim_change_role", "Refuses to change or remove a role.", ITEM),
    row(Operation::ChangeCatalogue, CREATE, "/scim/v2/Entitlements", "scim_create_entitlement", "Refuses to create a seat or a permission.", ITEM),
    row(Operation::ChangeCatalogue, CHANGE_OR_REMOVE, "/scim/v2/Entitlements/{id}", "scim_change_entitlement", "Refuses to change or remove a seat or a permission.", ITEM),
    row(Operation::ChangeCatalogue, CREATE, "/scim/v2/Seats", "scim_create_seat", "Refuses to create a kind of seat.", ITEM),
    row(Operation::ChangeCatalogue, CHANGE_OR_REMOVE, "/scim/v2/Seats/{id}", "scim_change_seat", "Refuses to change or remove a kind of seat.", ITEM),
    row(Operation::ChangeCatalogue, CREATE, "/scim/v2/Permissions", "scim_create_permission", "Refuses to create a permission.", ITEM),
    row(Operation::ChangeCatalogue, CHANGE_OR_REMOVE, "/scim/v2/Permissions/{id}", "scim_change_permission", "Refuses to change or remove a permission.", ITEM),
];

/// The writes below `/api/v1`.
#[rustfmt::skip]
pub static API: [RefusedWrite; 10] = [
    row(Operation::CreateAccount, CREATE, "/api/v1/lifecycle/accounts", "create_account", "Refuses to create an account.", ACCOUNT),
    row(Operation::UpdateAccount, ANY_WRITE, "/api/v1/lifecycle/accounts/{id}", "update_account", "Refuses to change an account.", ACCOUNT),
    row(Operation::RemoveAccount, REMOVE, "/api/v1/lifecycle/accounts/{id}", "remove_account", "Refuses to remove an account.", None),
    row(Operation::EnableAccount, ANY_WRITE, "/api/v1/lifecycle/accounts/{id}/enable", "enable_account", "Refuses to enable an account.", COMMENT),
    row(Operation::DisableAccount, ANY_WRITE, "/api/v1/lifecycle/accounts/{id}/disable", "disable_account", "Refuses to disable an account.", COMMENT),
    row(Operation::ChangePassword, ANY_WRITE, "/api/v1/lifecycle/accounts/{id}/password", "change_password", "Refuses to set a password. Intercom or the identity provider keeps the passwords.", COMMENT),
    row(Operation::AddAccess, ANY_WRITE, "/api/v1/lifecycle/access", "add_access", "Refuses to grant an account a team, role, seat or permission.", ACCESS),
    row(Operation::RemoveAccess, REMOVE, "/api/v1/lifecycle/access", "remove_access", "Refuses to revoke a team, role, seat or permission. The body names `account_id` and `entitlement_id`.", None),
    row(Operation::AddAccess, ANY_WRITE, "/api/v1/lifecycle/access/{id}/{entitlement}", "add_access_of_account", "Refuses to grant an account an entitlement.", COMMENT),
    row(Operation::RemoveAccess, REMOVE, "/api/v1/lifecycle/access/{id}/{entitlement}", "remove_access_of_account", "Refuses to revoke an entitlement of an account.", None),
];

/// The parameters of paths, with their descriptions.
const PARAMETERS: [(&str, &str, &str); 7] = [
    ("/scim/v2/Roles/", "id", "Intercom's id of the role."),
    ("/scim/v2/Entitlements/", "id", "`inbox_seat`, or the key of a permission."),
    ("/scim/v2/Seats/", "id", "`inbox_seat`."),
    ("/scim/v2/Permissions/", "id", "The key of the permission, such as `export_data`."),
    ("/scim/v2/Groups/", "id", "The id of the Group: `team_` and Intercom's id of the team."),
    ("/", "id", "The id of the account: `adm_` and Intercom's id of the admin."),
    (
        "/",
        "entitlement",
        "The id of the entitlement: `team_…`, `role_…`, `seat_…` or `permission_…`.",
    ),
];

impl RefusedWrite {
    /// Describes the write for the OpenAPI document.
    pub fn description(&self) -> OpenApi {
        let is_scim = self.path.starts_with("/scim/");
        let responses = ResponsesBuilder::new();
        let (tag, responses) = if is_scim {
            ("scim", responses.responses_from_into_responses::<RefusedByScim>())
        } else {
            ("lifecycle", responses.responses_from_into_responses::<RefusedByApi>())
        };
        let media_type = if is_scim { "application/scim+json" } else { "application/json" };
        let parameters: Vec<Parameter> = self.parameters().collect();
        let operation = OperationBuilder::new()
            .operation_id(Some(self.id))
            .tag(tag)
            .summary(Some(self.summary))
            .description(Some(ALWAYS_REFUSED))
            .parameters((!parameters.is_empty()).then_some(parameters))
            .request_body(self.body.map(|text| any_body(text, media_type)))
            .responses(responses);
        let methods = self.methods.iter().cloned();
        let item = PathItem::from_http_methods(methods, operation);
        OpenApiBuilder::new().paths(PathsBuilder::new().path(self.path, item)).build()
    }

    fn parameters(&self) -> impl Iterator<Item = Parameter> {
        let names = self.path.split('/').filter_map(|part| {
            let name = part.strip_prefix('{')?.strip_suffix('}')?;
            PARAMETERS.iter().find(|(root, known, _)| *known == name && self.path.starts_with(root))
        });
        names.map(|(_, name, description)| {
            ParameterBuilder::new()
                .name(*name)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .description(Some(*description))
                .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
                .build()
        })
    }
}

/// Describes a body that may be any JSON value, or missing.
fn any_body(text: &str, media_type: &str) -> RequestBody {
    let any = ObjectBuilder::new().schema_type(SchemaType::AnyValue);
    RequestBodyBuilder::new()
        .description(Some(format!("{text} {ANY_BODY}")))
        .content(media_type, ContentBuilder::new().schema(Some(any)).build())
        .build()
}
