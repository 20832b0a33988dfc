//! The stream between the socket and TLS, so that unfinished handshakes count as connections too.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::rt::net::{ActixStream, Ready, TcpStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connections::{Connection, Connections};
use super::patience::Patience;

/// A socket that is counted, can be closed to make room, and times out if the client does not read.
pub struct Guarded {
    stream: TcpStream,
    peer: Option<SocketAddr>,
    connection: Arc<Connection>,
    patience: Patience,
}

impl Guarded {
    /// Admits a connection; `None` if its address is at its limit (see [`Connections::admit`]).
    pub fn admit(stream: TcpStream, all: &Arc<Connections>) -> Option<Self> {
        // Short responses are sent at once. An error is harmless: they are only sent a little
        // later.
        let _ = stream.set_nodelay(true);
        let peer = stream.peer_addr().ok();
        let connection = all.admit(peer)?;
        Some(Self { stream, peer, connection, patience: Patience::default() })
    }

    /// The address of the peer.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The shared state of the connection.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Notes the result of a write. A write that the client has delayed for too long becomes an
    /// error.
    fn written(
        &mut self,
        written: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(count)) => {
                self.patience.written(self.connection.clock(), *count);
                self.connection.after_write();
            }
            Poll::Pending if self.patience.is_exhausted(self.connection.clock(), context) => {
                self.connection.count_as_slow();
                tracing::debug!("a connection was closed because its client does not read");
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            Poll::Pending | Poll::Ready(Err(_)) => {}
        }
        written
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.connection.closed();
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
            self.connection.register_reader(context.waker());
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
