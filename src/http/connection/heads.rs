//! Request heads, checked and corrected before the HTTP library parses them.
//!
//! The HTTP library (actix-http) has no hook before its own parser, and two of its reactions are
//! unsuitable:
//!
//! * `Connection: upgrade` makes it close the connection after the response, and `Upgrade:
//!   websocket` makes it treat all that follows as the body of the request. But Java clients (since
//!   Java 11) offer HTTP/2 in this way on plain HTTP, and a common nginx configuration sends
//!   `Connection: upgrade` with every request.
//! * It answers a request target that is not a URI (a raw `"`, `<`, space or `é`) with an empty
//!   400.
//!
//! [`CheckedStream`] sits between the socket (or TLS) and the library. It follows the framing of
//! requests (RFC 9112 §6), so that it knows which bytes are lines of a head, and changes two things
//! there:
//!
//! * It overwrites the option `upgrade` of `Connection` and the value of `Upgrade` with spaces.
//! * It replaces a request line whose target the library would refuse. The new target has the same
//!   path, the library accepts it, and [`unreadable_target`] recognises it. So this error has a
//!   body, like every other one. Nothing after that head is passed on: RFC 9112 §3 warns that such
//!   a request line "might be deliberately crafted to bypass security filters along the request
//!   chain".
//!
//! This cannot turn one request into two, or two into one. The library still parses and frames
//! everything itself, and refuses what is ambiguous. No line is added to a head, removed or moved,
//! and the length of a head changes only in a request line that would be refused anyway. If this
//! layer cannot determine where a body ends, it stops checking, and passes on the rest of the
//! connection unchanged. A property test verifies that the library sees the same requests with and
//! without this layer.
//!
//! Bytes are read into the library's own buffer and checked there. They are copied only while a
//! line of a head is incomplete.

mod chunks;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::http::Uri;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::limits;
use chunks::{Chunked, Chunks};

/// Why a request target is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnreadableTarget {
    /// It has characters that must be percent-encoded in a URI.
    Unencoded,
    /// It is longer than [`limits::REQUEST_TARGET_BYTES`].
    TooLong,
    /// It has only characters that a URI can have, but not the form of one.
    NoPath,
}

impl UnreadableTarget {
    const ALL: [Self; 3] = [Self::Unencoded, Self::TooLong, Self::NoPath];

    /// The host of the replacement target.
    fn authority(self) -> &'static str {
        match self {
            Self::Unencoded => "unencoded",
            Self::TooLong => "too-long",
            Self::NoPath => "no-path",
        }
    }
}

/// The scheme of replacement targets. A client has no use for it; one that sends it is refused as
/// well.
const UNREADABLE: &str = "unreadable-target";

/// Why the target that the client sent is refused; `None` if `uri` is not a replacement target.
pub fn unreadable_target(uri: &Uri) -> Option<UnreadableTarget> {
    if uri.scheme_str()? != UNREADABLE {
        return None;
    }
    let why = UnreadableTarget::ALL.into_iter().find(|why| Some(why.authority()) == uri.host());
    Some(why.unwrap_or(UnreadableTarget::NoPath))
}

/// A stream that checks and corrects request heads while they are read.
pub struct CheckedStream<S> {
    stream: S,
    heads: Heads,
    /// Bytes that were read and not passed on yet. The first `checked` of them may be passed on.
    waiting: Vec<u8>,
    checked: usize,
}

impl<S> CheckedStream<S> {
    /// Checks what is read from `stream`. Writes pass unchanged.
    pub fn new(stream: S) -> Self {
        Self { stream, heads: Heads::default(), waiting: Vec::new(), checked: 0 }
    }

    /// Whether a complete head, or a part of a body, has arrived since the last call.
    pub fn has_request_arrived(&mut self) -> bool {
        std::mem::take(&mut self.heads.request_arrived)
    }

    /// Whether a head has begun and has not ended.
    pub fn is_within_head(&self) -> bool {
        match self.heads.position {
            Position::Fields(_) => true,
            Position::RequestLine => !self.waiting.is_empty(),
            _ => false,
        }
    }

