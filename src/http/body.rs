//! A request's body: bounded in size, and in the time that it takes to come.

use actix_web::dev::Payload;
use actix_web::web::{self, Bytes, Data};
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;

use super::errors::ApiError;
use super::service::Service;
use crate::limits;
use crate::scim::ScimError;

/// A body, read.
pub struct Body<const LIMIT: usize = { limits::REQUEST_BODY_BYTES }>(pub Bytes);

impl<const LIMIT: usize> FromRequest for Body<LIMIT> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (service, payload) =
            (request.app_data::<Data<Service>>().cloned(), web::Payload::from_request(request, payload));
        Box::pin(async move {
            let service = service.ok_or(ScimError::Internal)?;
            let payload = payload.await.map_err(|_| ScimError::Internal)?;
            let read = service.clock.within(limits::BODY_WAIT, payload.to_bytes_limited(LIMIT)).await;
            match read {
                None => Err(ApiError::TooSlow),
                Some(Err(_)) => Err(ScimError::TooLarge { limit: LIMIT }.into()),
                Some(Ok(Err(_))) => Err(ScimError::InvalidSyntax { why: "the body broke off".to_owned() }.into()),
                Some(Ok(Ok(bytes))) => Ok(Self(bytes)),
            }
        })
    }
}
