//! Writes are refused with a remedy, and recorded as requests for changes.

use intercom_scim_bridge::access::Scope;
use intercom_scim_bridge::stores::RequestQuestion;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::bridge::{Answer, Bridge, dozen, start_import, token};
use crate::support::waiting::eventually;

#[tokio::test]
async fn scim_writes_are_refused_with_501_whatever_their_body_is() {
    let bridge = Bridge::serving(dozen()).await;
    let _ = bridge.simulator.take_calls();
    let removes = "DELETE /admins/remove, version 2.17 or later";
    let replaces = "in its Preview (PUT /teams/{id}";
    for (method, path, truth) in [
        (Method::POST, "/scim/v2/Users", "Intercom's API has no call that creates a teammate."),
        (
            Method::PUT,
            "/scim/v2/Users/adm_1",
            "Intercom's API has no call that changes a teammate's name",
        ),
        (
            Method::PATCH,
            "/scim/v2/Users/adm_1",
            "It has one that removes a teammate (DELETE /admins/remove)",
        ),
        (Method::DELETE, "/scim/v2/Users/adm_1", removes),
        (Method::PATCH, "/scim/v2/Me", "Intercom's API has no call that changes a teammate's name"),
        (Method::DELETE, "/scim/v2/Me", removes),
        (Method::POST, "/scim/v2/Groups", "Intercom's API has no call that creates a team."),
        (Method::PATCH, "/scim/v2/Groups/team_1", replaces),
        (Method::PUT, "/scim/v2/Groups/team_1", replaces),
        (
            Method::DELETE,
            "/workspaces/default/scim/v2/Groups/team_1",
            "Intercom's API has no call that removes a team.",
        ),
        (Method::POST, "/scim/v2/Bulk", "this version of the bridge writes nothing to Intercom"),
    ] {
        // Some connectors send bodies that are not JSON.
        let request = bridge
            .request(method.clone(), path)
            .bearer_auth(&bridge.token)
            .body("{{\"Operation\":[");
        let answer = Bridge::send(request).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (501, "application/scim+json"),
            "{method} {path}"
        );
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(
            detail.starts_with("Nothing was changed: ") && detail.contains(truth),
            "{method} {path}: {detail}"
        );
        assert!(
            detail.contains(" in Intercom under Settings > ") || path.ends_with("Bulk"),
            "{method} {path}: {detail}"
        );
    }
    assert_eq!(bridge.simulator.take_calls(), Vec::<String>::new(), "nothing is sent to Intercom");
    bridge.stop().await;
}

#[tokio::test]
async fn lifecycle_writes_are_refused_with_a_problem_that_names_operation_and_remedy() {
    let bridge = Bridge::serving(dozen()).await;
    for (method, path, operation) in [
        (Method::POST, "/api/v1/lifecycle/accounts", "create_account"),
        (Method::PUT, "/api/v1/lifecycle/accounts/adm_1", "update_account"),
        (Method::POST, "/api/v1/lifecycle/accounts/adm_1/enable", "enable_account"),
        (Method::POST, "/api/v1/lifecycle/accounts/adm_1/disable", "disable_account"),
        (Method::POST, "/api/v1/lifecycle/accounts/adm_1/password", "change_password"),
        (Method::DELETE, "/api/v1/lifecycle/accounts/adm_1", "remove_account"),
        (Method::POST, "/api/v1/lifecycle/access", "add_access"),
        (Method::DELETE, "/api/v1/lifecycle/access", "remove_access"),
        (Method::PUT, "/api/v1/lifecycle/access/adm_1/team_1", "add_access"),
        (
            Method::DELETE,
            "/workspaces/default/api/v1/lifecycle/access/adm_1/team_1",
            "remove_access",
        ),
    ] {
        let answer = bridge.ask(method.clone(), path).await;
        let problem = answer.json();
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (501, "application/problem+json"),
            "{method} {path}"
        );
        assert_eq!(
            (&problem["code"], &problem["operation"]),
            (&json!("unsupported_write"), &json!(operation)),
            "{method} {path}"
        );
        assert_eq!(problem["type"], json!("urn:intercom-scim-bridge:problem:unsupported-write"));
        let remedy = problem["remedy"].as_str().unwrap();
        let where_to = if operation == "change_password" { "sign-in page" } else { "Settings" };
        assert!(problem["detail"].is_string() && remedy.contains(where_to), "{remedy}");
    }
    let read = bridge.get("/api/v1/lifecycle/accounts").await;
    assert_eq!((read.status.as_u16(), read.header("allow")), (405, "OPTIONS, POST"));
    bridge.stop().await;
}

