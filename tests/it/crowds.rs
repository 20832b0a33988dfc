//! Many connections at once, and connections while the bridge stops.

use std::time::Duration;

use intercom_scim_bridge::access::Scope;
use intercom_scim_bridge::limits;
use serde_json::Value;

use crate::commands::{dozen_simulated, shell};
use crate::support::bridge::{Bridge, dozen, free_port, http, token};
use crate::support::waiting::{eventually, until};
use crate::support::wire::{Wire, get};

/// Waits until this number of connections was closed to make room. All connections before them were
/// accepted by then.
async fn gave_way(bridge: &Bridge, count: u64) {
    eventually("connections gave way", async || {
        let standing = bridge.app.service().connections.standing();
        if standing.gave_way >= count { Ok(()) } else { Err(standing) }
    })
    .await;
}

const USERS: &str = "/scim/v2/Users?count=1";

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_a_share_of_connections_and_its_longest_idle_one_is_closed() {
    let bridge =
        Bridge::serving_with(dozen(), |config| config.limits.max_connections_per_address = 5).await;
    let address = bridge.app.address();
    let token = bridge.token.clone();
    let mut others = Wire::from(3, address).await;
    assert_eq!(others.ask(USERS, &token).await.unwrap().status(), 200);
    let mut kept = Vec::new();
    for _ in 0..5 {
        let mut wire = Wire::from(2, address).await;
        assert_eq!(wire.ask(USERS, &token).await.unwrap().status(), 200);
        kept.push(wire);
    }
    // The first connection is used again, so that the second one has been idle the longest.
    assert_eq!(kept[0].ask(USERS, &token).await.unwrap().status(), 200);
    let mut sixth = Wire::from(2, address).await;
    assert_eq!(sixth.ask(USERS, &token).await.unwrap().status(), 200);
    assert!(kept[1].head().await.is_none(), "it was closed");
    for stays in [0, 2, 3, 4] {
        assert_eq!(kept[stays].ask(USERS, &token).await.unwrap().status(), 200, "{stays}");
    }
    assert_eq!(others.ask(USERS, &token).await.unwrap().status(), 200, "others are not concerned");
    let standing = bridge.app.service().connections.standing();
    assert_eq!((standing.gave_way, standing.refused), (1, 0));
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_and_endless_heads_block_no_other_client() {
    let bridge = Bridge::serving_with(dozen(), |config| {
        (config.limits.max_connections, config.limits.max_connections_per_address) = (20, 0);
    })
    .await;
    let address = bridge.app.address();
    let token = bridge.token.clone();
    let mut held = Vec::new();
    for number in 0..100 {
        let mut wire = Wire::from(2 + number % 50, address).await;
        match number % 4 {
            0 => {}
            1 => wire.send("G").await,
            2 => wire.send("GET /healthz HTTP/1.1\r\nHost: h\r\nX-Slow: ").await,
            _ => assert_eq!(wire.ask(USERS, &token).await.unwrap().status(), 200),
        }
        held.push(wire);
    }
    gave_way(&bridge, 80).await;
    let mut good = Wire::from(1, address).await;
    assert_eq!(good.ask("/healthz", &token).await.unwrap().status(), 200);
    assert!(held[0].head().await.is_none(), "the first to come was the first to go");
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_handshake_of_tls_gives_way_too() {
    let directory = tempfile::tempdir().unwrap();
    let cert = directory.path().join("cert.pem");
    let key = directory.path().join("key.pem");
    let client = crate::tls::certificate(directory.path());
    let bridge = Bridge::starting_with(dozen(), |config| {
        (config.server.tls_cert, config.server.tls_key) = (Some(cert.clone()), Some(key.clone()));
        (config.limits.max_connections, config.limits.max_connections_per_address) = (10, 0);
    })
    .await;
    let mut held = Vec::new();
    for number in 0..40 {
        let mut wire = Wire::from(2 + number, bridge.app.address()).await;
        if number % 2 == 0 {
            // The first bytes of a ClientHello of 512 bytes.
            wire.send("\u{16}\u{3}\u{1}\u{2}").await;
        }
        held.push(wire);
    }
    gave_way(&bridge, 30).await;
    let healthy =
        client.get(format!("https://{}/healthz", bridge.app.address())).send().await.unwrap();
    assert_eq!(healthy.status(), 200);
    assert!(held[0].rest().await.len() < 10, "closed, with an alert at the most");
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_refused_while_all_others_of_its_address_are_busy_unless_it_is_of_a_trusted_proxy()
 {
    let bridge = Bridge::serving_with(dozen(), |config| {
        config.limits.max_connections_per_address = 2;
        config.server.trusted_proxies = vec!["127.0.0.9/32".parse().unwrap()];
    })
    .await;
    let address = bridge.app.address();
    let token = bridge.token.clone();
    let principal = bridge.app.service().tokens.verify(&token).await.unwrap();
    let turn = bridge.app.service().makers.export_turn(&principal.allowance).await.unwrap();
    let export =
        get("/api/v1/reviews/accounts", &token).replace("\r\n\r\n", "\r\nAccept: text/csv\r\n\r\n");
    let mut waiting = Vec::new();
    for from in [2, 2, 9, 9, 9, 9] {
        let mut wire = Wire::from(from, address).await;
        wire.send(&export).await;
        waiting.push(wire);
    }
    // A request counts as being at work once its head has arrived.
    until("six requests are at work", async || {
        assert_eq!(bridge.get("/healthz").await.status, 200);
        bridge.app.service().connections.at_work() >= 6
    })
    .await;
    let mut refused = Wire::from(2, address).await;
    assert!(refused.head().await.is_none_or(|head| head.starts_with("http/1.1 503 ")));
    assert_eq!(Wire::from(3, address).await.ask(USERS, &token).await.unwrap().status(), 200);
    assert_eq!(Wire::from(9, address).await.ask(USERS, &token).await.unwrap().status(), 200);
    drop(turn);
    for wire in &mut waiting {
        assert_eq!(wire.hear().await.unwrap().status(), 200, "what was at work is answered");
    }
    assert_eq!(bridge.app.service().connections.standing().refused, 1);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_head_that_never_ends_is_not_waited_for() {
    let bridge = Bridge::serving(dozen()).await;
    let mut wire = Wire::from(2, bridge.app.address()).await;
    assert_eq!(wire.ask(USERS, &bridge.token).await.unwrap().status(), 200);
    wire.send("GET /healthz HTTP/1.1\r\nHost: h\r\nX-Slow: ").await;
    // If the bridge keeps the connection, the client fails here by its own time-out.
    assert!(wire.head().await.is_none());
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_and_metrics_have_a_listener_of_their_own() {
    let bridge = Bridge::serving_with(dozen(), |config| {
        config.server.ops_bind = Some("127.0.0.1:0".parse().unwrap());
        (config.limits.max_connections, config.limits.max_connections_per_address) = (1, 0);
    })
    .await;
    let principal = bridge.app.service().tokens.verify(&bridge.token).await.unwrap();
    let turn = bridge.app.service().makers.export_turn(&principal.allowance).await.unwrap();
    // More connections than the limit, each with a request at work.
    let mut busy = Vec::new();
    for _ in 0..=limits::CONNECTIONS_BEYOND {
        let mut wire = Wire::from(2, bridge.app.address()).await;
        wire.send(&get("/api/v1/reviews/accounts", &bridge.token)).await;
        busy.push(wire);
    }
    let ops = bridge.app.ops_address().unwrap();
    let ask = async |path: &str| {
        let request = http().get(format!("http://{ops}{path}")).bearer_auth(&bridge.token);
        Bridge::send(request).await
    };
    assert_eq!(ask("/healthz").await.json()["status"], "ok");
    assert_eq!(ask("/readyz").await.json()["status"], "ready");
    assert!(ask("/metrics").await.text.contains("bridge_connections"));
    for path in [USERS, "/", "/login", "/oauth/token", "/api/v1/status", "/openapi.json"] {
        assert_eq!(ask(path).await.status, 404, "{path}");
    }
    // Idle connections keep nobody out of this listener either.
    let mut held = Vec::new();
    for _ in 0..limits::OPS_CONNECTIONS * 2 {
        held.push(Wire::from(2, ops).await);
    }
    assert_eq!(ask("/healthz").await.status, 200);
    drop(turn);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_that_stops_tells_each_client_that_its_connection_ends() {
    let bridge = Bridge::serving(dozen()).await;
    let address = bridge.app.address();
    let token = bridge.token.clone();
    let mut kept = Vec::new();
    for _ in 0..5 {
        let mut wire = Wire::from(2, address).await;
        let answer = wire.ask(USERS, &token).await.unwrap();
        assert_eq!((answer.status(), answer.header("connection")), (200, None));
        kept.push(wire);
    }
    let mut late = Wire::from(3, address).await;
    let Bridge { app, simulator, .. } = bridge;
    let drained = async {
        app.drain(Duration::from_mins(5)).await;
        app.stop().await;
    };
    let clients = async {
        // Waits until the bridge reports that it stops.
        let ready = loop {
            let ready = Wire::from(4, address).await.ask("/readyz", &token).await.unwrap();
            if ready.header("connection") == Some("close") {
                break ready;
            }
        };
        assert_eq!((ready.status(), ready.body.contains("stopping")), (503, true));
        for wire in &mut kept {
            let answer = wire
                .ask(USERS, &token)
                .await
                .expect("a connection that is kept is not closed before it is told");
            assert_eq!((answer.status(), answer.header("connection")), (200, Some("close")));
            assert!(wire.head().await.is_none(), "and then it ends");
        }
        let refused = late.ask("/scim/v2/Users/nobody", &token).await.unwrap();
        assert_eq!(
            (refused.status(), refused.header("connection")),
            (404, Some("close")),
            "refusals say so as well"
        );
        assert!(late.head().await.is_none());
    };
    // The bridge waits for the last connection, and for nothing else.
    tokio::join!(drained, clients);
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_loses_no_request_of_clients_that_keep_their_connections() {
    let simulator = dozen_simulated();
    let port = free_port();
    let shell = shell(&simulator).set("BRIDGE_SERVER__BIND", format!("127.0.0.1:{port}"));
    let bridge = shell.start(&["serve"]);
    let address = ([127, 0, 0, 1], port).into();
    let ready = format!("http://{address}/readyz");
    for attempt in 0.. {
        assert!(attempt < 200_000, "it never was ready");
        if http().get(&ready).send().await.is_ok_and(|ready| ready.status() == 200) {
            break;
        }
    }
    let token = shell.run(&["token", "issue"]).stdout.trim().to_owned();
    crate::support::secrets::keep(&token);
    let (begun, mut all_begun) = tokio::sync::mpsc::channel(20);
    let clients: Vec<_> = (0..20)
        .map(|from| {
            let token = token.clone();
            let begun = begun.clone();
            tokio::task::spawn(async move {
                let mut wire = Wire::from(2 + from, address).await;
                for asked in 0.. {
                    let answer = wire.ask(USERS, &token).await.expect("no request is lost");
                    assert_eq!(answer.status(), 200);
                    if answer.header("connection") == Some("close") {
                        return asked;
                    }
                    if asked == 5 {
                        begun.send(()).await.unwrap();
                    }
                }
                0
            })
        })
        .collect();
    for _ in 0..20 {
        all_begun.recv().await.unwrap();
    }
    bridge.signal("TERM");
    for client in clients {
        assert!(client.await.unwrap() >= 5);
    }
    let ended = bridge.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn open_and_closed_connections_are_measured() {
    let bridge =
        Bridge::serving_with(dozen(), |config| config.limits.max_connections_per_address = 1).await;
    let mut first = Wire::from(2, bridge.app.address()).await;
    assert_eq!(first.ask(USERS, &bridge.token).await.unwrap().status(), 200);
    let mut second = Wire::from(2, bridge.app.address()).await;
    assert_eq!(second.ask(USERS, &bridge.token).await.unwrap().status(), 200);
    assert!(first.head().await.is_none());
    let reader = token(&bridge.app, &[Scope::ScimRead]);
    let text = second.ask("/metrics", &reader).await.unwrap().body;
    let of = |name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok())
    };
    assert_eq!(of("bridge_connections_closed_total{reason=\"gave_way\"}"), Some(1.0), "{text}");
    assert!(of("bridge_connections ").is_some_and(|open| open >= 1.0));
    let anonymous = Bridge::send(bridge.request(reqwest::Method::GET, "/metrics")).await.text;
    assert!(
        !anonymous.contains("bridge_connections"),
        "metrics without a token name no connections"
    );
    let _: Value = bridge.get("/readyz").await.json();
    bridge.stop().await;
}
