//! The main task of each page that reads: what it shows, its filters, and its export.

use reqwest::Method;
use serde_json::json;

use super::{link, log_in, page, session};
use crate::support::bridge::{Answer, Bridge, dozen, start_import};

async fn signed_in(bridge: &Bridge) -> String {
    session(&log_in(bridge, &link(bridge, &["default"]).await, "same-origin").await)
}

async fn export(bridge: &Bridge, path: &str, cookie: &str) -> Answer {
    Bridge::send(bridge.request(Method::GET, path).header("Cookie", cookie)).await
}

/// A bridge where one person removed another, and a third joined and got a team.
async fn storied() -> (Bridge, [u64; 2]) {
    let bridge = Bridge::serving(dozen()).await;
    let now = bridge.app.service().clock.now().unix_timestamp();
    let (gone, by) = bridge.simulator.change(|workspace| {
        let people: Vec<u64> = workspace.admins().map(|(id, _)| id).collect();
        let (by, gone) = (people[0], people[1]);
        workspace.remove_admin(gone, by, now);
        let new = workspace.add_teammate("Nia \u{5e0}\u{5d9}\u{5d4}");
        let team = workspace.teams().next().unwrap().0;
        workspace.team_mut(team).unwrap().members.insert(new, None);
        (gone, by)
    });
    start_import(&bridge, "", "wait=30").await;
    bridge.shows(2).await;
    (bridge, [gone, by])
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_say_who_removed_whom_and_are_exported_as_they_are_shown() {
    let (bridge, [gone, by]) = storied().await;
    let cookie = signed_in(&bridge).await;
    let shown = page(&bridge, "/changes", &cookie).await.text;
    let first = shown.find("Left the workspace").expect("the removal");
    assert!(first < shown.rfind("Joined the workspace").unwrap(), "newest first: {shown}");
    assert!(shown.contains(&format!("/people/adm_{by}?")), "who removed: {shown}");

    let only = format!("/changes?person=adm_{gone}&action=removed&kind=user");
    let shown = page(&bridge, &only, &cookie).await.text;
    assert_eq!(shown.matches("Left the workspace").count(), 1, "{shown}");
    assert!(!shown.contains("Joined the workspace"), "{shown}");
    let by_actor = page(&bridge, &format!("/changes?actor=adm_{by}"), &cookie).await.text;
    assert!(by_actor.contains("Left the workspace"), "{by_actor}");
    let nothing = page(&bridge, "/changes?to=2020-01-01", &cookie).await.text;
    assert!(nothing.contains("No changes match") && nothing.contains("Reset the filters"));

    let query = only.trim_start_matches("/changes");
    let csv = export(&bridge, &format!("/changes/export{query}"), &cookie).await;
    assert!(csv.header("content-type").starts_with("text/csv"), "{}", csv.text);
    assert_eq!(csv.text.lines().count(), 2, "{}", csv.text);
    let list = export(&bridge, &format!("/changes/export{query}&format=json"), &cookie).await;
    assert_eq!(list.json()["items"][0]["user_id"], json!(format!("adm_{gone}")));

    // All pages together are the whole log, newest generation first.
    let all = export(&bridge, "/changes/export?format=json", &cookie).await.json();
    let all = all["items"].as_array().unwrap().clone();
    let log = bridge.get("/api/v1/changes?limit=1000").await.json();
    let mut log = log["items"].as_array().unwrap().clone();
    log.sort_by_key(|change| std::cmp::Reverse(change["generation"].as_i64()));
    let ids = |list: &[serde_json::Value]| -> Vec<String> {
        list.iter().map(|one| format!("{} {}", one["generation"], one["id"])).collect()
    };
    assert_eq!(ids(&all), ids(&log));
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_the_changes_lead_through_all_of_them_once() {
    let bridge = super::eventful().await;
    let cookie = signed_in(&bridge).await;
    let mut path = "/changes".to_owned();
    let mut seen = 0;
    for _ in 0..40 {
        let shown = page(&bridge, &path, &cookie).await.text;
        seen += shown.matches("<tr>").count() - 1;
        let Some(link) = shown.split("rel=\"next\" href=\"").nth(1) else { break };
        path = link.split('"').next().unwrap().replace("&amp;", "&");
    }
    let total = bridge.get("/api/v1/changes?limit=1").await.json()["total"].as_u64().unwrap();
    assert_eq!(u64::try_from(seen).unwrap(), total);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_days_are_compared_by_who_joined_left_gained_and_lost_access() {
    let (bridge, [gone, _]) = storied().await;
    let cookie = signed_in(&bridge).await;
    let changes = bridge.get("/api/v1/changes?limit=1").await.json();
    let first = changes["items"][0]["at"].as_str().unwrap().to_owned();
    let shown = page(&bridge, &format!("/compare?from={first}"), &cookie).await.text;
    for expected in ["<h2>Joined</h2>", "<h2>Left</h2>", "Nia", &format!("/people/adm_{gone}?")] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    let json = export(&bridge, &format!("/compare/export?from={first}&format=json"), &cookie).await;
    let items = json.json()["items"].as_array().unwrap().clone();
    let left: Vec<_> = items.iter().filter(|one| one["change"] == "left").collect();
    assert_eq!(left.len(), 1, "{items:?}");
    assert_eq!(left[0]["account_id"], json!(format!("adm_{gone}")));
    let early = page(&bridge, "/compare?from=2020-01-01", &cookie).await.text;
    assert!(early.contains("had not recorded this workspace"), "{early}");
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_has_its_members_now_and_then_and_its_history() {
    let (bridge, _) = storied().await;
    let cookie = signed_in(&bridge).await;
    let teams = page(&bridge, "/teams", &cookie).await.text;
    let link = teams.split("href=\"/teams/team_").nth(1).unwrap().split('?').next().unwrap();
    let path = format!("/teams/team_{link}");
    let now = page(&bridge, &path, &cookie).await.text;
    assert!(now.contains("Members now") && now.contains("History"), "{now}");
    let changes = bridge.get("/api/v1/changes?limit=1").await.json();
    let first = changes["items"][0]["at"].as_str().unwrap().to_owned();
    let then = page(&bridge, &format!("{path}?as_of={first}"), &cookie).await.text;
    assert!(then.contains(&format!("Members on {first}")), "{then}");
    assert_eq!(page(&bridge, "/teams/team_0", &cookie).await.status, 404);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn posture_seats_activity_and_identities_show_data_or_what_to_do() {
    let (bridge, _) = storied().await;
    let cookie = signed_in(&bridge).await;
    let posture = page(&bridge, "/posture", &cookie).await.text;
    assert!(posture.contains("Failing") && posture.contains("What to do:"), "{posture}");
    let failing = page(&bridge, "/posture?status=pass", &cookie).await.text;
    assert!(!failing.contains("What to do:"), "only passing checks: {failing}");
    let rows = export(&bridge, "/posture/export?format=json&status=pass", &cookie).await.json();
    assert!(rows["items"].as_array().unwrap().iter().all(|row| row["check_status"] == "pass"));

    let seats = page(&bridge, "/seats", &cookie).await.text;
    assert!(seats.contains("Paid seats") && seats.contains("Cost a month"), "{seats}");
    let api = bridge.get("/api/v1/seats").await.json();
    let rows = export(&bridge, "/seats/export?format=json", &cookie).await.json();
    assert_eq!(json!(rows["items"].as_array().unwrap().len()), api["seats"]);

    let activity = page(&bridge, "/activity", &cookie).await.text;
    assert!(activity.contains("Intercom's activity log, read from"), "{activity}");
    let quiet = page(&bridge, "/activity?group=data", &cookie).await.text;
    assert!(quiet.contains("No events match"), "{quiet}");
    let api = bridge.get("/api/v1/activity?limit=1000").await.json();
    let rows = export(&bridge, "/activity/export?format=json", &cookie).await.json();
    let count = |list: &serde_json::Value| list["items"].as_array().unwrap().len();
    assert_eq!(count(&rows), count(&api));

    let identities = page(&bridge, "/identities", &cookie).await.text;
    assert!(identities.contains("No roster is in force"), "{identities}");
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_written_in_the_zone_that_the_viewer_chose() {
    let (bridge, _) = storied().await;
    let cookie = signed_in(&bridge).await;
    let choose = async |zone: &str, site: &str| {
        let form = bridge
            .request(Method::POST, "/time-zone")
            .header("Cookie", &cookie)
            .header("Sec-Fetch-Site", site)
            .header("Content-Type", "application/x-www-form-urlencoded");
        Bridge::send(form.body(format!("zone={zone}&back=%2Fchanges%3Fkind%3Duser"))).await
    };
    assert_eq!(choose("Asia%2FKolkata", "cross-site").await.status, 400);
    let chosen = choose("Asia%2FKolkata", "same-origin").await;
    assert_eq!((chosen.status.as_u16(), chosen.header("location")), (303, "/changes?kind=user"));
    let zone = chosen.header("set-cookie").split(';').next().unwrap().to_owned();
    let shown = page(&bridge, "/changes", &format!("{cookie}; {zone}")).await.text;
    assert!(shown.contains("+05:30</time>") && shown.contains(" UTC, "), "{shown}");
    assert!(shown.contains("Times in Asia/Kolkata"), "{shown}");
    assert_eq!(choose("Mars%2FBase", "same-origin").await.header("set-cookie"), "");
    let usual = page(&bridge, "/changes", &cookie).await.text;
    assert!(usual.contains(" UTC</time>") && usual.contains(" ago"), "{usual}");
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_get_pages_for_refusals_and_programs_get_json() {
    let bridge = Bridge::serving(dozen()).await;
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let ask = async |path: &str, accept: &str| {
        Bridge::send(bridge.request(Method::GET, path).header("Accept", accept)).await
    };
    let page = ask("/nowhere", browser).await;
    assert_eq!(
        (page.status.as_u16(), page.header("content-type")),
        (404, "text/html; charset=utf-8")
    );
    assert!(page.text.contains("Page not found") && page.text.contains("Go to the overview"));
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    for (path, accept) in
        [("/nowhere", "*/*"), ("/api/v1/nowhere", browser), ("/api/v1/status", browser)]
    {
        let refused = ask(path, accept).await;
        assert_eq!(refused.header("content-type"), "application/problem+json", "{path} {accept}");
    }
    let icon = ask("/favicon.svg", "image/avif,image/webp,*/*;q=0.8").await;
    assert_eq!((icon.status.as_u16(), icon.header("content-type")), (200, "image/svg+xml"));
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_says_what_needs_attention_and_marks_the_unknown() {
    let bridge = Bridge::serving(dozen()).await;
    let cookie = signed_in(&bridge).await;
    bridge.ask(Method::DELETE, "/scim/v2/Users/adm_4423436").await;
    let shown = page(&bridge, "/", &cookie).await.text;
    assert!(shown.contains("Needs attention") && shown.contains("1 open request"), "{shown}");
    assert!(shown.contains("/posture?workspace=default&amp;status=fail#IC-"), "{shown}");
    let attention = shown.find("Needs attention").unwrap();
    assert!(attention < shown.find("Teammates").unwrap(), "before the counts: {shown}");
    bridge.stop().await;
}
