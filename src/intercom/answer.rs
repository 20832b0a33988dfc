//! What an answer is, before anything of it is read: in which encoding, whether it is Intercom's, and what a refusal says.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use serde_json::error::Category;

use super::wire::{Field, Object, Text};
use super::{IntercomError, Outage, Region};

/// The character set that a `Content-Type` names, in lower case.
pub(super) fn charset(content_type: &HeaderValue) -> Option<String> {
    let (_, charset) = content_type
        .to_str()
        .ok()?
        .to_ascii_lowercase()
        .split_once("charset=")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))?;
    let charset = charset.trim_start_matches('"');
    let end = charset.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-' || letter == '_'));
    let charset = &charset[..end.unwrap_or(charset.len())];
    (1..=20).contains(&charset.len()).then(|| charset.to_owned())
}

/// RFC 8259 §8.1: JSON between systems MUST be encoded using UTF-8. A byte-order mark may be ignored. Where single bytes are
/// wrong and nothing says that it is another encoding, the rest is read.
pub(super) fn text(body: Vec<u8>, charset: Option<&str>, path: &str) -> Result<Text, IntercomError> {
    if matches!(body.get(..2), Some([0xFE, 0xFF] | [0xFF, 0xFE] | [0, _] | [_, 0])) {
        return Err(malformed(path, "it is encoded in UTF-16 or UTF-32, and JSON must be in UTF-8"));
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
        (Err(error), _) => Ok(Text { text: String::from_utf8_lossy(error.as_bytes()).into_owned(), lossy: true }),
    }
}

/// The object that an answer is. Some gateways send refusals with a status of success.
pub(super) fn object<'a>(path: &str, status: StatusCode, text: &'a Text) -> Result<Object<'a>, IntercomError> {
    let status = status.as_u16();
    let not_intercom = |what| Outage::NotIntercom { resource: path.to_owned(), status, what };
    if text.text.trim().is_empty() {
        return Err(IntercomError::Unavailable(not_intercom("it is empty")));
    }
    let object = Object::parse(text).map_err(|error| match error.classify() {
        Category::Data => malformed(path, "it is not the JSON object that Intercom documents"),
        Category::Eof => IntercomError::Unavailable(Outage::CutOff),
        Category::Io | Category::Syntax => IntercomError::Unavailable(not_intercom("it is no JSON")),
    })?;
    if object.text("type", 64) != Field::Value("error.list".to_owned()) {
        return Ok(object);
    }
    let resource = path.to_owned();
    let code = Refusal::of(text.text.as_bytes()).map_or_else(|| NO_CODE.to_owned(), |refusal| refusal.code);
    Err(match code.as_str() {
        "unauthorized" => IntercomError::Unauthorized { resource, code },
        token if token.starts_with("token_") => IntercomError::Unauthorized { resource, code },
        "forbidden" | "action_forbidden" | "api_plan_restricted" => IntercomError::Forbidden { resource, code },
        "rate_limit_exceeded" => IntercomError::RateLimited { retry_after: Duration::ZERO },
        "server_error" | "service_unavailable" | "gateway_timeout" => {
            IntercomError::Unavailable(Outage::Answered { status, code })
        }
        gone if gone.ends_with("not_found") => IntercomError::NotFound { resource, code },
        _ => IntercomError::Refused { resource, status, code },
    })
}

pub(super) fn malformed(resource: &str, what: &str) -> IntercomError {
    IntercomError::Malformed { resource: resource.to_owned(), what: what.to_owned() }
}

/// Stands for the code of a refusal that has none.
pub(super) const NO_CODE: &str = "without a code";

/// What a refusal says, in Intercom's words or in ours; never its message, which is Intercom's text and may name people.
pub(super) struct Refusal {
    /// The first error code, if it looks like one.
    pub code: String,
    /// The region that the message of `region_mismatch` names.
    pub hosted_in: Option<Region>,
}

impl Refusal {
    /// Reads `{"type":"error.list","errors":[{"code":…,"message":…}]}`; none where it is something else.
    pub fn of(body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct ErrorList {
            errors: Vec<ErrorEntry>,
        }
        #[derive(Default, Deserialize)]
        struct ErrorEntry {
            code: Option<String>,
            message: Option<String>,
        }
        let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
        let first = serde_json::from_slice::<ErrorList>(body).ok()?.errors.into_iter().next().unwrap_or_default();
        let is_code =
            |code: &String| code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let hosted_in = first.message.and_then(|message| {
            let (_, place) = message.split_once("hosted in ")?;
            Region::ALL.into_iter().find(|region| place.starts_with(region.place()))
        });
        Some(Self { code: first.code.filter(is_code).unwrap_or_else(|| NO_CODE.to_owned()), hosted_in })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_known_by_its_code_and_never_by_its_text() {
        let code = |body: &[u8]| Refusal::of(body).map(|refusal| refusal.code);
        let unauthorized = br#"{"type":"error.list","errors":[{"code":"unauthorized","message":"x"}]}"#;
        assert_eq!(code(unauthorized).as_deref(), Some("unauthorized"));
        assert_eq!(code(br#"{"errors":[{"code":"ada@example.com"}]}"#).as_deref(), Some(NO_CODE));
        assert_eq!(code(br#"{"errors":[]}"#).as_deref(), Some(NO_CODE));
        assert_eq!(code(b"<html>"), None);
        let hosted = |message: &str| {
            let body = format!(r#"{{"errors":[{{"code":"region_mismatch","message":"{message}"}}]}}"#);
            Refusal::of(body.as_bytes()).unwrap().hosted_in
        };
        assert_eq!(hosted("Your workspace is hosted in Europe but you connected to United States"), Some(Region::Eu));
        assert_eq!(hosted("Your workspace is hosted in Atlantis"), None);
    }

    #[test]
    fn an_answer_in_another_encoding_is_named_or_read() {
        let read = |body: &[u8], charset: Option<&str>| text(body.to_vec(), charset, "/admins");
        assert_eq!(read(b"\xEF\xBB\xBF{}", None).unwrap().text, "{}");
        assert!(read(b"\xFF\xFE{\0}\0", None).unwrap_err().to_string().contains("UTF-16"));
        assert!(read(b"{\0}\0", None).unwrap_err().to_string().contains("UTF-16"));
        let latin1 = read(b"{\"n\":\"Zo\xEB\"}", Some("iso-8859-1")).unwrap_err();
        assert!(latin1.to_string().ends_with("it is encoded in iso-8859-1, and JSON must be in UTF-8"), "{latin1}");
        let lossy = read(b"{\"n\":\"Zo\xEB\",\"e\":\"a@b.c\"}", Some("utf-8")).unwrap();
        let object = Object::parse(&lossy).unwrap();
        assert_eq!(
            (object.text("n", 100), object.text("e", 100)),
            (Field::Unreadable, Field::Value("a@b.c".to_owned()))
        );
        let named = |text: &'static str| charset(&HeaderValue::from_static(text));
        assert_eq!(named("application/json; Charset=\"ISO-8859-1\"; x=y").as_deref(), Some("iso-8859-1"));
        assert_eq!(named("application/json"), None);
    }

    #[test]
    fn an_answer_that_is_not_intercoms_may_pass_and_one_of_another_shape_does_not() {
        let read = |text: &str| {
            object("/admins", StatusCode::OK, &Text { text: text.to_owned(), lossy: false }).map(|_| ()).unwrap_err()
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
