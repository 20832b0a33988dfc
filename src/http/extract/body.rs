//! The extractor of request bodies, which bounds their size and the time that they take to arrive.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::web::{self, Bytes, Data};
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use validator::{Validate, ValidationError, ValidationErrors, ValidationErrorsKind};

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
            read_body(payload, &service, LIMIT, limits::BODY_WAIT).await.map(Self)
        })
    }
}

/// Reads a complete body of at most `limit` bytes, which must arrive within `wait`.
///
/// # Errors
/// 408, 413, or 400 for a body that ends too early.
pub async fn read_body(
    payload: web::Payload,
    service: &Service,
    limit: usize,
    wait: Duration,
) -> Result<Bytes, ApiError> {
    match service.clock.within(wait, payload.to_bytes_limited(limit)).await {
        None => Err(ApiError::TooSlow),
        Some(Err(_)) => Err(ApiError::TooLarge { limit }),
        Some(Ok(Err(_))) => {
            Err(ApiError::InvalidSyntax { why: "the body is incomplete".to_owned() })
        }
        Some(Ok(Ok(bytes))) => Ok(bytes),
    }
}

/// Parses and validates a JSON object.
///
/// # Errors
/// 400 with `expected` for a body that is not such an object, and with the name of the member for
/// one that breaks a rule.
pub fn parse_object<T: DeserializeOwned + Validate>(
    body: &[u8],
    expected: &str,
) -> Result<T, ApiError> {
    // serde accepts a JSON array for a struct; require an object.
    let object = serde_json::from_slice(body)
        .and_then(|object: Map<String, Value>| T::deserialize(Value::from(object)));
    let object = object.map_err(|_| wrong(expected.to_owned()))?;
    object.validate().map_err(|errors| wrong(first_sentence(&errors, expected)))?;
    Ok(object)
}

/// Parses and validates a JSON object. An empty body and `null` are the default.
///
/// # Errors
/// 400, as [`parse_object`].
pub fn parse_object_or_default<T: DeserializeOwned + Default + Validate>(
    body: &[u8],
    expected: &str,
) -> Result<T, ApiError> {
    if matches!(body.trim_ascii(), b"" | b"null") {
        Ok(T::default())
    } else {
        parse_object(body, expected)
    }
}

/// The broken rule of the first member by name, as a sentence.
fn first_sentence(errors: &ValidationErrors, expected: &str) -> String {
    let first = errors.errors().iter().min_by_key(|(member, _)| *member);
    match first {
        Some((member, ValidationErrorsKind::Field(broken))) => {
            let rule = broken.iter().find_map(|error| error.message.as_deref());
            rule.map_or_else(|| expected.to_owned(), |rule| format!("{member} must be {rule}"))
        }
        _ => expected.to_owned(),
    }
}

/// The rule of a text that goes into the database: at most `MOST` bytes, and no NUL, which
/// PostgreSQL cannot store.
///
/// # Errors
/// The rule, to follow "must be".
pub fn text_of_at_most<const MOST: usize>(text: &str) -> Result<(), ValidationError> {
    if text.len() <= MOST && !text.contains('\0') {
        return Ok(());
    }
    let rule = format!("a string of at most {MOST} bytes");
    Err(ValidationError::new("text").with_message(rule.into()))
}