    /// Makes the replacement that is due, if any, and checks the waiting bytes.
    fn check_waiting(&mut self, mut due: Option<Replacement>) {
        loop {
            if let Some(Replacement { length, line }) = due {
                self.waiting.splice(self.checked..self.checked + length, line.iter().copied());
                self.checked += line.len();
            }
            let Checked { passed, replacement } =
                self.heads.check(&mut self.waiting[self.checked..]);
            self.checked += passed;
            due = replacement;
            if due.is_none() {
                break;
            }
        }
        if self.heads.have_ended() {
            self.waiting.truncate(self.checked);
        }
        // The library refuses such a head with 431.
        if self.waiting.len() - self.checked > limits::HEAD_LINE_BYTES {
            self.pass_all();
        }
    }

    /// Stops checking, and releases all waiting bytes.
    fn pass_all(&mut self) {
        self.heads.position = Position::Unknown;
        self.checked = self.waiting.len();
    }

    /// Moves the checked bytes that wait into `buffer`, as far as it has room.
    fn pass_on(&mut self, buffer: &mut ReadBuf<'_>) {
        let count = self.checked.min(buffer.remaining());
        buffer.put_slice(&self.waiting[..count]);
        self.checked -= count;
        if count == self.waiting.len() {
            // Frees the memory: the connection may now be idle for long.
            self.waiting = Vec::new();
        } else {
            self.waiting.drain(..count);
        }
    }
}

/// The number of bytes that are read at a time while a line is incomplete.
const READ_BYTES: usize = 4 * 1024;

impl<S: AsyncRead + Unpin> AsyncRead for CheckedStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.waiting.is_empty() {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
            let fresh = &mut buffer.filled_mut()[before..];
            let Checked { passed, replacement } = this.heads.check(fresh);
            if passed == fresh.len() {
                return Poll::Ready(Ok(()));
            }
            if this.heads.have_ended() {
                buffer.set_filled(before + passed);
                if passed > 0 {
                    return Poll::Ready(Ok(()));
                }
                // An empty read would mean the end of the stream. The inner stream was ready, so it
                // has registered no waker.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            this.waiting.extend_from_slice(&fresh[passed..]);
            buffer.set_filled(before + passed);
            this.check_waiting(replacement);
            // An empty read would mean the end of the stream, so in that case this reads on.
            if passed > 0 {
                return Poll::Ready(Ok(()));
            }
        }
        while this.checked == 0 {
            let before = this.waiting.len();
            this.waiting.resize(before + READ_BYTES, 0);
            let mut more = ReadBuf::new(&mut this.waiting[before..]);
            let read = Pin::new(&mut this.stream).poll_read(context, &mut more);
            let count = more.filled().len();
            this.waiting.truncate(before + count);
            ready!(read)?;
            if count == 0 {
                // The stream ends within a head. The library gets the incomplete head.
                this.pass_all();
                break;
            }
            this.check_waiting(None);
        }
        this.pass_on(buffer);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for CheckedStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// The state of the parser that follows the requests of a connection.
#[derive(Default)]
struct Heads {
    position: Position,
    /// The number of bytes of the incomplete line that were searched for its end.
    searched: usize,
    /// Whether a complete head, or a part of a body, has arrived; see
    /// [`CheckedStream::has_request_arrived`].
    request_arrived: bool,
}

/// What the next byte is part of.
#[derive(Default)]
enum Position {
    /// The request line.
    #[default]
    RequestLine,
    /// The lines after it.
    Fields(Framing),
    /// A body, with the number of bytes that are still to come.
    Body(u64),
    /// A chunked body.
    Chunks(Chunks),
    /// Unknown. The rest of the connection is not checked.
    Unknown,
    /// What follows a request whose target was replaced. It is read, so that the client gets its
    /// response, and discarded.
    Ended,
}

/// What a head says about the length of the body.
#[derive(Default)]
struct Framing {
    is_http_11: bool,
    length: Option<u64>,
    is_chunked: bool,
    follows: Follows,
}

/// What follows a head.
#[derive(Default)]
enum Follows {
    /// A body, with the length that the head says.
    #[default]
    Body,
    /// A tunnel (CONNECT).
    Tunnel,
    /// Nothing that is passed on, because the request line was replaced.
    Nothing,
}

/// The result of a check.
struct Checked {
    /// The number of bytes that may be passed on.
    passed: usize,
    /// The replacement of the line that follows them. If there is none, an incomplete line follows.
    replacement: Option<Replacement>,
}

/// A request line that replaces the next `length` bytes.
struct Replacement {
    length: usize,
    line: Vec<u8>,
}

impl Heads {
    /// Checks the bytes that follow those that were passed on before.
    fn check(&mut self, bytes: &mut [u8]) -> Checked {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &mut bytes[at..];
            self.request_arrived |=
                !matches!(self.position, Position::RequestLine | Position::Fields(_));
            match &mut self.position {
                Position::Unknown => at = bytes.len(),
                Position::Ended => break,
                Position::Body(left) => {
                    let step = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    *left -= step as u64;
                    at += step;
                    if *left == 0 {
                        self.position = Position::RequestLine;
                    }
                }
                Position::Chunks(chunks) => match chunks.pass(rest) {
                    Chunked::GoesOn => at = bytes.len(),
                    Chunked::Ends(count) => {
                        at += count;
                        self.position = Position::RequestLine;
                    }
                    Chunked::Unreadable => self.position = Position::Unknown,
                },
                Position::RequestLine | Position::Fields(_) => {
                    let Some(end) =
                        memchr::memchr(b'\n', rest.get(self.searched..).unwrap_or_default())
                    else {
                        self.searched = rest.len();
                        break;
                    };
                    let length = self.searched + end + 1;
                    self.searched = 0;
                    let line = without_line_break(&mut rest[..length]);
                    let replaced = match &mut self.position {
                        Position::Fields(framing) => {
                            self.position = framing.after(line);
                            self.request_arrived |= !matches!(self.position, Position::Fields(_));
                            None
                        }
                        _ => self.request_line(line),
                    };
                    if let Some(line) = replaced {
                        return Checked {
                            passed: at,
                            replacement: Some(Replacement { length, line }),
                        };
                    }
                    at += length;
                }
            }
        }
        Checked { passed: at, replacement: None }
    }

