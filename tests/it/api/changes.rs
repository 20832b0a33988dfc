//! The API for the log of changes: its pages, its filters, and its form as lines and as a table.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::bridge::{Bridge, dozen, start_import};

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_changes_is_walked_by_next_and_by_line() {
    let bridge = Bridge::serving(dozen()).await;
    let total = bridge.get("/api/v1/changes?limit=1").await.json()["total"].as_u64().unwrap();
    let mut walked = Vec::new();
    let mut since = String::new();
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
    assert!(
        walked
            .iter()
            .all(|change| change["action"] == json!("created") && change["generation"] == json!(1))
    );

    let lines = async |path: &str| -> Vec<Value> {
        let request = bridge.request(Method::GET, path).bearer_auth(&bridge.token);
        let answer = Bridge::send(request.header("Accept", "application/x-ndjson")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (200, "application/x-ndjson")
        );
        answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    assert_eq!(lines("/api/v1/changes").await, walked);
    assert_eq!(lines("/api/v1/changes?limit=3").await, walked[..3]);
    let fifth = walked[4]["cursor"].as_str().unwrap();
    assert_eq!(lines(&format!("/api/v1/changes?since={fifth}")).await, walked[5..]);

    bridge.simulator.change(|workspace| workspace.add_teammate("New Comer"));
    start_import(&bridge, "", "wait=30").await;
    let news = bridge.get(&format!("/api/v1/changes?since={since}")).await.json();
    assert_eq!(
        (&news["total"], &news["items"][0]["after"]["display_name"]),
        (&json!(1), &json!("New Comer"))
    );
    assert_eq!(
        bridge.get(&format!("/api/v1/changes?since={since}&type=group")).await.json()["total"],
        json!(0)
    );
    for path in
        ["/api/v1/changes?since=x", "/api/v1/changes?type=team", "/api/v1/changes?since=OTkvLw"]
    {
        let refused = bridge.get(path).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["code"]),
            (400, &json!("invalid_value")),
            "{path}"
        );
    }
    bridge.stop().await;
}

/// A history in which a teammate was removed and a team was renamed: the ids of the teammate, the
/// actor and the team, and the times.
struct Deeds {
    gone: u64,
    by: u64,
    team: u64,
    before: time::OffsetDateTime,
}

async fn after_some_deeds() -> (Bridge, Deeds) {
    let bridge = Bridge::serving(dozen()).await;
    let (gone, by, team) = bridge.simulator.change(|workspace| {
        let ids: Vec<u64> = workspace.admins().map(|(id, _)| id).collect();
        (ids[4], ids[0], workspace.teams().next().unwrap().0)
    });
    let before = bridge.app.service().clock.now();
    bridge.simulator.change(|workspace| {
        workspace.remove_admin(gone, by, before.unix_timestamp() + 1);
        "=cmd()".clone_into(&mut workspace.team_mut(team).unwrap().name);
    });
    start_import(&bridge, "", "wait=30").await;
    (bridge, Deeds { gone, by, team, before })
}

