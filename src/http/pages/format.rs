//! How the pages write numbers and names.

use crate::directory::{Role, Team, User, team_id, user_name};

/// Formats a number for people, such as 12,500.
pub fn number(value: usize) -> String {
    let digits = value.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A value that is yes, no or unknown.
pub fn yes_or_no(value: Option<bool>) -> &'static str {
    match value {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    }
}

/// A value that is on, off or unknown.
pub fn on_or_off(value: Option<bool>) -> &'static str {
    match value {
        Some(true) => "on",
        Some(false) => "off",
        None => "unknown",
    }
}

/// The name of a person; without one, the address or the id.
pub fn person_name(user: &User) -> String {
    user.name.clone().unwrap_or_else(|| user_name(user))
}

/// The name of a role; its id if Intercom has no name.
pub fn role_name(role: &Role) -> &str {
    role.name.as_deref().unwrap_or(&role.id)
}

/// The name of a team; its id if Intercom has no name.
pub fn team_name(team: &Team) -> String {
    team.group.name.clone().unwrap_or_else(|| team_id(&team.group.id))
}
