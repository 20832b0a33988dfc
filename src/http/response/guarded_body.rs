//! A response body that holds something until it is sent or abandoned.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;

/// Returns `body` as a body that holds `held` until it is dropped.
pub fn holding<T: Unpin + 'static>(body: BoxBody, held: T) -> BoxBody {
    BoxBody::new(GuardedBody { body, _held: held })
}

struct GuardedBody<T> {
    body: BoxBody,
    _held: T,
}

impl<T: Unpin> MessageBody for GuardedBody<T> {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