/// Returns the action and the id of each change that a query selects.
async fn selected(bridge: &Bridge, query: &str) -> Vec<String> {
    let answer = bridge.get(&format!("/api/v1/changes?limit=1000&{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text);
    let items = answer.json()["items"].as_array().unwrap().clone();
    items
        .iter()
        .map(|item| {
            format!("{} {}", item["action"].as_str().unwrap(), item["id"].as_str().unwrap())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_changes_is_filtered_by_person_and_actor() {
    let (bridge, Deeds { gone, by, .. }) = after_some_deeds().await;
    let whole = bridge.get("/api/v1/changes?limit=1000").await.json();
    let person = whole["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["id"] == json!(format!("adm_{gone}")))
        .unwrap()
        .clone();
    let email = person["user_email"].as_str().unwrap();
    assert_eq!(
        (&person["after"]["email"], &person["after"]["display_name"]),
        (&json!(email), &person["user_display_name"])
    );
    let of_person = selected(&bridge, &format!("person=adm_{gone}")).await;
    assert!(
        of_person.len() >= 2 && of_person.iter().all(|id| id.contains(&format!("adm_{gone}"))),
        "{of_person:?}"
    );
    assert_eq!(of_person.last().unwrap().split(' ').next(), Some("removed"));
    for same in [
        format!("person={gone}"),
        format!("person={}", email.to_uppercase()),
        format!("person=adm_{gone}&to=2999-01-01"),
    ] {
        assert_eq!(selected(&bridge, &same).await, of_person, "{same}");
    }
    let users = selected(&bridge, &format!("person=adm_{gone}&type=user")).await;
    assert_eq!(users, [format!("created adm_{gone}"), format!("removed adm_{gone}")]);
    assert_eq!(selected(&bridge, &format!("person=adm_{gone}&kind=user")).await, users);
    let removals = selected(&bridge, &format!("person=adm_{gone}&type=user&action=removed")).await;
    assert_eq!(removals, users[1..]);
    let by_actor = selected(&bridge, &format!("actor=adm_{by}")).await;
    assert!(by_actor.contains(&users[1]), "the actor of the removal");
    assert!(selected(&bridge, &format!("actor=adm_{gone}&action=removed")).await.is_empty());
    let unknown = bridge.get("/api/v1/changes?person=adm_404&limit=1").await.json();
    assert_eq!((&unknown["total"], &unknown["has_more"]), (&json!(0), &json!(false)));
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_changes_is_filtered_by_team_and_by_period() {
    let (bridge, Deeds { gone, team, before, .. }) = after_some_deeds().await;
    let of_team = selected(&bridge, &format!("team=team_{team}")).await;
    assert!(
        of_team.contains(&format!("updated team_{team}"))
            && of_team.iter().all(|id| id.contains(&format!("team_{team}")))
    );
    assert_eq!(
        selected(&bridge, &format!("team={team}&type=group&action=updated")).await,
        [format!("updated team_{team}")]
    );
    let removal = format!("removed adm_{gone}");
    let since = before.format(&time::format_description::well_known::Rfc3339).unwrap();
    for later in [
        format!("from={since}"),
        format!("since={since}"),
        format!("from={since}&until=2999-12-31"),
    ] {
        let later = selected(&bridge, &later).await;
        assert!(
            later.contains(&removal) && !later.iter().any(|id| id.starts_with("created")),
            "{later:?}"
        );
    }
    assert!(!selected(&bridge, &format!("to={since}")).await.contains(&removal));
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_filters_of_the_log_of_changes_are_refused() {
    let bridge = Bridge::serving(dozen()).await;
    for wrong in [
        "person=Ada%20Lovelace",
        "person=",
        "team=Support%20EMEA",
        "actor=%27;--",
        "action=deleted",
        "kind=team",
        "from=yesterday",
        "from=2026-03-02&to=2026-03-01",
        "to=2026-03-01&until=2026-03-01",
        "tz=Nowhere&from=2026-03-01",
        "bom=1",
    ] {
        assert_eq!(bridge.get(&format!("/api/v1/changes?{wrong}")).await.status, 400, "{wrong}");
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_changes_is_the_same_as_lines_and_as_a_table() {
    let (bridge, Deeds { gone, team, .. }) = after_some_deeds().await;
    let whole = bridge.get(&format!("/api/v1/changes?limit=1000&person=adm_{gone}")).await.json();
    let of_person = whole["items"].as_array().unwrap();
    let question = format!("person=adm_{gone}");
    let read = async |media_type: &str, more: &str| {
        let request = bridge
            .request(Method::GET, &format!("/api/v1/changes?{question}{more}"))
            .bearer_auth(&bridge.token);
        Bridge::send(request.header("Accept", media_type)).await
    };
    let lines = read("application/x-ndjson", "").await.text;
    assert_eq!(lines.lines().count(), of_person.len());
    let table = read("text/csv", "").await;
    assert_eq!(table.header("content-type"), "text/csv; charset=utf-8; header=present");
    let rows = |text: &str| -> Vec<BTreeMap<String, String>> {
        csv::Reader::from_reader(text.as_bytes()).deserialize().map(Result::unwrap).collect()
    };
    let written = rows(&table.text);
    for (row, line) in written.iter().zip(lines.lines()) {
        let document: Value = serde_json::from_str(line).unwrap();
        for name in ["cursor", "action", "id", "user_email", "at"] {
            assert_eq!(json!(row[name]), document[name], "{name}");
        }
        assert_eq!(row["actor_id"], document["actor"]["id"].as_str().unwrap_or_default());
    }
    assert_eq!(written.len(), of_person.len());
    assert!(read("text/csv", "&bom=true").await.text.starts_with("\u{feff}cursor,"));
    assert_eq!(rows(&read("text/csv", "&limit=1").await.text).len(), 1);
    let named = bridge
        .request(Method::GET, &format!("/api/v1/changes?team={team}&type=group"))
        .bearer_auth(&bridge.token);
    let named = rows(&Bridge::send(named.header("Accept", "text/csv")).await.text);
    assert_eq!(named.last().unwrap()["group_display_name"], "'=cmd()", "no formula");
    bridge.stop().await;
}
