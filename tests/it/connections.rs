//! Offers to upgrade a connection, and malformed request lines, as clients and proxies send them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::bridge::{Bridge, dozen};

/// A connection, with the bytes that were read from it.
struct Socket {
    stream: TcpStream,
    read: Vec<u8>,
}

/// A response: its head in lower case, and its body.
struct Raw {
    head: String,
    body: String,
}

impl Raw {
    fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }
}

impl Socket {
    fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, read: Vec::new() }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Returns the next response; `None` if the bridge closed the connection.
    fn answer(&mut self) -> Option<Raw> {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            if !self.more() {
                assert!(
                    self.read.is_empty(),
                    "half an answer: {}",
                    String::from_utf8_lossy(&self.read)
                );
                return None;
            }
        };
        let head =
            String::from_utf8(self.read.drain(..end).collect()).unwrap().to_ascii_lowercase();
        let mut raw = Raw { head, body: String::new() };
        let length = raw.header("content-length").map_or(0, |length| length.parse().unwrap());
        while self.read.len() < length {
            assert!(self.more(), "half a body");
        }
        raw.body = String::from_utf8(self.read.drain(..length).collect()).unwrap();
        Some(raw)
    }

    fn more(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(count) => {
                self.read.extend_from_slice(&buffer[..count]);
                count > 0
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => false,
            Err(error) => panic!("no answer came: {error}"),
        }
    }
}

/// Runs a blocking function on another thread, and passes on its panic.
async fn beside(deed: impl FnOnce() + Send + 'static) {
    tokio::task::spawn_blocking(deed).await.unwrap();
}

/// Headers with which clients and proxies offer another protocol.
const OFFERS: [&str; 7] = [
    // Java's HttpClient, since Java 11.
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA\r\n",
    // A widely copied snippet for nginx, with and without a protocol to upgrade to.
    "Connection: upgrade\r\n",
    "Upgrade: websocket\r\nConnection: upgrade\r\n",
    "Connection: keep-alive, Upgrade\r\nUpgrade: TLS/1.0, h2c\r\n",
    "CONNECTION:UPGRADE\r\n",
    "Connection: keep-alive\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n",
    "Upgrade: websocket\r\n",
];

#[tokio::test(flavor = "multi_thread")]
async fn offers_to_upgrade_are_ignored_and_the_connection_is_kept() {
    let bridge = Bridge::serving(dozen()).await;
    let address = bridge.app.address();
    let token = bridge.token.clone();
    beside(move || {
        let start = format!(
            "POST /scim/v2/Users/.search HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/scim+json\r\n"
        );
        for offer in OFFERS {
            let mut socket = Socket::to(address);
            for count in 0..50 {
                let body = format!("{{\"count\": {count}}}");
                let request = match count % 3 {
                    0 => format!("{start}{offer}Content-Length: {}\r\n\r\n{body}", body.len()),
                    1 => format!(
                        "{start}{offer}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
                        body.len()
                    ),
                    _ => format!("{start}Content-Length: {}\r\n{offer}\r\n{body}", body.len()),
                };
                // As over a slow connection: the head, or the offer itself, arrives in two parts.
                let part = (start.len() + 3 + count) % request.len();
                let (first, second) = request.as_bytes().split_at(part);
                socket.send(first);
                socket.send(second);
                let answer = socket.answer().unwrap_or_else(|| panic!("{offer}: closed before answer {count}"));
                assert_eq!(
                    (answer.status(), answer.header("connection")),
                    (200, None),
                    "{offer} {count}: {}",
                    answer.head
                );
                assert_eq!(answer.json()["itemsPerPage"], json!(count.min(12)), "{offer}: the body was read");
            }
            // Several requests at once. The last one has `Connection: close`.
            let get = format!("GET /healthz HTTP/1.1\r\nHost: h\r\n{offer}\r\n");
            let last = format!("GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{offer}\r\n");
            socket.send(format!("{get}{get}{last}").as_bytes());
            for _ in 0..3 {
                assert_eq!(socket.answer().unwrap().status(), 200, "{offer}");
            }
            assert!(socket.answer().is_none(), "{offer}: who wants to close is let go");
        }
    })
    .await;
    bridge.stop().await;
}

