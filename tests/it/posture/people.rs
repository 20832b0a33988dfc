//! The checks that use the roster and the invitations.

use intercom_scim_bridge::access::Scope;
use intercom_scim_bridge::roster::Completeness;
use reqwest::Method;
use serde_json::json;
use simulator::{Options, Role, Simulator};

use super::{ROSTER, check, company, json_of, seconds, status};
use crate::support::bridge::{Bridge, token};
use crate::support::hand::TOKEN;
use crate::support::shell::Shell;

#[tokio::test(flavor = "multi_thread")]
async fn the_roster_shows_who_left_and_who_is_a_contractor() {
    let bridge = Bridge::serving_with(company(seconds()), |config| {
        config.roster.complete = Some(Completeness::All);
        config.posture.company_domains = vec!["elsewhere.example".to_owned()];
    })
    .await;
    let before = bridge.get("/api/v1/posture").await.json();
    assert_eq!(status(&before, "IC-ACC-7"), "not_applicable");
    let import = bridge.request(Method::PUT, "/api/v1/roster").bearer_auth(&bridge.token);
    let imported = Bridge::send(import.body(ROSTER)).await;
    assert_eq!(imported.json()["result"], json!("in_force"), "{}", imported.text);

    let report = bridge.get("/api/v1/posture").await.json();
    let leavers = check(&report, "IC-ACC-7");
    assert_eq!((&leavers["status"], &leavers["failed"]), (&json!("fail"), &json!(1)), "{leavers}");
    let finding = &leavers["findings"][0];
    assert_eq!(finding["name"], json!("cy@acme.example"));
    assert_eq!(finding["evidence"]["ended"], json!("2026-01-31"));
    assert!(finding["evidence"]["person_key"].is_string(), "{finding}");
    let outside = check(&report, "IC-ACC-5");
    let findings = outside["findings"].as_array().unwrap();
    let of_bo = findings.iter().find(|finding| finding["name"] == "bo@acme.example").unwrap();
    assert_eq!(of_bo["status"], json!("review"), "{of_bo}");

    // Without the scope for the roster, the number is there, and the person is not.
    let reader = token(&bridge.app, &[Scope::PostureRead]);
    let request = bridge.request(Method::GET, "/api/v1/posture").bearer_auth(&reader);
    let hidden = check(&Bridge::send(request).await.json(), "IC-ACC-7");
    assert_eq!(hidden["failed"], json!(1));
    assert_eq!(hidden["reason"], leavers["reason"]);
    let evidence = hidden["findings"][0]["evidence"].as_object().unwrap();
    for member in ["person_key", "ended", "days_since_end", "match_rule"] {
        assert!(!evidence.contains_key(member), "{member}");
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_reads_the_roster() {
    let simulator = Simulator::start(company(seconds()), Options::default()).unwrap();
    let shell = Shell::new()
        .set("INTERCOM_BASE_URL", simulator.base_url())
        .set("INTERCOM_ACCESS_TOKEN", TOKEN)
        .set("BRIDGE_ROSTER__COMPLETE", "all");
    assert_eq!(shell.run(&["import", "full"]).code, Some(0));
    std::fs::write(shell.directory.path().join("people.csv"), ROSTER).unwrap();
    let imported = shell.run(&["roster", "import", "people.csv"]);
    assert_eq!(imported.code, Some(0), "{}", imported.stderr);
    let leavers = check(&json_of(&shell), "IC-ACC-7");
    assert_eq!(leavers["status"], json!("fail"), "{leavers}");
    assert!(leavers["findings"][0]["evidence"]["person_key"].is_string(), "{leavers}");
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn open_invitations_are_those_that_the_api_lists_as_pending() {
    let now = seconds();
    let long_ago = now - 20 * 86_400;
    let mut workspace = company(now);
    let ada = workspace.admins().map(|(id, _)| id).next().unwrap();
    let agent = Role { id: "agent".to_owned(), name: "Agent".to_owned() };
    workspace.invite("new@acme.example", &agent, ada, long_ago);
    let sent = json!({"email": "gone@acme.example", "invitation_id": 7,
        "inviter": {"email": "boss@acme.example"}});
    workspace.note(long_ago, "admin_invite_creation", ada, sent);
    // The withdrawal names the invitation only by its id.
    workspace.note(long_ago + 60, "admin_invite_deletion", ada, json!({"invitation_id": 7}));
    let bridge = Bridge::serving(workspace).await;
    let invitations = bridge.get("/api/v1/invitations").await.json();
    assert_eq!(invitations["total"], json!(1), "{invitations}");
    assert_eq!(invitations["items"][0]["email"], json!("new@acme.example"));
    let open = check(&bridge.get("/api/v1/posture").await.json(), "IC-ACC-6");
    let findings = open["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{open}");
    assert_eq!(findings[0]["subject"], json!("invitation:new@acme.example"));
    bridge.stop().await;
}
