//! The URNs of the schemas and messages that the bridge uses.

/// The User schema (RFC 7643 §4.1).
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The Group schema (RFC 7643 §4.2).
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// The extension of User with attributes specific to Intercom.
pub const INTERCOM_USER: &str = "urn:ietf:params:scim:schemas:extension:intercom:2.0:User";
/// The extension of User with attributes of a company (RFC 7643 §4.3).
pub const ENTERPRISE_USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// The extension of Group with attributes specific to Intercom.
pub const INTERCOM_GROUP: &str = "urn:ietf:params:scim:schemas:extension:intercom:2.0:Group";
/// A role, as Okta Identity Governance reads it.
pub const OKTA_ROLE: &str = "urn:okta:scim:schemas:core:1.0:Role";
/// An entitlement, as Okta Identity Governance reads it.
pub const OKTA_ENTITLEMENT: &str = "urn:okta:scim:schemas:core:1.0:Entitlement";
/// A role (draft-ietf-scim-roles-entitlements-01).
pub const DRAFT_ROLE: &str = "urn:ietf:params:scim:schemas:core:2.0:Role";
/// An entitlement (draft-ietf-scim-roles-entitlements-01).
pub const DRAFT_ENTITLEMENT: &str = "urn:ietf:params:scim:schemas:core:2.0:Entitlement";
/// The schema of `/ServiceProviderConfig` (RFC 7643 §5).
pub const SERVICE_PROVIDER_CONFIG: &str =
    "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
/// The schema of `/ResourceTypes` (RFC 7643 §6).
pub const RESOURCE_TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
/// The schema of `/Schemas` (RFC 7643 §7).
pub const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";
/// The message for a list (RFC 7644 §3.4.2).
pub const LIST_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// The message for a query by POST (RFC 7644 §3.4.3).
pub const SEARCH_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
/// The message for an error (RFC 7644 §3.12).
pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
