//! What each call gets: rate limit, faults, access token, OAuth, resources.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Query};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::log::LogFilter;
use crate::server::Shared;
use crate::state::{CallCount, State, bearer};
use crate::wire;

/// What to do with a call. It is decided while the lock is held and done after the lock is
/// released.
pub struct Decision {
    pub fault: Option<Fault>,
    pub reply: Reply,
    pub headers: Vec<(&'static str, String)>,
}

/// A response.
pub struct Reply {
    pub status: StatusCode,
    pub body: Bytes,
}

impl Reply {
    fn ok(body: impl Into<Bytes>) -> Self {
        Self { status: StatusCode::OK, body: body.into() }
    }
}

/// The status, code and message of an error.
type Refusal = (u16, &'static str, &'static str);

const UNREADABLE: Refusal = (400, "parameter_invalid", "The request could not be read");
const WRONG_TOKEN: Refusal = (401, "unauthorized", "Access Token Invalid");
const UNKNOWN_APP: Refusal = (401, "server_error", "Application not found");
const NO_START: Refusal = (404, "parameter_not_found", "created_at_after parameter not found");
const NOT_FOUND: Refusal = (404, "not_found", "The requested resource was not found");
const NO_PERMISSION: Refusal = (403, "api_plan_restricted", "Missing permission");
const TOO_MANY: Refusal = (429, "rate_limit_exceeded", "Exceeded rate limit");

/// The entries on a page of `GET /admins/activity_logs`.
const LISTED_PER_PAGE: usize = 20;

pub fn decide(request: &HttpRequest, body: &Bytes, shared: &Shared) -> Decision {
    let now = shared.clock.now();
    let mut state = shared.state();
    let path = request.path();
    let CallCount { number, in_window, mut reset } =
        state.count_call(request.method().as_str(), path, now);
    let mut remaining = shared.calls_per_window.saturating_sub(in_window);
    let fault = state.take_fault(path);
    let result = match &fault {
        Some(Fault::RateLimit(seconds)) => {
            reset = now + seconds;
            remaining = 0;
            Err(TOO_MANY)
        }
        _ if in_window > shared.calls_per_window => Err(TOO_MANY),
        Some(Fault::Status(status)) => Err((*status, "server_error", "Something went wrong")),
        Some(Fault::Unauthorized) => Err(WRONG_TOKEN),
        _ if path == "/oauth" => authorise(request, &mut state),
        _ if path == "/auth/eagle/token" => exchange_code(body, &mut state),
        _ if !state.accepts(request.headers()) => Err(WRONG_TOKEN),
        Some(Fault::Forbidden) => Err((403, "api_plan_restricted", "Active subscription needed.")),
        _ => resource(request, body, &mut state).map(Reply::ok),
    };
    let reply = result.unwrap_or_else(|(status, code, message)| Reply {
        status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        body: wire::error(code, message, number).to_string().into(),
    });
    let mut headers = vec![
        ("X-RateLimit-Limit", shared.calls_per_window.to_string()),
        ("X-RateLimit-Remaining", remaining.to_string()),
        ("X-RateLimit-Reset", reset.to_string()),
        ("Intercom-Version", "2.16".to_owned()),
    ];
    headers.extend(shared.clock.date().map(|date| ("Date", date)));
    Decision { fault, reply, headers }
}

#[derive(Deserialize)]
struct Authorisation {
    client_id: String,
    state: String,
    redirect_uri: String,
}

/// `/oauth`, to which the bridge sends a browser: redirects it back with a code.
fn authorise(request: &HttpRequest, state: &mut State) -> Result<Reply, Refusal> {
    let query =
        Query::<Authorisation>::from_query(request.query_string()).map_err(|_| UNKNOWN_APP)?;
    let back = state
        .grants
        .authorise(&query.client_id, &query.state, &query.redirect_uri)
        .ok_or(UNKNOWN_APP)?;
    Ok(Reply { status: StatusCode::FOUND, body: back.into() })
}

/// `/auth/eagle/token`: exchanges a code for a token.
fn exchange_code(body: &Bytes, state: &mut State) -> Result<Reply, Refusal> {
    let body = serde_json::from_slice(body).map_err(|_| UNKNOWN_APP)?;
    let token = state.grants.trade(&body).ok_or(UNKNOWN_APP)?;
    Ok(Reply::ok(token.to_string()))
}

#[derive(Deserialize)]
struct ListQuery {
    display_avatar: Option<bool>,
}

#[derive(Deserialize)]
struct LogQuery {
    created_at_after: Option<i64>,
    created_at_before: Option<i64>,
    page: Option<usize>,
    starting_after: Option<usize>,
}

#[derive(Deserialize)]
struct LogSearch {
    created_at_after: Option<i64>,
    created_at_before: Option<i64>,
    event_types: Option<Vec<String>>,
    page: Option<usize>,
    #[serde(default, deserialize_with = "number_or_text")]
    starting_after: Option<usize>,
    per_page: Option<usize>,
}

/// A cursor, which responses contain as a string.
fn number_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Null => None,
        Value::String(text) => Some(text.parse().map_err(serde::de::Error::custom)?),
        value => Some(serde_json::from_value(value).map_err(serde::de::Error::custom)?),
    })
}

fn query<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, Refusal> {
    Query::from_query(request.query_string()).map(Query::into_inner).map_err(|_| UNREADABLE)
}

