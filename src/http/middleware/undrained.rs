//! Chunked request bodies (RFC 9112 §7.1) that the handler did not read to the end.
//!
//! To keep the connection, actix-http reads such a body to its end after the response, however long
//! the client takes to send it. While the payload is still alive, it closes the connection after a
//! moment instead. So the response holds the payload.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::HttpMessage;
use actix_web::body::BoxBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::header::TRANSFER_ENCODING;
use actix_web::web::Bytes;
use futures_util::Stream;

use crate::http::response::guarded_body::holding;

/// A request body that is shared by the handler, which reads it, and the response, which keeps it
/// alive.
#[derive(Clone)]
pub struct UndrainedBody(Rc<RefCell<Payload>>);

impl UndrainedBody {
    /// Takes the body of a request with `Transfer-Encoding`, and leaves the handler a shared one in
    /// its place. `None` for other requests.
    pub fn take(request: &mut ServiceRequest) -> Option<Self> {
        if !request.headers().contains_key(TRANSFER_ENCODING) {
            return None;
        }
        let undrained = Self(Rc::new(RefCell::new(request.take_payload())));
        request.set_payload(Payload::Stream { payload: Box::pin(undrained.clone()) });
        Some(undrained)
    }

    /// Keeps the request body alive until the response is sent.
    pub fn held_by(self, response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
        response.map_body(|_, body| holding(body, self))
    }
}

impl Stream for UndrainedBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}
