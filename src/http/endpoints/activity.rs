//! The feed of Intercom's activity log, for security monitoring.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::changes::parse_person;
use crate::activity::{
    Context, Entry, Format, Group, KINDS, Order, People, Position, Severity, ecs, kind_named, ocsf,
    severity_of, subject_of,
};
use crate::clock::{from_millis, to_millis};
use crate::directory::text::folded;
use crate::directory::{Activity, UserId, Workspace};
use crate::http::errors::ApiError;
use crate::http::extract::caller::{ActivityRead, Caller};
use crate::http::request::negotiation::{JSON, LINES, preferred_form, set_next_link};
use crate::http::request::parameters::{Parameters, wrong};
use crate::http::response::chunks::Chunks;
use crate::http::response::large::Turn;
use crate::http::response::table::CSV;
use crate::http::wire::{
    ActivityParameters, ActivityTypeParameters, ApiRefusals, ParameterRefusals, Problem,
};
use crate::ledger::{ActorQuestion, FeedAnswer, FeedPage};
use crate::moments::Edge;
use crate::tabular::ActivityRow;

/// A page of log entries.
#[derive(Serialize, ToSchema)]
pub struct ActivityList {
    /// The entries, in the requested form: an `ActivityRow` (`native`), or an event of OCSF or ECS.
    #[schema(value_type = Vec<Object>)]
    items: Vec<ActivityRow>,
    /// The position after this page, for the parameter `since`, now or later. It is always there. A
    /// client that continues from it misses no entry and gets none twice.
    next: String,
    /// Whether more entries may be available now.
    has_more: bool,
    /// The maximum number of items of this page: the `limit` of the request, at most 1000.
    limit: usize,
}

