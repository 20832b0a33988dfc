//! Through the layer the library must read the same as without it, except for what the layer
//! corrects.

use std::collections::VecDeque;
use std::task::Waker;

use actix_codec::Decoder;
use actix_http::h1::{Codec, Message};
use actix_http::{HttpMessage, ServiceConfig};
use actix_web::http::Uri;
use actix_web::web::BytesMut;
use proptest::prelude::*;

use super::UnreadableTarget::{NoPath, TooLong, Unencoded};
use super::target::UNREADABLE;
use super::*;

/// A stream that delivers these chunks, with a pending read before each.
struct Pieces(VecDeque<Vec<u8>>, bool);

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.1 = !self.1;
        if self.1 {
            return Poll::Pending;
        }
        if let Some(mut piece) = self.0.pop_front() {
            let rest = piece.split_off(piece.len().min(buffer.remaining()));
            buffer.put_slice(&piece);
            if !rest.is_empty() {
                self.0.push_front(rest);
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Returns what the library gets of `bytes` if they arrive in chunks of `piece` bytes and it reads
/// up to `room` at once.
fn checked(bytes: &[u8], piece: usize, room: usize) -> Vec<u8> {
    let pieces = bytes.chunks(piece).map(<[u8]>::to_vec).collect();
    let mut stream = CheckedStream::new(Pieces(pieces, false));
    let mut context = Context::from_waker(Waker::noop());
    let mut all = Vec::new();
    // Each round reads at least one byte or is pending once, so this many are enough.
    for _ in 0..bytes.len() * 8 + 1_000 {
        let mut buffer = vec![0; room];
        let mut buffer = ReadBuf::new(&mut buffer);
        match Pin::new(&mut stream).poll_read(&mut context, &mut buffer) {
            Poll::Pending => {
                assert!(buffer.filled().is_empty(), "what is pending has nothing");
            }
            Poll::Ready(read) => {
                read.unwrap();
                if buffer.filled().is_empty() {
                    assert!(stream.waiting.is_empty(), "something was kept back");
                    return all;
                }
                all.extend_from_slice(buffer.filled());
            }
        }
    }
    panic!("the stream does not end");
}

/// A request as the library reads it.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    keeps: bool,
    complete: bool,
}

thread_local! {
    /// The library's configuration, which can only be created in a runtime.
    static CONFIG: ServiceConfig =
        actix_web::rt::Runtime::new().unwrap().block_on(async { ServiceConfig::default() });
}

/// Returns all requests that the library reads, and whether it refuses the bytes after them.
fn read(bytes: &[u8]) -> (Vec<Read>, bool) {
    let mut codec = Codec::new(CONFIG.with(Clone::clone));
    let mut bytes = BytesMut::from(bytes);
    let mut all: Vec<Read> = Vec::new();
    loop {
        match codec.decode(&mut bytes) {
            Ok(Some(Message::Item(request))) => {
                let mut headers: Vec<_> = request
                    .headers()
                    .iter()
                    .map(|(name, value)| {
                        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
                    })
                    .filter(|(name, _)| !matches!(name.as_str(), "upgrade" | "connection"))
                    .collect();
                headers.sort();
                all.push(Read {
                    line: format!("{} {} {:?}", request.method(), request.uri(), request.version()),
                    headers,
                    body: Vec::new(),
                    keeps: codec.keep_alive(),
                    complete: matches!(codec.message_type(), actix_http::h1::MessageType::None),
                });
            }
            Ok(Some(Message::Chunk(Some(chunk)))) => {
                all.last_mut().unwrap().body.extend_from_slice(&chunk);
            }
            Ok(Some(Message::Chunk(None))) => all.last_mut().unwrap().complete = true,
            Ok(None) => return (all, false),
            Err(_) => return (all, true),
        }
    }
}

#[test]
fn upgrade_offers_are_removed() {
    for offer in [
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n",
        "Connection: upgrade\r\n",
        "connection:UPGRADE\r\n",
        "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n",
        "Connection: keep-alive\r\nConnection:  upgrade \r\nUPGRADE:WebSocket\r\n",
        "Upgrade: websocket\r\n",
        "Connection: ,upgrade,\tupgrade\t,\r\n",
    ] {
        for body in [
            "\r\n",
            "Content-Length: 5\r\n\r\nhello",
            "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nTrailer: t\r\n\r\n",
        ] {
            let request = format!("POST /scim/v2/.search HTTP/1.1\r\nHost: x\r\n{offer}{body}");
            let all = request.repeat(3) + "GET /next HTTP/1.1\r\nHost: x\r\n\r\n";
            let (requests, refused) = read(&checked(all.as_bytes(), 7, 4_096));
            assert_eq!((requests.len(), refused), (4, false), "{request}");
            let expected: &[u8] = if body == "\r\n" { b"" } else { b"hello" };
            for one in &requests[..3] {
                assert!(one.keeps && one.complete && one.body == expected, "{offer}: {one:?}");
            }
        }
    }
    let closing = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close, upgrade\r\n\r\n";
    assert!(
        !read(&checked(closing.as_bytes(), 100, 100)).0[0].keeps,
        "who wants to close still does"
    );
    let old = "GET / HTTP/1.0\r\nConnection: upgrade\r\n\r\n";
    assert!(
        !read(&checked(old.as_bytes(), 100, 100)).0[0].keeps,
        "HTTP/1.0 keeps nothing by itself"
    );
}

#[test]
fn bodies_are_left_alone_whatever_they_look_like() {
    let inner = "GET /a b HTTP/1.1\r\nConnection: upgrade\r\n\r\n";
    for framing in [
        format!("Content-Length: {}\r\n\r\n{inner}", inner.len()),
        format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{inner}\r\n0\r\n\r\n", inner.len()),
    ] {
        let request = format!("POST / HTTP/1.1\r\nHost: x\r\n{framing}");
        assert_eq!(checked(request.as_bytes(), 5, 64), request.as_bytes());
    }
}

#[test]
fn targets_that_the_library_does_not_read_are_distinguished() {
    let refused = |target: &str| {
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: x\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n"
        );
        let (requests, broken) = read(&checked(request.as_bytes(), 50_000, 50_000));
        assert!(!broken, "{target}");
        let uri: Uri = requests[0].line.split(' ').nth(1).unwrap().parse().unwrap();
        let why = unreadable_target(&uri);
        assert_eq!(
            requests.len(),
            if why.is_none() { 2 } else { 1 },
            "{target}: what follows is handed on to nobody"
        );
        why.map(|why| (why, uri.path().to_owned()))
    };
    for (target, path) in [
        ("/scim/v2/Users?filter=userName eq \"a@b.example\"", "/scim/v2/Users"),
        ("/scim/v2/Users?filter=userName%20eq%20\"a\"", "/scim/v2/Users"),
        ("/scim/v2/Users?filter=displayName+eq+Zoë", "/scim/v2/Users"),
        ("/scim/v2/Users?x=<y>", "/scim/v2/Users"),
        ("/scim/v2/Users/ä", "/scim/v2/Users/"),
        ("/scim/v2/ Users", "/scim/v2/"),
        (" /scim/v2/Users", "/"),
        ("/api/v1/accounts HTTP/1.1 x", "/api/v1/accounts"),
        ("http://h.example/api/v1/accounts?q=a b", "/api/v1/accounts"),
        ("/a\tb", "/a"),
        ("/a\u{7f}", "/a"),
        ("é", "/"),
        ("/a#b c", "/a"),
    ] {
        assert_eq!(refused(target), Some((Unencoded, path.to_owned())), "{target}");
    }
    assert_eq!(refused("scim/v2/Users"), Some((NoPath, "/".to_owned())));
    for long in ["x".repeat(70_000), " ".repeat(40_000), "é".repeat(40_000)] {
        assert_eq!(
            refused(&format!("/scim/v2?filter={long}")),
            Some((TooLong, "/scim/v2".to_owned()))
        );
    }
    for fine in [
        "/",
        "/scim/v2/Users?filter=a%20eq%20%22b%22&x={[|]}^~!$'()*,;:@",
        "/\"{}\"",
        "*",
        "http://h.example/a",
        "/a#\"b\"",
        "/a#é",
    ] {
        assert_eq!(refused(fine), None, "{fine}");
    }
}

