//! A whole reading of a workspace.

use std::collections::HashSet;

use serde_json::Value;
use time::OffsetDateTime;

use super::client::malformed;
use super::vet::Draft;
use super::{Client, IntercomError, wire};
use crate::directory::{Activity, Actor, Observation, UserId, Warning, Workspace};
use crate::limits;

/// The kinds of log entries that tell about accounts and access.
const ACCESS_EVENTS: &[&str] = &[
    "admin_deletion",
    "admin_deprovisioned",
    "admin_impersonation_end",
    "admin_impersonation_start",
    "admin_invite_change",
    "admin_invite_creation",
    "admin_invite_deletion",
    "admin_login_failure",
    "admin_login_success",
    "admin_permission_change",
    "admin_provisioned",
    "admin_two_factor_auth_change",
    "admin_unauthorized_sign_in_method",
    "app_admin_join",
    "app_authentication_method_change",
    "app_data_export",
    "app_team_creation",
    "app_team_deletion",
    "app_team_membership_modification",
    "bulk_export",
    "oauth_token_revocation",
    "role_change",
    "role_creation",
    "role_deletion",
    "seat_change",
    "seat_revoke",
    "security_settings_change",
    "team_assignment_limit_change",
];

/// How far a reading has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Asking which workspace it is.
    Workspace,
    /// Reading the admins.
    Admins,
    /// Reading the teams.
    Teams,
    /// Reading again what disagreed.
    Rereading {
        /// How many admins and teams.
        count: usize,
    },
    /// Reading a page of the activity log.
    Activity {
        /// Which page.
        page: u32,
    },
}

/// How much of what is known already need not be asked again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// Ask everything.
    Everything {
        /// Where in the activity log to begin.
        log: OffsetDateTime,
    },
    /// Ask both lists, and the log since the last import: three calls when nothing changed.
    Last {
        /// Which workspace it is, as an earlier import was told.
        workspace: Workspace,
        /// Where in the activity log to begin.
        log: OffsetDateTime,
    },
}

