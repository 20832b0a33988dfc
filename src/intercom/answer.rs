//! The checks of a response before its content is read: its encoding, whether it is Intercom's, and
//! the error it reports.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderValue;
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::error::{IntercomError, Outage};
use super::region::Region;
use super::wire::{self, Field, Object, Text};
use crate::limits;

/// Returns the character set in a `Content-Type`, in lower case.
pub(super) fn charset(content_type: &HeaderValue) -> Option<String> {
    let (_, charset) = content_type
        .to_str()
        .ok()?
        .to_ascii_lowercase()
        .split_once("charset=")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))?;
    let charset = charset.trim_start_matches('"');
    let end = charset
        .find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-' || letter == '_'));
    let charset = &charset[..end.unwrap_or(charset.len())];
    (1..=20).contains(&charset.len()).then(|| charset.to_owned())
}

/// Decodes a response body. RFC 8259 §8.1: JSON between systems MUST be encoded using UTF-8. A
/// byte-order mark may be ignored. If bytes are invalid and the response names no other encoding,
/// they are replaced and the rest is read.
pub(super) fn text(
    body: Vec<u8>,
    charset: Option<&str>,
    path: &str,
) -> Result<Text, IntercomError> {
    if matches!(body.get(..2), Some([0xFE, 0xFF] | [0xFF, 0xFE] | [0, _] | [_, 0])) {
        return Err(malformed(
            path,
            "it is encoded in UTF-16 or UTF-32, and JSON must be in UTF-8",
        ));
    }
    if body.starts_with(&[0x1F, 0x8B]) {
        return Err(malformed(path, "it is compressed, but has no Content-Encoding"));
    }
    let body = match body.strip_prefix(b"\xEF\xBB\xBF") {
        Some(rest) => rest.to_vec(),
        None => body,
    };
    match (String::from_utf8(body), charset) {
        (Ok(text), _) => Ok(Text { text, lossy: false }),
        (Err(_), Some(other)) if !matches!(other, "utf-8" | "utf8") => {
            Err(malformed(path, &format!("it is encoded in {other}, and JSON must be in UTF-8")))
        }
        (Err(error), _) => {
            Ok(Text { text: String::from_utf8_lossy(error.as_bytes()).into_owned(), lossy: true })
        }
    }
}

/// Parses a response as a JSON object. Some gateways send error responses with a success status;
/// those become errors here.
pub(super) fn object<'a>(
    path: &str,
    status: StatusCode,
    text: &'a Text,
) -> Result<Object<'a>, IntercomError> {
    let status = status.as_u16();
    let unavailable = |outage| IntercomError::Unavailable { resource: path.to_owned(), outage };
    if text.text.trim().is_empty() {
        return Err(unavailable(Outage::NotIntercom { status, what: "it is empty" }));
    }
    let object = Object::parse(text).map_err(|error| not_read(path, status, &error))?;
    if !is_error_list(&object) {
        return Ok(object);
    }
    let resource = path.to_owned();
    let Refusal { code, hosted_in } = Refusal::read(&object);
    Err(match code.as_str() {
        "unauthorized" => IntercomError::Unauthorized { resource, code },
        token if token.starts_with("token_") => IntercomError::Unauthorized { resource, code },
        "forbidden" | "action_forbidden" | "api_plan_restricted" => {
            IntercomError::Forbidden { resource, code }
        }
        "region_mismatch" => IntercomError::WrongRegion { configured: None, actual: hosted_in },
        "rate_limit_exceeded" => {
            IntercomError::RateLimited { resource, retry_after: Duration::ZERO }
        }
        "server_error" | "service_unavailable" | "gateway_timeout" => {
            unavailable(Outage::Answered { status, code })
        }
        gone if gone.ends_with("not_found") => IntercomError::NotFound { resource, code },
        _ => IntercomError::Refused { resource, status, code },
    })
}

/// Parses a response as a JSON list, and returns the JSON of each entry.
pub(super) fn list<'a>(
    path: &str,
    status: StatusCode,
    text: &'a Text,
) -> Result<Vec<&'a RawValue>, IntercomError> {
    wire::entries(text).map_err(|error| not_read(path, status.as_u16(), &error))
}

/// Maps the error of parsing a response.
fn not_read(path: &str, status: u16, error: &serde_json::Error) -> IntercomError {
    let outage = match error.classify() {
        Category::Data => {
            return malformed(path, "it is not the JSON that Intercom documents");
        }
        Category::Eof => Outage::CutOff,
        Category::Io | Category::Syntax => Outage::NotIntercom { status, what: "it is not JSON" },
    };
    IntercomError::Unavailable { resource: path.to_owned(), outage }
}

fn is_error_list(object: &Object<'_>) -> bool {
    object.text("type", 64) == Field::Value("error.list".to_owned())
}

pub(super) fn malformed(resource: &str, what: &str) -> IntercomError {
    IntercomError::Malformed { resource: resource.to_owned(), what: what.to_owned() }
}

/// Replaces the code of an error response that has none.
pub(super) const NO_CODE: &str = "without a code";

/// The longest error code that is accepted.
const CODE_BYTES: usize = 64;

