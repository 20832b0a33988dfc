//! Reads the activity log. The log explains access and never decides it, so its failures are only
//! warnings.
//!
//! The reader asks for spans of time, oldest first. The log counts as read up to the first span
//! that failed. Entries of later spans are kept and read again next time. Entries are identified by
//! their ids, so reading one twice is harmless.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;
use time::OffsetDateTime;

use super::answer::malformed;
use super::client::Client;
use super::error::{IntercomError, Outage, Permission};
use super::page::{Next, next_query, record_hash};
use super::progress::Progress;
use super::span::{Help, Span, Spans};
use super::wire::{self, Field, Object};
use crate::activity::WantedKinds;
use crate::directory::{Activity, Actor, UserId, Warning};
use crate::limits;

const SEARCH: &str = "/admins/activity_logs/search";
const LIST: &str = "/admins/activity_logs";
const KINDS: &str = "/admins/activity_log_event_types";

/// The kinds of log entries to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogKinds {
    /// The kinds that the settings ask for.
    pub wanted: WantedKinds,
    /// Intercom's own list of the workspace's kinds, as the last full import read it. `None` if it
    /// was never read.
    pub listed: Option<BTreeSet<String>>,
    /// Whether to read Intercom's own list anew.
    pub read_list: bool,
}

/// Reads Intercom's own list of the workspace's kinds. `None` if it cannot be read: older versions
/// of the API do not have it, and the log can be read without it.
pub(super) async fn listed_kinds(client: &Client) -> Option<BTreeSet<String>> {
    let read = |answer: &Object<'_>| {
        let kinds = answer.list("event_types").value();
        let kinds = kinds.ok_or_else(|| malformed(KINDS, "`event_types` is not a list"))?;
        let kinds = kinds.into_iter().take(limits::ACTIVITY_KINDS);
        let name = |raw: &RawValue| wire::text_of(raw, answer.lossy(), 100);
        Ok(kinds.filter_map(name).filter(|name| !name.is_empty()).collect::<BTreeSet<String>>())
    };
    let listed = client.get(KINDS, &[], 1, read).await;
    listed.ok().filter(|kinds| !kinds.is_empty())
}

/// The body of `POST /admins/activity_logs/search` (API version 2.16 and later).
#[derive(Serialize)]
struct Search<'a> {
    created_at_after: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at_before: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_types: Option<&'a [String]>,
    page: u32,
    per_page: u32,
}

/// The result of reading the log.
#[derive(Debug)]
pub(super) struct Log {
    /// The entries, oldest first.
    pub entries: Vec<Activity>,
    /// The time up to which no entry is missing; `None` if nothing could be read.
    pub read_to: Option<OffsetDateTime>,
    /// What is missing, why, and what to do.
    pub warnings: Vec<Warning>,
}

/// Reads the log from `since` on. `now` is the time of the reading.
pub(super) async fn read(
    client: &Client,
    kinds: &LogKinds,
    since: OffsetDateTime,
    now: OffsetDateTime,
    progress: &(dyn Fn(Progress) + Sync),
) -> Log {
    let mut reader = Reader::new(client, kinds, progress);
    let mut spans = Spans::new(since.unix_timestamp(), now.unix_timestamp());
    let mut trouble = None;
    while let Some(span) = spans.next_span() {
        match reader.read_span(span).await {
            Ok(found) => spans.succeeded(found),
            Err(stop) => {
                spans.failed(stop.help());
                trouble = Some(stop);
            }
        }
    }
    let gap = spans.first_gap();
    // By Intercom's clock, an entry may be a little later than `now`. The next reading overlaps
    // with this one and gets it.
    let read_to = match gap {
        None => Some(now),
        Some(gap) if gap > since.unix_timestamp() => OffsetDateTime::from_unix_timestamp(gap).ok(),
        Some(_) => None,
    };
    let mut warnings = Vec::new();
    warnings.extend(trouble.as_ref().filter(|_| gap.is_some()).and_then(Stop::warning));
    warnings.extend(reader.warnings());
    // Each span came newest first. The stable sort keeps the order of the list within one second.
    let mut entries = reader.entries;
    entries.reverse();
    entries.sort_by_key(|entry| entry.at);
    Log { entries, read_to, warnings }
}