/// Reads the workspace: its admins and teams, and the activity log.
///
/// # Errors
/// Whatever kept the reading from being complete. The activity log alone may be out of reach (it
/// needs a permission and a plan of its own): that is a warning of the observation.
pub async fn observe(
    client: &Client,
    since: Since,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Observation, IntercomError> {
    let taken_at = client.clock().now();
    let (workspace, log_since) = match since {
        Since::Last { workspace, log } => (workspace, log),
        Since::Everything { log } => {
            progress(Progress::Workspace);
            (identify(client).await?, log)
        }
    };
    progress(Progress::Admins);
    let admins = client.get("/admins", &[("display_avatar".to_owned(), "true".to_owned())]).await?;
    progress(Progress::Teams);
    let teams = client.get("/teams", &[]).await?;
    let mut draft = Draft::new(admins, teams)?;
    let mut warnings = reread(client, &mut draft, progress).await?;
    let activity = activity(client, log_since, progress, &mut warnings).await?;
    let log_read = activity.is_some();
    let activity = activity.unwrap_or_default().into();
    let (users, groups, memberships, settled) = draft.settle();
    warnings.extend(settled);
    Ok(Observation { taken_at, workspace, users, groups, memberships, activity, log_read, warnings })
}

/// Asks which workspace the token opens.
///
/// # Errors
/// [`IntercomError::WrongRegion`] when it is hosted elsewhere than the configuration says.
pub async fn identify(client: &Client) -> Result<Workspace, IntercomError> {
    let me: wire::Me = client.get("/me", &[]).await?;
    let app = me.app.ok_or_else(|| malformed("/me", "`app` is missing"))?;
    match (client.connection().region, &app.region) {
        (Some(configured), Some(actual)) if !actual.eq_ignore_ascii_case(&configured.to_string()) => {
            // Only a region's code is repeated: two letters.
            let actual = if actual.len() == 2 { actual.to_ascii_uppercase() } else { "another region".to_owned() };
            Err(IntercomError::WrongRegion { configured, actual })
        }
        _ => {
            // It is recorded, shown and compared: an id is a word.
            let word = |id: &String| (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
            if app.id_code.as_ref().is_some_and(|id| !word(id)) {
                return Err(malformed("/me", "`app.id_code` is no id"));
            }
            let name = app.name.map(|name| name.chars().filter(|letter| !letter.is_control()).take(200).collect());
            Ok(Workspace { id: app.id_code, name, region: app.region })
        }
    }
}

/// Reads again, one by one, what the two lists disagree about.
async fn reread(
    client: &Client,
    draft: &mut Draft,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Vec<Warning>, IntercomError> {
    let odd = draft.disagreement();
    let count = odd.admins.len() + odd.teams.len();
    if count == 0 {
        return Ok(Vec::new());
    }
    if count > limits::REREADS {
        let detail = format!(
            "the lists disagree about {} admins and {} teams, too many to read each again; the teams' own lists were taken",
            odd.admins.len(),
            odd.teams.len()
        );
        return Ok(vec![Warning::new("lists_disagree", detail)]);
    }
    progress(Progress::Rereading { count });
    for id in &odd.teams {
        draft.replace_team(id, found(client.get(&format!("/teams/{id}"), &[]).await)?)?;
    }
    for id in &odd.admins {
        draft.replace_admin(id, found(client.get(&format!("/admins/{id}"), &[]).await)?)?;
    }
    Ok(Vec::new())
}

fn found<T>(result: Result<T, IntercomError>) -> Result<Option<T>, IntercomError> {
    match result {
        Err(IntercomError::NotFound { .. }) => Ok(None),
        result => result.map(Some),
    }
}

/// Reads the activity log, oldest entry first; none where it is out of reach.
async fn activity(
    client: &Client,
    since: OffsetDateTime,
    progress: &(dyn Fn(Progress) + Sync),
    warnings: &mut Vec<Warning>,
) -> Result<Option<Vec<Activity>>, IntercomError> {
    let mut log = ActivityReader {
        client,
        since: since.unix_timestamp(),
        entries: Vec::new(),
        known: HashSet::new(),
        unreadable: 0,
    };
    let whole = match log.search(progress).await {
        // Older API versions have only the plain list.
        Err(IntercomError::NotFound { .. } | IntercomError::Refused { .. }) => log.list(progress).await,
        result => result,
    };
    match whole {
        Ok(true) => {}
        Ok(false) => warnings.push(Warning::new(
            "activity_log_cut",
            "the activity log is too long to read at once; its oldest part was left out",
        )),
        Err(IntercomError::Forbidden { code, .. }) => {
            let detail = format!(
                "this access token may not read the activity log (403 {code}), so joining dates, permissions, 2FA and sign-ins stay unknown"
            );
            warnings.push(Warning::new("activity_log_forbidden", detail));
            return Ok(None);
        }
        Err(IntercomError::NotFound { .. } | IntercomError::Refused { .. }) => {
            let detail =
                "this workspace has no activity log, so joining dates, permissions, 2FA and sign-ins stay unknown";
            warnings.push(Warning::new("activity_log_missing", detail));
            return Ok(None);
        }
        Err(error) => return Err(error),
    }
    if log.unreadable > 0 {
        warnings.push(Warning::new(
            "activity_unreadable",
            format!("{} entries of the activity log could not be read", log.unreadable),
        ));
    }
    // Newest first came in; within one second the order of the list decides.
    log.entries.reverse();
    log.entries.sort_by_key(|entry| entry.at);
    Ok(Some(log.entries))
}

struct ActivityReader<'a> {
    client: &'a Client,
    /// UNIX seconds.
    since: i64,
    /// Newest first.
    entries: Vec<Activity>,
    /// Ids taken: entries written meanwhile push others onto the next page.
    known: HashSet<String>,
    unreadable: usize,
}

impl ActivityReader<'_> {
    /// By `POST …/search`, which takes large pages and only the kinds that matter here (2.16 and later).
    /// True when all of the log was read.
    async fn search(&mut self, progress: &(dyn Fn(Progress) + Sync)) -> Result<bool, IntercomError> {
        for page in 1..=limits::ACTIVITY_PAGES {
            progress(Progress::Activity { page });
            let question = wire::ActivitySearch {
                created_at_after: self.since,
                event_types: ACCESS_EVENTS,
                page,
                per_page: limits::ACTIVITY_PER_PAGE,
            };
            let answer: wire::ActivityPage = self.client.search("/admins/activity_logs/search", &question).await?;
            if self.take(answer)?.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// By `GET`, following whichever kind of `next` comes. Only the query of a URL is followed, never
    /// its host: the token goes nowhere but to the configured address.
    async fn list(&mut self, progress: &(dyn Fn(Progress) + Sync)) -> Result<bool, IntercomError> {
        let first = vec![("created_at_after".to_owned(), self.since.to_string())];
        let mut query = first.clone();
        for page in 1..=limits::ACTIVITY_PAGES {
            progress(Progress::Activity { page });
            let answer = self.client.get("/admins/activity_logs", &query).await?;
            let Some(next) = self.take(answer)? else { return Ok(true) };
            query = match next {
                Value::String(url) => reqwest::Url::parse(&url)
                    .map_err(|_| malformed("/admins/activity_logs", "`pages.next` is not a URL"))?
                    .query_pairs()
                    .into_owned()
                    .collect(),
                Value::Object(cursor) => {
                    let cursor = cursor.iter().filter_map(|(name, value)| match value {
                        Value::String(text) => Some((name.clone(), text.clone())),
                        Value::Number(number) => Some((name.clone(), number.to_string())),
                        _ => None,
                    });
                    first.iter().cloned().chain(cursor).collect()
                }
                _ => return Err(malformed("/admins/activity_logs", "`pages.next` is neither a URL nor a cursor")),
            };
        }
        Ok(false)
    }

    /// Keeps a page's entries and tells where the next page is.
    fn take(&mut self, page: wire::ActivityPage) -> Result<Option<Value>, IntercomError> {
        let entries =
            page.activity_logs.ok_or_else(|| malformed("/admins/activity_logs", "`activity_logs` is missing"))?;
        let empty = entries.is_empty();
        for entry in entries {
            match entry_from(entry) {
                Some(entry) if self.known.insert(entry.id.clone()) => self.entries.push(entry),
                Some(_) => {}
                None => self.unreadable += 1,
            }
        }
        let pages = page.pages.filter(|_| !empty);
        let last = pages
            .as_ref()
            .is_none_or(|pages| matches!((pages.page, pages.total_pages), (Some(page), Some(total)) if page >= total));
        Ok(pages.and_then(|pages| pages.next).filter(|next| !last && !next.is_null()))
    }
}

/// NUL means nothing in a text, and PostgreSQL cannot keep it.
fn without_nul(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace('\0', "")),
        Value::Array(values) => values.into_iter().map(without_nul).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (name.replace('\0', ""), without_nul(value))).collect()
        }
        other => other,
    }
}

fn entry_from(entry: Value) -> Option<Activity> {
    let entry: wire::Activity = serde_json::from_value(without_nul(entry)).ok()?;
    Some(Activity {
        id: entry.id.0,
        at: OffsetDateTime::from_unix_timestamp(entry.created_at).ok()?,
        kind: entry.activity_type,
        performed_by: entry
            .performed_by
            .map(|actor| Actor { id: actor.id.map(|id| UserId::new(id.0)), email: actor.email }),
        metadata: entry.metadata.into(),
    })
}
