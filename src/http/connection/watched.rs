//! The stream above TLS, where requests are visible.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::bare::Completed;
use super::connections::Connection;
use super::heads::CheckedStream;
use super::patience::{Wait, wait};
use crate::limits;

/// The stream above TLS, in which request heads are visible.
pub struct RequestStream<S> {
    stream: Completed<S>,
    connection: Arc<Connection>,
    /// The time-out for the rest of a head. actix-http has one for the first head of a connection
    /// only.
    head: Option<Wait>,
}

impl<S> RequestStream<S> {
    /// Checks the request heads in `stream`, and marks `connection` when a request has arrived.
    /// `hsts` is the value of `Strict-Transport-Security`, for connections with TLS.
    pub fn new(stream: S, connection: Arc<Connection>, hsts: Option<&'static str>) -> Self {
        let stream = Completed::new(CheckedStream::new(stream), hsts);
        Self { stream, connection, head: None }
    }

    /// The shared state of the connection.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Whether the rest of a head is overdue. While a response is pending or being sent, the
    /// time-out starts again, because the client need not send its next head yet.
    fn is_head_late(&mut self, context: &mut Context<'_>) -> bool {
        let clock = self.connection.clock();
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

impl<S: AsyncRead + Unpin> AsyncRead for RequestStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if self.stream.checked().has_request_arrived() {
            self.connection.request_arrived();
            self.head = None;
        }
        if !self.stream.checked().is_within_head() {
            self.head = None;
        } else if read.is_pending() && self.is_head_late(context) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for RequestStream<S> {
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