/// Whether a text has the form of an error code.
pub(super) fn is_code(text: &str) -> bool {
    text.len() <= CODE_BYTES
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The content of an error response: its code, in Intercom's words or ours. Its message is never
/// kept: it is Intercom's text and may name people.
pub(super) struct Refusal {
    /// The first error code, if it has the form of one.
    pub code: String,
    /// The region that the message of `region_mismatch` names.
    pub hosted_in: Option<Region>,
}

impl Refusal {
    /// Parses `{"type":"error.list","errors":[{"code":…,"message":…}]}`; `None` for anything else.
    pub fn parse(body: Vec<u8>) -> Option<Self> {
        let text = text(body, None, "").ok()?;
        let object = Object::parse(&text).ok()?;
        let is_refusal = is_error_list(&object) || matches!(object.list("errors"), Field::Value(_));
        is_refusal.then(|| Self::read(&object))
    }

    /// Reads an error response field by field, so that an unreadable message does not hide the
    /// code.
    fn read(refusal: &Object<'_>) -> Self {
        let errors = refusal.list("errors").value().unwrap_or_default();
        let first = errors
            .first()
            .and_then(|first| Object::from_raw(first, refusal.lossy()))
            .unwrap_or_default();
        let code = first.text("code", CODE_BYTES).value().filter(|code| is_code(code));
        let code = code.unwrap_or_else(|| NO_CODE.to_owned());
        let hosted_in =
            first.text("message", limits::INTERCOM_TEXT_BYTES).value().and_then(|message| {
                let (_, place) = message.split_once("hosted in ")?;
                Region::ALL.into_iter().find(|region| place.starts_with(region.place()))
            });
        Self { code, hosted_in }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_known_by_its_code_and_never_by_its_text() {
        let code = |body: &[u8]| Refusal::parse(body.to_vec()).map(|refusal| refusal.code);
        let unauthorized =
            br#"{"type":"error.list","errors":[{"code":"unauthorized","message":"x"}]}"#;
        assert_eq!(code(unauthorized).as_deref(), Some("unauthorized"));
        assert_eq!(code(br#"{"errors":[{"code":"ada@example.com"}]}"#).as_deref(), Some(NO_CODE));
        assert_eq!(code(br#"{"errors":[]}"#).as_deref(), Some(NO_CODE));
        assert_eq!(code(b"<html>"), None);
        for odd in [
            r#""message":"\ud83d""#,
            r#""message":{"a":1}"#,
            r#""message":5,"message":"x""#,
            r#""field":[],"message":null"#,
        ] {
            let body = format!(r#"{{"errors":[{{"code":"token_revoked",{odd}}}]}}"#);
            assert_eq!(code(body.as_bytes()).as_deref(), Some("token_revoked"), "{odd}");
        }
        for no_code in [
            r#"{"type":"error.list"}"#,
            r#"{"type":"error.list","errors":null}"#,
            r#"{"errors":[null]}"#,
        ] {
            assert_eq!(code(no_code.as_bytes()).as_deref(), Some(NO_CODE), "{no_code}");
        }
        let hosted = |message: &str| {
            let body =
                format!(r#"{{"errors":[{{"code":"region_mismatch","message":"{message}"}}]}}"#);
            Refusal::parse(body.into_bytes()).unwrap().hosted_in
        };
        assert_eq!(
            hosted("Your workspace is hosted in Europe but you connected to United States"),
            Some(Region::Eu)
        );
        assert_eq!(hosted("Your workspace is hosted in Atlantis"), None);
    }

    #[test]
    fn an_answer_in_another_encoding_is_named_or_read() {
        let read = |body: &[u8], charset: Option<&str>| text(body.to_vec(), charset, "/admins");
        assert_eq!(read(b"\xEF\xBB\xBF{}", None).unwrap().text, "{}");
        assert!(read(b"\xFF\xFE{\0}\0", None).unwrap_err().to_string().contains("UTF-16"));
        assert!(read(b"\x1F\x8B\x08", None).unwrap_err().to_string().contains("compressed"));
        assert!(read(b"{\0}\0", None).unwrap_err().to_string().contains("UTF-16"));
        let latin1 = read(b"{\"n\":\"Zo\xEB\"}", Some("iso-8859-1")).unwrap_err();
        assert!(
            latin1.to_string().ends_with("it is encoded in iso-8859-1, and JSON must be in UTF-8"),
            "{latin1}"
        );
        let lossy = read(b"{\"n\":\"Zo\xEB\",\"e\":\"a@b.c\"}", Some("utf-8")).unwrap();
        let object = Object::parse(&lossy).unwrap();
        assert_eq!(
            (object.text("n", 100), object.text("e", 100)),
            (Field::Unreadable, Field::Value("a@b.c".to_owned()))
        );
        let named = |text: &'static str| charset(&HeaderValue::from_static(text));
        assert_eq!(
            named("application/json; Charset=\"ISO-8859-1\"; x=y").as_deref(),
            Some("iso-8859-1")
        );
        assert_eq!(named("application/json"), None);
    }

    #[test]
    fn an_answer_that_is_not_intercoms_may_pass_and_one_of_another_shape_does_not() {
        let read = |text: &str| {
            object("/admins", StatusCode::OK, &Text { text: text.to_owned(), lossy: false })
                .map(|_| ())
                .unwrap_err()
        };
        for passing in ["", " ", "<html>Ada</html>", "{\"admins\":[{\"id\":"] {
            assert!(read(passing).is_transient(), "{passing}");
        }
        for lasting in ["[]", "null", "3"] {
            assert_eq!(read(lasting).code(), "intercom_malformed", "{lasting}");
        }
        for (code, expected) in [
            ("token_revoked", "intercom_unauthorized"),
            ("action_forbidden", "intercom_forbidden"),
            ("admin_not_found", "intercom_not_found"),
            ("server_error", "intercom_unavailable"),
            ("parameter_invalid", "intercom_refused"),
        ] {
            let list = format!(r#"{{"type":"error.list","errors":[{{"code":"{code}"}}]}}"#);
            assert_eq!(read(&list).code(), expected, "a 200 with an error list is that error");
        }
    }
}
