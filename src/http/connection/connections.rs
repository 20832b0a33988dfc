//! Connection limits: how many connections may be open, which one is closed to make room, and how
//! long one may stall.
//!
//! * There is a limit for all connections and one for each address. Addresses in
//!   `server.trusted_proxies` have no limit of their own, because many clients share them.
//! * A connection is **idle** until a request head has arrived completely, and again from the first
//!   byte of the response on. A connection whose handshake or head never ends is therefore idle,
//!   even if bytes trickle in. When a limit is reached, the connection that has been idle for the
//!   longest time is closed: one of the same address if that address is at its limit, otherwise
//!   any.
//! * [`Patience`] bounds how long the bridge waits for a client that does not read its response.
//! * While the bridge stops, each response announces that it is the last one of its connection (RFC
//!   9112 §9.6).
//!
//! [`Guarded`] sits between the socket and TLS, so that unfinished handshakes count too.
//! [`Watched`] sits above TLS, where requests are visible.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use actix_web::rt::net::{ActixStream, Ready, TcpStream};
use futures_util::task::AtomicWaker;
use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::heads::CheckedStream;
use super::patience::{Patience, Wait, wait};
use crate::access::network_of;
use crate::clock::Clock;
use crate::limits;

/// The connections of a listener.
pub struct Connections {
    limit: usize,
    /// `None` if addresses have no limit of their own.
    limit_per_address: Option<usize>,
    trusted: Arc<[IpNet]>,
    clock: Clock,
    open: Mutex<Open>,
    /// The number of open connections that are not being closed.
    staying: AtomicUsize,
    stopping: AtomicBool,
    gave_way: AtomicU64,
    refused: AtomicU64,
    slow: AtomicU64,
    /// The time of the last warning to operators, in milliseconds of [`Clock::running`]; 0 if there
    /// was none.
    warned_at: AtomicU64,
}

#[derive(Default)]
struct Open {
    last_number: u64,
    by_number: HashMap<u64, Arc<Connection>>,
    /// The number of connections of each address that are not being closed.
    by_address: HashMap<Arc<str>, usize>,
}

/// The number of open connections, and of those that were closed or refused since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionCounts {
    /// Open connections.
    pub open: usize,
    /// Idle connections that were closed to make room.
    pub gave_way: u64,
    /// Connections that were refused because their address was at its limit.
    pub refused: u64,
    /// Connections that were closed because the client did not read.
    pub slow: u64,
}

/// The state of one connection, shared between threads.
pub struct Connection {
    number: u64,
    /// `None` if no limit of an address applies.
    address: Option<Arc<str>>,
    all: Arc<Connections>,
    /// Whether a request has arrived to which no response has begun.
    has_request: AtomicBool,
    /// The number of responses that are produced while they are sent.
    sending: AtomicUsize,
    /// When the connection was accepted or last written to, in milliseconds of [`Clock::running`].
    idle_since: AtomicU64,
    must_close: AtomicBool,
    reader: AtomicWaker,
}

/// Keeps the connection from being idle while a response is produced and sent, even if the client
/// does not read.
pub struct Sending(Arc<Connection>);

