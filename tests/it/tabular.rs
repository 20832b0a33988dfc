//! The flat views: now, in the past, as JSON and as CSV.

mod reviews;
mod seats;

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::support::bridge::{Answer, Bridge, dozen, path_of, start_import};

#[tokio::test(flavor = "multi_thread")]
async fn accounts_have_the_values_of_scim_users() {
    let bridge = Bridge::serving(dozen()).await;
    let accounts = bridge.get("/api/v1/accounts").await;
    assert!(!accounts.header("age").is_empty());
    let users = bridge.get("/scim/v2/Users").await.json();
    let accounts = accounts.json();
    assert_eq!((&accounts["total"], &accounts["next"]), (&json!(12), &json!(null)));
    for (account, user) in
        accounts["items"].as_array().unwrap().iter().zip(users["Resources"].as_array().unwrap())
    {
        assert_eq!((&account["id"], &account["user_name"]), (&user["id"], &user["userName"]));
        assert_eq!(
            (&account["given_name"], &account["active"]),
            (&user["name"]["givenName"], &user["active"])
        );
        assert_eq!(account["last_modified_at"], user["meta"]["lastModified"]);
        let teams: Vec<&str> = user["groups"]
            .as_array()
            .unwrap()
            .iter()
            .map(|group| group["value"].as_str().unwrap())
            .collect();
        assert_eq!(account["team_ids"], json!(teams.join(",")));
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entitlements_and_memberships_have_the_values_of_scim_groups() {
    let bridge = Bridge::serving(dozen()).await;
    let groups = bridge.get("/scim/v2/Groups").await.json();
    let members: usize = groups["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["members"].as_array().unwrap().len())
        .sum();
    assert_eq!(bridge.get("/api/v1/memberships?type=team").await.json()["total"], json!(members));
    let teams = bridge.get("/api/v1/entitlements?type=team").await.json();
    assert_eq!(teams["total"], groups["totalResults"]);
    let all = bridge.get("/api/v1/entitlements").await.json();
    let types: std::collections::BTreeSet<&str> =
        all["items"].as_array().unwrap().iter().map(|one| one["type"].as_str().unwrap()).collect();
    assert_eq!(types.into_iter().collect::<Vec<_>>(), ["permission", "role", "seat", "team"]);
    let account = &all_accounts(&bridge).await[0];
    let of_account = bridge.get(&format!("/api/v1/memberships?account_id={account}")).await.json();
    assert!(
        of_account["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["account_id"] == json!(account))
    );
    let team =
        &all["items"].as_array().unwrap().iter().find(|one| one["type"] == json!("team")).unwrap();
    let members = bridge
        .get(&format!("/api/v1/memberships?entitlement_id={}", team["id"].as_str().unwrap()))
        .await
        .json();
    let shown = members["items"].as_array().unwrap().len();
    assert_eq!(
        (&members["total"], json!(shown)),
        (&team["member_count"], members["total"].clone())
    );
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_over_recent_accounts_keeps_the_time_at_which_it_began() {
    let bridge = Bridge::serving(dozen()).await;
    assert_eq!(bridge.get("/api/v1/accounts?modified_since=0s").await.json()["total"], json!(0));
    let recent = bridge.get("/api/v1/accounts?modified_since=2d&limit=5").await.json();
    assert_eq!(recent["total"], bridge.get("/api/v1/accounts").await.json()["total"]);
    assert!(recent["next"].as_str().unwrap().contains("modified_since=20"), "{recent}");
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_parameters_of_the_tabular_views_are_refused() {
    let bridge = Bridge::serving(dozen()).await;
    assert_eq!(
        bridge.get("/api/v1/accounts?account_id=adm_1").await.status,
        400,
        "it is a parameter of memberships alone"
    );
    for wrong in [
        "modified_since=2x",
        "modified_since=99999d",
        "account_id=",
        "asof=2026-03-01T00:00:00Z",
        "as_of=",
        "limit=0",
        "offset=-1",
        "as_of=yesterday",
        "as_of=2026-03",
        "as_of=2026-02-30",
        "as_of=2026-03-01&tz=Dublin",
        "include_removed=1",
        "type=x",
        "edition=9",
    ] {
        let refused = bridge.get(&format!("/api/v1/memberships?{wrong}")).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["code"]),
            (400, &json!("invalid_value")),
            "{wrong}"
        );
    }
    for (flag, status) in [("True", 200), ("FALSE", 200), ("true", 200), ("yes", 400), ("1", 400)] {
        let answer = bridge.get(&format!("/api/v1/accounts?include_removed={flag}")).await;
        assert_eq!(answer.status.as_u16(), status, "{flag}");
    }
    bridge.stop().await;
}

/// The paths of all lists with a limit.
const LISTS: [&str; 7] = [
    "/api/v1/accounts",
    "/api/v1/entitlements",
    "/api/v1/memberships",
    "/api/v1/imports",
    "/api/v1/changes",
    "/api/v1/audit",
    "/api/v1/lifecycle/requests",
];

#[tokio::test(flavor = "multi_thread")]
async fn unknown_parameters_are_ignored_unless_they_look_like_a_misspelt_one() {
    let bridge = Bridge::serving(dozen()).await;
    for path in LISTS {
        for ignored in ["_=1764201600000", "cachebust=x", "utm_source=mail&t="] {
            let answer = bridge.get(&format!("{path}?limit=1&{ignored}")).await;
            assert_eq!(
                (answer.status.as_u16(), &answer.json()["limit"]),
                (200, &json!(1)),
                "{path}?{ignored}"
            );
            assert!(
                !answer.json()["next"].to_string().contains(ignored),
                "the next page is without it"
            );
            assert_eq!(answer.header("x-limit-applied"), "");
        }
        for near in ["limits=1", "Limit=1", "lmit=1"] {
            let refused = bridge.get(&format!("{path}?{near}")).await;
            assert_eq!(refused.status, 400, "{path}?{near}");
            assert!(
                refused.json()["detail"].as_str().unwrap().ends_with("did you mean limit?"),
                "{}",
                refused.text
            );
        }
    }
    let reviews = bridge.get("/api/v1/reviews/accounts?_=1").await;
    assert_eq!(reviews.status, 200);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_is_too_large_is_lowered_and_an_invalid_one_is_refused() {
    let bridge = Bridge::serving(dozen()).await;
    for path in LISTS {
        for large in ["1001", "5000", "99999999999999999999999"] {
            let answer = bridge.get(&format!("{path}?limit={large}")).await;
            assert_eq!(
                (answer.status.as_u16(), &answer.json()["limit"]),
                (200, &json!(1_000)),
                "{path}"
            );
            assert_eq!(answer.header("x-limit-applied"), "1000", "{path}");
        }
        assert_eq!(bridge.get(&format!("{path}?limit=1000")).await.header("x-limit-applied"), "");
        for wrong in ["0", "-1", "1.5", "1e3", "ten", "+5", "000"] {
            let refused = bridge.get(&format!("{path}?limit={wrong}")).await;
            assert_eq!(
                (refused.status.as_u16(), &refused.json()["code"]),
                (400, &json!("invalid_value")),
                "{wrong}"
            );
        }
    }
    for (path, accept) in [("accounts", "text/csv"), ("changes", "application/x-ndjson")] {
        let request = bridge
            .request(Method::GET, &format!("/api/v1/{path}?limit=2000"))
            .bearer_auth(&bridge.token);
        let answer = Bridge::send(request.header("Accept", accept)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("x-limit-applied")),
            (200, "1000"),
            "{accept}"
        );
    }
    bridge.stop().await;
}

async fn as_csv(bridge: &Bridge, path: &str) -> Answer {
    let request = bridge.request(Method::GET, path).bearer_auth(&bridge.token);
    Bridge::send(request.header("Accept", "text/csv")).await
}

/// Reads all pages of a table. Returns its rows, each by the names of the columns.
async fn read_table(bridge: &Bridge, path: &str) -> Vec<BTreeMap<String, String>> {
    let mut path = path.to_owned();
    let mut table = Vec::new();
    let mut header = None;
    loop {
        let page = as_csv(bridge, &path).await;
        assert_eq!(page.header("content-type"), "text/csv; charset=utf-8; header=present");
        assert!(page.text.ends_with("\r\n"));
        let mut read = csv::Reader::from_reader(page.text.as_bytes());
        let names = read.headers().unwrap().clone();
        assert_eq!(header.get_or_insert(names.clone()), &names);
        for record in read.records() {
            let record = record.unwrap();
            let pairs = names
                .iter()
                .zip(record.iter())
                .map(|(name, cell)| (name.to_owned(), cell.to_owned()));
            table.push(pairs.collect());
        }
        let link = page.header("link").strip_prefix('<');
        match link.and_then(|link| link.strip_suffix(">; rel=\"next\"")) {
            Some(next) => path = next.replace(&bridge.url(""), ""),
            None => return table,
        }
    }
}

/// Returns an object as the row of a table.
fn as_row(object: &Value) -> BTreeMap<String, String> {
    let cell = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let members = object.as_object().unwrap().iter();
    members.map(|(name, value)| (name.clone(), cell(value))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tabular_views_are_csv_tables_for_clients_that_accept_csv() {
    let bridge = Bridge::serving(dozen()).await;
    bridge.simulator.change(|workspace| workspace.add_teammate("Quote \"Q\", Comma"));
    start_import(&bridge, "", "wait=30").await;
    for view in ["accounts", "entitlements", "memberships"] {
        let list = bridge.get(&format!("/api/v1/{view}?limit=1000")).await.json();
        let expected: Vec<_> = list["items"].as_array().unwrap().iter().map(as_row).collect();
        let table = read_table(&bridge, &format!("/api/v1/{view}?limit=4")).await;
        assert_eq!(table, expected, "{view}");
        let empty = as_csv(&bridge, &format!("/api/v1/{view}?offset=9999")).await;
        assert_eq!(empty.text.lines().count(), 1, "a table without rows has its header");
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_are_days_in_utc_or_in_the_zone_that_is_named() {
    let bridge = Bridge::serving(dozen()).await;
    let today = OffsetDateTime::now_utc().date().to_string();
    for path in [
        format!("/api/v1/accounts?as_of={today}"),
        format!("/api/v1/accounts?as_of={today}&tz=America/Los_Angeles"),
        format!("/api/v1/accounts?modified_since={today}"),
        "/api/v1/memberships?modified_since=2026-03-01T12:00&tz=europe/dublin".to_owned(),
        format!("/api/v1/entitlements?as_of={today}"),
        format!("/api/v1/changes?from=2020-01-01&to={today}"),
        format!("/api/v1/audit?since={today}&until={today}&tz=Pacific/Kiritimati"),
    ] {
        let answer = bridge.get(&path).await;
        // In the far west, today may not have begun; in the far east, it may be over.
        let not_begun =
            answer.status == 400 && path.contains("Los_Angeles") && answer.text.contains("future");
        assert!(answer.status == 200 || not_begun, "{path}: {}", answer.text);
    }
    let all = bridge.get("/api/v1/changes?limit=1000").await.json()["total"].clone();
    assert_eq!(bridge.get(&format!("/api/v1/changes?from={today}")).await.json()["total"], all);
    assert_eq!(bridge.get("/api/v1/changes?to=2026-03-01").await.json()["total"], json!(0));
    assert_eq!(bridge.get("/api/v1/accounts?as_of=2020-03-01").await.status, 404);
    assert_eq!(bridge.get("/api/v1/accounts?as_of=2999-03-01").await.status, 400);
    let wrong = bridge.get("/api/v1/reviews/accounts?as_of=01.03.2026").await;
    assert!(wrong.status == 400 && wrong.text.contains("2026-03-01"), "{}", wrong.text);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_by_next_goes_on_over_the_list_it_began_with_whatever_is_imported() {
    let bridge = Bridge::serving(dozen()).await;
    let whole = bridge.get("/api/v1/accounts").await.json()["items"].clone();
    let mut walked = Vec::new();
    let mut next = json!(bridge.url("/api/v1/accounts?limit=3&include_removed=true"));
    while !next.is_null() {
        let page = bridge.get(&path_of(&next)).await.json();
        assert_eq!(page["total"], json!(12));
        walked.extend(page["items"].as_array().unwrap().clone());
        next = page["next"].clone();
        // Between two pages, one teammate joins and one leaves, more often than the number of
        // served snapshots that are kept.
        for _ in 0..3 {
            bridge.simulator.change(|workspace| {
                let first = workspace.admins().next().unwrap().0;
                workspace.remove_admin(first, first, 0);
                workspace.add_teammate("New Comer");
            });
            start_import(&bridge, "", "wait=30").await;
        }
    }
    assert_eq!(json!(walked), whole);
    bridge.stop().await;
}

const VIEWS: [&str; 3] = ["accounts", "entitlements", "memberships"];

/// Returns all views. All accounts have a sign-in and an activity.
async fn current_views(bridge: &Bridge) -> Vec<Value> {
    let mut views = Vec::new();
    for view in VIEWS {
        let path = format!("/api/v1/{view}?include_removed=true&limit=1000");
        let list = bridge.get(&path).await.json();
        if view == "accounts" {
            let accounts = list["items"].as_array().unwrap();
            let has = |name: &str| accounts.iter().all(|account| account[name].is_string());
            assert!(has("last_sign_in_at") && has("last_activity_at"), "{list}");
        }
        views.push(list);
    }
    views
}

/// A bridge after an import that had changes.
struct Changed {
    bridge: Bridge,
    /// The views before the changes.
    before: Vec<Value>,
    /// The time before the changes, as in a query.
    moment: String,
}

impl Changed {
    async fn new() -> Self {
        let bridge = Bridge::serving(dozen()).await;
        let before = current_views(&bridge).await;
        let moment = bridge.app.service().clock.now();
        bridge.simulator.change(|workspace| {
            let people: Vec<u64> = workspace.admins().map(|(id, _)| id).collect();
            let later = moment.unix_timestamp() + 1;
            workspace.remove_admin(people[1], people[0], later);
            workspace.sign_in(people[2], "saml", later);
            workspace.set_away(people[3], true, later);
            workspace.admin_mut(people[2]).unwrap().job_title = Some("Countess".to_owned());
            workspace.add_team("New team", &people[3..5]);
        });
        assert_eq!(start_import(&bridge, "", "wait=30").await.json()["generation"], json!(2));
        let moment = moment.format(&time::format_description::well_known::Rfc3339).unwrap();
        Self { bridge, before, moment }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_at_a_past_time_is_what_the_views_were_then() {
    let Changed { bridge, before, moment } = Changed::new().await;
    assert_ne!(current_views(&bridge).await, before);
    for (view, before) in VIEWS.iter().zip(before) {
        let then = bridge
            .get(&format!("/api/v1/{view}?include_removed=true&limit=1000&as_of={moment}"))
            .await
            .json();
        assert_eq!(then, before, "{view}");
    }
    let mut walked = Vec::new();
    let mut next = json!(bridge.url(&format!("/api/v1/memberships?limit=5&as_of={moment}")));
    while !next.is_null() {
        let page = bridge.get(&path_of(&next)).await.json();
        walked.extend(page["items"].as_array().unwrap().clone());
        next = page["next"].clone();
    }
    let whole = bridge.get(&format!("/api/v1/memberships?limit=1000&as_of={moment}")).await.json();
    assert_eq!(json!(walked), whole["items"], "page by page");
    let too_early = bridge.get("/api/v1/accounts?as_of=2001-01-01T00:00:00%2B01:00").await;
    assert_eq!(too_early.status, 404);
    let too_late = bridge.get("/api/v1/accounts?as_of=2101-01-01T00:00:00Z").await;
    assert_eq!(
        (too_late.status.as_u16(), &too_late.json()["code"]),
        (400, &json!("invalid_value"))
    );
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_filtered_by_the_time_of_their_last_change() {
    let Changed { bridge, moment, .. } = Changed::new().await;
    let changed = bridge
        .get(&format!("/api/v1/accounts?include_removed=true&modified_since={moment}"))
        .await
        .json();
    assert_eq!(changed["total"], json!(4));
    assert_eq!(
        bridge.get(&format!("/api/v1/accounts?modified_since={moment}")).await.json()["total"],
        json!(3)
    );
    bridge.stop().await;
}

async fn all_accounts(bridge: &Bridge) -> Vec<String> {
    let accounts = bridge.get("/api/v1/accounts").await.json();
    accounts["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_str().unwrap().to_owned())
        .collect()
}
