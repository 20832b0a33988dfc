//! Connections: how many there may be, which of them gives way, and how long each may stand still.
//!
//! * There is a number of them in all, and a share of it for each address. Addresses in `server.trusted_proxies` have no share:
//!   many clients come from them.
//! * A connection is **idle** until the head of a request has come whole, and again once an answer begins to be sent. So one
//!   whose handshake or head never ends is idle, whatever trickles in. Where there is no room for another, the one that has been
//!   idle the longest is closed: of the same address, where that has used up its share; else of all.
//! * A client that does not read its answer is waited for, within bounds ([`Patience`]).
//! * While the bridge stops, each answer says that it is the last of its connection (RFC 9112 §9.6).
//!
//! [`Guarded`] stands between the socket and TLS, so that half a handshake counts as well; [`Watched`] stands above TLS, where
//! requests can be seen.

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
    most: usize,
    /// None: no share.
    most_of_an_address: Option<usize>,
    trusted: Arc<[IpNet]>,
    clock: Clock,
    open: Mutex<Open>,
    /// Those that are open and were not told to go.
    staying: AtomicUsize,
    stopping: AtomicBool,
    gave_way: AtomicU64,
    refused: AtomicU64,
    slow: AtomicU64,
    /// When somebody was last told of it, in milliseconds.
    told_at: AtomicU64,
}

#[derive(Default)]
struct Open {
    last: u64,
    by_number: HashMap<u64, Arc<Connection>>,
    /// How many of each address stay.
    of_address: HashMap<Arc<str>, usize>,
}

/// What was done about connections since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HealthStatus {
    /// Those that are open.
    pub open: usize,
    /// Those that were idle and gave way.
    pub gave_way: u64,
    /// Those that were refused: their address has used up its share.
    pub refused: u64,
    /// Those that were closed because their client did not read.
    pub slow: u64,
}

/// One connection, as all threads see it.
pub struct Connection {
    number: u64,
    /// None: it has no share to keep to.
    address: Option<Arc<str>>,
    all: Arc<Connections>,
    /// Whether a request has come to which no answer has begun.
    asked: AtomicBool,
    /// Answers that are made while they are sent.
    sending: AtomicUsize,
    /// When it was accepted, or last written to, in milliseconds.
    idle_since: AtomicU64,
    told_to_go: AtomicBool,
    reader: AtomicWaker,
}

/// As long as it lives, an answer is being sent, even if it stands still.
pub struct Sending(Arc<Connection>);

impl Drop for Sending {
    fn drop(&mut self) {
        self.0.sending.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connection {
    /// Takes note of an answer that is made while it is sent.
    pub fn sending(self: &Arc<Self>) -> Sending {
        self.sending.fetch_add(1, Ordering::Relaxed);
        Sending(Arc::clone(self))
    }

    fn asked(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// Something is to be written. It is idle before its client can have read the answer: who has it may open another one
    /// at once.
    fn writes(&self) {
        if self.asked.swap(false, Ordering::Relaxed) {
            self.idle_since.store(self.all.now(), Ordering::Relaxed);
        }
    }

    fn wrote(&self) {
        self.idle_since.store(self.all.now(), Ordering::Relaxed);
        if self.all.staying.load(Ordering::Relaxed) > self.all.most {
            self.all.make_room();
        }
    }

    fn is_idle(&self) -> bool {
        !self.asked.load(Ordering::Relaxed) && self.sending.load(Ordering::Relaxed) == 0
    }

    fn must_go(&self) -> bool {
        self.told_to_go.load(Ordering::Acquire)
    }
}

impl Connections {
    /// `most`: in all. `most_of_an_address`: 0 for no share.
    #[must_use]
    pub fn new(most: usize, most_of_an_address: usize, trusted: Arc<[IpNet]>, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            most,
            most_of_an_address: Some(most_of_an_address).filter(|most| *most > 0),
            trusted,
            clock,
            open: Mutex::default(),
            staying: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
            gave_way: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            slow: AtomicU64::new(0),
            told_at: AtomicU64::new(0),
        })
    }

    /// Takes a connection in, if its address has room. Where all connections are at work, there are a few more than there
    /// should be, until one is idle.
    pub fn admit(self: &Arc<Self>, stream: TcpStream) -> Option<Guarded> {
        // Answers are sent at once, however short they are; without it they only come a little later.
        let _ = stream.set_nodelay(true);
        let peer = stream.peer_addr().ok();
        let mut open = self.open();
        let address = self.most_of_an_address.and(peer).and_then(|peer| self.address(peer));
        if let Some((address, most)) = address.as_ref().zip(self.most_of_an_address)
            && open.of_address.get(address).is_some_and(|count| *count >= most)
            && !self.send_oldest_away(&mut open, |one| one.address.as_ref() == Some(address))
        {
            drop(open);
            self.refused.fetch_add(1, Ordering::Relaxed);
            self.tell(
                "an address has as many connections as it may have, all of them at work, and a further one was refused",
            );
            return None;
        }
        if self.staying.load(Ordering::Relaxed) >= self.most && self.send_oldest_away(&mut open, |_| true) {
            self.tell("there are as many connections as there may be, and idle ones give way");
        }
        open.last += 1;
        let connection = Arc::new(Connection {
            number: open.last,
            address: address.clone(),
            all: Arc::clone(self),
            asked: AtomicBool::new(false),
            sending: AtomicUsize::new(0),
            idle_since: AtomicU64::new(self.now()),
            told_to_go: AtomicBool::new(false),
            reader: AtomicWaker::new(),
        });
        open.by_number.insert(connection.number, Arc::clone(&connection));
        if let Some(address) = address {
            *open.of_address.entry(address).or_default() += 1;
        }
        self.staying.fetch_add(1, Ordering::Relaxed);
        drop(open);
        Some(Guarded { stream, peer, connection, patience: Patience::default() })
    }

    /// Has each answer say from now on that it is the last of its connection.
    pub fn begin_to_stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether the bridge stops.
    pub fn are_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// How it goes.
    #[must_use]
    pub fn standing(&self) -> HealthStatus {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        HealthStatus {
            open: self.open().by_number.len(),
            gave_way: of(&self.gave_way),
            refused: of(&self.refused),
            slow: of(&self.slow),
        }
    }

    /// Those to whose request no answer has begun.
    #[must_use]
    pub fn at_work(&self) -> usize {
        self.open().by_number.values().filter(|one| one.asked.load(Ordering::Relaxed)).count()
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.clock.running().as_millis()).unwrap_or(u64::MAX)
    }