#[test]
fn other_lines_pass_unchanged() {
    for text in [
        "GET /a b HTTP/2.0\r\n\r\n",
        "GET /\r\n\r\n",
        " GET / HTTP/1.1\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\u{16}\u{3}\u{1}\r\nConnection: upgrade\r\n",
        "CONNECT h.example:443 HTTP/1.1\r\nHost: x\r\n\r\nConnection: upgrade\r\n",
        "GET / HTTP/1.1\r\nno field\r\nConnection: upgrade\r\n",
    ] {
        assert_eq!(checked(text.as_bytes(), 3, 64), text.as_bytes(), "{text}");
    }
    let endless = "x".repeat(3 * limits::HEAD_LINE_BYTES);
    assert_eq!(checked(endless.as_bytes(), 4_000, 8_192), endless.as_bytes());
}

/// Header lines, valid and invalid.
fn line() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "Host: x",
        "Accept: */*",
        "Content-Length: 3",
        "content-length:4",
        "Content-Length: 0",
        "Content-Length: +3",
        "Content-Length: 3, 3",
        "Content-Length: 99999999999999999999",
        "Content-Length : 3",
        "Transfer-Encoding: chunked",
        "transfer-encoding: Chunked ",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding:\tchunked",
        "Transfer_Encoding: chunked",
        " Transfer-Encoding: chunked",
        "X: a\rb",
        "X: é",
        ": x",
        "no colon",
        "Connection: close",
        "Connection: keep-alive",
        "Expect: 100-continue",
    ])
    .prop_map(str::to_owned)
}

