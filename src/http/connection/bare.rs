//! Responses that the HTTP library (actix-http) sends on its own: to a head that it cannot parse
//! (400), that is too large (431) or that is late (408).
//!
//! They have no body and pass through no middleware. So the body of an error, an `X-Request-Id` and
//! the headers that all responses of the bridge have are added here, when the bytes are written.
//! Such a response is recognised by its headers, which are only those that the library writes
//! itself, and by its position at the end of the written bytes. All other responses have an
//! `X-Request-Id`.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::heads::{CheckedStream, Requested};
use crate::http::errors::bodies;
use crate::http::request_id;

/// The header lines that all responses have.
const ALWAYS: &[u8] = b"cache-control: no-store\r\nx-content-type-options: nosniff\r\n";

/// An upper bound of the length of these responses, in bytes. The longest has some 150.
const LONGEST: usize = 512;

/// A stream that completes the library's own responses. Reads pass unchanged.
pub struct Completed<S> {
    stream: CheckedStream<S>,
    /// The value of `Strict-Transport-Security`, on connections with TLS.
    hsts: Option<&'static str>,
    /// The completed response that is being written; empty if there is none.
    answer: Vec<u8>,
    /// The number of its bytes that are written already.
    written: usize,
    /// The length of the response that it replaces.
    replaces: usize,
}

impl<S> Completed<S> {
    /// `hsts` is the value of `Strict-Transport-Security`, for connections with TLS.
    pub fn new(stream: CheckedStream<S>, hsts: Option<&'static str>) -> Self {
        Self { stream, hsts, answer: Vec::new(), written: 0, replaces: 0 }
    }

    /// The stream, in which request heads are checked.
    pub fn checked(&mut self) -> &mut CheckedStream<S> {
        &mut self.stream
    }
}

/// The start of the library's own response, if `bytes` end with one.
fn bare_answer(bytes: &[u8]) -> Option<usize> {
    if !bytes.ends_with(b"\r\n\r\n") {
        return None;
    }
    let start = bytes.len().saturating_sub(LONGEST);
    let at = start + memchr::memmem::rfind(&bytes[start..], b"HTTP/1.")?;
    let mut lines = bytes[at..bytes.len() - 4].split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    // `HTTP/1.1 400 Bad Request`
    let refuses = lines.next()?.get(9).is_some_and(|digit| matches!(digit, b'4' | b'5'));
    let mut is_empty = false;
    let mut is_bare = true;
    for line in lines {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        is_empty |= line.eq_ignore_ascii_case(EMPTY);
        let own = [&b"content-length"[..], b"connection", b"date"];
        is_bare &= own.iter().any(|known| name.eq_ignore_ascii_case(known));
    }
    (refuses && is_empty && is_bare).then_some(at)
}

/// The header of a response without a body.
const EMPTY: &[u8] = b"content-length: 0";