#[tokio::test]
async fn a_refused_write_records_requester_operation_and_target() {
    let bridge = Bridge::serving(dozen()).await;
    let request = bridge.request(Method::DELETE, "/scim/v2/Users/adm_7").bearer_auth(&bridge.token);
    let answer = Bridge::send(request.header("X-Request-Id", "task-42")).await;
    assert_eq!(answer.header("x-request-id"), "task-42");
    let question = RequestQuestion::default();
    let (refused, _) =
        bridge.app.service().stores.requests.list("default", &question, 10).await.unwrap();
    let [refused] = refused.as_slice() else { panic!("{refused:?}") };
    assert_eq!(
        (
            refused.requester.as_str(),
            refused.operation.as_str(),
            refused.target.as_deref(),
            refused.request_id.as_str()
        ),
        ("test", "remove_account", Some("adm_7"), "task-42")
    );
    bridge.stop().await;
}

#[tokio::test]
async fn a_refused_write_is_recorded_with_the_person_that_its_body_names() {
    let bridge = Bridge::serving(dozen()).await;
    let adm = "adm_4423434";
    let team = "team_1";
    let member =
        json!({"Operations": [{"op": "add", "path": "members", "value": [{"value": adm}]}]})
            .to_string();
    let path = format!("/scim/v2/Groups/{team}");
    let access = format!("/api/v1/lifecycle/access/{adm}/{team}");
    let new = json!({"userName": "new.comer@example.com"}).to_string();
    let address = format!("{}@northwind.example", "a".repeat(90));
    let long = json!({"userName": address}).to_string();
    for (method, path, body, expected) in [
        (
            Method::POST,
            "/scim/v2/Users",
            new.as_str(),
            ("create_account", None, None, Some("new.comer@example.com")),
        ),
        (Method::PATCH, &path, &member, ("add_access", Some(adm), Some(team), None)),
        (Method::PATCH, &path, "{{\"Operation\":[", ("update_group", Some(team), None, None)),
        (Method::DELETE, &access, "", ("remove_access", Some(adm), Some(team), None)),
        (Method::DELETE, "/scim/v2/Me", "", ("remove_account", None, None, Some("test"))),
        (Method::PATCH, "/scim/v2/Me", &new, ("update_account", None, None, Some("test"))),
        (Method::DELETE, "/scim/v2/Users/Me", "", ("remove_account", Some("Me"), None, None)),
        (Method::POST, "/scim/v2/Users", &long, ("create_account", None, None, Some(&*address))),
    ] {
        let request =
            bridge.request(method.clone(), path).bearer_auth(&bridge.token).body(body.to_owned());
        assert_eq!(Bridge::send(request).await.status, 501);
        let (recorded, _) = bridge
            .app
            .service()
            .stores
            .requests
            .list("default", &RequestQuestion::default(), 1)
            .await
            .unwrap();
        let one = &recorded[0];
        let found = (
            one.operation.as_str(),
            one.target.as_deref(),
            one.entitlement.as_deref(),
            one.user_name.as_deref(),
        );
        assert_eq!(found, expected, "{method} {path}");
    }
    bridge.stop().await;
}

#[tokio::test]
async fn no_request_is_recorded_for_unauthorized_clients_or_unknown_paths() {
    let bridge = Bridge::serving(dozen()).await;
    assert_eq!(
        Bridge::send(bridge.request(Method::DELETE, "/scim/v2/Users/adm_7")).await.status,
        401
    );
    for nowhere in
        ["/scim/v2/Users/adm_7/emails", "/workspaces/default/scim/v2/Groups/team_1/members"]
    {
        let request = bridge.request(Method::DELETE, nowhere).bearer_auth(&bridge.token);
        assert_eq!(Bridge::send(request).await.status, 404, "{nowhere}");
    }
    let (recorded, _) = bridge
        .app
        .service()
        .stores
        .requests
        .list("default", &RequestQuestion::default(), 10)
        .await
        .unwrap();
    assert!(recorded.is_empty());
    bridge.stop().await;
}

/// Waits until the request is done.
async fn until_done(bridge: &Bridge, id: &str) -> Value {
    eventually(&format!("request {id} is done"), async || {
        let request = bridge.get(&format!("/api/v1/lifecycle/requests/{id}")).await.json();
        if request["state"] == json!("done") { Ok(request) } else { Err(request) }
    })
    .await
}

