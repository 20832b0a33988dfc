//! Who runs a command, and the audit entries of what it does.

use time::OffsetDateTime;

use crate::database::AuditEntry;
use crate::limits;

/// The actor of actions from the command line.
pub const COMMAND_LINE: &str = "command line";

/// Returns the operating system's name of the user who runs the command: `system user ada`. With
/// `sudo` that is root, so the name of the original user is added.
pub fn system_user() -> String {
    let printable = |name: String| -> String {
        name.chars()
            .filter(|letter| !letter.is_control())
            .take(limits::SYSTEM_USER_LETTERS)
            .collect()
    };
    let user = match whoami::username() {
        Ok(name) if !name.trim().is_empty() => printable(name),
        // In a container the user id may have no name.
        _ => {
            user_number().map_or_else(|| "unknown".to_owned(), |number| format!("number {number}"))
        }
    };
    let by = std::env::var_os("SUDO_USER")
        .and_then(|name| name.into_string().ok())
        .filter(|name| !name.is_empty());
    let by = by.map_or_else(String::new, |by| format!(" (sudo by {})", printable(by)));
    format!("system user {user}{by}")
}

/// Returns the user id of the process.
fn user_number() -> Option<u32> {
    let process = std::fs::metadata("/proc/self").ok()?;
    Some(std::os::unix::fs::MetadataExt::uid(&process))
}

/// The same as [`by_command`], with a detail.
pub fn by_command_with(
    event: &str,
    target: &str,
    workspaces: &[String],
    detail: &str,
    now: OffsetDateTime,
) -> Vec<AuditEntry> {
    let entries = by_command(event, target, workspaces, now).into_iter();
    entries.map(|entry| AuditEntry { detail: Some(detail.to_owned()), ..entry }).collect()
}

/// Returns the audit entries of an action from the command line: one for each affected workspace,
/// or one without a workspace.
pub fn by_command(
    event: &str,
    target: &str,
    workspaces: &[String],
    now: OffsetDateTime,
) -> Vec<AuditEntry> {
    let entry = |workspace: Option<String>| AuditEntry {
        workspace,
        actor: Some(COMMAND_LINE.to_owned()),
        identity: Some(system_user()),
        target: Some(target.to_owned()),
        ..AuditEntry::event(event, now)
    };
    match workspaces {
        [] => vec![entry(None)],
        all => all.iter().map(|workspace| entry(Some(workspace.clone()))).collect(),
    }
}