    /// Whether nothing more is passed on.
    fn have_ended(&self) -> bool {
        matches!(self.position, Position::Ended)
    }

    /// Parses the request line. Returns the line that replaces it, if its target is refused.
    ///
    /// RFC 9112 §3: `method SP request-target SP HTTP-version`. The target is everything between
    /// the first space and the last one, since a target that is not encoded may contain spaces.
    fn request_line(&mut self, line: &[u8]) -> Option<Vec<u8>> {
        // RFC 9112 §2.2: a server "SHOULD ignore at least one empty line (CRLF) received prior to
        // the request-line".
        if line.is_empty() {
            return None;
        }
        let spaces = memchr::memchr(b' ', line).zip(memchr::memrchr(b' ', line));
        let Some((method, target, version)) = spaces
            .filter(|(first, last)| 0 < *first && first < last)
            .map(|(first, last)| (&line[..first], &line[first + 1..last], &line[last + 1..]))
            .filter(|(_, _, version)| matches!(*version, b"HTTP/1.1" | b"HTTP/1.0"))
        else {
            self.position = Position::Unknown;
            return None;
        };
        let why = unreadable(target);
        let follows = match method {
            _ if why.is_some() => Follows::Nothing,
            b"CONNECT" => Follows::Tunnel,
            _ => Follows::Body,
        };
        self.position = Position::Fields(Framing {
            is_http_11: version == b"HTTP/1.1",
            follows,
            ..Framing::default()
        });
        let why = why?;
        let scheme_and_authority = format!("{UNREADABLE}://{}", why.authority());
        let all: [&[u8]; 7] = [
            method,
            b" ",
            scheme_and_authority.as_bytes(),
            readable_path(target),
            b" ",
            version,
            b"\r\n",
        ];
        Some(all.concat())
    }
}

fn without_line_break(line: &mut [u8]) -> &mut [u8] {
    let length = line.len();
    let ending = if line.ends_with(b"\r\n") { 2 } else { 1 };
    &mut line[..length - ending]
}

/// The bytes that the library accepts in both paths and queries: those of RFC 3986 §3.3 and §3.4,
/// and some more.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0x21;
    while byte < 0x7F {
        plain[byte] = !matches!(byte, 0x22 | 0x23 | 0x3C | 0x3E | 0x60 | 0x7B | 0x7D);
        byte += 1;
    }
    plain
};

fn is_plain(byte: u8) -> bool {
    PLAIN[usize::from(byte)]
}

