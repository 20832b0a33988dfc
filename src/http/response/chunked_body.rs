//! A body of several chunks, which are sent one after the other without being copied together.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;

use crate::scim::Body;

/// The response body of a page.
pub fn body(page: Body) -> BoxBody {
    match page {
        Body::Whole(whole) => BoxBody::new(whole),
        Body::Chunks(chunks) => {
            let length = chunks.iter().map(|chunk| chunk.len() as u64).sum();
            BoxBody::new(PendingChunks { rest: chunks.into_iter(), length })
        }
    }
}

/// The chunks that are not sent yet, and the length of all.
struct PendingChunks {
    rest: std::vec::IntoIter<Bytes>,
    length: u64,
}

impl MessageBody for PendingChunks {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.length)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(self.rest.next().map(Ok))
    }
}
