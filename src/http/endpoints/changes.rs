//! The history as a log of changes.

use std::sync::Arc;

use actix_web::body::{BodySize, BoxBody};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::directory::{ChangePosition, GroupId, RecordedChange, UserId};
use crate::http::errors::ApiError;
use crate::http::extract::caller::{Caller, ImportRead};
use crate::http::request::negotiation::{JSON, LINES, preferred_form};
use crate::http::request::parameters::{Parameters, wrong};
use crate::http::response::chunks::{Chunks, Unfinished, write_lines, write_table};
use crate::http::response::large::Turn;
use crate::http::response::table::{self, CSV};
use crate::http::wire::{ApiRefusals, ChangeParameters, ParameterRefusals, Problem};
use crate::ledger::{ActorQuestion, ChangePage, ChangeQuestion, Ledger, LedgerError};
use crate::limits;
use crate::moments::Edge;
use crate::tabular::{ChangeDocument, ChangeRow};

/// A page of changes.
#[derive(Serialize, ToSchema)]
pub struct ChangeList {
    /// The items, oldest first.
    items: Vec<ChangeDocument>,
    /// The position after this page, for the parameter `since`, now or later. A client that
    /// continues from it misses no change and gets none twice.
    next: String,
    /// Whether more changes are available now.
    has_more: bool,
    /// The number of matching changes after `since`. Null if the request has `actor` or `action`,
    /// because counting would read every change.
    total: Option<u64>,
    /// The maximum number of items of this page: the `limit` of the request, at most 1000.
    limit: usize,
}

/// Lists changes of users, groups and memberships, oldest first.
///
/// All changes from the beginning add up to the current state. A client that follows `next` with
/// the same filters misses no change and gets none twice. A page may be short or empty although
/// `has_more` is true.
#[utoipa::path(
    get, path = "/api/v1/changes", operation_id = "list_changes", tag = "changes", params(ChangeParameters),
    responses(
        (
            status = 200, description = "Changes. `application/x-ndjson` has one change on each line. CSV has a header row.",
            content((ChangeList = "application/json"), (ChangeDocument = "application/x-ndjson"), (String = "text/csv")),
        ),
        (status = 410, description = "The history at that position was pruned.", content_type = "application/problem+json", body = Problem),
        ParameterRefusals,
        ApiRefusals,
    ),
)]
pub async fn list(
    request: HttpRequest,
    caller: Caller<ImportRead>,
) -> Result<HttpResponse, ApiError> {
    let parameters = Parameters::parse(&request, &NAMES)?;
    let form = preferred_form(&request, &[JSON, LINES, CSV])?;
    let (since, question) = parse_question(&parameters, &caller).await?;
    let limit = parameters.limit()?;
    let with_mark = parameters.flag("bom")?;
    let ledger = &caller.service.stores.ledger;
    let workspace = &caller.workspace.name;
    let streamed = match form {
        LINES => Some(Form::Json),
        CSV => Some(Form::Table { with_mark }),
        _ => None,
    };
    let makers = &caller.service.makers;
    if let Some(form) = streamed {
        let most = parameters.text("limit").map(|_| limit);
        let turn = match most {
            Some(_) => makers.page_turn(&caller.principal.allowance).await?,
            None => makers.export_turn(&caller.principal.allowance).await?,
        };
        let lines =
            Lines::begin(ledger.clone(), workspace.to_string(), since, question, form, most);
        let lines = makers.export(lines).await??;
        return Ok(HttpResponse::Ok()
            .content_type(form.media_type())
            .body(lines.body(&request, &caller, turn)));
    }
    let turn = makers.page_turn(&caller.principal.allowance).await?;
    let ledger = ledger.clone();
    let workspace = Arc::clone(workspace);
    let read =
        makers.page(async move { first_page(&ledger, &workspace, &since, &question, limit).await });
    let page = read.await??;
    let list = ChangeList {
        items: Vec::new(),
        next: page.next.to_cursor(),
        has_more: page.more,
        total: page.total,
        limit,
    };
    let rows: Vec<Shown> = page.changes.into_iter().map(Shown).collect();
    let body = makers.body(turn, Chunks::json(&list, rows.into_iter())?).await?;
    Ok(HttpResponse::Ok().content_type(JSON).body(body))
}