    /// Whose share it is part of: an address, or a whole network of IPv6.
    fn address(&self, peer: SocketAddr) -> Option<Arc<str>> {
        let address: IpAddr = peer.ip().to_canonical();
        let trusted = self.trusted.iter().any(|network| network.contains(&address));
        (!trusted).then(|| network_of(Some(address)).into())
    }

    /// Closes one that is idle, since there are more than there should be.
    fn make_room(&self) {
        let mut open = self.open();
        if self.staying.load(Ordering::Relaxed) > self.most {
            self.send_oldest_away(&mut open, |_| true);
        }
    }

    /// Tells the one that has been idle the longest to go. Whether there is one.
    fn send_oldest_away(&self, open: &mut Open, concerned: impl Fn(&Connection) -> bool) -> bool {
        let idle = open.by_number.values().filter(|one| !one.must_go() && one.is_idle() && concerned(one));
        let oldest = idle.min_by_key(|one| (one.idle_since.load(Ordering::Relaxed), one.number)).cloned();
        let Some(oldest) = oldest else { return false };
        oldest.told_to_go.store(true, Ordering::Release);
        self.leaves(open, &oldest);
        self.gave_way.fetch_add(1, Ordering::Relaxed);
        oldest.reader.wake();
        true
    }

    fn leaves(&self, open: &mut Open, connection: &Connection) {
        self.staying.fetch_sub(1, Ordering::Relaxed);
        if let Some(address) = &connection.address
            && let Some(count) = open.of_address.get_mut(address)
        {
            *count -= 1;
            if *count == 0 {
                open.of_address.remove(address);
            }
        }
    }

    fn closed(&self, connection: &Connection) {
        let mut open = self.open();
        if open.by_number.remove(&connection.number).is_some() && !connection.must_go() {
            self.leaves(&mut open, connection);
        }
    }

    /// Tells operators, now and then.
    fn tell(&self, what: &'static str) {
        let (now, before) = (self.now().max(1), self.told_at.load(Ordering::Relaxed));
        let pause = u64::try_from(limits::CONNECTIONS_TOLD.as_millis()).unwrap_or(u64::MAX);
        let due = before == 0 || now.saturating_sub(before) >= pause;
        if due && self.told_at.compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            tracing::warn!(
                "{what}; see limits.max_connections and limits.max_connections_per_address, and who holds them"
            );
        }
    }
}

/// A socket that is counted, can be told to go, and does not wait for ever for a client that does not read.
pub struct Guarded {
    stream: TcpStream,
    peer: Option<SocketAddr>,
    connection: Arc<Connection>,
    patience: Patience,
}

impl Guarded {
    /// From where it comes.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// What all threads see of it.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    fn written(&mut self, written: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let all = &self.connection.all;
        match &written {
            Poll::Ready(Ok(count)) => {
                self.patience.goes_on(&all.clock, *count);
                self.connection.wrote();
            }
            Poll::Pending if self.patience.is_at_its_end(&all.clock, context) => {
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
            // What has come already is still answered; then it is as if the client had ended.
            if self.connection.must_go() {
                return Poll::Ready(Ok(()));
            }
        }
        read
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.connection.writes();
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
        self.connection.writes();
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

/// A stream of requests, seen from above TLS.
pub struct Watched<S> {
    stream: CheckedStream<S>,
    connection: Arc<Connection>,
    /// Ends the wait for the rest of a head. The library waits so for the first head of a connection alone.
    head: Option<Wait>,
}

impl<S> Watched<S> {
    /// Checks the heads of requests on the stream, and tells the connection of them.
    pub fn new(stream: S, connection: Arc<Connection>) -> Self {
        Self { stream: CheckedStream::new(stream), connection, head: None }
    }

    /// What all threads see of it.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Whether the rest of a head was waited for too long. While an answer is under way, a client need not send the next head.
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
        if self.stream.has_come_to_a_request() {
            self.connection.asked();
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
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
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
