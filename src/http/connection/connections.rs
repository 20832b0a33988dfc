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
//! * [`Patience`](super::patience::Patience) bounds how long the bridge waits for a client that
//!   does not read its response.
//! * While the bridge stops, each response announces that it is the last one of its connection (RFC
//!   9112 §9.6).
//!
//! [`Guarded`](super::guarded::Guarded) sits between the socket and TLS, so that unfinished
//! handshakes count too.
//! [`RequestStream`](super::watched::RequestStream) sits above TLS, where requests are visible.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use ipnet::IpNet;

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

    /// Marks the connection as having a request to which no response has begun.
    pub(super) fn request_arrived(&self) {
        self.has_request.store(true, Ordering::Relaxed);
    }

    /// Marks the connection as idle, before anything is written: a client that has read its
    /// response may open another connection at once.
    pub(super) fn before_write(&self) {
        if self.has_request.swap(false, Ordering::Relaxed) {
            self.idle_since.store(self.all.now(), Ordering::Relaxed);
        }
    }

    /// Notes that a part of a response was written.
    pub(super) fn after_write(&self) {
        self.idle_since.store(self.all.now(), Ordering::Relaxed);
        if self.all.staying.load(Ordering::Relaxed) > self.all.limit {
            self.all.make_room();
        }
    }

    /// Whether the connection has no request to which no response has begun, and sends none.
    pub(super) fn is_idle(&self) -> bool {
        !self.has_request.load(Ordering::Relaxed) && self.sending.load(Ordering::Relaxed) == 0
    }

    /// Whether the connection must be closed to make room for another one.
    pub(super) fn must_close(&self) -> bool {
        self.must_close.load(Ordering::Acquire)
    }
}

impl Connection {
    /// The clock.
    pub(super) fn clock(&self) -> &Clock {
        &self.all.clock
    }

    /// Registers the task that waits for the client's next bytes. It is woken if the connection
    /// must be closed.
    pub(super) fn register_reader(&self, waker: &Waker) {
        self.reader.register(waker);
    }

    /// Counts the connection as closed because its client does not read.
    pub(super) fn count_as_slow(&self) {
        self.all.slow.fetch_add(1, Ordering::Relaxed);
    }

    /// Removes the connection, after it was closed.
    pub(super) fn closed(&self) {
        self.all.closed(self);
    }
}

impl Connections {
    /// Creates the state of a listener without connections. `limit` applies to all connections
    /// together, `limit_per_address` to those of one address, unless it is 0.
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
    pub fn admit(self: &Arc<Self>, peer: Option<SocketAddr>) -> Option<Arc<Connection>> {
        let mut open = self.open();
        let address = self.limit_per_address.and(peer).and_then(|peer| self.address(peer));
        if let Some((address, limit)) = address.as_ref().zip(self.limit_per_address)
            && open.by_address.get(address).is_some_and(|count| *count >= limit)
            && !self.close_longest_idle(&mut open, |one| one.address.as_ref() == Some(address))
        {
            drop(open);
            self.refused.fetch_add(1, Ordering::Relaxed);
            self.warn(
                "an address is at its limit of connections, none of which is idle; another one was refused",
            );
            return None;
        }
        if self.staying.load(Ordering::Relaxed) >= self.limit
            && self.close_longest_idle(&mut open, |_| true)
        {
            self.warn("the limit of connections is reached; idle ones are closed to make room");
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
        Some(connection)
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

    /// Logs a warning, at most once in [`limits::CONNECTION_WARNING_PAUSE`].
    fn warn(&self, what: &'static str) {
        let now = self.now().max(1);
        let before = self.warned_at.load(Ordering::Relaxed);
        let pause = u64::try_from(limits::CONNECTION_WARNING_PAUSE.as_millis()).unwrap_or(u64::MAX);
        let due = before == 0 || now.saturating_sub(before) >= pause;
        if due
            && self
                .warned_at
                .compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            tracing::warn!(
                "{what}; see limits.max_connections and limits.max_connections_per_address, and which clients hold them"
            );
        }
    }
}