impl Drop for Sending {
    fn drop(&mut self) {
        self.0.sending.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connection {
    /// Marks the connection as sending a response, until the returned guard is dropped.
    pub fn sending(self: &Arc<Self>) -> Sending {
        self.sending.fetch_add(1, Ordering::Relaxed);
        Sending(Arc::clone(self))
    }

    fn request_arrived(&self) {
        self.has_request.store(true, Ordering::Relaxed);
    }

    /// Marks the connection as idle, before anything is written: a client that has read its
    /// response may open another connection at once.
    fn before_write(&self) {
        if self.has_request.swap(false, Ordering::Relaxed) {
            self.idle_since.store(self.all.now(), Ordering::Relaxed);
        }
    }

    fn after_write(&self) {
        self.idle_since.store(self.all.now(), Ordering::Relaxed);
        if self.all.staying.load(Ordering::Relaxed) > self.all.limit {
            self.all.make_room();
        }
    }

    fn is_idle(&self) -> bool {
        !self.has_request.load(Ordering::Relaxed) && self.sending.load(Ordering::Relaxed) == 0
    }

    fn must_close(&self) -> bool {
        self.must_close.load(Ordering::Acquire)
    }
}

impl Connections {
    /// A listener without connections. `limit` applies to all connections together,
    /// `limit_per_address` to those of one address, unless it is 0.
    #[must_use]
    pub fn new(
        limit: usize,
        limit_per_address: usize,
        trusted: Arc<[IpNet]>,
        clock: Clock,
    ) -> Arc<Self> {
        Arc::new(Self {
            limit,
            limit_per_address: Some(limit_per_address).filter(|limit| *limit > 0),
            trusted,
            clock,
            open: Mutex::default(),
            staying: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
            gave_way: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            slow: AtomicU64::new(0),
            warned_at: AtomicU64::new(0),
        })
    }

    /// Admits a connection; `None` if its address is at its limit and none of its connections is
    /// idle. If no connection at all is idle, the limit for all is exceeded until one is.
    pub fn admit(self: &Arc<Self>, stream: TcpStream) -> Option<Guarded> {
        // Short responses are sent at once. An error is harmless: they are only sent a little
        // later.
        let _ = stream.set_nodelay(true);
        let peer = stream.peer_addr().ok();
        let mut open = self.open();
        let address = self.limit_per_address.and(peer).and_then(|peer| self.address(peer));
        if let Some((address, limit)) = address.as_ref().zip(self.limit_per_address)
            && open.by_address.get(address).is_some_and(|count| *count >= limit)
            && !self.close_longest_idle(&mut open, |one| one.address.as_ref() == Some(address))
        {
            drop(open);
            self.refused.fetch_add(1, Ordering::Relaxed);
            self.warn(
                "an address has as many connections as it may have, all of them at work, and a further one was refused",
            );
            return None;
        }
        if self.staying.load(Ordering::Relaxed) >= self.limit
            && self.close_longest_idle(&mut open, |_| true)
        {
            self.warn("there are as many connections as there may be, and idle ones give way");
        }
        open.last_number += 1;
        let connection = Arc::new(Connection {
            number: open.last_number,
            address: address.clone(),
            all: Arc::clone(self),
            has_request: AtomicBool::new(false),
            sending: AtomicUsize::new(0),
            idle_since: AtomicU64::new(self.now()),
            must_close: AtomicBool::new(false),
            reader: AtomicWaker::new(),
        });
        open.by_number.insert(connection.number, Arc::clone(&connection));
        if let Some(address) = address {
            *open.by_address.entry(address).or_default() += 1;
        }
        self.staying.fetch_add(1, Ordering::Relaxed);
        drop(open);
        Some(Guarded { stream, peer, connection, patience: Patience::default() })
    }

    /// From now on, each response is the last one of its connection.
    pub fn begin_to_stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether the bridge is stopping.
    pub fn are_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// The counts since the start.
    #[must_use]
    pub fn standing(&self) -> ConnectionCounts {
        ConnectionCounts {
            open: self.open().by_number.len(),
            gave_way: self.gave_way.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            slow: self.slow.load(Ordering::Relaxed),
        }
    }

    /// The number of connections with a request to which no response has begun.
    #[must_use]
    pub fn at_work(&self) -> usize {
        self.open().by_number.values().filter(|one| one.has_request.load(Ordering::Relaxed)).count()
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.clock.running().as_millis()).unwrap_or(u64::MAX)
    }

    /// The address or IPv6 network whose limit applies to a peer; `None` for trusted proxies.
    fn address(&self, peer: SocketAddr) -> Option<Arc<str>> {
        let address: IpAddr = peer.ip().to_canonical();
        let trusted = self.trusted.iter().any(|network| network.contains(&address));
        (!trusted).then(|| network_of(Some(address)).into())
    }

    /// Closes an idle connection if the limit for all is exceeded.
    fn make_room(&self) {
        let mut open = self.open();
        if self.staying.load(Ordering::Relaxed) > self.limit {
            self.close_longest_idle(&mut open, |_| true);
        }
    }

    /// Closes the connection that has been idle for the longest time, of those that `is_candidate`
    /// accepts. Returns whether there was one.
    fn close_longest_idle(
        &self,
        open: &mut Open,
        is_candidate: impl Fn(&Connection) -> bool,
    ) -> bool {
        let idle = open
            .by_number
            .values()
            .filter(|one| !one.must_close() && one.is_idle() && is_candidate(one));
        let longest =
            idle.min_by_key(|one| (one.idle_since.load(Ordering::Relaxed), one.number)).cloned();
        let Some(longest) = longest else { return false };
        longest.must_close.store(true, Ordering::Release);
        self.uncount(open, &longest);
        self.gave_way.fetch_add(1, Ordering::Relaxed);
        longest.reader.wake();
        true
    }

    fn uncount(&self, open: &mut Open, connection: &Connection) {
        self.staying.fetch_sub(1, Ordering::Relaxed);
        if let Some(address) = &connection.address
            && let Some(count) = open.by_address.get_mut(address)
        {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(address);
            }
        }
    }