const MISSING: &str = "joining dates, permissions, 2FA and sign-ins keep their last known values, and new changes have no known author";
const NEXT_TIME: &str = "the next import continues from there";

/// The reason why a span was not read to its end.
#[derive(Debug)]
enum Stop {
    /// Intercom refused or failed, or its response could not be parsed.
    Span(IntercomError),
    /// The import has used up its pages or its time for the log.
    TooLong,
    /// A page brought nothing new, or does not say whether there is another page. The next import
    /// asks again.
    Unsure,
}

impl Stop {
    fn help(&self) -> Help {
        match self {
            Self::Unsure => Help::NextImport,
            Self::Span(
                IntercomError::Unavailable {
                    outage: Outage::NoConnection | Outage::TimedOut, ..
                }
                | IntercomError::RateLimited { .. },
            )
            | Self::TooLong => Help::None,
            Self::Span(
                IntercomError::Unavailable { .. }
                | IntercomError::Refused { .. }
                | IntercomError::Malformed { .. }
                | IntercomError::TooLarge { .. }
                | IntercomError::TooMany { .. },
            ) => Help::ShorterSpan,
            Self::Span(_) => Help::None,
        }
    }

    fn warning(&self) -> Option<Warning> {
        match self {
            Self::Span(error) => Some(error.log_warning()),
            Self::TooLong => {
                let detail = format!(
                    "{LIST} is too long for one import, so its newest part was not read; {NEXT_TIME}"
                );
                Some(Warning::new("activity_log_cut", detail))
            }
            // The reader adds its own warning, which says which of the two it was.
            Self::Unsure => None,
        }
    }
}

impl IntercomError {
    /// Returns the warning of an import that could not read the log because of this error.
    fn log_warning(&self) -> Warning {
        match self {
            Self::Forbidden { code, .. } if code == "api_plan_restricted" => Warning::new(
                "activity_log_forbidden",
                format!("{LIST} requires a higher Intercom plan (403 {code}), so {MISSING}"),
            ),
            Self::Unauthorized { code, .. } | Self::Forbidden { code, .. } => {
                let remedy = Permission::ReadActivityLogs.remedy();
                let detail = format!(
                    "the access token is not allowed to read {LIST} ({code}), so {MISSING}; {remedy}"
                );
                Warning::new("activity_log_forbidden", detail)
            }
            Self::NotFound { .. } => Warning::new(
                "activity_log_missing",
                format!(
                    "this workspace has no {LIST}, so {MISSING}; check that intercom.api_version is a version that has it"
                ),
            ),
            error => Warning::new(
                "activity_log_unavailable",
                format!("{LIST} could not be read ({error}), so {MISSING}; {NEXT_TIME}"),
            ),
        }
    }
}

struct Reader<'a> {
    client: &'a Client,
    progress: &'a (dyn Fn(Progress) + Sync),
    wanted: &'a WantedKinds,
    /// The kinds to ask for; `None` to ask for all.
    requested: Option<Vec<String>>,
    /// Whether only the older list endpoint works.
    by_list: bool,
    /// The entries; within each span newest first.
    entries: Vec<Activity>,
    /// The ids of `entries`. Entries that Intercom adds during the reading push others onto the
    /// next page.
    known: HashSet<String>,
    /// The raw JSON of entries that could not be parsed.
    unreadable: HashSet<Box<str>>,
    pages: u32,
    /// The size of all entries read so far, in bytes.
    bytes: usize,
    /// When reading ends at the latest, on [`Clock::running`](crate::clock::Clock::running).
    until: Duration,
    stuck: bool,
    pages_unreadable: bool,
}

/// A page of the log.
struct LogPage {
    /// The size of the entries in bytes.
    bytes: usize,
    entries: Vec<Result<Activity, Box<str>>>,
    next: Next,
    page: Option<i64>,
    total_pages: Option<i64>,
    pages_readable: bool,
}

