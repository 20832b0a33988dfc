//! The endpoints of the roster.

use std::time::Duration;

use intercom_scim_bridge::access::Scope;
use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::date_time;
use intercom_scim_bridge::roster::Completeness;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::bridge::{Answer, Bridge, dozen, path_of, token};
use crate::support::waiting::until;

pub async fn bridge() -> Bridge {
    Bridge::serving_with(dozen(), |config| config.roster.complete = Some(Completeness::All)).await
}

/// The addresses of the active accounts, sorted by account.
pub async fn addresses(bridge: &Bridge) -> Vec<String> {
    let accounts = bridge.get("/api/v1/accounts").await.json();
    let accounts = accounts["items"].as_array().unwrap().iter();
    accounts.map(|account| account["email"].as_str().unwrap().to_owned()).collect()
}

/// A roster of all accounts but the last. The first person has ended.
pub async fn roster(bridge: &Bridge) -> String {
    let mut addresses = addresses(bridge).await;
    addresses.pop();
    let rows = addresses.iter().zip(1..).map(|(address, number)| {
        let ended = if number == 1 { "2026-01-31" } else { "" };
        format!("000{number},Person {number},{address},employee,{ended},Support\n")
    });
    let rows: String = rows.collect();
    format!("employee number,name,email,employee type,end date,department\n{rows}")
}

pub async fn put(bridge: &Bridge, query: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = bridge.request(Method::PUT, &format!("/api/v1/roster{query}"));
    Bridge::send(request.bearer_auth(&bridge.token).body(body)).await
}

