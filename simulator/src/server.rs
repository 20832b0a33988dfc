//! The HTTP server: access token, rate limit, faults, routes.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::middleware::Compress;
use actix_web::web::{self, Bytes, Data, PayloadConfig, Query};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::fault::{Fault, OrderedFault};
use crate::oauth::{Grants, OAuthApp};
use crate::wire;
use crate::workspace::{Entry, Workspace};

/// The window of Intercom's rate limit, in seconds.
const WINDOW_SECONDS: i64 = 10;

/// The options of a simulator.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address to listen on; port 0 selects a free port.
    pub bind: SocketAddr,
    /// The number of calls allowed in 10 seconds. Intercom allows a private app 10,000 a minute.
    pub calls_per_window: u32,
    /// The clock.
    pub clock: Clock,
    /// The faults that apply from the start.
    pub faults: Vec<OrderedFault>,
    /// The app that can be authorised by OAuth.
    pub oauth_app: Option<OAuthApp>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 0)),
            calls_per_window: 1_666,
            clock: Clock::System,
            faults: Vec::new(),
            oauth_app: None,
        }
    }
}

/// A running simulator.
pub struct Simulator {
    address: SocketAddr,
    shared: Data<Shared>,
    server: ServerHandle,
}

struct Shared {
    state: Mutex<State>,
    clock: Clock,
    calls_per_window: u32,
}

struct State {
    workspace: Workspace,
    faults: Vec<OrderedFault>,
    grants: Grants,
    calls: Vec<String>,
    window: i64,
    calls_in_window: u32,
    /// Cached bodies of the lists, by name, each with the revision of the workspace that it shows.
    bodies: HashMap<&'static str, (u64, Bytes)>,
    /// The log entries of the last query, cached because clients request one page after the other.
    entries: Option<(u64, LogQuestion, Vec<usize>)>,
}

/// A query of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
struct LogQuestion {
    after: i64,
    before: Option<i64>,
    kinds: Option<Vec<String>>,
}

