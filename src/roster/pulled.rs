//! People as identity providers' APIs return them, as records that [`read`](super::read) reads.
//!
//! Only the members of a record are kept of what a provider returns.

use serde_json::{Map, Value};

use crate::words::words;

words! {
    /// The kind of API from which a roster is pulled.
    pub enum PullKind {
        /// SCIM 2.0 (RFC 7644).
        Scim = "scim",
        /// The SCIM API of Microsoft Entra ID.
        EntraScim = "entra_scim",
        /// The Users API of Okta.
        OktaApi = "okta_api",
    }
}

/// The schema of the enterprise extension (RFC 7643 §4.3).
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Returns the id of a person in a provider's response. The same id twice is the same person.
#[must_use]
pub fn pulled_id(user: &Value) -> Option<&str> {
    text(user, "id")
}

/// Returns a person of a provider's response as a record with the bridge's own column names.
#[must_use]
pub fn pulled_record(kind: PullKind, user: &Value) -> Value {
    let record = match kind {
        PullKind::Scim | PullKind::EntraScim => scim_record(user),
        PullKind::OktaApi => okta_record(user),
    };
    let members = record.into_iter().filter_map(|(name, value)| {
        let value = value.filter(|value| !value.trim().is_empty())?;
        Some((name.to_owned(), Value::from(value)))
    });
    Value::Object(members.collect::<Map<_, _>>())
}

/// The members of a record.
type Record = Vec<(&'static str, Option<String>)>;

fn scim_record(user: &Value) -> Record {
    let of_schema = |is_schema: &dyn Fn(&str) -> bool| {
        let members = user.as_object().into_iter().flatten();
        members.into_iter().find(|(name, _)| is_schema(name)).map(|(_, value)| value)
    };
    let enterprise = of_schema(&|name| name.eq_ignore_ascii_case(ENTERPRISE));
    // Entra has the type of a user in an extension of its own.
    let entra = of_schema(&|name| name.to_ascii_lowercase().contains(":microsoft:entra:"));
    let enterprise_text = |name: &str| enterprise.and_then(|extension| text(extension, name));
    let manager = enterprise.and_then(|extension| member(extension, "manager"));
    let name = member(user, "name");
    let emails = ScimEmails::of(user);
    let is_inactive = member(user, "active").and_then(boolean) == Some(false);
    let class = text(user, "userType").or_else(|| text(entra?, "userType"));
    vec![
        ("id", own(text(user, "id"))),
        ("username", own(text(user, "userName"))),
        ("email", emails.primary),
        ("aliases", Some(emails.aliases.join(";"))),
        ("personalemail", Some(emails.personal.join(";"))),
        ("displayname", own(text(user, "displayName").or_else(|| text(name?, "formatted")))),
        ("givenname", own(name.and_then(|name| text(name, "givenName")))),
        ("familyname", own(name.and_then(|name| text(name, "familyName")))),
        ("class", own(class)),
        ("status", Some(if is_inactive { "ended" } else { "active" }.to_owned())),
        ("employeenumber", own(enterprise_text("employeeNumber"))),
        ("department", own(enterprise_text("department"))),
        // Some servers have the id of the manager as the value itself.
        (
            "manager",
            own(manager.and_then(|manager| text(manager, "value").or_else(|| manager.as_str()))),
        ),
    ]
}

/// The addresses of a SCIM user.
#[derive(Default)]
struct ScimEmails {
    primary: Option<String>,
    aliases: Vec<String>,
    personal: Vec<String>,
}

impl ScimEmails {
    fn of(user: &Value) -> Self {
        let all = member(user, "emails").and_then(Value::as_array).into_iter().flatten();
        let mut all: Vec<&Value> = all.collect();
        // RFC 7643 §2.4: at most one value is primary. Without one, the first work address is the
        // main one.
        let kind = |email: &Value| text(email, "type").map(str::to_ascii_lowercase);
        let is_primary = |email: &Value| member(email, "primary").and_then(boolean) == Some(true);
        all.sort_by_key(|email| {
            let is_work = kind(email).as_deref() == Some("work");
            (!is_primary(email), !is_work)
        });
        let mut emails = Self::default();
        for email in all {
            let value = text(email, "value").or_else(|| email.as_str());
            let Some(value) = value.map(str::to_owned) else { continue };
            match kind(email).as_deref() {
                Some("home" | "personal") if !is_primary(email) => emails.personal.push(value),
                Some("proxyaddress") => emails.aliases.push(value),
                _ if emails.primary.is_none() => emails.primary = Some(value),
                _ => emails.aliases.push(value),
            }
        }
        emails
    }
}

fn okta_record(user: &Value) -> Record {
    let profile = member(user, "profile").unwrap_or(&Value::Null);
    let status = match text(user, "status").unwrap_or_default().to_ascii_uppercase().as_str() {
        "STAGED" => "future",
        // Administrators suspend the accounts of people who left.
        "SUSPENDED" | "DEPROVISIONED" => "ended",
        _ => "active",
    };
    let of_profile = |name: &str| own(text(profile, name));
    vec![
        ("id", own(text(user, "id"))),
        ("username", of_profile("login")),
        ("email", of_profile("email")),
        ("personalemail", of_profile("secondEmail")),
        ("displayname", of_profile("displayName")),
        ("givenname", of_profile("firstName")),
        ("familyname", of_profile("lastName")),
        ("class", of_profile("userType")),
        ("status", Some(status.to_owned())),
        ("employeenumber", of_profile("employeeNumber")),
        ("department", of_profile("department")),
        ("manager", of_profile("managerId").or_else(|| of_profile("manager"))),
    ]
}

fn own(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

/// Returns a member of an object.
///
/// RFC 7643 §2.1: "Attribute names are case insensitive".
#[must_use]
pub fn member<'v>(object: &'v Value, name: &str) -> Option<&'v Value> {
    let members = object.as_object()?;
    let by_case = || members.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
    members.get(name).or_else(|| by_case().map(|(_, value)| value))
}

