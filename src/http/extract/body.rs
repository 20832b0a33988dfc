//! The extractor of request bodies, which bounds their size and the time that they take to arrive.

use actix_web::dev::Payload;
use actix_web::web::{self, Bytes, Data};
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::http::errors::ApiError;
use crate::http::request::parameters::wrong;
use crate::http::state::service::Service;
use crate::limits;

/// The complete body of a request, of at most `LIMIT` bytes.
pub struct Body<const LIMIT: usize = { limits::REQUEST_BODY_BYTES }>(pub Bytes);

impl<const LIMIT: usize> FromRequest for Body<LIMIT> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let service = request.app_data::<Data<Service>>().cloned();
        let payload = web::Payload::from_request(request, payload);
        Box::pin(async move {
            let service = service.ok_or(ApiError::Internal)?;
            let payload = payload.await.map_err(|_| ApiError::Internal)?;
            let read =
                service.clock.within(limits::BODY_WAIT, payload.to_bytes_limited(LIMIT)).await;
            match read {
                None => Err(ApiError::TooSlow),
                Some(Err(_)) => Err(ApiError::TooLarge { limit: LIMIT }),
                Some(Ok(Err(_))) => {
                    Err(ApiError::InvalidSyntax { why: "the body is incomplete".to_owned() })
                }
                Some(Ok(Ok(bytes))) => Ok(Self(bytes)),
            }
        })
    }
}

/// Parses a JSON object.
///
/// # Errors
/// 400 with `expected` for a body that is not such an object.
pub fn parse_object<T: DeserializeOwned>(body: &[u8], expected: &str) -> Result<T, ApiError> {
    // serde accepts a JSON array for a struct; require an object.
    let object = serde_json::from_slice(body)
        .and_then(|object: Map<String, Value>| T::deserialize(Value::from(object)));
    object.map_err(|_| wrong(expected.to_owned()))
}

/// Parses a JSON object. An empty body and `null` are the default.
///
/// # Errors
/// 400 with `expected` for anything else.
pub fn parse_object_or_default<T: DeserializeOwned + Default>(
    body: &[u8],
    expected: &str,
) -> Result<T, ApiError> {
    if matches!(body.trim_ascii(), b"" | b"null") {
        Ok(T::default())
    } else {
        parse_object(body, expected)
    }
}
