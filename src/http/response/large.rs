//! Responses that may be large: lists, tables and exports.
//!
//! They are produced on threads of their own, not on those that serve connections, in chunks of
//! some tens of kilobytes.
//!
//! * A **page** has a bounded number of rows. It is produced completely, then sent with its length.
//! * An **export** may have any number of rows. It is produced while it is sent: the next chunk is
//!   produced only when there is room for it, so a slow client slows down its own export.
//!
//! These threads have a lower priority than all others, so that short responses are not delayed.
//!
//! Each of these requests first acquires a [`Turn`], which is held until the response is sent or
//! its connection is closed. There is a limit of turns for each client and one for all. The latter
//! bounds the memory of responses that are not read, however many clients there are.
//! `connection::patience` bounds how slowly a client may read.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;

use super::chunked_body;
use super::chunks::{Chunks, Unfinished};
use super::guarded_body::holding;
use crate::access::Allowance;
use crate::clock::Clock;
use crate::http::connection::connections::{Connection, Sending};
use crate::http::errors::ApiError;
use crate::limits;
use crate::scim::Body;

/// The threads that produce large responses, and the turns that limit how many there are at a time.
pub struct Makers {
    pages: Threads,
    searches: Threads,
    exports: Threads,
    page_turns: Arc<Semaphore>,
    console_turns: Arc<Semaphore>,
    export_turns: Arc<Semaphore>,
    clock: Clock,
}

/// A permit for one large response, held until the response is sent or abandoned.
pub struct Turn {
    _of_client: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Makers {
    /// Starts the threads. `exports` is the number of exports at a time.
    ///
    /// # Errors
    /// If the system cannot start a thread.
    pub fn start(exports: usize, clock: Clock) -> std::io::Result<Self> {
        // The other half of the cores is left to the connections.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let half = (cores / 2).max(1);
        Ok(Self {
            pages: Threads::start("pages", half, lower_priority)?,
            searches: Threads::start("searches", half, lower_priority)?,
            exports: Threads::start("exports", half, lower_priority)?,
            page_turns: Arc::new(Semaphore::new(limits::PAGES_AT_A_TIME)),
            console_turns: Arc::new(Semaphore::new(limits::CONSOLE_AT_A_TIME)),
            export_turns: Arc::new(Semaphore::new(exports)),
            clock,
        })
    }

    /// Waits for a turn for a page.
    ///
    /// # Errors
    /// 429 if this client has too many pages that it has not read yet, 503 if all clients together
    /// have.
    pub async fn page_turn(&self, allowance: &Allowance) -> Result<Turn, ApiError> {
        let of_client = allowance.page().await.map_err(ApiError::TooMany)?;
        self.turn(of_client, &self.page_turns, limits::EXPENSIVE_WAIT).await
    }

    /// Waits for a turn for an export. Each client has one at a time.
    ///
    /// # Errors
    /// 429 if this client has an export that it has not read yet, 503 if all clients together have
    /// too many.
    pub async fn export_turn(&self, allowance: &Allowance) -> Result<Turn, ApiError> {
        let of_client = allowance.export().await.map_err(ApiError::TooMany)?;
        self.turn(of_client, &self.export_turns, limits::EXPORT_WAIT).await
    }

    /// Waits for a turn for a page or an export of the console. Sessions have no limits of their
    /// own, so they share these turns.
    ///
    /// # Errors
    /// 503 if all turns are taken for too long.
    pub async fn console_turn(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let turn = Arc::clone(&self.console_turns).acquire_owned();
        let turn = self.clock.within(limits::EXPENSIVE_WAIT, turn).await;
        turn.and_then(Result::ok).ok_or_else(busy)
    }

    /// The number of exports that could begin now.
    #[must_use]
    pub fn free_exports(&self) -> usize {
        self.export_turns.available_permits()
    }

    async fn turn(
        &self,
        of_client: OwnedSemaphorePermit,
        turns: &Arc<Semaphore>,
        longest_wait: Duration,
    ) -> Result<Turn, ApiError> {
        let of_all = self.clock.within(longest_wait, Arc::clone(turns).acquire_owned()).await;
        let of_all = of_all.and_then(Result::ok).ok_or_else(busy)?;
        Ok(Turn { _of_client: of_client, _of_all: of_all })
    }

    /// Runs `work` on a page thread. Dropping the returned future cancels it.
    ///
    /// # Errors
    /// If the work panics.
    pub async fn page<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.pages.run(work).await
    }