/// The state after three writes were refused, of which two are the same operation.
struct Refused {
    bridge: Bridge,
    /// The teammate whose removal was refused twice.
    id: u64,
    /// The id of the request for the removal.
    reference: String,
}

impl Refused {
    async fn new() -> Self {
        // With these settings, a removed teammate is no longer served at once.
        let bridge = Bridge::serving_with(dozen(), |config| config.import.retention_days = 0).await;
        let id = bridge.simulator.change(|workspace| workspace.admins().nth(3).unwrap().0);
        let path = format!("/api/v1/lifecycle/accounts/adm_{id}");
        let refused = bridge.ask(Method::DELETE, &path).await.json();
        bridge.ask(Method::DELETE, &format!("/scim/v2/Users/adm_{id}")).await;
        bridge.ask(Method::POST, "/api/v1/lifecycle/accounts/adm_1/password").await;
        Self { bridge, id, reference: refused["request"].as_str().unwrap().to_owned() }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_refused_writes_are_one_open_request_whichever_api_refused_them() {
    let Refused { bridge, id, reference } = Refused::new().await;
    let open = bridge.get("/api/v1/lifecycle/requests?state=open").await.json();
    assert_eq!(
        (&open["total"], &open["items"][0]["operation"]),
        (&json!(2), &json!("change_password")),
        "newest first"
    );
    let one = bridge
        .get(&format!("/api/v1/lifecycle/requests?target=adm_{id}&operation=remove_account"))
        .await
        .json();
    assert_eq!(one["items"].as_array().unwrap().len(), 1);
    let entry = &one["items"][0];
    assert_eq!(entry["times"], json!(2));
    assert_eq!(
        (&entry["id"], &entry["state"], &entry["source"], &entry["requester"], &entry["target"]),
        (
            &json!(reference),
            &json!("open"),
            &json!("refused"),
            &json!("test"),
            &json!(format!("adm_{id}"))
        )
    );
    let paged = bridge.get("/api/v1/lifecycle/requests?limit=1").await.json();
    let next = paged["next"].as_str().unwrap().replace(&bridge.url(""), "");
    let last = bridge.get(&next).await.json();
    assert_eq!(
        (&last["total"], &last["next"], &last["items"][0]["id"]),
        (&json!(1), &json!(null), &json!(reference))
    );
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_write_stays_open_until_an_import_sees_the_change() {
    let Refused { bridge, id, reference } = Refused::new().await;
    // A person makes the change in Intercom.
    bridge.simulator.change(|workspace| {
        let other = workspace.admins().next().unwrap().0;
        workspace.remove_admin(id, other, 1_772_366_500);
    });
    assert_eq!(start_import(&bridge, "", "wait=30").await.json()["status"], json!("succeeded"));
    let done = until_done(&bridge, &reference).await;
    assert_eq!(
        (&done["closed_by"], &done["note"]),
        (&json!("import"), &json!("seen in generation 2"))
    );
    assert_eq!(bridge.get("/api/v1/lifecycle/requests?state=open").await.json()["total"], json!(1));
    let table =
        bridge.request(Method::GET, "/api/v1/lifecycle/requests").bearer_auth(&bridge.token);
    let table = Bridge::send(table.header("Accept", "text/csv")).await;
    assert_eq!(
        (table.text.lines().count(), table.text.starts_with("id,state,source,operation,")),
        (3, true)
    );
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_filters_of_requests_are_refused() {
    let bridge = Bridge::serving(dozen()).await;
    for wrong in [
        "state=closed",
        "operation=promote",
        "before=nope",
        "state=",
        "limit=0",
        "stat=open",
        "target=%00",
    ] {
        assert_eq!(
            bridge.get(&format!("/api/v1/lifecycle/requests?{wrong}")).await.status,
            400,
            "{wrong}"
        );
    }
    assert_eq!(bridge.get("/api/v1/lifecycle/requests/req_nothing").await.status, 404);
    bridge.stop().await;
}

const TICKETS: &str = "/api/v1/lifecycle/requests";

async fn post(bridge: &Bridge, path: &str, body: Value) -> Answer {
    let request = bridge.request(Method::POST, path).bearer_auth(&bridge.token);
    Bridge::send(request.header("Content-Type", "application/json").body(body.to_string())).await
}

/// Opens a ticket for a new account, and imports the new teammate, which closes the ticket.
async fn after_a_fulfilled_ticket() -> Bridge {
    let bridge = Bridge::serving(dozen()).await;
    let ticket = json!({
        "operation": "create_account",
        "user_name": "new.comer@example.com",
        "comment": "starts on Monday"
    });
    let made = post(&bridge, TICKETS, ticket).await;
    assert_eq!(made.status, 201);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(made.header("location"), bridge.url(&format!("{TICKETS}/{id}")));
    assert_eq!((&made.json()["state"], &made.json()["source"]), (&json!("open"), &json!("ticket")));
    bridge.simulator.change(|workspace| {
        let new = workspace.add_teammate("New Comer");
        "New.Comer@example.com".clone_into(&mut workspace.admin_mut(new).unwrap().email);
    });
    start_import(&bridge, "", "wait=30").await;
    until_done(&bridge, &id).await;
    bridge
}

/// Returns the id and the name of a team.
fn a_team(bridge: &Bridge) -> (String, String) {
    bridge.simulator.change(|workspace| {
        let (id, team) = workspace.teams().next().unwrap();
        (format!("team_{id}"), team.name.clone())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_open_until_an_import_sees_the_change_and_done_at_once_afterwards() {
    let bridge = after_a_fulfilled_ticket().await;
    let again = json!({"operation": "create_account", "user_name": "new.comer@example.com"});
    assert_eq!(post(&bridge, TICKETS, again).await.json()["state"], json!("done"));

    // Forms send empty texts for fields that do not apply, and the names of teams.
    let (team, name) = a_team(&bridge);
    let named = json!({
        "operation": "add_access",
        "target": "",
        "user_name": "a@example.com",
        "entitlement": name
    });
    let named = post(&bridge, TICKETS, named).await.json();
    assert_eq!((&named["target"], &named["entitlement"]), (&json!(null), &json!(team)));
    let other = json!({"operation": "other", "user_name": "a@example.com", "comment": "look"});
    assert_eq!(post(&bridge, TICKETS, other).await.json()["state"], json!("open"));
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_closes_a_ticket_whose_change_no_import_can_see() {
    let bridge = Bridge::serving(dozen()).await;
    let password = json!({"operation": "change_password", "target": "adm_1"});
    let password = post(&bridge, TICKETS, password).await.json();
    let close = format!("{TICKETS}/{}/done", password["id"].as_str().unwrap());
    // Whoever requests a change may not also confirm it.
    let writer = token(&bridge.app, &[Scope::ImportRead, Scope::LifecycleWrite]);
    let refused = bridge.request(Method::POST, &close).bearer_auth(writer);
    assert_eq!(Bridge::send(refused).await.status, 403);
    let closed = post(&bridge, &close, json!({"note": "told them to sign in by SSO"})).await;
    assert_eq!((closed.status.as_u16(), &closed.json()["closed_by"]), (200, &json!("test")));
    assert_eq!(closed.json()["note"], json!("told them to sign in by SSO"));
    assert_eq!(post(&bridge, &close, json!({})).await.status, 409, "it is closed once");
    let unknown = post(&bridge, &format!("{TICKETS}/req_nothing/done"), json!({})).await;
    assert_eq!(unknown.status, 404);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_ticket_is_refused() {
    let bridge = Bridge::serving(dozen()).await;
    for wrong in [
        json!({}),
        json!({"operation": "promote", "target": "adm_1"}),
        json!({"operation": "remove_account"}),
        json!({"operation": "remove_account", "target": 7}),
        json!({"operation": "remove_account", "target": "adm_1", "who": "me"}),
        json!({"operation": "remove_account", "target": "x".repeat(300)}),
        json!([]),
    ] {
        let refused = post(&bridge, TICKETS, wrong.clone()).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["code"]),
            (400, &json!("invalid_value")),
            "{wrong}"
        );
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_may_only_request_changes_learns_nothing_about_the_directory() {
    let bridge = after_a_fulfilled_ticket().await;
    let (team, name) = a_team(&bridge);
    let writer = token(&bridge.app, &[Scope::LifecycleWrite]);
    let ticket = json!({
        "operation": "create_account",
        "user_name": "new.comer@example.com",
        "entitlement": name
    });
    let request = bridge.request(Method::POST, TICKETS).bearer_auth(&writer);
    let made = Bridge::send(request.body(ticket.to_string())).await.json();
    assert_eq!((&made["state"], &made["entitlement"]), (&json!("open"), &json!(name)));
    let known = bridge.get(&format!("{TICKETS}/{}", made["id"].as_str().unwrap())).await.json();
    assert_eq!((&known["state"], &known["entitlement"]), (&json!("done"), &json!(team)));
    bridge.stop().await;
}
