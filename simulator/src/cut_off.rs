//! The body of a response that breaks off.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;

/// A body that ends with an error after its first half.
pub struct CutOff {
    announced: u64,
    half: Option<Bytes>,
    flushed: bool,
}

impl CutOff {
    /// Announces all of `body` and sends half of it.
    pub fn new(body: &Bytes) -> Self {
        Self {
            announced: body.len() as u64,
            half: Some(body.slice(..body.len() / 2)),
            flushed: false,
        }
    }
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
