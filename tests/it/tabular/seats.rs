//! Pending invitations, and paid seats that nobody uses.

use intercom_scim_bridge::directory::Price;
use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Admin, Role, Workspace};
use time::OffsetDateTime;

use crate::support::bridge::{Answer, Bridge, path_of, start_import};
use crate::support::hand::TOKEN;
use crate::support::waiting::until;

fn days_ago(days: i64) -> i64 {
    OffsetDateTime::now_utc().unix_timestamp() - days * 86_400
}

fn role(name: &str) -> Role {
    Role::new(&format!("role-{}", name.to_lowercase()), name)
}

fn person(name: &str, seat: bool) -> Admin {
    Admin {
        name: name.to_owned(),
        email: format!("{}@example.com", name.to_lowercase()),
        has_inbox_seat: seat,
        ..Admin::default()
    }
}

/// Olga invited five people: one joined, one was withdrawn, one has another role by now, one was
/// told by an entry without a readable address, and one invitation is from yesterday.
fn inviting() -> (Workspace, u64) {
    let mut workspace = Workspace::new(TOKEN);
    let olga = workspace.join(person("Olga", true), days_ago(300));
    for (name, days) in [("joined", 50), ("withdrawn", 40), ("changed", 30), ("fresh", 1)] {
        workspace.invite(&format!("{name}@example.com"), &role("Agent"), olga, days_ago(days));
    }
    workspace.accept_invitation(person("Joined", true), days_ago(45));
    workspace.cancel_invitation("withdrawn@example.com", olga, days_ago(35));
    workspace.change_invitation("changed@example.com", &role("Owner"), olga, days_ago(29));
    let unreadable = json!({"invitee": {"name": "Somebody"}});
    workspace.note(days_ago(20), "admin_invite_creation", olga, unreadable);
    (workspace, olga)
}

async fn get_as(bridge: &Bridge, path: &str, form: &str) -> Answer {
    let request = bridge.request(Method::GET, path).bearer_auth(&bridge.token);
    Bridge::send(request.header("Accept", form)).await
}

fn texts<'a>(list: &'a Value, member: &str) -> Vec<&'a str> {
    let items = list["items"].as_array().unwrap();
    items.iter().map(|item| item[member].as_str().unwrap_or_default()).collect()
}

/// Returns the time that a list shows, as text, and the second after it, in UNIX seconds. Waits
/// until that second is over, so that the next import reads its entries.
async fn later(bridge: &Bridge, list: &Value) -> (String, i64) {
    let shown = list["as_of"].as_str().unwrap();
    let format = &time::format_description::well_known::Rfc3339;
    let second = OffsetDateTime::parse(shown, format).unwrap().unix_timestamp() + 1;
    until("the second is over", async || {
        bridge.app.service().clock.now().unix_timestamp() > second
    })
    .await;
    (shown.to_owned(), second)
}