    /// Runs `work` on a search thread. Dropping the returned future cancels it, unless it has
    /// begun.
    ///
    /// # Errors
    /// If the work panics.
    pub async fn search<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        self.searches.run(async move { work() }).await
    }

    /// Runs `work` on an export thread. Dropping the returned future cancels it.
    ///
    /// # Errors
    /// If the work panics.
    pub async fn export<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.exports.run(work).await
    }

    /// Produces the body of a page.
    ///
    /// # Errors
    /// If a row cannot be serialised.
    pub async fn body<T: Send + 'static>(
        &self,
        turn: Turn,
        page: Chunks<std::vec::IntoIter<T>>,
    ) -> Result<BoxBody, ApiError> {
        let made =
            self.page(async move { page.collect::<Result<Vec<Bytes>, Unfinished>>() }).await?;
        let body = chunked_body::body(Body::Chunks(made.map_err(|_| ApiError::Internal)?));
        Ok(holding(body, turn))
    }

    /// The body of an export, which is produced while it is sent. `size` is its length, if that is
    /// known. `turn` is held until the body is sent or abandoned.
    pub fn stream<H: Unpin + 'static>(
        &self,
        request: &HttpRequest,
        turn: H,
        size: BodySize,
        chunks: impl Stream<Item = Result<Bytes, Unfinished>> + Send + 'static,
    ) -> BoxBody {
        if request.method() == Method::HEAD {
            return BoxBody::new(HeadOnly(size));
        }
        let (sender, receiver) = mpsc::channel(1);
        let mut task = JoinSet::new();
        let make = async move {
            let mut chunks = std::pin::pin!(chunks);
            loop {
                let next = chunks.next().await;
                let last = !matches!(next, Some(Ok(_)));
                if sender.send(next).await.is_err() || last {
                    break;
                }
                // Gives the other exports on this thread their share.
                tokio::task::yield_now().await;
            }
        };
        self.exports.spawn(&mut task, make);
        let sending = request.conn_data::<Arc<Connection>>().map(Connection::sending);
        BoxBody::new(Streamed {
            size,
            receiver,
            ended: false,
            _task: task,
            _turn: turn,
            _sending: sending,
        })
    }
}

fn busy() -> ApiError {
    ApiError::Problem {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "busy",
        detail:
            "the bridge is sending too many large responses to other clients; try again shortly"
                .to_owned(),
    }
}

/// A runtime with its own threads. `None` only while it is dropped.
struct Threads(Option<Runtime>);

impl Threads {
    fn start(name: &str, count: usize, begin: fn()) -> std::io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(count).thread_name(name).on_thread_start(begin).enable_all();
        builder.build().map(Some).map(Self)
    }

    fn spawn<T: Send + 'static>(
        &self,
        tasks: &mut JoinSet<T>,
        work: impl Future<Output = T> + Send + 'static,
    ) {
        if let Some(runtime) = &self.0 {
            tasks.spawn_on(work, runtime.handle());
        }
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, ApiError> {
        // Dropped with the request, which cancels the work.
        let mut tasks = JoinSet::new();
        self.spawn(&mut tasks, work);
        tasks.join_next().await.and_then(Result::ok).ok_or(ApiError::Internal)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Dropping a runtime in async code panics, because it would wait for the threads.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Lowers the priority of the current thread. On Linux, each thread has its own nice value.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(limits::LARGE_RESPONSE_NICENESS);
}

/// The empty body of a response to HEAD, with the size that a GET would have.
struct HeadOnly(BodySize);

impl MessageBody for HeadOnly {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        self.0
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Poll::Ready(None)
    }
}

/// A body that is produced while it is sent.
struct Streamed<H> {
    size: BodySize,
    /// `None` marks the end.
    receiver: mpsc::Receiver<Option<Result<Bytes, Unfinished>>>,
    ended: bool,
    /// Dropping the body aborts the task.
    _task: JoinSet<()>,
    _turn: H,
    _sending: Option<Sending>,
}

impl<H: Unpin> MessageBody for Streamed<H> {
    type Error = Unfinished;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Unfinished>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let next = ready!(self.receiver.poll_recv(context)).unwrap_or(Some(Err(Unfinished::Ended)));
        self.ended = !matches!(next, Some(Ok(_)));
        Poll::Ready(next)
    }
}
