//! Responses that the HTTP library (actix-http) sends on its own: to a head that it cannot parse
//! (400), that is too large (431) or that is late (408).
//!
//! They have no body and pass through no middleware. So the headers that all responses of the
//! bridge have are added here, when the bytes are written. Such a response is recognised by its
//! headers, which are only those that the library writes itself, and by its position at the end of
//! the written bytes. All other responses have an `X-Request-Id`.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The header lines that all responses have.
const ALWAYS: &[u8] = b"cache-control: no-store\r\nx-content-type-options: nosniff\r\n";

/// An upper bound of the length of these responses, in bytes. The longest has some 150.
const LONGEST: usize = 512;

/// A stream that completes the library's own responses. Reads pass unchanged.
pub struct Completed<S> {
    stream: S,
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
    pub fn new(stream: S, hsts: Option<&'static str>) -> Self {
        Self { stream, hsts, answer: Vec::new(), written: 0, replaces: 0 }
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
        is_empty |= line.eq_ignore_ascii_case(b"content-length: 0");
        let own = [&b"content-length"[..], b"connection", b"date"];
        is_bare &= own.iter().any(|known| name.eq_ignore_ascii_case(known));
    }
    (refuses && is_empty && is_bare).then_some(at)
}

/// The response `bare` with the headers that all responses have.
fn completed(bare: &[u8], hsts: Option<&str>) -> Vec<u8> {
    let mut answer = bare[..bare.len() - 2].to_vec();
    answer.extend_from_slice(ALWAYS);
    if let Some(hsts) = hsts {
        answer.extend_from_slice(format!("strict-transport-security: {hsts}\r\n").as_bytes());
    }
    answer.extend_from_slice(b"\r\n");
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
                    (this.answer, this.written, this.replaces) =
                        (completed(bytes, this.hsts), 0, bytes.len());
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
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    /// Accepts at most three bytes at a time, and is pending before each write.
    #[derive(Default)]
    struct Slow(Vec<u8>, bool);

    impl AsyncWrite for Slow {
        fn poll_write(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.1 = !self.1;
            if self.1 {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let count = bytes.len().min(3);
            self.0.extend_from_slice(&bytes[..count]);
            Poll::Ready(Ok(count))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    async fn through(bytes: &str, hsts: Option<&'static str>) -> String {
        let mut stream = Completed::new(Slow::default(), hsts);
        stream.write_all(bytes.as_bytes()).await.unwrap();
        String::from_utf8(stream.stream.0).unwrap()
    }

    const DATE: &str = "date: Fri, 27 Nov 2026 09:00:00 GMT";

    #[tokio::test]
    async fn what_the_library_answers_by_itself_gets_the_headers_that_every_answer_has() {
        let full = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-request-id: a\r\n{DATE}\r\n\r\n{{}}"
        );
        for status in
            ["400 Bad Request", "408 Request Timeout", "431 Request Header Fields Too Large"]
        {
            for before in ["", &full] {
                let bare = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n{DATE}\r\n"
                );
                let answer = through(&format!("{before}{bare}\r\n"), None).await;
                let always = "cache-control: no-store\r\nx-content-type-options: nosniff\r\n";
                assert_eq!(answer, format!("{before}{bare}{always}\r\n"));
                let secure = through(&format!("{bare}\r\n"), Some("max-age=1")).await;
                assert_eq!(
                    secure,
                    format!("{bare}{always}strict-transport-security: max-age=1\r\n\r\n")
                );
            }
        }
    }

    #[tokio::test]
    async fn every_other_answer_passes_as_it_is() {
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
            assert_eq!(through(&answer, Some("max-age=1")).await, answer);
        }
    }
}