async fn post(bridge: &Bridge, path: &str, body: &Value) -> Answer {
    let request = bridge.request(Method::POST, path).bearer_auth(&bridge.token);
    Bridge::send(request.body(body.to_string())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roster_is_imported_and_its_views_answer() {
    let bridge = bridge().await;
    assert_eq!(bridge.get("/api/v1/roster/identities").await.json()["code"], "no_roster");
    let roster = roster(&bridge).await;
    let dry = put(&bridge, "?dry_run=true", roster.clone()).await.json();
    assert_eq!((&dry["result"], &dry["dry_run"]), (&json!("in_force"), &json!(true)), "{dry}");
    assert_eq!(dry["preview"].as_array().unwrap().len(), 5);
    assert_eq!(dry["columns"][0]["used_as"], "recognised employee_number");
    assert_eq!(bridge.get("/api/v1/roster").await.json()["versions"], json!([]));
    let imported = put(&bridge, "?source=hr", roster).await;
    assert_eq!(imported.status, 200, "{}", imported.text);
    assert_eq!(imported.json()["preview"], json!([]));
    let status = bridge.get("/api/v1/roster").await.json();
    assert_eq!(status["versions"][0]["source"], "hr");
    assert_eq!(status["versions"][0]["by"], "test");
    let figures = &status["in_force"];
    assert_eq!((&figures["unmatched"], &figures["terminated_active"]), (&json!(1), &json!(1)));

    let page = bridge.get("/api/v1/roster/identities?limit=5").await.json();
    assert_eq!((&page["total"], page["items"].as_array().unwrap().len()), (&json!(12), 5));
    assert_eq!((&page["roster_version"], &page["generation"]), (&json!(1), &json!(1)));
    let next = bridge.get(&path_of(&page["next"])).await.json();
    assert_eq!(next["items"].as_array().unwrap().len(), 5, "{next}");
    let last = bridge.get(&path_of(&next["next"])).await.json();
    assert_eq!((&last["next"], last["items"].as_array().unwrap().len()), (&Value::Null, 2));

    let leavers = bridge.get("/api/v1/roster/terminated-active").await.json();
    let leaver = &leavers["items"][0];
    assert_eq!((&leaver["ended"], &leaver["finding"]), (&json!("2026-01-31"), &json!("fail")));
    let unmatched = bridge.get("/api/v1/roster/unmatched").await.json();
    assert_eq!(unmatched["items"][0]["why"], "none");
    assert_eq!(bridge.get("/api/v1/roster/ownerless").await.json()["total"], 0);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_names_the_version_that_its_figures_are_of_also_during_imports() {
    let bridge = bridge().await;
    let first = roster(&bridge).await;
    let importing = async {
        for number in 0..12 {
            let next = first.replace("Support", &format!("Support {number}"));
            assert_eq!(put(&bridge, "", next).await.status, 200);
        }
    };
    let reading = async {
        for _ in 0..60 {
            let status = bridge.get("/api/v1/roster").await.json();
            let mut versions = status["versions"].as_array().unwrap().iter();
            let in_force = versions.find(|version| version["state"] == "in_force");
            let in_force = in_force.map_or(&Value::Null, |version| &version["version"]);
            let of = status["in_force"].get("roster_version").unwrap_or(&Value::Null);
            assert_eq!(of, in_force, "{status}");
        }
    };
    tokio::join!(importing, reading);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_have_their_class_and_its_reason_on_request() {
    let bridge = bridge().await;
    let path = "/api/v1/accounts?include_class=true";
    let classes = async |path: &str| -> Vec<[Value; 3]> {
        let page = bridge.get(path).await.json();
        let of =
            |row: &Value, id: &str| [id, "class", "class_reason"].map(|member| row[member].clone());
        let id = if path.contains("roster") { "account_id" } else { "id" };
        page["items"].as_array().unwrap().iter().map(|row| of(row, id)).collect()
    };
    let is_empty = |rows: Vec<[Value; 3]>| rows.iter().all(|[_, class, _]| class.is_null());
    assert!(is_empty(classes(path).await), "without a roster");
    let before = bridge.app.service().clock.now();
    put(&bridge, "", roster(&bridge).await).await;
    assert!(is_empty(classes("/api/v1/accounts").await), "without the parameter");
    let with = classes(path).await;
    assert_eq!(with, classes("/api/v1/roster/identities").await);
    assert!(with.iter().any(|[_, class, _]| class == "employee"), "{with:?}");
    let then = date_time::written(before).to_string();
    assert!(is_empty(classes(&format!("{path}&as_of={then}")).await), "before the roster");

    let first = bridge.get(&format!("{path}&limit=5")).await.json();
    let second = bridge.get(&path_of(&first["next"])).await.json();
    assert_eq!(second["items"][0]["class"], with[5][1], "the next page has them, too");
    let request = bridge.request(Method::GET, path).header("Accept", "text/csv");
    let table = Bridge::send(request.bearer_auth(&bridge.token)).await.text;
    assert!(table.lines().next().unwrap().ends_with(",status,class,class_reason"), "{table}");
    let narrow = token(&bridge.app, &[Scope::ImportRead]);
    let send = async |path: &str| {
        Bridge::send(bridge.request(Method::GET, path).bearer_auth(&narrow)).await.status
    };
    assert_eq!((send(path).await.as_u16(), send("/api/v1/accounts").await.as_u16()), (403, 200));
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn views_are_tables_and_lines_too() {
    let bridge = bridge().await;
    put(&bridge, "", roster(&bridge).await).await;
    for (view, columns) in [
        ("identities", "account_id,user_name,person_key,class,match_rule,confidence"),
        ("unmatched", "account_id,user_name,why,candidates"),
        ("terminated-active", "account_id,user_name,person_key,ended"),
        ("ownerless", "account_id,user_name,owner,why"),
        ("decisions", "id,account_id,kind,person_key"),
    ] {
        let get = async |accept: &str| {
            let path = format!("/api/v1/roster/{view}?limit=1");
            let request = bridge.request(Method::GET, &path).bearer_auth(&bridge.token);
            Bridge::send(request.header("Accept", accept)).await
        };
        let table = get("text/csv").await;
        assert!(table.text.starts_with(columns), "{}", table.text);
        let lines = get("application/x-ndjson").await;
        assert_eq!(lines.header("content-type"), "application/x-ndjson", "{view}");
        for line in lines.text.lines() {
            serde_json::from_str::<Value>(line).unwrap();
        }
        if view == "identities" {
            assert!(table.header("link").contains("offset=1"), "{:?}", table.headers);
        }
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_is_refused_with_line_and_column_and_the_roster_stays() {
    let bridge = bridge().await;
    put(&bridge, "", roster(&bridge).await).await;
    let zip: &[u8] = b"PK\x03\x04\x14\x00";
    let many = format!("key,email\n{}", "1,a@x.example\n".repeat(3));
    let wide = format!("key,email\n1,{}@x.example\n", "secretcell".repeat(500));
    for (body, expected) in [
        (Vec::new(), "empty"),
        (zip.to_vec(), "Excel workbook"),
        (b"nothing to see".to_vec(), "header"),
        (b"name,department\nIda Secretname,Support\n".to_vec(), "email addresses"),
        (b"key,email,mail\n1,a@x.example,b@x.example\n".to_vec(), "can all be `email`"),
        (b"key,email,email\n1,secret@x.example,b@x.example\n".to_vec(), "email"),
        (many.into_bytes(), "line 3: the row has the same key as line 2"),
        (b"key,email,end date\n1,secret@x.example,31/12/2025\n".to_vec(), "line 2, end date"),
        (wide.into_bytes(), "line 2"),
        (b"key,email\n1,\"secret@x.example\n".to_vec(), "quote"),
        (b"[{\"key\": \"1\", ]".to_vec(), "JSON"),
        (b"key,email\n".to_vec(), "no people"),
    ] {
        let refused = put(&bridge, "", body).await;
        let problem = refused.json();
        assert_eq!((refused.status.as_u16(), &problem["code"]), (400, &json!("invalid_roster")));
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(expected), "{expected}: {detail}");
        assert!(!detail.to_lowercase().contains("secret"), "{detail}");
    }
    let versions = bridge.get("/api/v1/roster").await.json()["versions"].clone();
    assert_eq!(versions.as_array().unwrap().len(), 1, "{versions}");
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_is_read_and_a_too_large_one_is_refused() {
    let bridge = bridge().await;
    let mut body = roster(&bridge).await;
    for number in 0..100_000 {
        body.push_str(&format!("x{number},Name,person{number}@acme.example,employee,,Support\n"));
    }
    assert!(body.len() > 5_000_000);
    let imported = put(&bridge, "", body.clone()).await;
    assert_eq!(imported.json()["people"], 100_011, "{}", imported.text);
    for number in 0..100_000 {
        body.push_str(&format!("y{number},Name,other{number}@acme.example,employee,,Support\n"));
    }
    let refused = put(&bridge, "", body).await.json();
    assert!(refused["detail"].as_str().unwrap().contains("200000 rows"), "{refused}");
    let request = bridge.request(Method::PUT, "/api/v1/roster").bearer_auth(&bridge.token);
    let refused = Bridge::send(request.body(vec![b'x'; 65 * 1_024 * 1_024])).await;
    assert_eq!(refused.status, 413);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roster_without_the_setting_that_says_whom_it_contains_is_refused() {
    let bridge = Bridge::serving(dozen()).await;
    let refused = put(&bridge, "", "key,email\n1,a@x.example\n").await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["code"]),
        (409, &json!("roster_not_configured"))
    );
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_scim_does_not_read_the_roster() {
    let bridge = bridge().await;
    put(&bridge, "", roster(&bridge).await).await;
    let others: Vec<Scope> = Scope::ALL
        .into_iter()
        .filter(|scope| !matches!(scope, Scope::RosterRead | Scope::RosterWrite))
        .collect();
    let others = token(&bridge.app, &others);
    let reader = token(&bridge.app, &[Scope::RosterRead]);
    for path in ["", "/identities", "/unmatched", "/terminated-active", "/ownerless", "/decisions"]
    {
        let path = format!("/api/v1/roster{path}");
        let status = async |token: &str| {
            Bridge::send(bridge.request(Method::GET, &path).bearer_auth(token)).await.status
        };
        assert_eq!((status(&others).await.as_u16(), status(&reader).await.as_u16()), (403, 200));
    }
    let write = bridge.request(Method::PUT, "/api/v1/roster").bearer_auth(&reader);
    assert_eq!(Bridge::send(write.body("key,email\n1,a@x.example\n")).await.status, 403);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_are_recorded_by_the_client_of_the_token_and_audited() {
    let bridge = bridge().await;
    put(&bridge, "", roster(&bridge).await).await;
    let unmatched = bridge.get("/api/v1/roster/unmatched").await.json();
    let account = unmatched["items"][0]["account_id"].as_str().unwrap().to_owned();
    let decisions = "/api/v1/roster/decisions";
    for (body, expected) in [
        (
            json!({"account": account, "kind": "is", "person": "0002", "why": ""}),
            "`why` is required",
        ),
        (json!({"account": account, "kind": "is", "why": "Asked"}), "person is required"),
        (
            json!({"account": account, "kind": "is", "person": "404", "why": "Asked"}),
            "matches no person",
        ),
        (
            json!({"account": "adm_0", "kind": "is", "person": "0002", "why": "Asked"}),
            "names no account",
        ),
        (
            json!({"account": account, "kind": "is_not", "person": "0002", "why": "Asked"}),
            "`until` is required",
        ),
        (
            json!({"account": account, "kind": "class", "class": "bot", "why": "Asked", "until": "2099-01-01"}),
            "365 days",
        ),
        (
            json!({"account": account, "kind": "is", "person": "0002", "why": "Asked", "by": "eve"}),
            "must be JSON such as",
        ),
    ] {
        let refused = post(&bridge, decisions, &body).await;
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(refused.status == 400 && detail.contains(expected), "{body}: {detail}");
    }
    let decision = json!({"account": account, "kind": "is", "person": "0002", "why": "Asked her"});
    let made = post(&bridge, decisions, &decision).await;
    assert_eq!(
        (made.status.as_u16(), &made.json()[0]["by"]),
        (201, &json!("test")),
        "{}",
        made.text
    );
    let identities = bridge.get("/api/v1/roster/identities").await.json();
    let row = identities["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["account_id"] == json!(account));
    assert_eq!(row.unwrap()["match_rule"], "decision");
    let revoked = post(&bridge, &format!("{decisions}/1/revoke"), &json!({})).await.json();
    assert_eq!((&revoked["state"], &revoked["revoked_by"]), (&json!("revoked"), &json!("test")));
    assert_eq!(post(&bridge, &format!("{decisions}/1/revoke"), &json!({})).await.status, 409);
    assert_eq!(post(&bridge, &format!("{decisions}/9/revoke"), &json!({})).await.status, 404);
    let audit = bridge.get("/api/v1/audit?limit=1000").await.text;
    let events = ["roster.imported", "roster.decided", "roster.revoked"];
    assert!(events.iter().all(|event| audit.contains(event)), "{audit}");
    assert!(!audit.contains("Asked her") && !audit.contains("0002"), "{audit}");
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_only_writes_the_roster_reads_no_person_in_the_answers() {
    let bridge = bridge().await;
    put(&bridge, "", roster(&bridge).await).await;
    let unmatched = bridge.get("/api/v1/roster/unmatched").await.json();
    let account = unmatched["items"][0]["account_id"].clone();
    let writer = token(&bridge.app, &[Scope::RosterWrite]);
    let send = async |path: &str, body: &Value| {
        let request = bridge.request(Method::POST, path).bearer_auth(&writer);
        Bridge::send(request.body(body.to_string())).await
    };
    let path = "/api/v1/roster/decisions";
    let person = json!({"account": account, "kind": "is", "person": "0002", "why": "Asked"});
    let until = (Clock::System.now() + Duration::from_hours(24 * 30)).date();
    let service = json!({
        "account": account, "kind": "class", "class": "service", "owner": "0002", "why": "Asked",
        "until": until.to_string(),
    });
    for decision in [person, service] {
        let made = send(path, &decision).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let made = made.json();
        let row = &made[0];
        assert_eq!((&row["person_key"], &row["owner"]), (&Value::Null, &Value::Null), "{row}");
        assert_eq!((&row["why"], &row["account_id"]), (&json!(""), &account), "{row}");
    }
    let revoked = send(&format!("{path}/1/revoke"), &json!({})).await.json();
    let shown = (&revoked["person_key"], &revoked["why"], &revoked["state"]);
    assert_eq!(shown, (&Value::Null, &json!(""), &json!("revoked")));
    let read = bridge.get(path).await.json();
    assert_eq!(read["items"][1]["person_key"], "0002", "{read}");
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_has_the_columns_of_the_roster_at_its_end() {
    let bridge = bridge().await;
    let csv = async || {
        let request = bridge.request(Method::GET, "/api/v1/reviews/accounts");
        let request = request.bearer_auth(&bridge.token).header("Accept", "text/csv");
        Bridge::send(request).await
    };
    let without = csv().await.text;
    let header = without.lines().next().unwrap();
    assert!(
        header.ends_with(
            ",days_since_activity,identity_class,person_key,person_status,match_rule,match_confidence,\
             employee_number,department,manager,owner,ended_at,flags"
        ),
        "{header}"
    );
    assert!(without.lines().skip(1).all(|line| line.ends_with(",,,,,,,,,,,")), "{without}");
    put(&bridge, "", roster(&bridge).await).await;
    let with = csv().await;
    let lines: Vec<&str> = with.text.lines().skip(1).collect();
    let ending = ",employee,0001,ended,exact,exact,0001,Support,,,2026-01-31,terminated_active";
    assert!(lines.iter().any(|line| line.ends_with(ending)), "{}", with.text);
    assert!(
        lines.iter().any(|line| line.ends_with(",unknown,,,,,,,,,,unmatched")),
        "{}",
        with.text
    );
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_roster_shows_in_status_metrics_and_answers() {
    let bridge = bridge().await;
    let all = roster(&bridge).await;
    put(&bridge, "", all.clone()).await;
    let half: String = all.lines().take(4).map(|line| format!("{line}\n")).collect();
    let held = put(&bridge, "", half).await.json();
    assert_eq!((&held["result"], &held["version"]), (&json!("held"), &json!(2)), "{held}");
    let answer = bridge.get("/api/v1/roster/identities?limit=1").await.json();
    assert!(answer["warnings"][0].as_str().unwrap().contains("held"), "{answer}");
    until("the status shows it", async || {
        let status = bridge.get("/api/v1/status").await.json();
        status["roster_problems"][0]["code"] == "roster_held"
    })
    .await;
    let metrics = bridge.get("/metrics").await.text;
    for (name, value) in [
        ("roster_held", 1),
        ("roster_unmatched_accounts", 1),
        ("roster_terminated_active_accounts", 1),
    ] {
        let sample = format!("bridge_{name}{{workspace=\"default\"}} {value}.0\n");
        assert!(metrics.contains(&sample), "{metrics}");
    }
    let accepted = post(&bridge, "/api/v1/roster/versions/2/accept", &json!({})).await.json();
    assert_eq!(
        (&accepted[0]["state"], &accepted[0]["accepted_by"]),
        (&json!("in_force"), &json!("test"))
    );
    assert_eq!(post(&bridge, "/api/v1/roster/versions/2/accept", &json!({})).await.status, 409);
    bridge.stop().await;
}
