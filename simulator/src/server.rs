//! The HTTP server.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::middleware::Compress;
use actix_web::web::{self, Bytes, Data, PayloadConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};

use crate::clock::Clock;
use crate::cut_off::CutOff;
use crate::fault::{Fault, OrderedFault};
use crate::oauth::OAuthApp;
use crate::routes::{Decision, Reply, decide};
use crate::state::State;
use crate::workspace::Workspace;

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

/// What all calls share.
pub struct Shared {
    state: Mutex<State>,
    pub clock: Clock,
    pub calls_per_window: u32,
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
            state: Mutex::new(State::new(workspace, options.faults, options.oauth_app)),
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
        self.shared.state().take_calls()
    }

    /// Stops the server after it has finished the responses in progress.
    pub async fn stop(self) {
        self.server.stop(true).await;
    }
}

impl Shared {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
        return response
            .message_body(CutOff::new(&body))
            .map_or_else(HttpResponse::from_error, HttpResponse::map_into_boxed_body);
    }
    response.body(body)
}