fn text<'v>(object: &'v Value, name: &str) -> Option<&'v str> {
    member(object, name)?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// Reads a boolean. Some servers send booleans as strings.
fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(known) => Some(*known),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_scim_user_keeps_only_the_members_of_a_person() {
        let user = json!({
            "id": "9f", "userName": "ida@acme.example", "displayName": "Ida Berg", "active": true,
            "name": {"givenName": "Ida", "familyName": "Berg"},
            "emails": [
                {"value": "ida@home.example", "type": "home"},
                {"value": "i.berg@acme.example", "type": "other"},
                {"value": "ida@acme.example", "type": "work", "primary": true},
            ],
            "phoneNumbers": [{"value": "+1"}],
            ENTERPRISE: {"employeeNumber": "0017", "manager": {"value": "2c"}},
        });
        let record = pulled_record(PullKind::Scim, &user);
        let expected = json!({
            "id": "9f", "username": "ida@acme.example", "email": "ida@acme.example",
            "aliases": "i.berg@acme.example", "personalemail": "ida@home.example",
            "displayname": "Ida Berg", "givenname": "Ida", "familyname": "Berg",
            "status": "active", "employeenumber": "0017", "manager": "2c",
        });
        assert_eq!(record, expected);
    }

    #[test]
    fn entra_has_aliases_as_proxy_addresses_and_the_type_in_its_own_extension() {
        let user = json!({
            "Id": "1", "username": "bo@acme.example", "Active": "False",
            "emails": [
                {"value": "bo@acme.example", "type": "work", "primary": true},
                {"value": "smtp:bo.dahl@acme.example", "type": "proxyAddress"},
            ],
            "urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User":
                {"userType": "Guest"},
        });
        let record = pulled_record(PullKind::EntraScim, &user);
        assert_eq!(record["aliases"], "smtp:bo.dahl@acme.example");
        assert_eq!((&record["class"], &record["status"]), (&json!("Guest"), &json!("ended")));
        assert_eq!(pulled_id(&user), Some("1"));
    }

    #[test]
    fn the_status_of_okta_decides_whether_a_person_has_left() {
        for (status, expected) in [
            ("ACTIVE", "active"),
            ("LOCKED_OUT", "active"),
            ("STAGED", "future"),
            ("SUSPENDED", "ended"),
            ("DEPROVISIONED", "ended"),
        ] {
            let user = json!({"id": "1", "status": status, "profile": {"login": "a@x.example"}});
            let record = pulled_record(PullKind::OktaApi, &user);
            assert_eq!(record["status"], expected, "{status}");
            assert_eq!(record["username"], "a@x.example");
        }
    }
}