/// A change that is turned into its document only when it is serialised.
struct Shown(RecordedChange);

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ChangeDocument::from(&self.0).serialize(serializer)
    }
}

/// The parameters of the log.
const NAMES: [&str; 13] = [
    "since", "type", "kind", "action", "person", "team", "actor", "from", "to", "until", "tz",
    "limit", "bom",
];

/// Parses the parameters: the position after which changes are wanted, and which changes.
async fn parse_question(
    parameters: &Parameters,
    caller: &Caller<ImportRead>,
) -> Result<(ChangePosition, ChangeQuestion), ApiError> {
    let kind = parameters.one_of("type")?.or(parameters.one_of("kind")?);
    let action = parameters.one_of("action")?;
    let mut from = parameters.moment("from", Edge::Start)?;
    let until = match (parameters.moment("to", Edge::End)?, parameters.moment("until", Edge::End)?)
    {
        (Some(_), Some(_)) => {
            return Err(wrong("to and until mean the same; leave one of them out".to_owned()));
        }
        (to, until) => to.or(until),
    };
    let since = match parameters.text("since") {
        None => ChangePosition::START,
        Some(text) => {
            if let Some(position) = ChangePosition::from_cursor(text) {
                position
            } else {
                let moment = parameters
                    .moment("since", Edge::Start)
                    .map_err(|_| wrong(NO_PLACE.to_owned()))?;
                from = from.max(moment);
                ChangePosition::START
            }
        }
    };
    if from.zip(until).is_some_and(|(from, until)| from >= until) {
        return Err(wrong("the end of the period must be after its beginning".to_owned()));
    }
    let question = ChangeQuestion {
        kind,
        people: match parameters.text("person") {
            Some(text) => Some(parse_person("person", text, caller).await?.ids),
            None => None,
        },
        team: parameters.text("team").map(parse_team).transpose()?,
        actor: match parameters.text("actor") {
            Some(text) => Some(parse_person("actor", text, caller).await?),
            None => None,
        },
        action,
        since: from,
        until,
    };
    Ok((since, question))
}

const NO_PLACE: &str = "since must be the `next` or the `cursor` of an earlier response, or a time such as 2026-03-01 or \
                        2026-03-01T12:00:00Z; leave it out to begin at the start";

/// Parses a person: the id of a user, or a current or former email address.
pub(super) async fn parse_person<S>(
    name: &str,
    text: &str,
    caller: &Caller<S>,
) -> Result<ActorQuestion, ApiError> {
    if text.contains('@') && text.len() <= limits::SUBJECT_BYTES {
        // A `+` that was not percent-encoded has become a space, which addresses do not have.
        let address = text.trim().replace(' ', "+");
        let ids = caller
            .service
            .stores
            .ledger
            .people_with_address(&caller.workspace.name, &address)
            .await?;
        return Ok(ActorQuestion { ids, email: Some(address) });
    }
    let id = intercom_id(text, "adm_").ok_or_else(|| {
        wrong(format!(
            "{name} must be the id of a user, such as adm_4423433, or an address of theirs"
        ))
    })?;
    Ok(ActorQuestion { ids: vec![UserId::new(id)], email: None })
}

fn parse_team(text: &str) -> Result<GroupId, ApiError> {
    let id = intercom_id(text, "team_")
        .ok_or_else(|| wrong("team must be the id of a group, such as team_9".to_owned()))?;
    Ok(GroupId::new(id))
}

/// The Intercom id in a SCIM id, or without the prefix of one.
fn intercom_id<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let id = text.strip_prefix(prefix).unwrap_or(text);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    ((1..=limits::ID_BYTES).contains(&id.len()) && id.bytes().all(plain)).then_some(id)
}

/// Reads the first page of changes after a position.
async fn first_page(
    ledger: &Ledger,
    workspace: &str,
    since: &ChangePosition,
    question: &ChangeQuestion,
    limit: usize,
) -> Result<ChangePage, ApiError> {
    match ledger.changes_that(workspace, since, question, limit).await {
        Err(LedgerError::Pruned { .. }) => Err(pruned(ledger, workspace).await),
        page => Ok(page?),
    }
}

