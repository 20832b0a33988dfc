//! The import and change API: starting imports, the log of changes, the flat views, webhooks, measures.

use std::time::{Duration, Instant};

use intercom_scim_bridge::access::Scope;
use reqwest::Method;
use serde_json::{Value, json};
use simulator::Fault;

use crate::support::bridge::{Answer, Bridge, CLIENT_SECRET, dozen, token};

async fn post(bridge: &Bridge, body: &str, prefer: &str) -> Answer {
    let request = bridge.request(Method::POST, "/api/v1/imports").bearer_auth(&bridge.token);
    Bridge::send(request.header("Prefer", prefer).body(body.to_owned())).await
}

fn path(url: &Value) -> String {
    let url = reqwest::Url::parse(url.as_str().unwrap()).unwrap();
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_asked_for_is_started_and_can_be_waited_for() {
    let bridge = Bridge::serving(dozen()).await;
    let answer = post(&bridge, "", "wait=30").await;
    assert_eq!((answer.status.as_u16(), answer.header("preference-applied")), (200, "wait=30"));
    let run = answer.json();
    assert_eq!(
        (&run["mode"], &run["trigger"], &run["status"], &run["requested_by"], &run["generation"]),
        (&json!("incremental"), &json!("api"), &json!("succeeded"), &json!("test"), &json!(null))
    );
    assert_eq!(bridge.get(&path(&json!(answer.header("location")))).await.json(), run);

    bridge.simulator.change(|workspace| workspace.add_teammate("New Comer"));
    let run = post(&bridge, r#"{"mode": "full"}"#, "respond-async, wait=30").await.json();
    assert_eq!(
        (&run["mode"], &run["generation"], &run["counts"]["users_created"]),
        (&json!("full"), &json!(2), &json!(1))
    );
    let users = bridge.get("/scim/v2/Users?filter=displayName+eq+%22new+comer%22").await.json();
    assert_eq!(users["totalResults"], json!(1), "what an import has recorded is shown when it has ended");

    for body in ["{", "[]", r#"{"mode": "some"}"#, r#"{"modus": "full"}"#] {
        let refused = post(&bridge, body, "").await;
        assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (400, &json!("invalid_value")), "{body}");
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_under_way_is_given_instead_of_a_second_and_tells_how_far_it_is() {
    let bridge = Bridge::serving(dozen()).await;
    let _ = bridge.simulator.take_calls();
    bridge.simulator.fail(Fault::Slow(Duration::from_secs(3)), "/teams", 1);
    let first = post(&bridge, r#"{"mode": "full"}"#, "").await;
    assert_eq!((first.status.as_u16(), &first.json()["status"]), (202, &json!("running")));
    let second = post(&bridge, r#"{"mode": "incremental"}"#, "").await;
    assert_eq!((second.status.as_u16(), &second.json()["id"]), (202, &first.json()["id"]));
    let other = post(&bridge, r#"{"mode": "full", "allow_removals": true}"#, "").await;
    assert_eq!((other.status.as_u16(), &other.json()["code"]), (409, &json!("import_under_way")));
    assert_eq!(other.header("retry-after"), "5");

    let location = path(&json!(first.header("location")));
    let mut progress = Vec::new();
    let ended = loop {
        let run = bridge.get(&location).await.json();
        if run["status"] != json!("running") {
            break run;
        }
        progress.extend(run["progress"].as_str().map(str::to_owned));
    };
    assert!(progress.contains(&"reading teams".to_owned()), "{progress:?}");
    assert_eq!((&ended["status"], &ended["progress"]), (&json!("succeeded"), &json!(null)));
    let teams = bridge.simulator.take_calls().iter().filter(|call| *call == "GET /teams").count();
    assert_eq!(teams, 1, "all who asked shared one import");
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_newest_first_page_by_page() {
    let bridge = Bridge::serving(dozen()).await;
    for _ in 0..4 {
        post(&bridge, "", "wait=30").await;
    }
    let all = bridge.get("/api/v1/imports").await.json();
    assert_eq!((&all["total"], &all["next"]), (&json!(5), &json!(null)));
    let ids = |list: &Value| -> Vec<i64> {
        list["items"].as_array().unwrap().iter().map(|run| run["id"].as_i64().unwrap()).collect()
    };
    assert_eq!(ids(&all), [5, 4, 3, 2, 1]);
    let mut walked = Vec::new();
    let mut next = json!(bridge.url("/api/v1/imports?limit=2"));
    while !next.is_null() {
        let page = bridge.get(&path(&next)).await.json();
        walked.extend(ids(&page));
        next = page["next"].clone();
    }
    assert_eq!(walked, [5, 4, 3, 2, 1]);
    for path in ["/api/v1/imports?limit=0", "/api/v1/imports?limit=1001", "/api/v1/imports?before=x"] {
        assert_eq!(bridge.get(path).await.json()["code"], json!("invalid_value"), "{path}");
    }
    for path in ["/api/v1/imports/99", "/api/v1/imports/x"] {
        assert_eq!(bridge.get(path).await.status, 404, "{path}");
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_import_is_seen_everywhere_and_let_through_by_whoever_may() {
    let bridge = Bridge::serving(dozen()).await;
    let people: Vec<u64> = bridge.simulator.change(|workspace| workspace.admins().map(|(id, _)| id).collect());
    bridge.simulator.change(|workspace| people[..7].iter().for_each(|id| workspace.remove_admin(*id, people[8], 0)));
    let held = post(&bridge, "", "wait=30").await.json();
    assert_eq!((&held["status"], &held["counts"]["users_removed"]), (&json!("held"), &json!(7)));
    assert!(held["error"]["remedy"].as_str().unwrap().contains("allow_removals"));

    let status = bridge.get("/api/v1/status").await.json();
    assert_eq!((&status["connection"], &status["problem"]["code"]), (&json!("degraded"), &json!("too_many_removals")));
    let ready = bridge.get("/readyz").await;
    assert_eq!(ready.status, 200, "what was there before is still shown");
    assert_eq!(ready.json()["workspaces"][0]["problem"]["code"], json!("too_many_removals"));
    assert!(bridge.get("/metrics").await.text.contains("bridge_import_held{workspace=\"default\"} 1.0\n"));
    let active = "/scim/v2/Users?filter=active+eq+true&count=0";
    assert_eq!(bridge.get(active).await.json()["totalResults"], json!(12));

    let through = post(&bridge, r#"{"mode": "full", "allow_removals": true}"#, "wait=30").await.json();
    assert_eq!(through["status"], json!("succeeded"));
    assert_eq!(bridge.get(active).await.json()["totalResults"], json!(5));
    assert!(bridge.get("/metrics").await.text.contains("bridge_import_held{workspace=\"default\"} 0.0\n"));
    assert_eq!(bridge.get("/api/v1/status").await.json()["connection"], json!("connected"));
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_changes_is_walked_by_next_and_by_line() {
    let bridge = Bridge::serving(dozen()).await;
    let total = bridge.get("/api/v1/changes?limit=1").await.json()["total"].as_u64().unwrap();
    let (mut walked, mut since) = (Vec::new(), String::new());
    loop {
        let page = bridge.get(&format!("/api/v1/changes?limit=7&since={since}")).await.json();
        assert_eq!(page["total"], json!(total - walked.len() as u64));
        walked.extend(page["items"].as_array().unwrap().clone());
        page["next"].as_str().unwrap().clone_into(&mut since);
        if page["has_more"] == json!(false) {
            break;
        }
    }
    assert_eq!(walked.len() as u64, total);
    assert!(walked.iter().all(|change| change["action"] == json!("created") && change["generation"] == json!(1)));

    let lines = async |path: &str| -> Vec<Value> {
        let request = bridge.request(Method::GET, path).bearer_auth(&bridge.token);
        let answer = Bridge::send(request.header("Accept", "application/x-ndjson")).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/x-ndjson"));
        answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    assert_eq!(lines("/api/v1/changes").await, walked);
    assert_eq!(lines("/api/v1/changes?limit=3").await, walked[..3]);
    let fifth = walked[4]["cursor"].as_str().unwrap();
    assert_eq!(lines(&format!("/api/v1/changes?since={fifth}")).await, walked[5..]);

    bridge.simulator.change(|workspace| workspace.add_teammate("New Comer"));
    post(&bridge, "", "wait=30").await;
    let news = bridge.get(&format!("/api/v1/changes?since={since}")).await.json();
    assert_eq!((&news["total"], &news["items"][0]["after"]["display_name"]), (&json!(1), &json!("New Comer")));
    assert_eq!(bridge.get(&format!("/api/v1/changes?since={since}&type=group")).await.json()["total"], json!(0));
    for path in ["/api/v1/changes?since=x", "/api/v1/changes?type=team", "/api/v1/changes?since=OTkvLw"] {
        let refused = bridge.get(path).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (400, &json!("invalid_value")), "{path}");
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flat_views_show_what_scim_shows() {
    let bridge = Bridge::serving(dozen()).await;
    let accounts = bridge.get("/api/v1/accounts").await;
    assert!(!accounts.header("age").is_empty());
    let users = bridge.get("/scim/v2/Users").await.json();
    let accounts = accounts.json();
    assert_eq!((&accounts["total"], &accounts["next"]), (&json!(12), &json!(null)));
    for (account, user) in accounts["items"].as_array().unwrap().iter().zip(users["Resources"].as_array().unwrap()) {
        assert_eq!((&account["id"], &account["user_name"]), (&user["id"], &user["userName"]));
        assert_eq!((&account["given_name"], &account["active"]), (&user["name"]["givenName"], &user["active"]));
        assert_eq!(account["last_modified_at"], user["meta"]["lastModified"]);
        let teams: Vec<&str> =
            user["groups"].as_array().unwrap().iter().map(|group| group["value"].as_str().unwrap()).collect();
        assert_eq!(account["team_ids"], json!(teams.join(",")));
    }
    let groups = bridge.get("/scim/v2/Groups").await.json();
    let members: usize =
        groups["Resources"].as_array().unwrap().iter().map(|group| group["members"].as_array().unwrap().len()).sum();
    assert_eq!(bridge.get("/api/v1/memberships?type=team").await.json()["total"], json!(members));
    let teams = bridge.get("/api/v1/entitlements?type=team").await.json();
    assert_eq!(teams["total"], groups["totalResults"]);
    let all = bridge.get("/api/v1/entitlements").await.json();
    let types: std::collections::BTreeSet<&str> =
        all["items"].as_array().unwrap().iter().map(|one| one["type"].as_str().unwrap()).collect();
    assert_eq!(types.into_iter().collect::<Vec<_>>(), ["permission", "role", "seat", "team"]);
    for wrong in [
        "asof=2026-03-01T00:00:00Z",
        "as_of=",
        "limit=0",
        "offset=-1",
        "as_of=yesterday",
        "as_of=2026-03-01",
        "include_removed=1",
        "type=x",
        "edition=9",
    ] {
        let refused = bridge.get(&format!("/api/v1/memberships?{wrong}")).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (400, &json!("invalid_value")), "{wrong}");
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flat_views_are_tables_too_for_those_who_ask_for_csv() {
    let bridge = Bridge::serving(dozen()).await;
    bridge.simulator.change(|workspace| workspace.add_teammate("Quote \"Q\", Comma"));
    bridge
        .request(Method::POST, "/api/v1/imports")
        .header("Prefer", "wait=30")
        .bearer_auth(&bridge.token)
        .send()
        .await
        .unwrap();
    for view in ["accounts", "entitlements", "memberships"] {
        let rows = bridge.get(&format!("/api/v1/{view}?limit=1000")).await.json()["items"].as_array().unwrap().clone();
        let mut path = format!("/api/v1/{view}?limit=4");
        let (mut table, mut header) = (Vec::new(), None);
        loop {
            let request = bridge.request(Method::GET, &path).bearer_auth(&bridge.token).header("Accept", "text/csv");
            let page = Bridge::send(request).await;
            assert_eq!(page.header("content-type"), "text/csv; charset=utf-8; header=present");
            assert!(page.text.ends_with("\r\n"));
            let mut read = csv::Reader::from_reader(page.text.as_bytes());
            let names = read.headers().unwrap().clone();
            assert_eq!(header.get_or_insert(names.clone()), &names);
            for record in read.records() {
                let record = record.unwrap();
                let pairs = names.iter().zip(record.iter()).map(|(name, cell)| (name.to_owned(), cell.to_owned()));
                table.push(pairs.collect::<std::collections::BTreeMap<String, String>>());
            }
            match page.header("link").strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")) {
                Some(next) => path = next.replace(&bridge.url(""), ""),
                None => break,
            }
        }
        let cell = |value: &Value| {
            value
                .as_str()
                .map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, str::to_owned)
        };
        let expected: Vec<_> = rows
            .iter()
            .map(|row| row.as_object().unwrap().iter().map(|(name, value)| (name.clone(), cell(value))).collect())
            .collect();
        assert_eq!(table, expected, "{view}");
        let empty = bridge.request(Method::GET, &format!("/api/v1/{view}?offset=9999")).bearer_auth(&bridge.token);
        let empty = Bridge::send(empty.header("Accept", "text/csv")).await;
        assert_eq!(empty.text.lines().count(), 1, "a table without rows has its header");
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_is_exported_with_a_manifest_that_proves_what_it_was() {
    let bridge = Bridge::serving(dozen()).await;
    let before = bridge.app.service().clock.now();
    bridge.simulator.change(|workspace| {
        let (gone, by) = (workspace.admins().nth(4).unwrap().0, workspace.admins().next().unwrap().0);
        workspace.remove_admin(gone, by, 1_772_366_500);
        let new = workspace.add_teammate("=HYPERLINK(\"http://evil.example\")");
        assert!(workspace.admin_mut(new).is_some());
    });
    let import = bridge.request(Method::POST, "/api/v1/imports").header("Prefer", "wait=30").bearer_auth(&bridge.token);
    assert_eq!(Bridge::send(import).await.json()["status"], json!("succeeded"));
    let since = before.format(&time::format_description::well_known::Rfc3339).unwrap();
    let path = format!("/api/v1/reviews/accounts?since={since}");
    let review = bridge.get(&path).await.json();
    let (manifest, summary) = (&review["manifest"], &review["summary"]);
    assert_eq!(
        (&manifest["generation"], &manifest["rows"], &manifest["generated_by"]),
        (&json!(2), &json!(13), &json!("test"))
    );
    assert_eq!((&summary["active"], &summary["added"], &summary["removed"]), (&json!(12), &json!(1), &json!(1)));

    // The same as CSV has the digest that the manifest names, if it tells of the same moment.
    let as_of = manifest["as_of"].as_str().unwrap();
    let path = format!("{path}&as_of={as_of}");
    let then = bridge.get(&path).await.json();
    let table = bridge.request(Method::GET, &path).bearer_auth(&bridge.token).header("Accept", "text/csv");
    let table = Bridge::send(table).await;
    assert_eq!((table.header("x-review-rows"), table.header("x-review-generation")), ("13", "2"));
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, table.text.as_bytes());
    let hex = digest.as_ref().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    assert_eq!(then["manifest"]["sha256"], json!(hex));
    assert!(table.header("repr-digest").starts_with("sha-256=:"));
    assert!(table.header("content-disposition").contains("access-review-default-2.csv"));
    let mut read = csv::Reader::from_reader(table.text.as_bytes());
    let names = read.headers().unwrap().clone();
    let column = names.iter().position(|name| name == "display_name").unwrap();
    let cells: Vec<String> = read.records().map(|record| record.unwrap()[column].to_owned()).collect();
    assert!(cells.iter().any(|cell| cell.starts_with("'=HYPERLINK")), "{cells:?}");

    // Who had access then, and nothing of now.
    let earlier = bridge.get(&format!("/api/v1/reviews/accounts?as_of={since}")).await.json();
    assert_eq!((&earlier["manifest"]["generation"], &earlier["summary"]["added"]), (&json!(1), &json!(null)));
    assert!(earlier["items"].as_array().unwrap().iter().all(|row| row["last_login_at"].is_null()));
    for wrong in ["as_of=2999-01-01T00:00:00Z".to_owned(), format!("since={since}&as_of={since}"), "sinse=x".to_owned()]
    {
        assert_eq!(bridge.get(&format!("/api/v1/reviews/accounts?{wrong}")).await.status, 400, "{wrong}");
    }
    assert_eq!(bridge.get("/api/v1/reviews/accounts?as_of=2000-01-01T00:00:00Z").await.status, 404);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_by_next_goes_on_over_the_list_it_began_with_whatever_is_imported() {
    let bridge = Bridge::serving(dozen()).await;
    let whole = bridge.get("/api/v1/accounts").await.json()["items"].clone();
    let (mut walked, mut next) = (Vec::new(), json!(bridge.url("/api/v1/accounts?limit=3&include_removed=true")));
    while !next.is_null() {
        let page = bridge.get(&path(&next)).await.json();
        assert_eq!(page["total"], json!(12));
        walked.extend(page["items"].as_array().unwrap().clone());
        next = page["next"].clone();
        // Somebody new, and somebody gone, between any two pages; more often than pictures are kept.
        for _ in 0..3 {
            bridge.simulator.change(|workspace| {
                let first = workspace.admins().next().unwrap().0;
                workspace.remove_admin(first, first, 0);
                workspace.add_teammate("New Comer");
            });
            post(&bridge, "", "wait=30").await;
        }
    }
    assert_eq!(json!(walked), whole);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_at_a_past_moment_is_what_was_shown_then() {
    let bridge = Bridge::serving(dozen()).await;
    let views = ["accounts", "entitlements", "memberships"];
    let now = async || {
        let mut shown = Vec::new();
        for view in views {
            let mut list = bridge.get(&format!("/api/v1/{view}?include_removed=true&limit=1000")).await.json();
            // Sign-ins have no history, so nothing is said of those of then.
            for account in list["items"].as_array_mut().unwrap().iter_mut().filter(|_| view == "accounts") {
                assert!(
                    account["last_sign_in_at"].take().is_string() && account["last_sign_in_method"].take().is_string()
                );
            }
            shown.push(list);
        }
        shown
    };
    let before = now().await;
    let moment = bridge.app.service().clock.now();
    bridge.simulator.change(|workspace| {
        let people: Vec<u64> = workspace.admins().map(|(id, _)| id).collect();
        workspace.remove_admin(people[1], people[0], moment.unix_timestamp());
        workspace.admin_mut(people[2]).unwrap().job_title = Some("Countess".to_owned());
        workspace.add_team("New team", &people[3..5]);
    });
    assert_eq!(post(&bridge, "", "wait=30").await.json()["generation"], json!(2));
    assert_ne!(now().await, before);

    let written = moment.format(&time::format_description::well_known::Rfc3339).unwrap();
    for (view, before) in views.iter().zip(before) {
        let then = bridge.get(&format!("/api/v1/{view}?include_removed=true&limit=1000&as_of={written}")).await.json();
        assert_eq!(then, before, "{view}");
    }
    let mut walked = Vec::new();
    let mut next = json!(bridge.url(&format!("/api/v1/memberships?limit=5&as_of={written}")));
    while !next.is_null() {
        let page = bridge.get(&path(&next)).await.json();
        walked.extend(page["items"].as_array().unwrap().clone());
        next = page["next"].clone();
    }
    let whole = bridge.get(&format!("/api/v1/memberships?limit=1000&as_of={written}")).await.json();
    assert_eq!(json!(walked), whole["items"], "page by page");
    let changed = bridge.get(&format!("/api/v1/accounts?include_removed=true&modified_since={written}")).await.json();
    assert_eq!(changed["total"], json!(4));
    assert_eq!(bridge.get(&format!("/api/v1/accounts?modified_since={written}")).await.json()["total"], json!(3));
    let too_early = bridge.get("/api/v1/accounts?as_of=2001-01-01T00:00:00%2B01:00").await;
    assert_eq!(too_early.status, 404);
    let too_late = bridge.get("/api/v1/accounts?as_of=2101-01-01T00:00:00Z").await;
    assert_eq!((too_late.status.as_u16(), &too_late.json()["code"]), (400, &json!("invalid_value")));
    bridge.stop().await;
}

/// A notification as Intercom sends it, signed.
async fn push(bridge: &Bridge, workspace: &str, topic: &str, app: &str) -> u16 {
    let body = json!({
        "type": "notification_event", "app_id": app, "id": "notif_1", "topic": topic,
        "data": {"type": "notification_event_data", "item": {"type": "admin", "id": "1"}},
    });
    send(bridge, workspace, &body.to_string(), &signature(&body.to_string())).await.status.as_u16()
}

fn signature(body: &str) -> String {
    use aws_lc_rs::hmac;
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, CLIENT_SECRET.as_bytes());
    let tag = hmac::sign(&key, body.as_bytes());
    tag.as_ref().iter().fold("sha1=".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

async fn send(bridge: &Bridge, workspace: &str, body: &str, signature: &str) -> Answer {
    let request = bridge.request(Method::POST, &format!("/webhooks/intercom/{workspace}"));
    Bridge::send(request.header("X-Hub-Signature", signature).body(body.to_owned())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_teammate_is_gone_within_two_seconds_of_the_webhook() {
    let bridge = Bridge::serving(dozen()).await;
    let active = "/scim/v2/Users?filter=active+eq+true&count=0";
    assert_eq!(bridge.get(active).await.json()["totalResults"], json!(12));
    bridge.simulator.change(|workspace| {
        let people: Vec<u64> = workspace.admins().map(|(id, _)| id).collect();
        workspace.remove_admin(people[3], people[0], 0);
    });
    // At least once, says Intercom: the same one may come again, before, between and after.
    let pushed = Instant::now();
    for _ in 0..3 {
        assert_eq!(push(&bridge, "default", "admin.removed_from_workspace", "wjw5eps7").await, 200);
    }
    while bridge.get(active).await.json()["totalResults"] != json!(11) {
        assert!(pushed.elapsed() < Duration::from_secs(2), "still there after two seconds");
    }
    let runs = bridge.get("/api/v1/imports").await.json();
    assert_eq!(runs["items"][0]["trigger"], json!("webhook"));
    assert_eq!(push(&bridge, "default", "admin.removed_from_workspace", "wjw5eps7").await, 200, "late ones do no harm");
    bridge.simulator.change(|workspace| workspace.add_teammate("New Comer"));
    assert_eq!(push(&bridge, "default", "admin.added_to_workspace", "wjw5eps7").await, 200);
    bridge.shows(3).await;
    post(&bridge, "", "wait=30").await;
    assert_eq!(bridge.get("/api/v1/status").await.json()["generation"], json!(3));
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_that_tell_nothing_start_nothing_and_forged_ones_are_refused() {
    let bridge = Bridge::serving(dozen()).await;
    let runs = async || bridge.get("/api/v1/imports").await.json()["total"].clone();
    for (topic, app) in [
        ("ping", "wjw5eps7"),
        ("conversation.user.created", "wjw5eps7"),
        ("admin.logged_in", "wjw5eps7"),
        ("admin.away_mode_updated", "wjw5eps7"),
        ("admin.removed_from_workspace", "an0ther1"),
    ] {
        assert_eq!(push(&bridge, "default", topic, app).await, 200, "{topic}");
    }
    let body = r#"{"topic": "admin.removed_from_workspace", "app_id": "wjw5eps7"}"#;
    for forged in ["", "sha1=", "sha1=0000000000000000000000000000000000000000", &signature("another body")] {
        let refused = send(&bridge, "default", body, forged).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (401, &json!("bad_signature")), "{forged}");
    }
    assert_eq!(send(&bridge, "elsewhere", body, &signature(body)).await.status, 401, "as if the signature were wrong");
    assert_eq!(send(&bridge, "default", "no JSON", &signature("no JSON")).await.status, 400);
    let large = "x".repeat(300_000);
    assert_eq!(send(&bridge, "default", &large, &signature(&large)).await.status, 413);
    assert_eq!(bridge.get("/webhooks/intercom/default").await.status, 405);
    assert_eq!(runs().await, json!(1), "only the import of the start");
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_call_needs_its_scope() {
    let bridge = Bridge::serving(dozen()).await;
    let reader = token(&bridge.app, &[Scope::ImportRead]);
    let runner = token(&bridge.app, &[Scope::ImportRun]);
    for (method, path, allowed, refused) in [
        (Method::GET, "/api/v1/imports", &reader, &runner),
        (Method::GET, "/api/v1/imports/1", &reader, &runner),
        (Method::GET, "/api/v1/changes", &reader, &runner),
        (Method::GET, "/api/v1/accounts", &reader, &runner),
        (Method::GET, "/api/v1/entitlements", &reader, &runner),
        (Method::GET, "/api/v1/memberships", &reader, &runner),
        (Method::POST, "/api/v1/imports", &runner, &reader),
    ] {
        let answer = async |token: &String| Bridge::send(bridge.request(method.clone(), path).bearer_auth(token)).await;
        assert!(answer(allowed).await.status.is_success(), "{path}");
        assert_eq!(answer(refused).await.json()["code"], json!("forbidden"), "{path}");
        assert_eq!(Bridge::send(bridge.request(method.clone(), path)).await.status, 401, "{path}");
    }
    bridge.stop().await;
}