/// Sends a request with this target, and a valid one behind it. Asserts that the bridge answers
/// the first alone, and closes the connection.
fn refused_target(address: SocketAddr, token: &str, method: &str, target: &[u8]) -> Raw {
    let mut socket = Socket::to(address);
    let mut request = format!("{method} ").into_bytes();
    request.extend_from_slice(target);
    request
        .extend_from_slice(b" HTTP/1.1\r\nHost: h\r\nX-Request-Id: mine\r\nAuthorization: Bearer ");
    request.extend_from_slice(
        format!("{token}\r\n\r\nGET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes(),
    );
    socket.send(&request);
    let answer = socket.answer().expect("an answer");
    assert!(socket.answer().is_none(), "the request behind it is not answered");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_not_percent_encoded_is_refused_with_a_scim_error() {
    let bridge = Bridge::serving(dozen()).await;
    let address = bridge.app.address();
    let token = bridge.token.clone();
    beside(move || {
        let query = |text: &str| format!("/scim/v2/Users?filter={text}").into_bytes();
        for target in [
            query("userName eq \"ada@example.com\""),
            query("userName%20eq%20\"ada@example.com\""),
            query("userName+eq+\"zo\u{eb}@example.com\""),
            query("a<b"),
            query("a>b"),
            query("a b"),
            query("a\tb"),
            query("a\u{7f}b"),
            query("a\u{0}b"),
            b"/scim/v2/Users?filter=title+eq+%22\xe9\xff%22".to_vec(),
            b"/scim/v2/Users/adm 1".to_vec(),
            b"/workspaces/default/scim/v2/Groups?filter=a\"".to_vec(),
            b"http://h/scim/v2/Users?filter=a b".to_vec(),
        ] {
            let shown = String::from_utf8_lossy(&target).into_owned();
            let answer = refused_target(address, &token, "GET", &target);
            assert_eq!(
                (answer.status(), answer.header("connection")),
                (400, Some("close")),
                "{shown}"
            );
            assert_eq!(answer.header("content-type"), Some("application/scim+json"), "{shown}");
            assert_eq!(answer.header("x-request-id"), Some("mine"), "{shown}");
            let body = answer.json();
            assert_eq!(
                (&body["status"], &body["scimType"]),
                (&json!("400"), &json!("invalidSyntax")),
                "{shown}"
            );
            let detail = body["detail"].as_str().unwrap();
            assert!(detail.contains("percent-encoded") && detail.contains("%20"), "{detail}");
        }
    })
    .await;
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_error_of_an_invalid_target_fits_its_api_and_its_method() {
    let bridge = Bridge::serving(dozen()).await;
    let address = bridge.app.address();
    let token = bridge.token.clone();
    beside(move || {
        let refused = |method: &str, target: &[u8]| refused_target(address, &token, method, target);
        let problem = refused("GET", b"/api/v1/accounts?as_of=2026-03-01 12:00:00Z");
        assert_eq!(
            (problem.status(), problem.header("content-type")),
            (400, Some("application/problem+json"))
        );
        assert_eq!(problem.json()["code"], json!("invalid_syntax"));
        assert_eq!(refused("POST", b"/oauth/token?a b").json()["code"], json!("invalid_syntax"));
        let mut socket = Socket::to(address);
        socket.send(b"HEAD /scim/v2/Users?a b HTTP/1.1\r\nHost: h\r\n\r\n");
        while socket.more() {}
        assert!(
            socket.read.starts_with(b"HTTP/1.1 400 ") && socket.read.ends_with(b"\r\n\r\n"),
            "the response to HEAD has no body"
        );
        // An unread body does not prevent the response.
        let mut socket = Socket::to(address);
        socket.send(
            b"POST /scim/v2/.search?a b HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n",
        );
        socket.send("x".repeat(100_000).as_bytes());
        assert_eq!(socket.answer().unwrap().status(), 400);
        let relative = refused("GET", b"scim/v2/Users").json();
        assert!(relative["detail"].as_str().unwrap().contains("begins with a slash"), "{relative}");
        let long = format!("/scim/v2/Users?filter={}", "x".repeat(70_000));
        let long = refused("GET", long.as_bytes());
        assert_eq!((long.status(), &long.json()["status"]), (413, &json!("413")));
    })
    .await;
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn characters_that_need_no_encoding_are_accepted_in_a_target() {
    let bridge = Bridge::serving(dozen()).await;
    let address = bridge.app.address();
    beside(move || {
        let mut socket = Socket::to(address);
        socket.send(b"GET /healthz?{a}|^~[b]'()*,;:@!$#c HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(socket.answer().unwrap().status(), 200);
    })
    .await;
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_could_be_read_as_two_requests_are_refused() {
    let bridge = Bridge::serving(dozen()).await;
    let address = bridge.app.address();
    beside(move || {
        let smuggled = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
        let offers = ["", OFFERS[0], OFFERS[1], OFFERS[2]];
        for framing in [
            "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
            "Content-Length: 4\r\nContent-Length: 4\r\n",
            "Content-Length: 4\r\nContent-Length: 0\r\n",
            "Content-Length: 4, 4\r\n",
            "Content-Length: +4\r\n",
            "Content-Length: -4\r\n",
            "Content-Length: 0x4\r\n",
            "Content-Length : 4\r\n",
            "Content-Length:\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked, identity\r\n",
            "Transfer-Encoding: xchunked\r\n",
            "Transfer-Encoding : chunked\r\n",
            "Transfer-Encoding: \u{b}chunked\r\n",
            "X: y\r\n Transfer-Encoding: chunked\r\n",
            "X: y\rTransfer-Encoding: chunked\r\n",
            "\u{0}: y\r\n",
        ] {
            for offer in offers {
                let mut socket = Socket::to(address);
                let head = format!("POST /oauth/token HTTP/1.1\r\nHost: h\r\n{offer}{framing}\r\n");
                socket.send(format!("{head}0\r\n\r\n{smuggled}").as_bytes());
                let answer = socket.answer().unwrap_or_else(|| panic!("{framing}: no answer"));
                assert_eq!(answer.status(), 400, "{framing}{offer}");
                assert!(socket.answer().is_none(), "{framing}{offer}: something follows");
            }
        }
    })
    .await;
    bridge.stop().await;
}
