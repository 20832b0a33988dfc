//! Imports and requests in the console.

use intercom_scim_bridge::console::ConsoleRole;
use reqwest::Method;
use serde_json::json;

use super::{act, page, signed_in_as};
use crate::audit::entries;
use crate::support::bridge::{Answer, Bridge, dozen, start_import};
use crate::support::waiting::eventually;

/// Removes most of the people at once, so that the next import is held. Returns their names.
pub async fn held(bridge: &Bridge, skipped: usize) -> Vec<String> {
    let mut gone = Vec::new();
    bridge.simulator.change(|workspace| {
        let people: Vec<(u64, String)> =
            workspace.admins().map(|(id, admin)| (id, admin.name.clone())).collect();
        // Intercom's bot is no person.
        for (id, name) in people.iter().skip(skipped).filter(|(_, name)| name != "Operator") {
            workspace.remove_admin(*id, people[0].0, 1_772_366_500);
            gone.push(name.clone());
        }
    });
    start_import(bridge, "", "wait=30").await;
    gone
}

fn seen(page: &Answer) -> String {
    let after = page.text.split("name=\"seen\" value=\"").nth(1).expect(&page.text);
    after.split('"').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_import_is_shown_with_the_names_of_whom_it_would_remove_and_released() {
    let bridge = Bridge::serving(dozen()).await;
    let cookie = signed_in_as(&bridge, "Ada Admin", ConsoleRole::Admin).await;
    let before = page(&bridge, "/imports", &cookie).await;
    assert!(!before.text.contains("An import is held"), "{}", before.text);
    let gone = held(&bridge, 4).await;
    assert!(gone.len() >= 7, "{gone:?}");
    let shown = page(&bridge, "/imports", &cookie).await;
    assert!(shown.text.contains("People who would be removed"), "{}", shown.text);
    for name in &gone {
        assert!(shown.text.contains(name.as_str()), "{name}: {}", shown.text);
    }
    // A reviewer sees the same, without the buttons.
    let reviewer = signed_in_as(&bridge, "Rita Reviewer", ConsoleRole::Reviewer).await;
    let looked = page(&bridge, "/imports", &reviewer).await.text;
    assert!(looked.contains(&gone[0]) && !looked.contains("Release the import"), "{looked}");
    let small = act(&bridge, &reviewer, "/imports/release", "checked=yes").await;
    assert_eq!(small.status, 403);

    // Keeping is recorded and shown.
    let seen = seen(&shown);
    let kept = act(&bridge, &cookie, "/imports/keep", format!("seen={seen}")).await;
    assert_eq!(kept.status, 303, "{}", kept.text);
    let shown = page(&bridge, "/imports", &cookie).await.text;
    assert!(shown.contains("Ada Admin</bdi> decided on"), "{shown}");

    // Releasing needs the check mark, and the list that the person saw.
    for fields in ["", "checked=yes", "checked=yes&seen=other", &format!("seen={seen}")] {
        let refused = act(&bridge, &cookie, "/imports/release", fields).await;
        assert_eq!(refused.status, 400, "{fields}: {}", refused.text);
    }
    let active = |users: &serde_json::Value| users["totalResults"].as_u64().unwrap();
    let users = bridge.get("/scim/v2/Users?filter=active%20eq%20true&count=0").await.json();
    let was = active(&users);
    let released =
        act(&bridge, &cookie, "/imports/release", format!("checked=yes&seen={seen}")).await;
    assert_eq!(released.status, 303, "{}", released.text);
    bridge.shows(2).await;
    let users = bridge.get("/scim/v2/Users?filter=active%20eq%20true&count=0").await.json();
    assert_eq!(active(&users), was - gone.len() as u64);
    let notice = page(&bridge, released.header("location"), &cookie).await.text;
    assert!(notice.contains("The import was released"), "{notice}");
    eventually("no import is held any more", async || {
        let text = page(&bridge, "/imports", &cookie).await.text;
        if text.contains("An import is held") { Err(text) } else { Ok(()) }
    })
    .await;
    let again = act(&bridge, &cookie, "/imports/release", format!("checked=yes&seen={seen}"));
    assert_eq!(again.await.status, 400, "no import is held");
    for event in ["import.kept", "import.released"] {
        let recorded = entries(&bridge, &format!("&event={event}"), |_| true).await;
        assert_eq!(recorded.len(), 1, "{event}");
        assert_eq!(recorded[0]["actor"], "Ada Admin");
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_import_that_has_changed_since_the_page_was_loaded_is_not_released() {
    let bridge = Bridge::serving(dozen()).await;
    let cookie = signed_in_as(&bridge, "Ada Admin", ConsoleRole::Admin).await;
    held(&bridge, 4).await;
    let seen = seen(&page(&bridge, "/imports", &cookie).await);
    held(&bridge, 3).await;
    let refused = act(&bridge, &cookie, "/imports/release", format!("checked=yes&seen={seen}"));
    let refused = refused.await;
    assert_eq!(refused.status, 400);
    assert!(refused.text.contains("something else than you saw"), "{}", refused.text);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_closed_once_with_a_note_and_the_name_of_the_person() {
    let bridge = Bridge::serving(dozen()).await;
    let cookie = signed_in_as(&bridge, "Rita Reviewer", ConsoleRole::Reviewer).await;
    let empty = page(&bridge, "/requests", &cookie).await.text;
    assert!(empty.contains("No request is open"), "{empty}");
    let ticket = json!({
        "operation": "remove_account", "target": "adm_4423440", "user_name": "<b>leaver</b>@x.example",
        "comment": "Left on Friday",
    });
    let request =
        bridge.request(Method::POST, "/api/v1/lifecycle/requests").bearer_auth(&bridge.token);
    let made = Bridge::send(request.body(ticket.to_string())).await.json();
    let id = made["id"].as_str().unwrap();
    let open = page(&bridge, "/requests", &cookie).await.text;
    assert!(open.contains("remove account") && open.contains("Left on Friday"), "{open}");
    assert!(open.contains("&lt;b&gt;leaver") && !open.contains("<b>leaver"), "{open}");

    let wrong = act(&bridge, &cookie, "/requests/close", format!("request={id}&end=maybe")).await;
    assert_eq!(wrong.status, 400, "{}", wrong.text);
    let unknown = act(&bridge, &cookie, "/requests/close", "request=req_nothing&end=done").await;
    assert_eq!(unknown.status, 404, "{}", unknown.text);
    let close = format!("request={id}&end=declined&note=Stays+until+March");
    let closed = act(&bridge, &cookie, "/requests/close", close.as_str()).await;
    assert_eq!(closed.status, 303, "{}", closed.text);
    let again = act(&bridge, &cookie, "/requests/close", close.as_str()).await;
    assert!(again.header("location").contains("request_closed_before"));
    let stored = bridge.get(&format!("/api/v1/lifecycle/requests/{id}")).await.json();
    assert_eq!(
        (&stored["state"], &stored["closed_by"], &stored["note"]),
        (&json!("declined"), &json!("Rita Reviewer"), &json!("Stays until March"))
    );
    let declined = page(&bridge, "/requests?show=declined", &cookie).await.text;
    assert!(declined.contains("Stays until March"), "{declined}");
    assert!(!page(&bridge, "/requests", &cookie).await.text.contains("Left on Friday"));
    let recorded = entries(&bridge, "&event=request.closed", |_| true).await;
    assert_eq!((recorded.len(), &recorded[0]["target"]), (1, &json!(id)));
    assert_eq!(recorded[0]["actor"], "Rita Reviewer");
    bridge.stop().await;
}
