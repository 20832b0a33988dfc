//! Traces, as a collector gets them.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use simulator::{Options, Simulator};

use crate::support::bridge::{dozen, free_port, http};
use crate::support::hand::TOKEN;
use crate::support::secrets;
use crate::support::shell::Shell;
use crate::support::waiting::until;

/// Starts a collector that keeps what it receives.
fn collector() -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, kept) =
        (format!("http://{}", listener.local_addr().unwrap()), Arc::new(Mutex::new(Vec::new())));
    let keeper = Arc::clone(&kept);
    std::thread::spawn(move || {
        for stream in listener.incoming().take(200) {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            let mut chunk = [0; 16 * 1024];
            while !is_whole(&request) {
                match stream.read(&mut chunk) {
                    Ok(read @ 1..) => request.extend_from_slice(&chunk[..read]),
                    _ => break,
                }
            }
            keeper.lock().unwrap().extend_from_slice(&request);
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    (address, kept)
}

fn is_whole(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    request.len() >= end + 4 + length.unwrap_or(0)
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_requests_imports_and_calls_in_their_callers_trace_and_nobodys_name() {
    let simulator = Simulator::start(dozen(), Options::default()).unwrap();
    let (endpoint, kept) = collector();
    let base = format!("127.0.0.1:{}", free_port());
    let shell = Shell::new()
        .set("INTERCOM_ACCESS_TOKEN", TOKEN)
        .set("INTERCOM_BASE_URL", simulator.base_url())
        .set("BRIDGE_SERVER__BIND", &base)
        .set("BRIDGE_TELEMETRY__OTLP_ENDPOINT", endpoint);
    let token = shell.run(&["token", "issue"]);
    let token = secrets::keep(token.stdout.trim());
    let running = shell.start(&["serve"]);
    let url =
        format!("http://{base}/scim/v2/Users?filter=userName%20eq%20%22somebody%40example.com%22");
    until("the bridge serves users", async || {
        let request = http().get(&url).bearer_auth(&token);
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let answer =
            request.header("traceparent", parent).header("X-Request-Id", "task-7").send().await;
        answer.is_ok_and(|answer| answer.status() == 200)
    })
    .await;
    assert_eq!(running.interrupt().code, Some(0), "what is left is sent at the end");
    let kept = kept.lock().unwrap().clone();
    assert!(kept.starts_with(b"POST /v1/traces HTTP/1.1"), "{}", String::from_utf8_lossy(&kept));
    let trace = [
        0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6, 0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47,
        0x36,
    ];
    assert!(holds(&kept, &trace), "the caller's trace goes on");
    for wanted in [
        "intercom-scim-bridge",
        "GET /scim/v2/Users",
        "task-7",
        "import full",
        "GET /admins",
        "GET /teams",
    ] {
        assert!(holds(&kept, wanted.as_bytes()), "{wanted}: {}", String::from_utf8_lossy(&kept));
    }
    for never in ["somebody", "northwind", TOKEN, &token] {
        assert!(!holds(&kept, never.as_bytes()), "{never}");
    }
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_silent_keeps_no_bridge_from_ending() {
    let simulator = Simulator::start(dozen(), Options::default()).unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("127.0.0.1:{}", free_port());
    let shell = Shell::new()
        .set("INTERCOM_ACCESS_TOKEN", TOKEN)
        .set("INTERCOM_BASE_URL", simulator.base_url())
        .set("BRIDGE_SERVER__BIND", &base)
        .set("BRIDGE_TELEMETRY__OTLP_ENDPOINT", format!("http://{}", silent.local_addr().unwrap()));
    let running = shell.start(&["serve"]);
    until("the bridge is ready", async || {
        let answer = http().get(format!("http://{base}/readyz")).send().await;
        answer.is_ok_and(|answer| answer.status() == 200)
    })
    .await;
    assert_eq!(running.interrupt().code, Some(0));
    simulator.stop().await;
}