/// Lists entries of Intercom's activity log, in the order in which the bridge recorded them.
///
/// A client that follows `next` gets each entry once, also those that Intercom provides late. A
/// page may be short or empty although `has_more` is true. The URL of the next page is in `Link`,
/// too.
#[utoipa::path(
    get, path = "/api/v1/activity", operation_id = "list_activity", tag = "activity",
    params(ActivityParameters),
    responses(
        (
            status = 200, description = "Entries. `application/x-ndjson` has one entry on each line. CSV has a header row, and only the form `native`.",
            content((ActivityList = "application/json"), (ActivityRow = "application/x-ndjson"), (String = "text/csv")),
        ),
        (status = 410, description = "Entries after that position were pruned before the client read them. `detail` has the position from which to continue.", content_type = "application/problem+json", body = Problem),
        ParameterRefusals,
        ApiRefusals,
    ),
)]
pub async fn list(
    request: HttpRequest,
    caller: Caller<ActivityRead>,
) -> Result<HttpResponse, ApiError> {
    let parameters = Parameters::parse(&request, &NAMES)?;
    let format = parameters.one_of("format")?.unwrap_or(Format::Native);
    let offers: &[&'static str] =
        if format == Format::Native { &[JSON, LINES, CSV] } else { &[JSON, LINES] };
    let form = preferred_form(&request, offers)?;
    let (order, since) = parse_order(&parameters, &caller).await?;
    let filter = parse_filter(&parameters, &caller).await?;
    let limit = parameters.limit()?;
    let with_mark = parameters.flag("bom")?;
    let makers = &caller.service.makers;
    let turn = makers.page_turn(&caller.principal.allowance).await?;
    let ledger = caller.service.stores.ledger.clone();
    let name = Arc::clone(&caller.workspace.name);
    let read = makers.page(async move {
        let matches = |entry: &Activity| filter.matches(entry);
        let page = match ledger.feed(&name, &order, since, limit, &matches).await? {
            FeedAnswer::Page(page) => page,
            FeedAnswer::Pruned(position) => return Err(pruned(position)),
        };
        let people = ledger.people_named(&name, people_in(&page.entries)).await?;
        let workspace = ledger.workspace(&name).await?.unwrap_or_default();
        Ok(Read { page, people, workspace, name })
    });
    let read: Read = read.await??;
    let next = read.page.next.to_cursor();
    let answer = Answer { form, with_mark, more: read.page.more, next: next.clone(), limit };
    let mut response = match format {
        Format::Native => {
            let people = &read.people;
            let row = |entry: Entry| ActivityRow::of(entry, people);
            let rows: Vec<ActivityRow> = read.page.entries.into_iter().map(row).collect();
            answer.rows(&caller, turn, rows).await?
        }
        Format::Ocsf => answer.documents(&caller, turn, read.documents(ocsf)).await?,
        Format::Ecs => answer.documents(&caller, turn, read.documents(ecs)).await?,
    };
    let next = parameters.link(&request, &caller.service.origin.url(), &[("since", next)]);
    set_next_link(&mut response, &next);
    Ok(response)
}

/// The parameters of the feed.
const NAMES: [&str; 15] = [
    "since",
    "recorded_from",
    "recorded_to",
    "last",
    "from",
    "to",
    "tz",
    "type",
    "group",
    "severity",
    "actor",
    "subject",
    "format",
    "limit",
    "bom",
];

/// What was read for a page.
struct Read {
    page: FeedPage,
    people: People,
    workspace: Workspace,
    name: Arc<str>,
}

impl Read {
    fn documents(&self, document: fn(&Entry, &Context<'_>) -> Value) -> Vec<Value> {
        let context = Context {
            workspace: &self.workspace,
            workspace_name: &self.name,
            people: &self.people,
        };
        self.page.entries.iter().map(|entry| document(entry, &context)).collect()
    }
}

/// How a page is answered.
struct Answer {
    form: &'static str,
    with_mark: bool,
    more: bool,
    next: String,
    limit: usize,
}

impl Answer {
    async fn rows(
        self,
        caller: &Caller<ActivityRead>,
        turn: Turn,
        rows: Vec<ActivityRow>,
    ) -> Result<HttpResponse, ApiError> {
        if self.form == CSV {
            let body =
                caller.service.makers.body(turn, Chunks::table(self.with_mark, rows.into_iter())?);
            return Ok(HttpResponse::Ok().content_type(CSV).body(body.await?));
        }
        self.documents(caller, turn, rows).await
    }

    async fn documents<T: Serialize + Send + 'static>(
        self,
        caller: &Caller<ActivityRead>,
        turn: Turn,
        documents: Vec<T>,
    ) -> Result<HttpResponse, ApiError> {
        let makers = &caller.service.makers;
        let documents = documents.into_iter();
        let body = if self.form == LINES {
            makers.body(turn, Chunks::lines(documents)).await?
        } else {
            let list = ActivityList {
                items: Vec::new(),
                next: self.next,
                has_more: self.more,
                limit: self.limit,
            };
            makers.body(turn, Chunks::json(&list, documents)?).await?
        };
        Ok(HttpResponse::Ok().content_type(self.form).body(body))
    }
}

fn pruned(position: Position) -> ApiError {
    ApiError::Problem {
        status: actix_web::http::StatusCode::GONE,
        code: "pruned",
        detail: format!(
            "entries after that position were deleted by a pruning before they were read; continue with since={}",
            position.to_cursor()
        ),
    }
}

/// The teammates that the entries name.
fn people_in(entries: &[Entry]) -> BTreeSet<UserId> {
    let actor = |entry: &Entry| entry.activity.performed_by.as_ref()?.id.clone();
    let actors = entries.iter().filter_map(actor);
    actors.chain(entries.iter().filter_map(|entry| subject_of(&entry.activity))).collect()
}

const NO_PLACE: &str = "since must be the `next` of an earlier response or the `cursor` of an entry, `now`, or a time such as \
                        2026-03-01T12:00:00Z; leave it out to begin with the oldest entry";

/// Parses the order, and the position in it.
async fn parse_order(
    parameters: &Parameters,
    caller: &Caller<ActivityRead>,
) -> Result<(Order, Option<Position>), ApiError> {
    let now = caller.service.clock.now();
    let mut from = parameters.moment_or_unix("recorded_from", Edge::Start)?;
    let to = parameters.moment_or_unix("recorded_to", Edge::End)?;
    if let Some(last) = parameters.age("last")? {
        if from.is_some() {
            return Err(wrong("last and recorded_from exclude each other; omit one".to_owned()));
        }
        from = now.checked_sub(last);
    }
    let recorded = from.is_some() || to.is_some();
    let period = occurred(parameters)?;
    let since = parameters.text("since");
    let cursor = since.and_then(Position::from_cursor);
    let order = if recorded {
        if from.zip(to).is_some_and(|(from, to)| from >= to) {
            return Err(wrong("recorded_to must be after recorded_from".to_owned()));
        }
        Order::Recorded { from: from.map_or(0, to_millis), to: to.map_or(i64::MAX, to_millis) }
    } else if period.is_some()
        && matches!(cursor, None | Some(Position::Occurred { .. }))
        && cursor.is_some() == since.is_some()
    {
        let (from, to) = period.unwrap_or_default();
        Order::Occurred { from, to }
    } else {
        Order::Recording
    };
    let position = match (since, cursor) {
        (None, _) => return Ok((order, None)),
        (_, Some(cursor)) => cursor,
        (Some(_), None) if order != Order::Recording => return Err(wrong(NO_PLACE.to_owned())),
        (Some("now"), None) => {
            caller.service.stores.ledger.feed_end(&caller.workspace.name).await?
        }
        (Some(_), None) => {
            let moment = parameters
                .moment_or_unix("since", Edge::Start)
                .map_err(|_| wrong(NO_PLACE.to_owned()))?;
            let since = moment.map_or(0, to_millis);
            caller.service.stores.ledger.feed_from(&caller.workspace.name, since).await?
        }
    };
    if position.is_in(&order) {
        Ok((order, Some(position)))
    } else {
        let why = "since is a position of a list with other periods; repeat the parameters of the request that returned it";
        Err(wrong(why.to_owned()))
    }
}

/// The period of the events: its beginning and its end.
type Period = (Option<OffsetDateTime>, Option<OffsetDateTime>);

fn occurred(parameters: &Parameters) -> Result<Option<Period>, ApiError> {
    let from = parameters.moment_or_unix("from", Edge::Start)?;
    let to = parameters.moment_or_unix("to", Edge::End)?;
    if from.zip(to).is_some_and(|(from, to)| from >= to) {
        return Err(wrong("to must be after from".to_owned()));
    }
    Ok((from.is_some() || to.is_some()).then_some((from, to)))
}

/// Which entries are wanted.
struct Filter {
    types: HashSet<String>,
    groups: Vec<Group>,
    severities: Vec<Severity>,
    actor: Option<ActorQuestion>,
    subject: Option<ActorQuestion>,
    from: Option<OffsetDateTime>,
    to: Option<OffsetDateTime>,
}

async fn parse_filter(
    parameters: &Parameters,
    caller: &Caller<ActivityRead>,
) -> Result<Filter, ApiError> {
    let types: HashSet<String> = parameters.list("type").into_iter().map(str::to_owned).collect();
    let is_name =
        |name: &String| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !types.iter().all(is_name) {
        let why = "type must be one or more types of log entries, such as admin_login_failure; /api/v1/activity/types lists them";
        return Err(wrong(why.to_owned()));
    }
    let (from, to) = occurred(parameters)?.unwrap_or_default();
    let person = async |name: &str| match parameters.text(name) {
        Some(text) => parse_person(name, text, caller).await.map(Some),
        None => Ok(None),
    };
    Ok(Filter {
        types,
        groups: parameters.any_of("group")?,
        severities: parameters.any_of("severity")?,
        actor: person("actor").await?,
        subject: person("subject").await?,
        from,
        to,
    })
}

impl Filter {
    fn matches(&self, entry: &Activity) -> bool {
        let kind = kind_named(&entry.kind);
        (self.types.is_empty() || self.types.contains(&entry.kind))
            && (self.groups.is_empty() || self.groups.contains(&kind.group))
            && self.from.is_none_or(|from| entry.at >= from)
            && self.to.is_none_or(|to| entry.at < to)
            && self.actor.as_ref().is_none_or(|actor| acted(actor, entry))
            && self
                .subject
                .as_ref()
                .is_none_or(|subject| subject_of(entry).is_some_and(|id| subject.ids.contains(&id)))
            && (self.severities.is_empty() || self.severities.contains(&severity_of(kind, entry)))
    }
}

/// Whether a person caused an entry.
fn acted(person: &ActorQuestion, entry: &Activity) -> bool {
    let Some(actor) = &entry.performed_by else { return false };
    let has_address =
        |wanted: &String| actor.email.as_ref().is_some_and(|email| folded(email) == folded(wanted));
    actor.id.as_ref().is_some_and(|id| person.ids.contains(id))
        || person.email.as_ref().is_some_and(has_address)
}

/// A type of log entries.
#[derive(Serialize, ToSchema)]
pub struct ActivityType {
    /// The name, as Intercom spells it.
    r#type: String,
    /// The subject.
    group: Group,
    /// The meaning, as a sentence.
    meaning: &'static str,
    /// How serious such an entry is, unless its details say more.
    severity: Severity,
    /// The class of its events in OCSF 1.8.0.
    ocsf_class_uid: u32,
    /// Whether the bridge reads these entries, according to `activity.types`.
    fetched: bool,
    /// Whether the bridge has recorded one.
    seen: bool,
    /// When the bridge recorded the first one that it still has.
    #[serde(with = "crate::date_time::option")]
    first_seen: Option<OffsetDateTime>,
}

/// All types of log entries.
#[derive(Serialize, ToSchema)]
pub struct ActivityTypes {
    /// The types: those that this version knows, and those that were recorded.
    items: Vec<ActivityType>,
}

/// Lists the types of log entries, with what they mean and whether they are read.
#[utoipa::path(
    get, path = "/api/v1/activity/types", operation_id = "list_activity_types", tag = "activity",
    params(ActivityTypeParameters),
    responses(
        (status = 200, description = "The types", body = ActivityTypes),
        ParameterRefusals,
        ApiRefusals,
    ),
)]
pub async fn types(
    request: HttpRequest,
    caller: Caller<ActivityRead>,
) -> Result<HttpResponse, ApiError> {
    let groups: Vec<Group> = Parameters::parse(&request, &["group"])?.any_of("group")?;
    let wanted = &caller.service.activity_kinds;
    let seen = caller.service.stores.ledger.kinds_seen(&caller.workspace.name).await?;
    let known = KINDS.iter().map(|kind| kind.name);
    let others = seen.keys().map(String::as_str).filter(|name| kind_named(name).name.is_empty());
    let described = |name: &str| {
        let kind = kind_named(name);
        ActivityType {
            r#type: name.to_owned(),
            group: kind.group,
            meaning: kind.meaning,
            severity: kind.severity,
            ocsf_class_uid: kind.class.uid(),
            fetched: wanted.includes(name),
            seen: seen.contains_key(name),
            first_seen: seen.get(name).copied().map(from_millis),
        }
    };
    let in_group = |one: &ActivityType| groups.is_empty() || groups.contains(&one.group);
    let items = known.chain(others).map(described).filter(in_group).collect();
    Ok(HttpResponse::Ok().json(ActivityTypes { items }))
}