fn body() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "",
        "abc",
        "abcd",
        "3\r\nabc\r\n0\r\n\r\n",
        "3\r\nabc\r\n0\r\nA: b\r\n\r\n",
        "03 ;x=\"y\"\r\nabc\r\n0\r\n\r\n",
        "3\nabc\n0\n\n",
        "3\r\nabc0\r\n\r\n",
        "g\r\n",
        "-1\r\n",
        "ffffffffffffffff0\r\n",
        "0\r\n\r",
        "0\r\nx\r\r\n\r\n",
        "\r\n",
    ])
    .prop_map(str::to_owned)
}

fn request() -> impl Strategy<Value = String> {
    let start = prop::sample::select(vec![
        "GET / HTTP/1.1",
        "POST /a?b HTTP/1.1",
        "POST /a HTTP/1.0",
        "PUT /a HTTP/1.1",
        "CONNECT a:1 HTTP/1.1",
        "GET  /a HTTP/1.1",
        "GET /a\" HTTP/1.1",
        "GET /a?\" HTTP/1.1",
        "GET /a b HTTP/1.1",
        "GET /a#b c HTTP/1.1",
        "GET /a#é HTTP/1.1",
        "GET a HTTP/1.1",
        "GET /a HTTP/1.2",
        "GET /a",
        "",
    ]);
    let end = prop::sample::select(vec!["\r\n", "\r\n", "\r\n", "\n", "\r\r\n"]);
    (start, end, prop::collection::vec(line(), 0..4), body()).prop_map(
        |(start, end, lines, body)| {
            let lines: String = lines.iter().flat_map(|line| [line.as_str(), end]).collect();
            format!("{start}{end}Host: h{end}{lines}{end}{body}")
        },
    )
}

fn offer() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n",
        "Connection: upgrade\r\n",
        "Upgrade: websocket\r\n",
        "upgrade:WEBSOCKET\r\nConnection:UPGRADE\r\n",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// A series of valid and invalid requests is read as without the layer, however the bytes
    /// arrive.
    #[test]
    fn the_library_sees_the_same_requests(
        requests in prop::collection::vec(request(), 1..4),
        (piece, room) in (1_usize..200, 1_usize..200),
        noise in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..2),
    ) {
        let mut bytes = requests.concat().into_bytes();
        for (at, byte) in noise {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let through = checked(&bytes, piece, room);
        prop_assert_eq!(&through, &checked(&bytes, bytes.len(), 8_192), "it depends on how the bytes come");
        let ((mut with, broken_with), (without, broken)) = (read(&through), read(&bytes));
        // An unreadable target ends the connection with and without the layer.
        if with.last().is_some_and(|one| one.line.contains(UNREADABLE)) {
            with.pop();
            prop_assert!(broken);
        } else {
            prop_assert_eq!(broken_with, broken);
        }
        prop_assert!(with.iter().all(|one| !one.line.contains(UNREADABLE)));
        prop_assert_eq!(with, without);
    }

    /// An offer to upgrade does not change what the library reads.
    #[test]
    fn an_offer_changes_nothing(
        requests in prop::collection::vec(request(), 1..4),
        offers in prop::collection::vec(offer(), 4),
        piece in 1_usize..200,
    ) {
        let plain = requests.concat();
        // After CONNECT the bytes are a tunnel, which the layer passes unchanged.
        prop_assume!(!plain.contains("CONNECT"));
        // If a request was read as the body of the one before it, an offer inserted there would
        // change that body.
        if read(plain.as_bytes()).0.len() < requests.len() {
            return Ok(());
        }
        let offering: String = requests
            .iter()
            .zip(&offers)
            .map(|(request, offer)| request.replacen("Host: h", &format!("{offer}Host: h"), 1))
            .collect();
        prop_assert_eq!(read(&checked(offering.as_bytes(), piece, 8_192)), read(&checked(plain.as_bytes(), piece, 8_192)));
    }

    /// The layer passes all bytes on, whatever they are.
    #[test]
    fn all_bytes_pass(bytes in prop::collection::vec(any::<u8>(), 1..400), piece in 1_usize..50) {
        let through = checked(&bytes, piece, 64);
        prop_assert!(!through.is_empty());
    }
}