/// The response `bare` with a body and with the headers that all responses have.
fn completed(bare: &[u8], hsts: Option<&str>, requested: Requested) -> Vec<u8> {
    // `HTTP/1.1 400 Bad Request`
    let status = bare.get(9..12).and_then(|status| StatusCode::from_bytes(status).ok());
    let error = bodies::unread_head(status.unwrap_or(StatusCode::BAD_REQUEST));
    let (content_type, body) = bodies::body(&error, requested.is_scim);
    // RFC 9110 §9.3.2: "the server MUST NOT send content in the response" to HEAD.
    let body = if requested.is_head { "" } else { &*body };
    let id = request_id::fresh();
    tracing::debug!(request.id = %id, %error, "the HTTP library refused a request head");
    let mut answer = Vec::with_capacity(2 * LONGEST + body.len());
    for line in bare[..bare.len() - 2].split_inclusive(|byte| *byte == b'\n') {
        if !line.trim_ascii().eq_ignore_ascii_case(EMPTY) {
            answer.extend_from_slice(line);
        }
    }
    let length = body.len();
    let fields = format!(
        "content-length: {length}\r\ncontent-type: {content_type}\r\nx-request-id: {id}\r\n"
    );
    answer.extend_from_slice(fields.as_bytes());
    answer.extend_from_slice(ALWAYS);
    if let Some(hsts) = hsts {
        answer.extend_from_slice(format!("strict-transport-security: {hsts}\r\n").as_bytes());
    }
    answer.extend_from_slice(b"\r\n");
    answer.extend_from_slice(body.as_bytes());
    answer
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Completed<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.answer.is_empty() {
            match bare_answer(bytes) {
                None => return Pin::new(&mut this.stream).poll_write(context, bytes),
                // First writes what precedes the response.
                Some(at) if at > 0 => {
                    return Pin::new(&mut this.stream).poll_write(context, &bytes[..at]);
                }
                Some(_) => {
                    this.answer = completed(bytes, this.hsts, this.stream.requested());
                    this.written = 0;
                    this.replaces = bytes.len();
                }
            }
        }
        while this.written < this.answer.len() {
            let count = ready!(
                Pin::new(&mut this.stream).poll_write(context, &this.answer[this.written..])
            )?;
            if count == 0 {
                return Poll::Ready(Ok(0));
            }
            this.written += count;
        }
        this.answer = Vec::new();
        Poll::Ready(Ok(this.replaces))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Completed<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// Accepts at most three bytes at a time, and is pending before each write.
    #[derive(Default)]
    struct Slow {
        requests: Vec<u8>,
        written: Vec<u8>,
        was_pending: bool,
    }

    impl AsyncRead for Slow {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let count = self.requests.len().min(buffer.remaining());
            buffer.put_slice(&self.requests[..count]);
            self.requests.drain(..count);
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Slow {
        fn poll_write(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.was_pending = !self.was_pending;
            if self.was_pending {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let count = bytes.len().min(3);
            self.written.extend_from_slice(&bytes[..count]);
            Poll::Ready(Ok(count))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// What is written for `bytes`, on a connection whose last request line is `line`.
    async fn through(bytes: &str, hsts: Option<&'static str>, line: &str) -> String {
        let client = Slow { requests: format!("{line}\r\n").into_bytes(), ..Slow::default() };
        let mut stream = Completed::new(CheckedStream::new(client), hsts);
        stream.read_exact(&mut vec![0; line.len() + 2]).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        String::from_utf8(stream.stream.into_inner().written).unwrap()
    }

    const DATE: &str = "date: Fri, 27 Nov 2026 09:00:00 GMT";

    /// The status line, the other lines of the head, and the body of the response that the library
    /// sends with this status.
    async fn refusal(
        status: &str,
        line: &str,
        hsts: Option<&'static str>,
    ) -> (Vec<String>, String) {
        let bare = format!(
            "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n{DATE}\r\n\r\n"
        );
        let alone = through(&bare, hsts, line).await;
        let before = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-request-id: a\r\n{DATE}\r\n\r\n{{}}"
        );
        let after_another = through(&format!("{before}{bare}"), hsts, line).await;
        assert_eq!(after_another.len(), before.len() + alone.len());
        assert!(after_another.starts_with(&before));
        let (head, body) = alone.split_once("\r\n\r\n").unwrap();
        (head.split("\r\n").map(str::to_owned).collect(), body.to_owned())
    }

    fn field<'h>(head: &'h [String], name: &str) -> Option<&'h str> {
        head.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    #[tokio::test]
    async fn a_response_of_the_library_gets_the_body_and_the_headers_of_every_error() {
        for (status, number, code) in [
            ("400 Bad Request", 400, "invalid_syntax"),
            ("408 Request Timeout", 408, "too_slow"),
            ("431 Request Header Fields Too Large", 431, "head_too_large"),
        ] {
            let (head, body) = refusal(status, "GET /api/v1/accounts HTTP/1.1", None).await;
            assert_eq!(head[..3], [&*format!("HTTP/1.1 {status}"), "connection: close", DATE]);
            assert_eq!(field(&head, "cache-control"), Some("no-store"));
            assert_eq!(field(&head, "x-content-type-options"), Some("nosniff"));
            assert_eq!(field(&head, "x-request-id").unwrap().len(), 16);
            assert_eq!(field(&head, "strict-transport-security"), None);
            assert_eq!(field(&head, "content-type"), Some("application/problem+json"));
            assert_eq!(field(&head, "content-length"), Some(&*body.len().to_string()));
            let problem: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(
                (problem["status"].as_u64(), &problem["code"]),
                (Some(number), &code.into())
            );
            assert!(!problem["detail"].as_str().unwrap().is_empty());
        }
    }

    #[tokio::test]
    async fn on_a_scim_path_the_body_is_an_error_of_scim() {
        for line in ["GET /scim/v2/Users HTTP/1.1", "PUT /workspaces/w/scim/v2/Users/1 HTTP/9.9"] {
            let (head, body) = refusal("400 Bad Request", line, None).await;
            assert_eq!(field(&head, "content-type"), Some("application/scim+json"));
            let error: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(error["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error");
            assert_eq!(
                (&error["status"], &error["scimType"]),
                (&"400".into(), &"invalidSyntax".into())
            );
        }
    }

    #[tokio::test]
    async fn a_response_to_head_has_no_body() {
        let (head, body) = refusal("400 Bad Request", "HEAD /scim/v2/Users HTTP/1.1", None).await;
        assert_eq!((field(&head, "content-length"), &*body), (Some("0"), ""));
        assert!(field(&head, "x-request-id").is_some());
    }

    #[tokio::test]
    async fn with_tls_the_response_requires_tls_for_the_future() {
        let (head, _) = refusal("400 Bad Request", "nonsense", Some("max-age=1")).await;
        assert_eq!(field(&head, "strict-transport-security"), Some("max-age=1"));
    }

    #[tokio::test]
    async fn every_other_response_is_passed_on_unchanged() {
        for answer in [
            format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n{DATE}\r\n\r\n"),
            "HTTP/1.1 100 Continue\r\n\r\n".to_owned(),
            format!(
                "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nx-request-id: a\r\n{DATE}\r\n\r\n"
            ),
            format!("HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n{DATE}\r\n\r\n"),
            "text,more\r\nHTTP/1.1 400 Bad Request\r\n\r\n".to_owned(),
            "\r\n\r\n".to_owned(),
            String::new(),
        ] {
            assert_eq!(through(&answer, Some("max-age=1"), "GET / HTTP/1.1").await, answer);
        }
    }
}
