//! The access review: its rows, its counts, and the manifest that proves a table.

use reqwest::Method;
use serde_json::json;
use simulator::Workspace;
use time::OffsetDateTime;

use crate::support::bridge::{Bridge, dozen, path_of, start_import};
use crate::support::hand::TOKEN;

/// Starts a bridge, and imports a removal and a new teammate. Returns the time before these changes
/// too, as in a query.
async fn after_a_removal_and_a_newcomer() -> (Bridge, String) {
    // With these settings, a removed teammate is no longer served, but still counts as a change
    // since the previous review.
    let bridge = Bridge::serving_with(dozen(), |config| config.import.retention_days = 0).await;
    let before = bridge.app.service().clock.now();
    bridge.simulator.change(|workspace| {
        let gone = workspace.admins().nth(4).unwrap().0;
        let by = workspace.admins().next().unwrap().0;
        workspace.remove_admin(gone, by, 1_772_366_500);
        let new = workspace.add_teammate("=HYPERLINK(\"http://evil.example\")");
        assert!(workspace.admin_mut(new).is_some());
    });
    assert_eq!(start_import(&bridge, "", "wait=30").await.json()["status"], json!("succeeded"));
    let since = before.format(&time::format_description::well_known::Rfc3339).unwrap();
    (bridge, since)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_counts_the_changes_since_the_previous_review() {
    let (bridge, since) = after_a_removal_and_a_newcomer().await;
    let review = bridge.get(&format!("/api/v1/reviews/accounts?since={since}")).await.json();
    let manifest = &review["manifest"];
    let summary = &review["summary"];
    assert_eq!(
        (&manifest["generation"], &manifest["rows"], &manifest["generated_by"]),
        (&json!(2), &json!(13), &json!("test"))
    );
    assert_eq!(
        (&summary["active"], &summary["added"], &summary["removed"]),
        (&json!(12), &json!(1), &json!(1))
    );
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_a_review_has_the_digest_that_its_manifest_names() {
    let (bridge, since) = after_a_removal_and_a_newcomer().await;
    let path = format!("/api/v1/reviews/accounts?since={since}");
    let review = bridge.get(&path).await.json();
    let as_of = review["manifest"]["as_of"].as_str().unwrap();
    let path = format!("{path}&as_of={as_of}");
    let then = bridge.get(&path).await.json();
    let table =
        bridge.request(Method::GET, &path).bearer_auth(&bridge.token).header("Accept", "text/csv");
    let table = Bridge::send(table).await;
    assert_eq!((table.header("x-review-rows"), table.header("x-review-generation")), ("13", "2"));
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, table.text.as_bytes());
    assert_eq!(then["manifest"]["sha256"], json!(hex::encode(digest)));
    assert!(table.header("repr-digest").starts_with("sha-256=:"));
    assert_eq!(
        (table.header("x-review-as-of"), table.header("x-review-generated-by")),
        (as_of, "test")
    );
    assert!(!table.header("x-review-generated-at").is_empty());
    let file = table.header("content-disposition");
    let day = as_of[..10].replace('-', "");
    assert!(
        file.contains(&format!("access-review-default-{day}T"))
            && file.contains("-generation-2.csv"),
        "{file}"
    );
    let mut read = csv::Reader::from_reader(table.text.as_bytes());
    let names = read.headers().unwrap().clone();
    let column = names.iter().position(|name| name == "display_name").unwrap();
    let cells: Vec<String> =
        read.records().map(|record| record.unwrap()[column].to_owned()).collect();
    assert!(cells.iter().any(|cell| cell.starts_with("'=HYPERLINK")), "{cells:?}");
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_past_review_shows_who_had_access_then() {
    let (bridge, since) = after_a_removal_and_a_newcomer().await;
    let earlier = bridge.get(&format!("/api/v1/reviews/accounts?as_of={since}")).await.json();
    assert_eq!(
        (&earlier["manifest"]["generation"], &earlier["summary"]["added"]),
        (&json!(1), &json!(null))
    );
    let signed_in =
        earlier["items"].as_array().unwrap().iter().filter_map(|row| row["last_login_at"].as_str());
    assert!(signed_in.clone().count() > 0 && signed_in.into_iter().all(|at| at < since.as_str()));
    for wrong in [
        "as_of=2999-01-01T00:00:00Z".to_owned(),
        format!("since={since}&as_of={since}"),
        "sinse=x".to_owned(),
    ] {
        assert_eq!(
            bridge.get(&format!("/api/v1/reviews/accounts?{wrong}")).await.status,
            400,
            "{wrong}"
        );
    }
    assert_eq!(bridge.get("/api/v1/reviews/accounts?as_of=2000-01-01T00:00:00Z").await.status, 404);
    bridge.stop().await;
}

/// Requests a review as a table.
async fn review_table(bridge: &Bridge, question: &str) -> crate::support::bridge::Answer {
    let request = bridge.request(Method::GET, &format!("/api/v1/reviews/accounts{question}"));
    Bridge::send(request.bearer_auth(&bridge.token).header("Accept", "text/csv")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifest_of_a_csv_is_had_with_the_same_parameters_and_by_its_link() {
    let bridge = Bridge::serving(dozen()).await;
    let first = bridge.app.service().clock.now();
    bridge.simulator.change(|workspace| {
        let id = workspace.admins().nth(2).unwrap().0;
        workspace.sign_in(id, "saml", 1_772_366_500);
        workspace.admin_mut(id).unwrap().has_inbox_seat ^= true;
    });
    assert_eq!(start_import(&bridge, "", "wait=30").await.json()["status"], json!("succeeded"));
    let first = first.format(&time::format_description::well_known::Rfc3339).unwrap();
    for question in [
        "",
        "?bom=true",
        &format!("?since={first}"),
        &format!("?as_of={first}&bom=true"),
        "?bom=false",
    ] {
        let table = review_table(&bridge, question).await;
        assert_eq!(table.status, 200, "{question}");
        assert_eq!(table.text.starts_with('\u{feff}'), question.contains("bom=true"), "{question}");
        assert_eq!(
            table.text.trim_start_matches('\u{feff}').lines().next().unwrap().split(',').next(),
            Some("as_of_utc")
        );
        let link =
            table.header("link").split(';').next().unwrap().trim_matches(['<', '>']).to_owned();
        let manifest = bridge.get(&format!("/api/v1/reviews/accounts/manifest{question}")).await;
        assert!(manifest.header("content-disposition").contains(".manifest.json"), "{question}");
        for manifest in [manifest.json(), bridge.get(&path_of(&json!(link))).await.json()] {
            let digest =
                aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, table.text.as_bytes());
            assert_eq!(manifest["sha256"], json!(hex::encode(digest)), "{question}");
            assert_eq!(manifest["rows"].to_string(), table.header("x-review-rows"), "{question}");
            assert_eq!(
                manifest["generation"].to_string(),
                table.header("x-review-generation"),
                "{question}"
            );
        }
    }
    assert_eq!(bridge.get("/api/v1/reviews/accounts/manifest?bom=perhaps").await.status, 400);
    bridge.stop().await;
}

/// The ids of four teammates about whom different facts are known.
struct Four {
    owner: u64,
    agent: u64,
    nobody: u64,
}

/// Makes a workspace of an owner, an agent, a manager by permission, and a teammate about whom
/// nothing is known.
fn four_teammates() -> (Workspace, Four) {
    let mut workspace = Workspace::new(TOKEN);
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let day = |days: i64| now - days * 86_400;
    let role =
        |name: &str| Some(simulator::Role { id: format!("role-{name}"), name: name.to_owned() });
    let with_role = |name: &str, role| simulator::Admin {
        name: name.to_owned(),
        email: format!("{}@example.com", name.to_lowercase()),
        role,
        ..simulator::Admin::default()
    };
    let owner = workspace.join(with_role("Olga", role("Owner")), day(300));
    let agent = workspace.join(with_role("Anna", role("Support Agent")), day(300));
    let manager = workspace.add_admin(with_role("Max", None));
    let nobody = workspace.add_admin(with_role("Nils", None));
    workspace.set_permissions(manager, owner, &["manage_teammates"], day(20));
    workspace.sign_in(owner, "saml", day(5));
    workspace.sign_in(agent, "email_password", day(200));
    workspace.note(
        day(310),
        "admin_invite_creation",
        owner,
        json!({"invitee_email": "Anna@example.com"}),
    );
    (workspace, Four { owner, agent, nobody })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_counts_unknown_values_as_unknown() {
    let (workspace, Four { owner, agent, nobody }) = four_teammates();
    let bridge = Bridge::serving(workspace).await;
    let review = bridge.get("/api/v1/reviews/accounts").await.json();
    let summary = &review["summary"];
    for (name, expected) in [
        ("active", json!(4)),
        ("privileged", json!(2)),
        ("privileged_unknown", json!(1)),
        // Max and Nils never signed in, and the log covers a year.
        ("dormant", json!(3)),
        ("dormant_unknown", json!(0)),
        ("without_mfa", json!(null)),
        ("mfa_unknown", json!(4)),
        ("sso", json!(1)),
        ("sso_unknown", json!(2)),
    ] {
        assert_eq!(summary[name], expected, "{name}: {summary}");
    }
    let row = |id: u64| {
        let items = review["items"].as_array().unwrap();
        items.iter().find(|row| row["account_id"] == json!(format!("adm_{id}"))).unwrap().clone()
    };
    assert_eq!(
        (&row(owner)["sso"], &row(agent)["sso"], &row(nobody)["sso"]),
        (&json!(true), &json!(false), &json!(null))
    );
    assert!(row(agent)["invited_at"].is_string() && row(owner)["invited_at"].is_null());
    assert_eq!(
        (&row(nobody)["is_privileged"], &row(nobody)["is_dormant"]),
        (&json!(null), &json!(true))
    );
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_activity_log_the_counts_of_a_review_are_null_and_not_zero() {
    let bridge = Bridge::serving_with(dozen(), |config| {
        config.import.activity_lookback_days = 0;
        config.reviews.privileged_roles = vec!["support LEAD".to_owned()];
    })
    .await;
    let summary = bridge.get("/api/v1/reviews/accounts").await.json()["summary"].clone();
    assert_eq!(
        (&summary["dormant"], &summary["dormant_unknown"]),
        (&json!(null), &json!(12)),
        "{summary}"
    );
    assert!(summary["privileged"].as_u64().unwrap() > 0, "{summary}");
    bridge.stop().await;
}
