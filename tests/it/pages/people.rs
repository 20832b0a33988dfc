//! The list of people, its export, and the page of a person.

use reqwest::Method;
use serde_json::json;
use simulator::{Role, Workspace};

use super::{link, log_in, page, session};
use crate::support::bridge::{Answer, Bridge, dozen, start_import};
use crate::support::waiting::eventually;

async fn signed_in(workspace: Workspace) -> (Bridge, String) {
    let bridge = Bridge::serving(workspace).await;
    let cookie = session(&log_in(&bridge, &link(&bridge, &["default"]).await, "same-origin").await);
    (bridge, cookie)
}

/// The names in the rows of a list of people.
fn names(answer: &Answer) -> Vec<String> {
    let rows = answer.text.split("<tr>").skip(2);
    let name = |row: &str| {
        let name = row.split("<bdi>").nth(1)?.split("</bdi>").next()?;
        Some(name.to_owned())
    };
    rows.filter_map(name).collect()
}

async fn export(bridge: &Bridge, path: &str, cookie: &str) -> Answer {
    Bridge::send(bridge.request(Method::GET, path).header("Cookie", cookie)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_searched_filtered_and_sorted_and_exported_as_they_are_shown() {
    let mut workspace = Workspace::new(crate::support::hand::TOKEN);
    let zoe = workspace.add_teammate("Zoe\u{308} Nu\u{f1}ez");
    let ada = workspace.add_teammate("Ada Lovelace");
    workspace.add_teammate("Bo");
    workspace.add_team("Billing & \u{5e2}\u{5d1}\u{5e8}\u{5d9}\u{5ea}", &[zoe, ada]);
    let role = Role { id: "7".to_owned(), name: "Agent".to_owned() };
    workspace.admin_mut(ada).unwrap().role = Some(role);
    let (bridge, cookie) = signed_in(workspace).await;
    let listed =
        async |query: &str| names(&page(&bridge, &format!("/people?{query}"), &cookie).await);
    let everyone = ["Ada Lovelace", "Bo", "Zo\u{eb} Nu\u{f1}ez"];
    let composed = |names: Vec<String>| -> Vec<String> {
        names.into_iter().map(|name| name.replace("e\u{308}", "\u{eb}")).collect()
    };
    assert_eq!(composed(listed("").await), everyone);
    assert_eq!(composed(listed("sort=-name").await), [everyone[2], everyone[1], everyone[0]]);
    assert_eq!(composed(listed("q=zoe+nunez").await), [everyone[2]]);
    assert_eq!(listed("role=agent").await, [everyone[0]]);
    let team = bridge.get("/api/v1/entitlements?type=team").await.json();
    let team = team["items"][0]["id"].as_str().unwrap().to_owned();
    let in_team = format!("team={team}&sort=-name");
    assert_eq!(composed(listed(&in_team).await), [everyone[2], everyone[0]]);
    assert!(listed("state=removed").await.is_empty());

    let json = export(&bridge, &format!("/people/export?format=json&{in_team}"), &cookie).await;
    let items = json.json()["items"].as_array().unwrap().clone();
    let shown: Vec<String> =
        items.iter().map(|item| item["display_name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(composed(shown), [everyone[2], everyone[0]], "the order of the page");
    let csv = export(&bridge, &format!("/people/export?{in_team}"), &cookie).await;
    assert_eq!(csv.header("content-disposition"), "attachment; filename=\"default-people.csv\"");
    assert!(csv.text.starts_with("\u{feff}id,intercom_id,"), "{}", csv.text);
    assert_eq!(csv.text.lines().count(), 3);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_has_access_history_and_open_requests_on_one_page() {
    let (bridge, cookie) = signed_in(dozen()).await;
    let admins: Vec<u64> =
        bridge.simulator.change(|workspace| workspace.admins().take(2).map(|(id, _)| id).collect());
    let (person, by) = (admins[1], admins[0]);
    let path = format!("/people/adm_{person}");
    bridge.ask(Method::DELETE, &format!("/scim/v2/Users/adm_{person}")).await;
    let before = page(&bridge, &path, &cookie).await.text;
    assert!(before.contains("Open requests") && before.contains("remove account"), "{before}");
    assert!(before.contains("Access now") && before.contains(">active<"), "{before}");

    let now = bridge.app.service().clock.now().unix_timestamp();
    bridge.simulator.change(|workspace| workspace.remove_admin(person, by, now));
    start_import(&bridge, "", "wait=30").await;
    bridge.shows(2).await;
    let closed = async || {
        let text = page(&bridge, &path, &cookie).await.text;
        if text.contains("Open requests") { Err(text) } else { Ok(text) }
    };
    let after = eventually("the import closes the request", closed).await;
    assert!(after.contains(">removed<") && after.contains("Left the workspace"), "{after}");
    assert!(after.contains(&format!("/people/adm_{by}?")), "who made the change: {after}");

    let changes = bridge.get(&format!("/api/v1/changes?person=adm_{person}")).await.json();
    let first = &changes["items"][0];
    assert_eq!(first["action"], json!("created"));
    let then = first["at"].as_str().unwrap();
    let past = page(&bridge, &format!("{path}?as_of={then}"), &cookie).await.text;
    assert!(past.contains(&format!("Access on {then}")) && past.contains(">active<"), "{past}");
    let missing = page(&bridge, &format!("{path}?as_of=2020-01-01"), &cookie).await.text;
    assert!(missing.contains("had not recorded this workspace"), "{missing}");
    let future = page(&bridge, &format!("{path}?as_of=2999-01-01"), &cookie).await.text;
    assert!(future.contains("not a day or time in the past"), "{future}");

    let unknown = page(&bridge, "/people/adm_1", &cookie).await;
    assert_eq!(unknown.status, 404);
    assert!(unknown.text.contains("never had an account with this id"));
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_leads_to_its_members() {
    let (bridge, cookie) = signed_in(dozen()).await;
    let teams = page(&bridge, "/teams", &cookie).await.text;
    let mut links = teams.split("href=\"/people?").map(|rest| rest.split('"').next().unwrap());
    let address = links.find(|link| link.contains("team=team_")).unwrap().replace("&amp;", "&");
    let members = page(&bridge, &format!("/people?{address}"), &cookie).await;
    assert!(!names(&members).is_empty(), "{}", members.text);
    bridge.stop().await;
}