/// The refusal of a position that was pruned. It says where the history begins now.
async fn pruned(ledger: &Ledger, workspace: &str) -> ApiError {
    match ledger.earliest(workspace).await {
        Err(error) => error.into(),
        Ok(earliest) => ApiError::Problem {
            status: actix_web::http::StatusCode::GONE,
            code: "pruned",
            detail: format!(
                "the history before that was pruned; read the current state first, or begin with since={}, where it begins now",
                earliest.to_cursor()
            ),
        },
    }
}

/// The format of changes that are sent while they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// One JSON document on each line.
    Json,
    /// CSV, with or without a byte order mark.
    Table { with_mark: bool },
}

impl Form {
    fn media_type(self) -> &'static str {
        match self {
            Self::Json => LINES,
            Self::Table { .. } => CSV,
        }
    }

    /// What precedes the first change.
    fn head(self) -> Vec<u8> {
        match self {
            Self::Json => Vec::new(),
            Self::Table { with_mark } => table::head::<ChangeRow>(with_mark).unwrap_or_default(),
        }
    }

    fn write(self, changes: Vec<ChangeDocument>, chunk: &mut Vec<u8>) -> Option<()> {
        match self {
            Self::Json => write_lines(&changes, false, chunk),
            Self::Table { .. } => write_table(
                &changes.into_iter().map(ChangeRow::from).collect::<Vec<_>>(),
                false,
                chunk,
            ),
        }
    }
}

/// Changes that are read while they are sent.
struct Lines {
    ledger: Ledger,
    workspace: String,
    question: ChangeQuestion,
    /// The number of changes that may still be read.
    room: usize,
    form: Form,
    /// Changes that were read and not written yet.
    page: std::vec::IntoIter<RecordedChange>,
    /// The position after which the next page begins; `None` if there are no more changes.
    next: Option<ChangePosition>,
    /// Whether the head was written.
    begun: bool,
}

impl Lines {
    /// Reads the first page before the response begins, so that an error in the request becomes its
    /// status.
    async fn begin(
        ledger: Ledger,
        workspace: String,
        since: ChangePosition,
        question: ChangeQuestion,
        form: Form,
        most: Option<usize>,
    ) -> Result<Self, ApiError> {
        let room = most.unwrap_or(usize::MAX);
        let most = room.min(limits::LIST_ITEMS);
        let first = first_page(&ledger, &workspace, &since, &question, most).await?;
        let next = first.more.then_some(first.next);
        let room = room - first.changes.len();
        Ok(Self {
            ledger,
            workspace,
            question,
            room,
            form,
            page: first.changes.into_iter(),
            next,
            begun: false,
        })
    }

    fn body(self, request: &HttpRequest, caller: &Caller<ImportRead>, turn: Turn) -> BoxBody {
        let chunks = stream::try_unfold(self, |mut lines| async move {
            Ok::<_, Unfinished>(lines.chunk().await?.map(|chunk| (chunk, lines)))
        });
        caller.service.makers.stream(request, turn, BodySize::Stream, chunks)
    }

    /// The next chunk; `None` at the end.
    async fn chunk(&mut self) -> Result<Option<Bytes>, Unfinished> {
        let mut chunk =
            if std::mem::replace(&mut self.begun, true) { Vec::new() } else { self.form.head() };
        while chunk.len() < limits::ANSWER_CHUNK_BYTES {
            let changes: Vec<ChangeDocument> = self
                .page
                .by_ref()
                .take(limits::ROWS_AT_ONCE)
                .map(|change| ChangeDocument::from(&change))
                .collect();
            if !changes.is_empty() {
                self.form.write(changes, &mut chunk).ok_or(Unfinished::Row)?;
            } else if chunk.is_empty() {
                // A page may be empty although more follow.
                let Some(next) = self.next.take().filter(|_| self.room > 0) else { break };
                let most = self.room.min(limits::LIST_ITEMS);
                let page =
                    self.ledger.changes_that(&self.workspace, &next, &self.question, most).await?;
                self.next = page.more.then_some(page.next);
                self.room -= page.changes.len();
                self.page = page.changes.into_iter();
            } else {
                // Sends what is written already before the next page is read.
                break;
            }
        }
        Ok((!chunk.is_empty()).then(|| chunk.into()))
    }
}
