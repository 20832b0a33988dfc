//! Which role the claims of a person give. Without a rule that fits, none.

use serde_json::Value;

use super::error::SignInError;
use super::settings::{OpenIdPerson, OpenIdSettings};
use crate::access::claims::Claims;
use crate::console::{SignInMethod, SignedIn};
use crate::directory::text::folded;

/// The longest name that is kept, in characters.
const NAME: usize = 100;

/// The person of these claims, with the largest role that a group or the verified address gives.
///
/// # Errors
/// [`SignInError::NoRole`], or [`SignInError::UnverifiedAddress`] if the address would give a role.
pub fn person(claims: &Claims, settings: &OpenIdSettings) -> Result<OpenIdPerson, SignInError> {
    let subject = claims.text("sub").unwrap_or_default().to_owned();
    let email = claims.text("email").filter(|email| is_fit(email));
    let verified = email.filter(|_| is_true(claims, "email_verified"));
    let by_group = claims
        .groups(&settings.groups_claim)
        .into_iter()
        .filter_map(|group| settings.groups.get(group).copied())
        .max();
    let of_domain = |email: &str| {
        let (_, domain) = email.rsplit_once('@')?;
        let domain = domain.to_ascii_lowercase();
        settings.email_domains.get(&domain).copied()
    };
    let by_address = verified.and_then(of_domain);
    let Some(role) = by_group.max(by_address) else {
        let would = email.and_then(of_domain).is_some();
        return Err(if would { SignInError::UnverifiedAddress } else { SignInError::NoRole });
    };
    Ok(OpenIdPerson {
        person: SignedIn {
            name: name(claims.text("name"), verified, &subject),
            role,
            method: SignInMethod::OpenIdConnect,
            workspaces: settings.workspaces.clone(),
        },
        subject,
    })
}

/// The name in the audit trail: the person's name, and the verified address or the subject, since
/// names are not unique and people may choose them.
fn name(name: Option<&str>, verified: Option<&str>, subject: &str) -> String {
    let unique = verified.unwrap_or(subject);
    match name.filter(|name| is_fit(name) && folded(name) != folded(unique)) {
        Some(name) => format!("{name} ({unique})"),
        None => unique.to_owned(),
    }
}

fn is_fit(text: &str) -> bool {
    text.chars().count() <= NAME && !text.chars().any(char::is_control)
}

/// Whether a claim is true. Some providers write it as a text.
fn is_true(claims: &Claims, name: &str) -> bool {
    match claims.0.get(name) {
        Some(Value::Bool(value)) => *value,
        Some(Value::String(text)) => text == "true",
        _ => false,
    }
}

impl Claims {
    /// The groups of a claim: an array of strings, or one string. Names of groups have spaces.
    fn groups(&self, name: &str) -> Vec<&str> {
        match self.at(name) {
            Some(Value::String(group)) => vec![group.as_str()],
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }
}