impl<'a> Reader<'a> {
    fn new(
        client: &'a Client,
        kinds: &'a LogKinds,
        progress: &'a (dyn Fn(Progress) + Sync),
    ) -> Self {
        Self {
            client,
            wanted: &kinds.wanted,
            requested: kinds.wanted.to_request(kinds.listed.as_ref()),
            progress,
            by_list: false,
            entries: Vec::new(),
            known: HashSet::new(),
            unreadable: HashSet::new(),
            pages: 0,
            bytes: 0,
            until: client.clock().running() + limits::ACTIVITY_WAIT,
            stuck: false,
            pages_unreadable: false,
        }
    }

    /// Returns what is missing, beside the spans that could not be read.
    fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        if self.stuck {
            warnings.push(Warning::new(
                "activity_log_stuck",
                format!(
                    "a page of {LIST} repeats earlier entries, so the pages after it were not read; {MISSING}; {NEXT_TIME}"
                ),
            ));
        }
        if self.pages_unreadable {
            warnings.push(Warning::new(
                "activity_log_pages_unreadable",
                format!("{LIST} has no readable `pages`, so entries may be missing; {NEXT_TIME}"),
            ));
        }
        if !self.unreadable.is_empty() {
            warnings.push(Warning::new(
                "activity_unreadable",
                format!(
                    "{} entries of {LIST} could not be read and were skipped; all others were used",
                    self.unreadable.len()
                ),
            ));
        }
        warnings
    }

    /// Reads a span. Returns the number of new entries.
    async fn read_span(&mut self, span: Span) -> Result<usize, Stop> {
        if !self.by_list {
            let mut result = self.read_pages(span, false).await;
            if matches!(result, Err(Stop::Span(IntercomError::Refused { .. })))
                && self.requested.take().is_some()
            {
                // Intercom may refuse a kind that this workspace does not have. Without the list,
                // the entries are filtered here.
                result = self.read_pages(span, false).await;
            }
            match result {
                // Older API versions have only the plain list.
                Err(Stop::Span(
                    IntercomError::NotFound { .. }
                    | IntercomError::Refused { .. }
                    | IntercomError::Malformed { .. },
                )) => {}
                result => return result,
            }
        }
        let result = self.read_pages(span, true).await;
        self.by_list |= result.is_ok();
        result
    }

    async fn read_pages(&mut self, span: Span, by_list: bool) -> Result<usize, Stop> {
        let first = |name: &str, time: i64| (name.to_owned(), time.to_string());
        let bounds: Vec<(String, String)> = std::iter::once(first("created_at_after", span.from))
            .chain(span.to.map(|to| first("created_at_before", to)))
            .collect();
        let mut query = bounds.clone();
        let mut found = 0;
        // The entries of this span so far. A page is stuck if all of its entries are among them;
        // entries of earlier spans do not count.
        let mut here = HashSet::new();
        for page in 1.. {
            let full = self.pages >= limits::ACTIVITY_PAGES || self.bytes > limits::ACTIVITY_BYTES;
            if full || self.client.clock().running() > self.until {
                return Err(Stop::TooLong);
            }
            self.pages += 1;
            (self.progress)(Progress::Activity { page: self.pages });
            let answer = if by_list {
                self.client.get(LIST, &query, limits::ACTIVITY_ATTEMPTS, log_page).await
            } else {
                let question = Search {
                    created_at_after: span.from,
                    created_at_before: span.to,
                    event_types: self.requested.as_deref(),
                    page,
                    per_page: limits::ACTIVITY_PER_PAGE,
                };
                self.client.search(SEARCH, &question, limits::ACTIVITY_ATTEMPTS, log_page).await
            };
            let answer = answer.map_err(Stop::Span)?;
            self.bytes += answer.bytes;
            let all = answer.entries.len();
            let known = here.len();
            here.extend(answer.entries.iter().map(key_of));
            let moved = here.len() > known;
            found += self.take(answer.entries);
            if !answer.pages_readable && all > 0 {
                self.pages_unreadable = true;
                return Err(Stop::Unsure);
            }
            let last = matches!((answer.page, answer.total_pages), (Some(page), Some(total)) if page >= total);
            if all == 0 || last || answer.next == Next::End {
                return Ok(found);
            }
            if !moved {
                self.stuck = true;
                return Err(Stop::Unsure);
            }
            query = match answer.next {
                // The search endpoint is paged by number.
                _ if !by_list => continue,
                Next::Query(next) => next_query(&bounds, next),
                Next::Unknown | Next::End => {
                    self.pages_unreadable = true;
                    return Err(Stop::Unsure);
                }
            };
        }
        Err(Stop::TooLong)
    }

    /// Keeps a page's entries. Returns how many of them are new.
    fn take(&mut self, entries: Vec<Result<Activity, Box<str>>>) -> usize {
        let mut new = 0;
        for entry in entries {
            match entry {
                // The list endpoint returns all kinds.
                Ok(entry) if !self.wanted.includes(&entry.kind) => {}
                Ok(entry) if self.known.insert(entry.id.clone()) => {
                    self.entries.push(entry);
                    new += 1;
                }
                Ok(_) => {}
                Err(raw) => new += usize::from(self.unreadable.insert(raw)),
            }
        }
        new
    }
}

