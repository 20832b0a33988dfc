//! Request heads, checked and corrected before the HTTP library parses them.
//!
//! The HTTP library (actix-http) has no hook before its own parser, and two of its reactions are
//! unsuitable:
//!
//! * `Connection: upgrade` makes it close the connection after the response, and `Upgrade:
//!   websocket` makes it treat all that follows as the body of the request. But Java clients (since
//!   Java 11) offer HTTP/2 in this way on plain HTTP, and a common nginx configuration sends
//!   `Connection: upgrade` with every request.
//! * It answers a request target that is not a URI (a raw `"`, `<`, space or `é`) with an empty
//!   400.
//!
//! [`CheckedStream`] sits between the socket (or TLS) and the library. It follows the framing of
//! requests (RFC 9112 §6), so that it knows which bytes are lines of a head, and changes two things
//! there:
//!
//! * It overwrites the option `upgrade` of `Connection` and the value of `Upgrade` with spaces.
//! * It replaces a request line whose target the library would refuse. The new target has the same
//!   path, the library accepts it, and [`unreadable_target`] recognises it. So this error has a
//!   body, like every other one. Nothing after that head is passed on: RFC 9112 §3 warns that such
//!   a request line "might be deliberately crafted to bypass security filters along the request
//!   chain".
//!
//! This cannot turn one request into two, or two into one. The library still parses and frames
//! everything itself, and refuses what is ambiguous. No line is added to a head, removed or moved,
//! and the length of a head changes only in a request line that would be refused anyway. If this
//! layer cannot determine where a body ends, it stops checking, and passes on the rest of the
//! connection unchanged. A property test verifies that the library sees the same requests with and
//! without this layer.
//!
//! Bytes are read into the library's own buffer and checked there. They are copied only while a
//! line of a head is incomplete.

mod chunks;
mod follow;
mod target;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::limits;
pub use follow::Requested;
use follow::{Checked, Heads, Replacement};
pub use target::{UnreadableTarget, unreadable_target};

/// A stream that checks and corrects request heads while they are read.
pub struct CheckedStream<S> {
    stream: S,
    heads: Heads,
    /// Bytes that were read and not passed on yet. The first `checked` of them may be passed on.
    waiting: Vec<u8>,
    checked: usize,
}

impl<S> CheckedStream<S> {
    /// Checks what is read from `stream`. Writes pass unchanged.
    pub fn new(stream: S) -> Self {
        Self { stream, heads: Heads::default(), waiting: Vec::new(), checked: 0 }
    }

    /// Whether a complete head, or a part of a body, has arrived since the last call.
    pub fn has_request_arrived(&mut self) -> bool {
        self.heads.has_request_arrived()
    }

    /// The stream that is checked.
    #[cfg(test)]
    pub fn into_inner(self) -> S {
        self.stream
    }

    /// What the last request line requests.
    pub fn requested(&self) -> Requested {
        self.heads.requested()
    }

    /// Whether a head has begun and has not ended.
    pub fn is_within_head(&self) -> bool {
        self.heads.is_within_head(!self.waiting.is_empty())
    }

    /// Makes the replacement that is due, if any, and checks the waiting bytes.
    fn check_waiting(&mut self, mut due: Option<Replacement>) {
        loop {
            if let Some(Replacement { length, line }) = due {
                self.waiting.splice(self.checked..self.checked + length, line.iter().copied());
                self.checked += line.len();
            }
            let Checked { passed, replacement } =
                self.heads.check(&mut self.waiting[self.checked..]);
            self.checked += passed;
            due = replacement;
            if due.is_none() {
                break;
            }
        }
        if self.heads.have_ended() {
            self.waiting.truncate(self.checked);
        }
        // The library refuses such a head with 431.
        if self.waiting.len() - self.checked > limits::HEAD_LINE_BYTES {
            self.pass_all();
        }
    }

    /// Stops checking, and releases all waiting bytes.
    fn pass_all(&mut self) {
        self.heads.stop_checking();
        self.checked = self.waiting.len();
    }

    /// Moves the checked bytes that wait into `buffer`, as far as it has room.
    fn pass_on(&mut self, buffer: &mut ReadBuf<'_>) {
        let count = self.checked.min(buffer.remaining());
        buffer.put_slice(&self.waiting[..count]);
        self.checked -= count;
        if count == self.waiting.len() {
            // Frees the memory: the connection may now be idle for long.
            self.waiting = Vec::new();
        } else {
            self.waiting.drain(..count);
        }
    }
}

/// The number of bytes that are read at a time while a line is incomplete.
const READ_BYTES: usize = 4 * 1024;

impl<S: AsyncRead + Unpin> AsyncRead for CheckedStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.waiting.is_empty() {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
            let fresh = &mut buffer.filled_mut()[before..];
            let Checked { passed, replacement } = this.heads.check(fresh);
            if passed == fresh.len() {
                return Poll::Ready(Ok(()));
            }
            if this.heads.have_ended() {
                buffer.set_filled(before + passed);
                if passed > 0 {
                    return Poll::Ready(Ok(()));
                }
                // An empty read would mean the end of the stream. The inner stream was ready, so it
                // has registered no waker.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            this.waiting.extend_from_slice(&fresh[passed..]);
            buffer.set_filled(before + passed);
            this.check_waiting(replacement);
            // An empty read would mean the end of the stream, so in that case this reads on.
            if passed > 0 {
                return Poll::Ready(Ok(()));
            }
        }
        while this.checked == 0 {
            let before = this.waiting.len();
            this.waiting.resize(before + READ_BYTES, 0);
            let mut more = ReadBuf::new(&mut this.waiting[before..]);
            let read = Pin::new(&mut this.stream).poll_read(context, &mut more);
            let count = more.filled().len();
            this.waiting.truncate(before + count);
            ready!(read)?;
            if count == 0 {
                // The stream ends within a head. The library gets the incomplete head.
                this.pass_all();
                break;
            }
            this.check_waiting(None);
        }
        this.pass_on(buffer);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for CheckedStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests;