impl Simulator {
    /// Starts serving `workspace`. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub fn start(workspace: Workspace, options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(options.bind)?;
        let address = listener.local_addr()?;
        let shared = Data::new(Shared {
            state: Mutex::new(State {
                workspace,
                faults: options.faults,
                grants: Grants::of(options.oauth_app),
                calls: Vec::new(),
                window: 0,
                calls_in_window: 0,
                bodies: HashMap::new(),
                entries: None,
            }),
            clock: options.clock,
            calls_per_window: options.calls_per_window,
        });
        let data = Data::clone(&shared);
        let server = HttpServer::new(move || {
            App::new()
                .app_data(Data::clone(&data))
                .app_data(PayloadConfig::new(64 * 1024))
                .wrap(Compress::default())
                .default_service(web::to(answer))
        })
        .workers(1)
        .tcp_nodelay(true)
        .shutdown_timeout(1)
        .disable_signals()
        .listen(listener)?
        .run();
        let handle = server.handle();
        tokio::spawn(server);
        Ok(Self { address, shared, server: handle })
    }

    /// The root of the simulated API.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Runs a function that reads or changes the workspace, and returns its result.
    pub fn change<T>(&self, deed: impl FnOnce(&mut Workspace) -> T) -> T {
        let mut state = self.shared.state();
        state.workspace.revision += 1;
        deed(&mut state.workspace)
    }

    /// Replaces the app's client secret, as its owner can in Intercom's Developer Hub.
    pub fn rotate_client_secret(&self, client_secret: &str) {
        self.shared.state().grants.rotate(client_secret);
    }

    /// Injects a fault into the next `times` calls on paths that begin with `path`.
    pub fn fail(&self, fault: Fault, path: &str, times: u32) {
        self.shared.state().faults.push(OrderedFault {
            fault,
            path: path.to_owned(),
            times: Some(times),
        });
    }

    /// Injects a fault into all further calls on paths that begin with `path`.
    pub fn fail_from_now_on(&self, fault: Fault, path: &str) {
        self.shared.state().faults.push(OrderedFault { fault, path: path.to_owned(), times: None });
    }

    /// Removes all faults.
    pub fn heal(&self) {
        self.shared.state().faults.clear();
    }

    /// Returns the calls since the last call of this method, as `GET /admins`.
    #[must_use]
    pub fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.state().calls)
    }

    /// Stops the server after it has finished the responses in progress.
    pub async fn stop(self) {
        self.server.stop(true).await;
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What to do with a call. It is decided while the lock is held and done after the lock is
/// released.
struct Decision {
    fault: Option<Fault>,
    reply: Reply,
    headers: Vec<(&'static str, String)>,
}

/// A response.
struct Reply {
    status: StatusCode,
    body: Bytes,
}

async fn answer(request: HttpRequest, body: Bytes, shared: Data<Shared>) -> HttpResponse {
    let Decision { fault, reply, headers } = decide(&request, &body, &shared);
    let mut content_type = "application/json; charset=utf-8";
    let Reply { status, body } = match &fault {
        Some(Fault::Answer(status, body, kind)) => {
            content_type = *kind;
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            Reply { status, body: body.clone().into() }
        }
        Some(Fault::TimeOut) => {
            // Longer than any client waits. Bounded, so that the server can stop.
            tokio::time::sleep(Duration::from_mins(2)).await;
            reply
        }
        Some(Fault::Slow(delay)) => {
            tokio::time::sleep(*delay).await;
            reply
        }
        Some(Fault::Garbage) => Reply {
            status: StatusCode::OK,
            body: Bytes::from_static(b"<html><body>Gateway</body></html>"),
        },
        _ => reply,
    };
    let mut response = HttpResponse::build(status);
    if status == StatusCode::FOUND && !matches!(fault, Some(Fault::Answer(..))) {
        response.insert_header(("Location", body.as_ref()));
        return response.finish();
    }
    response.content_type(content_type);
    for header in headers {
        response.insert_header(header);
    }
    if matches!(fault, Some(Fault::CutOff)) {
        response.insert_header(("Content-Encoding", "identity"));
        let cut = CutOff {
            announced: body.len() as u64,
            half: Some(body.slice(..body.len() / 2)),
            flushed: false,
        };
        return response
            .message_body(cut)
            .map_or_else(HttpResponse::from_error, HttpResponse::map_into_boxed_body);
    }
    response.body(body)
}

fn decide(request: &HttpRequest, body: &Bytes, shared: &Shared) -> Decision {
    let now = shared.clock.now();
    let mut state = shared.state();
    let path = request.path().to_owned();
    state.calls.push(format!("{} {path}", request.method()));
    let number = state.calls.len() as u64;
    let refusal = |status: u16, code: &str, message: &str| Reply {
        status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        body: wire::error(code, message, number).to_string().into(),
    };

    let window = now.div_euclid(WINDOW_SECONDS);
    if state.window != window {
        (state.window, state.calls_in_window) = (window, 0);
    }
    state.calls_in_window += 1;
    let mut reset = (window + 1) * WINDOW_SECONDS;
    let mut remaining = shared.calls_per_window.saturating_sub(state.calls_in_window);
    let fault = state.take_fault(&path);
    let reply = match &fault {
        Some(Fault::RateLimit(seconds)) => {
            (reset, remaining) = (now + seconds, 0);
            refusal(429, "rate_limit_exceeded", "Exceeded rate limit")
        }
        _ if state.calls_in_window > shared.calls_per_window => {
            refusal(429, "rate_limit_exceeded", "Exceeded rate limit")
        }
        Some(Fault::Status(status)) => refusal(*status, "server_error", "Something went wrong"),
        Some(Fault::Unauthorized) => refusal(401, "unauthorized", "Access Token Invalid"),
        _ if path == "/oauth" || path == "/auth/eagle/token" => {
            match let_in(request, &path, body, &mut state) {
                Ok(reply) => reply,
                Err((status, code, message)) => refusal(status, code, message),
            }
        }
        _ if !state.is_open_to(request.headers()) => {
            refusal(401, "unauthorized", "Access Token Invalid")
        }
        Some(Fault::Forbidden) => {
            refusal(403, "api_plan_restricted", "Active subscription needed.")
        }
        _ => match route(request, &path, body, &mut state) {
            Ok(body) => Reply { status: StatusCode::OK, body },
            Err((status, code, message)) => refusal(status, code, message),
        },
    };
    let headers = vec![
        ("X-RateLimit-Limit", shared.calls_per_window.to_string()),
        ("X-RateLimit-Remaining", remaining.to_string()),
        ("X-RateLimit-Reset", reset.to_string()),
        ("Intercom-Version", "2.16".to_owned()),
    ];
    Decision { fault, reply, headers }
}

impl State {
    fn take_fault(&mut self, path: &str) -> Option<Fault> {
        let at = self
            .faults
            .iter()
            .position(|order| path.starts_with(&order.path) && order.times != Some(0))?;
        if let Some(times) = &mut self.faults[at].times {
            *times -= 1;
        }
        let fault = self.faults[at].fault.clone();
        self.faults.retain(|order| order.times != Some(0));
        Some(fault)
    }

    /// The positions of the matching entries in the log, newest first.
    fn newest_first(&mut self, question: LogQuestion) -> &[usize] {
        let revision = self.workspace.revision;
        if self.entries.as_ref().is_none_or(|(of, known, _)| (*of, known) != (revision, &question))
        {
            let found = newest_first(&self.workspace, &question);
            self.entries = Some((revision, question, found));
        }
        self.entries.as_ref().map_or(&[], |(_, _, found)| found)
    }

    /// Renders a page of the log.
    fn log_page(
        &mut self,
        question: LogQuestion,
        page: usize,
        per_page: usize,
        next: impl Fn(usize) -> Value,
    ) -> Bytes {
        let found = self.newest_first(question);
        let (total, start) = (found.len(), page.saturating_sub(1).saturating_mul(per_page));
        let of_page: Vec<usize> = found.iter().skip(start).take(per_page).copied().collect();
        let entries = of_page.iter().map(|at| &self.workspace.log[*at]);
        wire::activity_page(entries, total, page, per_page, next).to_string().into()
    }

    /// The body of a list, rendered once for each revision of the workspace.
    fn list(&mut self, name: &'static str, make: impl FnOnce(&Workspace) -> Value) -> Bytes {
        let revision = self.workspace.revision;
        match self.bodies.get(name) {
            Some((of, body)) if *of == revision => body.clone(),
            _ => {
                let body = Bytes::from(make(&self.workspace).to_string());
                self.bodies.insert(name, (revision, body.clone()));
                body
            }
        }
    }
}

impl State {
    fn is_open_to(&self, headers: &HeaderMap) -> bool {
        bearer(headers)
            .is_some_and(|token| token == self.workspace.access_token || self.grants.opens(token))
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

#[derive(Deserialize)]
struct LetIn {
    client_id: String,
    state: String,
    redirect_uri: String,
}

/// Handles the two OAuth requests that need no token.
fn let_in(
    request: &HttpRequest,
    path: &str,
    body: &Bytes,
    state: &mut State,
) -> Result<Reply, Refusal> {
    const UNKNOWN: Refusal = (401, "server_error", "Application not found");
    if path == "/oauth" {
        let query = Query::<LetIn>::from_query(request.query_string()).map_err(|_| UNKNOWN)?;
        let back = state
            .grants
            .authorise(&query.client_id, &query.state, &query.redirect_uri)
            .ok_or(UNKNOWN)?;
        return Ok(Reply { status: StatusCode::FOUND, body: back.into() });
    }
    let body = serde_json::from_slice(body).map_err(|_| UNKNOWN)?;
    let answer = state.grants.trade(&body).ok_or(UNKNOWN)?;
    Ok(Reply { status: StatusCode::OK, body: answer.to_string().into() })
}

type Refusal = (u16, &'static str, &'static str);

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
    per_page: Option<usize>,
}

fn route(
    request: &HttpRequest,
    path: &str,
    body: &Bytes,
    state: &mut State,
) -> Result<Bytes, Refusal> {
    const MISSING: Refusal = (404, "parameter_not_found", "created_at_after parameter not found");
    const UNREADABLE: Refusal = (400, "parameter_invalid", "The request could not be read");
    fn query<T: serde::de::DeserializeOwned>(request: &HttpRequest) -> Result<T, Refusal> {
        Query::from_query(request.query_string()).map(Query::into_inner).map_err(|_| UNREADABLE)
    }
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    match (request.method().as_str(), segments.as_slice()) {
        ("GET", ["me"]) => Ok(wire::me(&state.workspace).to_string().into()),
        ("GET", ["admins"]) => match query::<ListQuery>(request)?.display_avatar {
            Some(true) => {
                Ok(state.list("admins with avatars", |workspace| wire::admin_list(workspace, true)))
            }
            _ => Ok(state.list("admins", |workspace| wire::admin_list(workspace, false))),
        },
        ("GET", ["admins", "activity_logs"]) => {
            let query: LogQuery = query(request)?;
            let after = query.created_at_after.ok_or(MISSING)?;
            let question = LogQuestion { after, before: query.created_at_before, kinds: None };
            let host = request.connection_info().host().to_owned();
            // Versions from 2.16 on return a cursor, older ones a URL.
            let version =
                request.headers().get("Intercom-Version").and_then(|version| version.to_str().ok());
            let newer = version.is_none_or(is_newer);
            let next = |page: usize| {
                if newer {
                    json!({"per_page": 20, "starting_after": page.to_string()})
                } else {
                    json!(format!(
                        "http://{host}/admins/activity_logs?created_at_after={after}&page={page}"
                    ))
                }
            };
            let page = query.starting_after.or(query.page).unwrap_or(1);
            Ok(state.log_page(question, page, 20, next))
        }
        ("POST", ["admins", "activity_logs", "search"]) => {
            let search: LogSearch = serde_json::from_slice(body).map_err(|_| UNREADABLE)?;
            let after = search.created_at_after.ok_or(MISSING)?;
            let question =
                LogQuestion { after, before: search.created_at_before, kinds: search.event_types };
            let per_page = search.per_page.unwrap_or(20).clamp(1, 250);
            let next =
                |page: usize| json!({"per_page": per_page, "starting_after": page.to_string()});
            Ok(state.log_page(question, search.page.unwrap_or(1), per_page, next))
        }
        ("POST", ["auth", "uninstall"]) => {
            state.grants.uninstall(bearer(request.headers()).unwrap_or_default());
            Ok(Bytes::from_static(b"{}"))
        }
        ("GET", ["admins", "activity_log_event_types"]) => {
            Ok(wire::event_types().to_string().into())
        }
        ("GET", ["admins", id]) => id
            .parse()
            .ok()
            .and_then(|id| wire::single_admin(&state.workspace, id))
            .map(|admin| admin.to_string().into())
            .ok_or((404, "admin_not_found", "Admin not found")),
        ("GET", ["teams"]) => Ok(state.list("teams", wire::team_list)),
        ("GET", ["teams", id]) => id
            .parse()
            .ok()
            .and_then(|id| wire::single_team(&state.workspace, id))
            .map(|team| team.to_string().into())
            .ok_or((404, "team_not_found", "Team not found")),
        _ => Err((404, "not_found", "The requested resource was not found")),
    }
}

/// Whether an API version is 2.16 or later. `Preview`, which has no number, counts as later.
fn is_newer(version: &str) -> bool {
    let number = |(major, minor): (&str, &str)| {
        Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?))
    };
    version.split_once('.').and_then(number).is_none_or(|number| number >= (2, 16))
}

fn newest_first(
    workspace: &Workspace,
    LogQuestion { after, before, kinds }: &LogQuestion,
) -> Vec<usize> {
    let wanted = |entry: &Entry| {
        entry.created_at >= *after
            && before.is_none_or(|before| entry.created_at <= before)
            && kinds.as_ref().is_none_or(|kinds| kinds.contains(&entry.activity_type))
    };
    let log = &workspace.log;
    let mut entries: Vec<usize> = (0..log.len()).rev().filter(|at| wanted(&log[*at])).collect();
    entries.sort_by_key(|at| std::cmp::Reverse(log[*at].created_at));
    entries
}

/// A body that ends with an error after its first half.
struct CutOff {
    announced: u64,
    half: Option<Bytes>,
    flushed: bool,
}

impl MessageBody for CutOff {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.announced)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, io::Error>>> {
        if let Some(half) = self.half.take() {
            return Poll::Ready(Some(Ok(half)));
        }
        if !self.flushed {
            // Yield once, so that the first half is sent before the connection closes.
            self.flushed = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::BrokenPipe))))
    }
}
