//! The parser that follows the requests of a connection, so that it is known which bytes are lines
//! of a head.

use super::chunks::{ChunkFraming, Chunked};
use super::target::{UNREADABLE, readable_path, unreadable};
use crate::http::errors::bodies::is_scim_path;

/// The state of the parser that follows the requests of a connection.
#[derive(Default)]
pub(super) struct Heads {
    position: Position,
    /// The number of bytes of the incomplete line that were searched for its end.
    searched: usize,
    /// Whether a complete head, or a part of a body, has arrived; see
    /// [`Heads::has_request_arrived`].
    request_arrived: bool,
    /// What the last request line requests.
    requested: Requested,
}

/// What a request line requests, as far as the response to an unreadable head depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requested {
    /// Whether the path is one of SCIM, whose errors have a form of their own.
    pub is_scim: bool,
    /// Whether the method is HEAD, so that the response has no body.
    pub is_head: bool,
}

impl Requested {
    fn new(method: &[u8], target: &[u8]) -> Self {
        let path = str::from_utf8(readable_path(target)).unwrap_or_default();
        Self { is_scim: is_scim_path(path), is_head: method == b"HEAD" }
    }
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
    ChunkFraming(ChunkFraming),
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
pub(super) struct Checked {
    /// The number of bytes that may be passed on.
    pub(super) passed: usize,
    /// The replacement of the line that follows them. If there is none, an incomplete line follows.
    pub(super) replacement: Option<Replacement>,
}

/// A request line that replaces the next `length` bytes.
pub(super) struct Replacement {
    pub(super) length: usize,
    pub(super) line: Vec<u8>,
}

impl Heads {
    /// Whether a complete head, or a part of a body, has arrived since the last call.
    pub(super) fn has_request_arrived(&mut self) -> bool {
        std::mem::take(&mut self.request_arrived)
    }

    /// What the last request line requests.
    pub(super) fn requested(&self) -> Requested {
        self.requested
    }

    /// Whether a head has begun and has not ended. `has_begun` says whether a part of the next
    /// line has arrived.
    pub(super) fn is_within_head(&self, has_begun: bool) -> bool {
        match self.position {
            Position::Fields(_) => true,
            Position::RequestLine => has_begun,
            _ => false,
        }
    }

    /// Passes on the rest of the connection unchecked.
    pub(super) fn stop_checking(&mut self) {
        self.position = Position::Unknown;
    }

    /// Checks the bytes that follow those that were passed on before.
    pub(super) fn check(&mut self, bytes: &mut [u8]) -> Checked {
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
                Position::ChunkFraming(chunks) => match chunks.pass(rest) {
                    Chunked::GoesOn => at = bytes.len(),
                    Chunked::Ends(count) => {
                        at += count;
                        self.position = Position::RequestLine;
                    }
                    Chunked::Unreadable => self.position = Position::Unknown,
                },
                Position::RequestLine | Position::Fields(_) => {
                    let Some(length) = self.line_length(rest) else { break };
                    if let Some(line) = self.line(&mut rest[..length]) {
                        let replacement = Some(Replacement { length, line });
                        return Checked { passed: at, replacement };
                    }
                    at += length;
                }
            }
        }
        Checked { passed: at, replacement: None }
    }

    /// The length of the next line, with its line break; `None` if the line is incomplete.
    fn line_length(&mut self, rest: &[u8]) -> Option<usize> {
        let unsearched = rest.get(self.searched..).unwrap_or_default();
        let Some(end) = memchr::memchr(b'\n', unsearched) else {
            self.searched = rest.len();
            return None;
        };
        Some(std::mem::take(&mut self.searched) + end + 1)
    }

    /// Parses a line of a head. Returns the line that replaces it, if it is replaced.
    fn line(&mut self, line: &mut [u8]) -> Option<Vec<u8>> {
        let line = without_line_break(line);
        if let Position::Fields(framing) = &mut self.position {
            self.position = framing.after(line);
            self.request_arrived |= !matches!(self.position, Position::Fields(_));
            return None;
        }
        self.request_line(line)
    }

    /// Whether nothing more is passed on.
    pub(super) fn have_ended(&self) -> bool {
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
        self.requested = Requested::default();
        let spaces = memchr::memchr(b' ', line).zip(memchr::memrchr(b' ', line));
        let Some((method, target, version)) = spaces
            .filter(|(first, last)| 0 < *first && first < last)
            .map(|(first, last)| (&line[..first], &line[first + 1..last], &line[last + 1..]))
            .inspect(|(method, target, _)| self.requested = Requested::new(method, target))
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
            (Follows::Body, true, None) => Position::ChunkFraming(ChunkFraming::default()),
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

fn without_line_break(line: &mut [u8]) -> &mut [u8] {
    let length = line.len();
    let ending = if line.ends_with(b"\r\n") { 2 } else { 1 };
    &mut line[..length - ending]
}