#[tokio::test(flavor = "multi_thread")]
async fn pending_invitations_are_listed_with_what_the_log_covers() {
    let (workspace, olga) = inviting();
    let bridge = Bridge::serving(workspace).await;
    let list = bridge.get("/api/v1/invitations").await.json();
    assert_eq!(texts(&list, "email"), ["changed@example.com", "fresh@example.com", ""]);
    assert_eq!(texts(&list, "status"), ["invited", "invited", "unknown"]);
    assert_eq!(texts(&list, "role_name"), ["Owner", "Agent", ""]);
    let (changed, fresh) = (&list["items"][0], &list["items"][1]);
    assert_eq!((&changed["days_pending"], &fresh["days_pending"]), (&json!(30), &json!(1)));
    assert!(changed["changed_at"].is_string() && fresh["changed_at"].is_null());
    assert_eq!(fresh["invited_by_id"], json!(format!("adm_{olga}")));
    assert_eq!(
        (&list["without_address"], &list["unreadable_withdrawals"], &list["total"]),
        (&json!(1), &json!(0), &json!(3))
    );
    assert!(list["log_from"].is_string() && list["log_to"].is_string(), "{list}");

    // The same as a table and as lines, page by page.
    let table = get_as(&bridge, "/api/v1/invitations?limit=2", "text/csv").await;
    assert!(table.text.starts_with("id,workspace_id,status,email,"), "{}", table.text);
    assert!(!table.header("x-activity-log-from").is_empty());
    assert!(table.header("link").contains("rel=\"next\""));
    let lines = get_as(&bridge, "/api/v1/invitations", "application/x-ndjson").await;
    let lines: Vec<Value> =
        lines.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(json!(lines), list["items"]);
    let mut walked = Vec::new();
    let mut next = json!(bridge.url("/api/v1/invitations?limit=1"));
    while !next.is_null() {
        let page = bridge.get(&path_of(&next)).await.json();
        walked.extend(page["items"].as_array().unwrap().clone());
        next = page["next"].clone();
    }
    assert_eq!(json!(walked), list["items"]);

    // As of a moment, the list is that of then.
    let (before, at) = later(&bridge, &list).await;
    bridge.simulator.change(|workspace| {
        workspace.cancel_invitation("fresh@example.com", olga, at);
        workspace.accept_invitation(person("Changed", false), at);
    });
    start_import(&bridge, "", "wait=30").await;
    let now = bridge.get("/api/v1/invitations").await.json();
    assert_eq!(texts(&now, "status"), ["unknown"]);
    let then = bridge.get(&format!("/api/v1/invitations?as_of={before}")).await.json();
    assert_eq!(then["items"], list["items"]);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invitations_are_accounts_on_request_and_rows_of_a_review_and_never_scim_users() {
    let (workspace, _) = inviting();
    let bridge = Bridge::serving(workspace).await;
    let plain = bridge.get("/api/v1/accounts").await.json();
    assert_eq!(texts(&plain, "status"), ["active", "active"]);
    let path = "/api/v1/accounts?include_invited=true";
    let all = bridge.get(path).await.json();
    assert_eq!(texts(&all, "status"), ["active", "active", "invited", "invited"]);
    let invited = &all["items"][2];
    assert_eq!(
        (&invited["user_name"], &invited["active"], &invited["intercom_id"]),
        (&json!("changed@example.com"), &json!(false), &json!(null))
    );
    assert_eq!(
        (&invited["role_name"], &invited["last_activity_source"]),
        (&json!("Owner"), &json!("never"))
    );
    let mut walked = Vec::new();
    let mut next = json!(bridge.url(&format!("{path}&limit=1")));
    while !next.is_null() {
        let page = bridge.get(&path_of(&next)).await.json();
        assert_eq!(page["total"], json!(4));
        walked.extend(page["items"].as_array().unwrap().clone());
        next = page["next"].clone();
    }
    assert_eq!(json!(walked), all["items"]);
    let users = bridge.get("/scim/v2/Users").await;
    assert_eq!(users.json()["totalResults"], json!(2));
    assert!(!users.text.contains("fresh@example.com"));

    let review = bridge.get("/api/v1/reviews/accounts").await.json();
    assert_eq!(texts(&review, "status"), ["active", "active", "invited", "invited"]);
    let owner = &review["items"][2];
    assert_eq!(
        (&owner["is_privileged"], &owner["change_since_last_review"]),
        (&json!(true), &json!(null))
    );
    let summary = &review["summary"];
    assert_eq!((&summary["active"], &summary["invited"]), (&json!(2), &json!(2)));
    assert_eq!(review["manifest"]["rows"], json!(4));
    let without = bridge.get("/api/v1/reviews/accounts?include_invited=false").await.json();
    assert_eq!(without["manifest"]["rows"], json!(2));
    assert_ne!(without["manifest"]["sha256"], review["manifest"]["sha256"]);
    bridge.stop().await;
}

/// Five people: one active, one idle for 60 days, one who joined a week ago, one of whom nothing is
/// known, and one without a seat.
fn seated() -> Workspace {
    let mut workspace = Workspace::new(TOKEN);
    let active = workspace.join(person("Active", true), days_ago(300));
    let idle = workspace.join(person("Idle", true), days_ago(300));
    workspace.join(person("Newcomer", true), days_ago(7));
    workspace.add_admin(person("Ghost", true));
    workspace.add_admin(person("Seatless", false));
    workspace.sign_in(active, "saml", days_ago(200));
    workspace.set_permissions(idle, active, &["export_data"], days_ago(2));
    workspace.sign_in(idle, "saml", days_ago(60));
    workspace
}

#[tokio::test(flavor = "multi_thread")]
async fn unused_seats_are_listed_with_what_they_cost() {
    let bridge = Bridge::starting_with(seated(), |config| {
        config.seats.price = "39.50".parse::<Price>().ok();
        config.seats.currency = Some("EUR".to_owned());
    })
    .await;
    bridge.shows(1).await;
    let list = bridge.get("/api/v1/seats").await.json();
    // The log covers a year, so Ghost, of whom it has nothing, did nothing for 30 days.
    assert_eq!(texts(&list, "display_name"), ["Active", "Idle", "Newcomer", "Ghost"]);
    assert_eq!(texts(&list, "use"), ["used", "unused", "used", "unused"]);
    let sources = ["activity_log", "sign_in", "activity_log", "unknown"];
    assert_eq!(texts(&list, "last_activity_source"), sources);
    assert_eq!(list["items"][1]["days_since_activity"], json!(60));
    for (member, expected) in [
        ("seats", json!(4)),
        ("unused", json!(2)),
        ("unknown", json!(0)),
        ("unused_for_days", json!(30)),
        ("monthly_price", json!("39.50")),
        ("monthly_cost", json!("158.00")),
        ("monthly_cost_unused", json!("79.00")),
        ("currency", json!("EUR")),
    ] {
        assert_eq!(list[member], expected, "{member}: {list}");
    }
    let only = bridge.get("/api/v1/seats?use=unused&unused_for=90d").await.json();
    assert_eq!(texts(&only, "display_name"), ["Ghost"]);
    assert_eq!((&only["total"], &only["seats"]), (&json!(1), &json!(4)), "of all seats");
    let table = get_as(&bridge, "/api/v1/seats", "text/csv").await;
    assert_eq!(
        (table.header("x-seats-unused"), table.header("x-seats-monthly-cost-unused")),
        ("2", "79.00")
    );
    assert_eq!(table.text.lines().count(), 5);
    for wrong in ["0", "30h", "3651d", "-1", "d", "+5d"] {
        let refused = bridge.get(&format!("/api/v1/seats?unused_for={wrong}")).await;
        assert_eq!(refused.status.as_u16(), 400, "{wrong}");
    }
    let refused = bridge.get("/api/v1/seats?use=never").await;
    assert!(refused.text.contains("unused, used, unknown"), "{}", refused.text);

    // A seat that was used again later was unused then.
    let (before, at) = later(&bridge, &list).await;
    bridge.simulator.change(|workspace| {
        let idle = workspace.admins().nth(1).unwrap().0;
        workspace.sign_in(idle, "saml", at);
    });
    start_import(&bridge, "", "wait=30").await;
    let now = bridge.get("/api/v1/seats?use=unused").await.json();
    assert_eq!(texts(&now, "display_name"), ["Ghost"]);
    let then = bridge.get(&format!("/api/v1/seats?use=unused&as_of={before}")).await.json();
    assert_eq!(texts(&then, "display_name"), ["Idle", "Ghost"]);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_log_it_is_unknown_whether_seats_are_used() {
    let bridge = Bridge::starting_with(seated(), |config| {
        config.import.activity_lookback_days = 0;
    })
    .await;
    bridge.shows(1).await;
    let list = bridge.get("/api/v1/seats").await.json();
    assert!(texts(&list, "use").iter().all(|word| *word == "unknown"), "{list}");
    assert_eq!(
        (&list["unused"], &list["unknown"], &list["monthly_cost"]),
        (&json!(0), &json!(4), &json!(null))
    );
    let invitations = bridge.get("/api/v1/invitations").await.json();
    assert_eq!(invitations["total"], json!(0));
    bridge.stop().await;
}