    fn closed(&self, connection: &Connection) {
        let mut open = self.open();
        if open.by_number.remove(&connection.number).is_some() && !connection.must_close() {
            self.uncount(&mut open, connection);
        }
    }

    /// Logs a warning, at most once in [`limits::CONNECTIONS_TOLD`].
    fn warn(&self, what: &'static str) {
        let (now, before) = (self.now().max(1), self.warned_at.load(Ordering::Relaxed));
        let pause = u64::try_from(limits::CONNECTIONS_TOLD.as_millis()).unwrap_or(u64::MAX);
        let due = before == 0 || now.saturating_sub(before) >= pause;
        if due
            && self
                .warned_at
                .compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            tracing::warn!(
                "{what}; see limits.max_connections and limits.max_connections_per_address, and who holds them"
            );
        }
    }
}

/// A socket that is counted, can be closed to make room, and waits only so long for a client that
/// does not read.
pub struct Guarded {
    stream: TcpStream,
    peer: Option<SocketAddr>,
    connection: Arc<Connection>,
    patience: Patience,
}

impl Guarded {
    /// The address of the peer.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The shared state of the connection.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Takes note of the result of a write, and ends the wait of one that the client has delayed
    /// for too long.
    fn written(
        &mut self,
        written: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let all = &self.connection.all;
        match &written {
            Poll::Ready(Ok(count)) => {
                self.patience.written(&all.clock, *count);
                self.connection.after_write();
            }
            Poll::Pending if self.patience.is_exhausted(&all.clock, context) => {
                all.slow.fetch_add(1, Ordering::Relaxed);
                tracing::debug!("a connection was closed, since its client does not read");
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            Poll::Pending | Poll::Ready(Err(_)) => {}
        }
        written
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.connection.all.closed(&self.connection);
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_pending() {
            self.connection.reader.register(context.waker());
            // Requests that have arrived already are still answered. Then the stream ends as if the
            // client had closed it.
            if self.connection.must_close() {
                return Poll::Ready(Ok(()));
            }
        }
        read
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.connection.before_write();
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(written, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.connection.before_write();
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.written(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl ActixStream for Guarded {
    fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_read_ready(&self.stream, context)
    }

    fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_write_ready(&self.stream, context)
    }
}

/// The stream above TLS, in which request heads are visible.
pub struct Watched<S> {
    stream: CheckedStream<S>,
    connection: Arc<Connection>,
    /// The time-out for the rest of a head. actix-http has one for the first head of a connection
    /// only.
    head: Option<Wait>,
}

impl<S> Watched<S> {
    /// Checks the request heads in `stream`, and marks `connection` when a request has arrived.
    pub fn new(stream: S, connection: Arc<Connection>) -> Self {
        Self { stream: CheckedStream::new(stream), connection, head: None }
    }

    /// The shared state of the connection.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Whether the rest of a head is overdue. While a response is pending or being sent, the
    /// time-out starts again, because the client need not send its next head yet.
    fn is_head_late(&mut self, context: &mut Context<'_>) -> bool {
        let clock = &self.connection.all.clock;
        let mut end = self.head.take().unwrap_or_else(|| wait(clock, limits::HEAD_WAIT));
        let mut late = end.as_mut().poll(context).is_ready();
        if late && !self.connection.is_idle() {
            end = wait(clock, limits::HEAD_WAIT);
            late = end.as_mut().poll(context).is_ready();
        }
        self.head = Some(end);
        late
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if self.stream.has_request_arrived() {
            self.connection.request_arrived();
            self.head = None;
        }
        if !self.stream.is_within_head() {
            self.head = None;
        } else if read.is_pending() && self.is_head_late(context) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