/// The resources that need an access token.
fn resource(request: &HttpRequest, body: &Bytes, state: &mut State) -> Result<Bytes, Refusal> {
    let segments: Vec<&str> = request.path().trim_matches('/').split('/').collect();
    match (request.method().as_str(), segments.as_slice()) {
        ("GET", ["me"]) => Ok(wire::me(&state.workspace).to_string().into()),
        ("GET", ["admins"]) => match query::<ListQuery>(request)?.display_avatar {
            Some(true) => {
                Ok(state.list("admins with avatars", |workspace| wire::admin_list(workspace, true)))
            }
            _ => Ok(state.list("admins", |workspace| wire::admin_list(workspace, false))),
        },
        ("GET", ["admins", "activity_logs"]) => list_log(request, state),
        ("POST", ["admins", "activity_logs", "search"]) => search_log(body, state),
        ("POST", ["auth", "uninstall"]) => {
            state.grants.uninstall(bearer(request.headers()).unwrap_or_default());
            Ok(Bytes::from_static(b"{}"))
        }
        ("GET", ["admins", "activity_log_event_types"]) => {
            Ok(wire::event_types(&state.workspace).to_string().into())
        }
        ("GET", ["ip_allowlist"]) => {
            let list = state.workspace.ip_allowlist.as_ref().ok_or(NO_PERMISSION)?;
            Ok(list.to_string().into())
        }
        ("GET", ["data_connectors"]) => {
            let all = state.workspace.data_connectors.as_deref().ok_or(NO_PERMISSION)?;
            connectors(request, all)
        }
        ("GET", ["admins", id]) => id
            .parse()
            .ok()
            .and_then(|id| wire::single_admin(&state.workspace, id))
            .map(|admin| admin.to_string().into())
            .ok_or((404, "admin_not_found", "Admin not found")),
        // Earlier versions of the API do not have it.
        ("GET", ["roles"]) if version(request).is_none_or(|version| is_from(version, (2, 18))) => {
            Ok(state.list("roles", wire::role_list))
        }
        ("GET", ["teams"]) => Ok(state.list("teams", wire::team_list)),
        ("GET", ["teams", id]) => id
            .parse()
            .ok()
            .and_then(|id| wire::single_team(&state.workspace, id))
            .map(|team| team.to_string().into())
            .ok_or((404, "team_not_found", "Team not found")),
        _ => Err(NOT_FOUND),
    }
}

#[derive(Deserialize)]
struct ConnectorQuery {
    starting_after: Option<usize>,
}

/// `GET /data_connectors`, two on a page.
fn connectors(request: &HttpRequest, all: &[Value]) -> Result<Bytes, Refusal> {
    const PER_PAGE: usize = 2;
    let start = query::<ConnectorQuery>(request)?.starting_after.unwrap_or(0);
    let page: Vec<&Value> = all.iter().skip(start).take(PER_PAGE).collect();
    let next = (start + PER_PAGE < all.len())
        .then(|| json!({"per_page": PER_PAGE, "starting_after": (start + PER_PAGE).to_string()}));
    let pages = json!({"type": "pages", "per_page": PER_PAGE, "next": next});
    Ok(json!({"type": "list", "data": page, "pages": pages}).to_string().into())
}

/// `GET /admins/activity_logs`. From version 2.16 on, `next` is a cursor; before, it is a URL.
fn list_log(request: &HttpRequest, state: &mut State) -> Result<Bytes, Refusal> {
    let query: LogQuery = query(request)?;
    let after = query.created_at_after.ok_or(NO_START)?;
    let before = query.created_at_before;
    let has_cursors = version(request).is_none_or(|version| is_from(version, (2, 16)));
    let host = request.connection_info().host().to_owned();
    let until = before.map(|before| format!("&created_at_before={before}")).unwrap_or_default();
    let next = |page: usize| {
        if has_cursors {
            json!({"per_page": LISTED_PER_PAGE, "starting_after": page.to_string()})
        } else {
            json!(format!(
                "http://{host}/admins/activity_logs?created_at_after={after}{until}&page={page}"
            ))
        }
    };
    let page = query.starting_after.or(query.page).unwrap_or(1);
    let filter = LogFilter { after, before, kinds: None };
    Ok(state.log_page(filter, page, LISTED_PER_PAGE, next))
}

/// `POST /admins/activity_logs/search`.
fn search_log(body: &Bytes, state: &mut State) -> Result<Bytes, Refusal> {
    let search: LogSearch = serde_json::from_slice(body).map_err(|_| UNREADABLE)?;
    let after = search.created_at_after.ok_or(NO_START)?;
    let filter = LogFilter { after, before: search.created_at_before, kinds: search.event_types };
    let per_page = search.per_page.unwrap_or(20).clamp(1, 250);
    let next = |page: usize| json!({"per_page": per_page, "starting_after": page.to_string()});
    let page = search.starting_after.or(search.page).unwrap_or(1);
    Ok(state.log_page(filter, page, per_page, next))
}

/// The version of the API that a request names.
fn version(request: &HttpRequest) -> Option<&str> {
    request.headers().get("Intercom-Version")?.to_str().ok()
}

/// Whether an API version is `first` or later. `Preview`, which has no number, counts as later.
fn is_from(version: &str, first: (u32, u32)) -> bool {
    let number = |(major, minor): (&str, &str)| {
        Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?))
    };
    version.split_once('.').and_then(number).is_none_or(|number| number >= first)
}