/// Returns the identity of an entry: a hash of its id, or of its raw JSON.
fn key_of(entry: &Result<Activity, Box<str>>) -> u64 {
    match entry {
        Ok(entry) => record_hash(&entry.id),
        Err(raw) => record_hash(raw),
    }
}

fn log_page(answer: &Object<'_>) -> Result<LogPage, IntercomError> {
    let entries = answer
        .list("activity_logs")
        .value()
        .ok_or_else(|| malformed(LIST, "`activity_logs` is not a list"))?;
    if entries.len() > limits::INTERCOM_ENTRIES {
        return Err(IntercomError::TooMany {
            resource: LIST.to_owned(),
            limit: limits::INTERCOM_ENTRIES,
        });
    }
    let pages = answer.object("pages");
    let pages_readable = !pages.is_unreadable();
    let pages = pages.value().unwrap_or_default();
    Ok(LogPage {
        bytes: entries.iter().map(|raw| raw.get().len()).sum(),
        entries: entries
            .into_iter()
            .map(|raw| {
                entry(raw, answer.lossy())
                    .ok_or_else(|| raw.get().chars().take(limits::INTERCOM_TEXT_BYTES).collect())
            })
            .collect(),
        next: pages.raw("next").map_or(Next::End, Next::from_pages),
        page: pages.integer("page").value().filter(|page| *page > 0),
        total_pages: pages.integer("total_pages").value().filter(|pages| *pages > 0),
        pages_readable,
    })
}

/// Parses an entry; `None` if its id, its time or its kind is unreadable.
fn entry(raw: &RawValue, lossy: bool) -> Option<Activity> {
    let object = Object::from_raw(raw, lossy)?;
    let id = match object.text("id", limits::INTERCOM_TEXT_BYTES) {
        Field::Unreadable => object.id("id"),
        id => id,
    };
    let performed_by = object.object("performed_by").value().map(|actor| Actor {
        id: actor.id("id").value().map(UserId::new),
        email: actor.text("email", limits::INTERCOM_TEXT_BYTES).value(),
        kind: actor.text("type", 64).value(),
        ip: actor.text("ip", 64).value(),
    });
    let metadata =
        object.raw("metadata").and_then(wire::value_of).map(wire::without_nul).unwrap_or_default();
    Some(Activity {
        id: id.value()?,
        at: OffsetDateTime::from_unix_timestamp(object.integer("created_at").value()?).ok()?,
        kind: object.text("activity_type", 200).value()?,
        performed_by,
        description: object.text("activity_description", limits::INTERCOM_TEXT_BYTES).value(),
        metadata: metadata.into(),
    })
}
