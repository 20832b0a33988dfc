//! Reads a workspace: its admins, its teams and the activity log. Records what could not be read.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::value::RawValue;
use time::OffsetDateTime;

use super::answer::malformed;
use super::error::{IntercomError, Outage, Permission};
use super::log::LogKinds;
use super::page::{Next, Page, next_query, record_hash};
use super::progress::Progress;
use super::record::{AdminEntry, Reading, TeamEntry};
use super::vet::{Draft, Place};
use super::wire::{Field, Object};
use super::{Client, Region, log};
use crate::directory::{GroupId, Observation, UserId, Warning, Workspace};
use crate::limits;

/// The scope of a reading: what is known already and need not be read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// Read everything.
    Everything {
        /// The time from which to read the activity log.
        log: OffsetDateTime,
        /// The workspace to assume if `/me` cannot be read. `None` if only `/me` can identify it.
        known: Option<Workspace>,
    },
    /// Read both lists, and the log since the last import: three calls if nothing changed.
    Last {
        /// The workspace, as an earlier import identified it.
        workspace: Workspace,
        /// The time from which to read the activity log.
        log: OffsetDateTime,
    },
}

/// Reads the workspace: its admins, its teams, and the entries of the activity log that have one of
/// the `kinds`.
///
/// # Errors
/// The reason why the list of admins or of teams could not be read at all, or why the workspace
/// could not be identified. If only parts of a list are unreadable, or the activity log, the
/// observation contains a warning instead.
pub async fn observe(
    client: &Client,
    since: Since,
    kinds: &LogKinds,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Observation, IntercomError> {
    let taken_at = client.clock().now();
    let mut draft = Draft::default();
    let (workspace, log_since) = match since {
        Since::Last { workspace, log } => (workspace, log),
        Since::Everything { log, known } => {
            progress(Progress::Workspace);
            let (workspace, warnings) = match (identify(client).await, known) {
                (Ok(identified), _) => identified,
                (Err(error), Some(known)) if concerns_me_alone(&error) => {
                    let detail = format!(
                        "{error}; the bridge assumes that it is the recorded workspace, if there is one"
                    );
                    (known, vec![Warning::new("workspace_unknown", detail)])
                }
                (Err(error), _) => return Err(error),
            };
            for warning in warnings {
                draft.warn(warning);
            }
            (workspace, log)
        }
    };
    progress(Progress::Admins);
    let avatars = ("display_avatar".to_owned(), "true".to_owned());
    read_list(client, &mut draft, &ADMINS, vec![avatars]).await?;
    progress(Progress::Teams);
    read_list(client, &mut draft, &TEAMS, Vec::new()).await?;
    reread(client, &mut draft, progress).await;
    // Entries have times by Intercom's clock. If this machine's clock is ahead, the log must not
    // count as read up to a future time.
    let theirs = client.allowance().server_time.filter(|theirs| *theirs > log_since);
    let log_until = theirs.map_or(taken_at, |theirs| theirs.min(taken_at));
    let listed = if kinds.read_list { log::listed_kinds(client).await } else { None };
    let kinds = LogKinds {
        wanted: kinds.wanted.clone(),
        listed: listed.clone().or_else(|| kinds.listed.clone()),
        read_list: false,
    };
    let log = log::read(client, &kinds, log_since, log_until, progress).await;
    let settled = draft.settle();
    Ok(Observation {
        taken_at,
        workspace,
        users: settled.users,
        groups: settled.groups,
        memberships: settled.memberships,
        roles: None,
        activity: log.entries.into(),
        log_read_to: log.read_to,
        log_kinds: listed,
        unknown: settled.unknown,
        machines: BTreeSet::new(),
        warnings: settled.warnings.into_iter().chain(log.warnings).collect(),
    })
}

/// Whether the lists may be readable although `/me` failed with this error. The content of `/me`
/// does not decide access.
fn concerns_me_alone(error: &IntercomError) -> bool {
    match error {
        IntercomError::Unavailable {
            outage: Outage::NoConnection | Outage::TimedOut | Outage::Broken,
            ..
        } => false,
        error => !error.needs_operator(),
    }
}

/// Reads which workspace the token belongs to. Returns warnings about what is odd in the response.
///
/// # Errors
/// The reason why Intercom did not answer; or the response lacks `app`, which identifies the
/// workspace.
pub async fn identify(client: &Client) -> Result<(Workspace, Vec<Warning>), IntercomError> {
    let workspace = client.get("/me", &[], limits::INTERCOM_ATTEMPTS, |me| {
        let app = me
            .object("app")
            .value()
            .ok_or_else(|| malformed("/me", "`app`, which names the workspace, is missing"))?;
        // The id is recorded, displayed and compared, so only a single word is accepted.
        let word = |id: &String| {
            (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let id = match app.text("id_code", 64) {
            Field::Unreadable => app.id("id_code"),
            id => id,
        };
        let shown =
            |name: String| name.chars().filter(|letter| !letter.is_control()).take(200).collect();
        Ok(Workspace {
            id: id.value().filter(word),
            name: app.text("name", limits::INTERCOM_TEXT_BYTES).value().map(shown),
            region: app
                .text("region", 64)
                .value()
                .and_then(|code| Region::from_code(&code))
                .map(|region| region.to_string()),
        })
    });
    let workspace = workspace.await?;
    let mut warnings = Vec::new();
    if workspace.id.is_none() {
        let detail = "/me has no readable `app.id_code`, so the bridge cannot check that it is the recorded workspace";
        warnings.push(Warning::new("workspace_unknown", detail));
    }
    let configured = client.connection().region;
    let actual = workspace.region.as_deref().and_then(Region::from_code);
    if let (Some(configured), Some(actual)) = (configured, actual)
        && configured != actual
    {
        // The call itself succeeded: Intercom forwards calls to the region of the workspace.
        let detail = format!(
            "the workspace is hosted in {actual}, but the bridge is configured for {configured}; set INTERCOM_REGION={}",
            actual.to_string().to_ascii_lowercase()
        );
        warnings.push(Warning::new("wrong_region", detail));
    }
    Ok((workspace, warnings))
}

/// One of the two lists that decide access, and how to read its entries.
struct List<E> {
    path: &'static str,
    /// The field of the response that contains the list.
    name: &'static str,
    read: fn(Option<&Object<'_>>) -> Reading<E>,
    take: fn(&mut Draft, Reading<E>, Place<'_>),
    /// Returns the number of ids in an entry.
    ids: fn(&E) -> usize,
}

const ADMINS: List<AdminEntry> = List {
    path: "/admins",
    name: "admins",
    read: AdminEntry::from_object,
    take: Draft::add_admin,
    ids: |admin| admin.teams.as_ref().map_or(0, BTreeMap::len),
};
const TEAMS: List<TeamEntry> = List {
    path: "/teams",
    name: "teams",
    read: TeamEntry::from_object,
    take: Draft::add_team,
    ids: |team| team.members.len(),
};

/// A page of a list, parsed, with what it says about further pages.
struct ReadPage<E> {
    /// Each entry with a hash of its JSON.
    entries: Vec<(u64, Reading<E>)>,
    next: Next,
    total_pages: Option<i64>,
    total_count: Option<i64>,
    /// The field that suggests that the list is incomplete; see [`Page::doubt`].
    doubt: Option<&'static str>,
    /// The size of the entries in bytes.
    bytes: usize,
}

impl<E> ReadPage<E> {
    /// Returns the number of ids in the entries.
    fn ids(&self, list: &List<E>) -> usize {
        let entries = self.entries.iter().filter_map(|(_, reading)| match reading {
            Reading::Entry(entry) => Some(entry),
            _ => None,
        });
        entries.map(|entry| (list.ids)(entry)).sum()
    }

    /// Returns why the list may have more entries, although this page says that it is the last one.
    /// `pages` and `entries` have been read.
    fn reason_to_doubt(&self, pages: u32, entries: usize) -> Option<String> {
        let more_entries = |total: i64| usize::try_from(total).is_ok_and(|total| total > entries);
        if let Some(member) = self.doubt {
            Some(format!("its member `{member}` says so"))
        } else if self.total_pages.is_some_and(|total| total > i64::from(pages)) {
            Some(format!("it announces more pages than the {pages} that were received"))
        } else if self.total_count.is_some_and(more_entries) {
            Some(format!("it announces more entries than the {entries} that were received"))
        } else {
            None
        }
    }
}

/// Reads a list. According to Intercom's documentation it is not paged; if it is, the client
/// follows the pages.
async fn read_list<E>(
    client: &Client,
    draft: &mut Draft,
    list: &List<E>,
    parameters: Vec<(String, String)>,
) -> Result<(), IntercomError> {
    let mut query = parameters.clone();
    let mut at = 0_usize;
    let mut known = HashSet::new();
    let mut bytes = 0_usize;
    let mut ids = 0_usize;
    for number in 1..=limits::INTERCOM_LIST_PAGES {
        let page = client
            .get(list.path, &query, limits::INTERCOM_ATTEMPTS, |answer| read_page(answer, list))
            .await;
        let page = match page {
            Ok(page) => page,
            Err(error) if number == 1 => return Err(explained(client, list.path, error).await),
            Err(error) => {
                draft.list_in_part(list.path, &format!("page {number} could not be read: {error}"));
                return Ok(());
            }
        };
        let mut has_new_entries = number == 1;
        bytes += page.bytes;
        ids += page.ids(list);
        if bytes > limits::INTERCOM_BODY_BYTES || ids > limits::INTERCOM_ELEMENTS {
            draft.list_in_part(list.path, "its pages exceed the size limit");
            return Ok(());
        }
        let doubt = page.reason_to_doubt(number, at + page.entries.len());
        for (hash, entry) in page.entries {
            at += 1;
            // If Intercom repeats a page, its records must not look as if the list contained them
            // twice.
            if number == 1 || !known.contains(&hash) {
                has_new_entries = true;
                (list.take)(draft, entry, Place { resource: list.path, at });
            }
            known.insert(hash);
        }
        if !has_new_entries {
            draft.list_in_part(list.path, "its next page repeats the page before");
            return Ok(());
        }
        if at > limits::INTERCOM_ENTRIES {
            draft.list_in_part(list.path, "it has more entries than the limit");
            return Ok(());
        }
        match page.next {
            Next::End => {
                if let Some(why) = doubt {
                    draft.list_in_part(list.path, &why);
                }
                return Ok(());
            }
            Next::Unknown => {
                draft.list_in_part(list.path, "`pages.next` has no known form");
                return Ok(());
            }
            Next::Query(next) => query = next_query(&parameters, next),
        }
    }
    draft.list_in_part(list.path, "it has more pages than the limit");
    Ok(())
}

fn read_page<E>(answer: &Object<'_>, list: &List<E>) -> Result<ReadPage<E>, IntercomError> {
    let page = Page::from_answer(answer, list.name)
        .ok_or_else(|| malformed(list.path, &format!("`{}` is not a list", list.name)))?;
    if page.entries.len() > limits::INTERCOM_ENTRIES {
        return Err(IntercomError::TooMany {
            resource: list.path.to_owned(),
            limit: limits::INTERCOM_ENTRIES,
        });
    }
    let read = |raw: &RawValue| {
        (record_hash(raw.get()), (list.read)(Object::from_raw(raw, answer.lossy()).as_ref()))
    };
    Ok(ReadPage {
        bytes: page.entries.iter().map(|raw| raw.get().len()).sum(),
        entries: page.entries.into_iter().map(read).collect(),
        next: page.next,
        total_pages: page.total_pages,
        total_count: page.total_count,
        doubt: page.doubt,
    })
}

/// Distinguishes an invalid token from one that lacks a permission: Intercom answers 401 and 403
/// for both. `/me` tells them apart, because it needs no permission.
async fn explained(client: &Client, path: &str, error: IntercomError) -> IntercomError {
    let code = match &error {
        IntercomError::Unauthorized { code, .. } => format!("401 {code}"),
        IntercomError::Forbidden { code, .. } if code != "api_plan_restricted" => {
            format!("403 {code}")
        }
        _ => return error,
    };
    match identify(client).await {
        Ok(_) => IntercomError::MissingPermission {
            resource: path.to_owned(),
            permission: Permission::ReadAdmins,
            code,
        },
        Err(_) => error,
    }
}

/// Reads again, one by one, the admins and teams about which the two lists disagree. If such a read
/// fails, the lists stand.
async fn reread(client: &Client, draft: &mut Draft, progress: &(dyn Fn(Progress) + Sync)) {
    let odd = draft.disagreement();
    let count = odd.admins.len() + odd.teams.len();
    if count == 0 {
        return;
    }
    if count > limits::REREADS {
        let detail = format!(
            "the lists disagree about {} admins and {} teams, too many to read each again; the teams' lists are used",
            odd.admins.len(),
            odd.teams.len()
        );
        draft.warn(Warning::new("lists_disagree", detail));
        return;
    }
    progress(Progress::Rereading { count });
    if reread_teams(client, draft, &odd.teams).await.is_ok() {
        // A temporary error ends this too. The warnings are recorded.
        let _ = reread_admins(client, draft, &odd.admins).await;
    }
}

/// Reads these teams again.
///
/// # Errors
/// A temporary error: Intercom is not asked for the others.
async fn reread_teams(
    client: &Client,
    draft: &mut Draft,
    ids: &BTreeSet<GroupId>,
) -> Result<(), IntercomError> {
    for id in ids {
        let path = format!("/teams/{id}");
        match client
            .get(&path, &[], limits::REREAD_ATTEMPTS, |team| Ok(TeamEntry::from_object(Some(team))))
            .await
        {
            Ok(reading) => {
                if !draft.replace_team(id, reading) && draft.lists_team(id) {
                    draft.warn(another_entry("team", id.as_str()));
                }
            }
            // A team that only an admin names.
            Err(IntercomError::NotFound { .. }) if !draft.lists_team(id) => draft.team_is_gone(id),
            Err(error) => {
                draft.warn(reread_failed("team", id.as_str(), &error));
                if error.is_transient() {
                    return Err(error);
                }
            }
        }
    }
    Ok(())
}

/// Reads these admins again.
///
/// # Errors
/// A temporary error: Intercom is not asked for the others.
async fn reread_admins(
    client: &Client,
    draft: &mut Draft,
    ids: &BTreeSet<UserId>,
) -> Result<(), IntercomError> {
    for id in ids {
        let path = format!("/admins/{id}");
        match client
            .get(&path, &[], limits::REREAD_ATTEMPTS, |admin| {
                Ok(AdminEntry::from_object(Some(admin)))
            })
            .await
        {
            Ok(reading) => {
                if !draft.replace_admin(id, reading) && draft.lists_admin(id) {
                    draft.warn(another_entry("admin", id.as_str()));
                }
            }
            // An admin that only a team names.
            Err(IntercomError::NotFound { .. }) if !draft.lists_admin(id) => {
                draft.admin_is_gone(id);
            }
            Err(error) => {
                draft.warn(reread_failed("admin", id.as_str(), &error));
                if error.is_transient() {
                    return Err(error);
                }
            }
        }
    }
    Ok(())
}

fn reread_failed(what: &str, id: &str, error: &IntercomError) -> Warning {
    let detail = format!("{what} {id} could not be read again ({error}); the lists are used");
    Warning::new("reread_failed", detail)
}

fn another_entry(what: &str, id: &str) -> Warning {
    let detail =
        format!("the response for {what} {id} describes another {what}; the lists are used");
    Warning::new("reread_failed", detail)
}