/// Why the library would refuse a target; `None` if it accepts it.
fn unreadable(target: &[u8]) -> Option<UnreadableTarget> {
    let short = target.len() <= limits::REQUEST_TARGET_BYTES;
    if short && target.starts_with(b"/") && target.iter().copied().all(is_plain) {
        return None;
    }
    // The library's parser accepts neither spaces nor control characters. For all others, the form
    // of the URI decides.
    let is_accepted = |byte: &u8| byte.is_ascii_graphic() || !byte.is_ascii();
    let text = str::from_utf8(target).ok().filter(|_| target.iter().all(is_accepted));
    if text.is_some_and(|text| Uri::try_from(text).is_ok()) {
        return None;
    }
    // These are not plain, but need not be encoded either: the library ignores what follows a `#`,
    // and accepts braces.
    let encoded = |byte: u8| is_plain(byte) || matches!(byte, b'#' | b'{' | b'}');
    Some(match () {
        () if !short => UnreadableTarget::TooLong,
        () if target.iter().copied().all(encoded) => UnreadableTarget::NoPath,
        () => UnreadableTarget::Unencoded,
    })
}

/// The readable beginning of a target's path, which determines the format of the error response.
fn readable_path(target: &[u8]) -> &[u8] {
    const LONGEST: usize = 1_000;
    // RFC 9112 §3.2.2: absolute-form has a scheme and an authority before the path.
    let start = if target.starts_with(b"/") {
        Some(0)
    } else {
        let authority = memchr::memmem::find(target, b"://").map(|at| at + 3);
        authority.and_then(|from| memchr::memchr(b'/', &target[from..]).map(|at| from + at))
    };
    let Some(path) = start.map(|start| &target[start..]) else { return b"/" };
    let end =
        path.iter().take(LONGEST).take_while(|byte| **byte != b'?' && is_plain(**byte)).count();
    &path[..end]
}

impl Framing {
    /// Parses a line after the request line. Returns what the next byte is part of.
    fn after(&mut self, line: &mut [u8]) -> Position {
        if line.is_empty() {
            return self.body();
        }
        let Some(colon) = memchr::memchr(b':', line) else { return Position::Unknown };
        let (name, value) = line.split_at_mut(colon);
        let value = &mut value[1..];
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        let is_unambiguous = match name.len() {
            // RFC 9110 §7.8: "A server MAY ignore a received Upgrade header field if it wishes to
            // continue using the current protocol on that connection." The bridge has no other
            // protocol.
            7 if is(b"upgrade") => {
                value.fill(b' ');
                true
            }
            // RFC 9110 §5.6.1.2: "A recipient MUST parse and ignore a reasonable number of empty
            // list elements".
            10 if is(b"connection") => {
                let options = value.split_mut(|byte| *byte == b',');
                let upgrades =
                    options.filter(|option| option.trim_ascii().eq_ignore_ascii_case(b"upgrade"));
                upgrades.for_each(|option| option.fill(b' '));
                true
            }
            // The library refuses a head with two lengths, or with one that is not a number.
            14 if is(b"content-length") => {
                let before = self.length.replace(0);
                let length = digits(value.trim_ascii());
                self.length = length;
                before.is_none() && length.is_some()
            }
            // The library accepts only the transfer coding `chunked`, once, and only in HTTP/1.1.
            17 if is(b"transfer-encoding") => {
                let first = !self.is_chunked && self.is_http_11;
                self.is_chunked = value.trim_ascii().eq_ignore_ascii_case(b"chunked");
                self.is_chunked && first
            }
            _ => true,
        };
        if is_unambiguous { Position::Fields(std::mem::take(self)) } else { Position::Unknown }
    }

    /// What follows the head (RFC 9112 §6.3).
    fn body(&self) -> Position {
        match (&self.follows, self.is_chunked, self.length) {
            (Follows::Nothing, ..) => Position::Ended,
            // A chunked body with a length could be one request or two; the library refuses it.
            (Follows::Tunnel, ..) | (Follows::Body, true, Some(_)) => Position::Unknown,
            (Follows::Body, true, None) => Position::Chunks(Chunks::default()),
            (Follows::Body, false, None | Some(0)) => Position::RequestLine,
            (Follows::Body, false, Some(length)) => Position::Body(length),
        }
    }
}

/// Parses a number that consists of digits only.
fn digits(text: &[u8]) -> Option<u64> {
    let number = text.iter().all(u8::is_ascii_digit).then_some(text)?;
    str::from_utf8(number).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
