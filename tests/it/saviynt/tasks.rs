//! Provisioning tasks and tickets of Saviynt EIC.

use intercom_scim_bridge::access::Scope;
use serde_json::json;

use crate::support::bridge::{Bridge, dozen, http, token};
use crate::support::eic::site::Site;
use crate::support::eic::{Eic, Task, Ticket};
use crate::support::waiting::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn tasks_fail_with_what_to_do_and_are_on_the_list_for_people() {
    let site = Site::of(dozen()).await;
    let bindings = json!({
        "user": {"email": "new.comer@example.com", "firstname": "New", "lastname": "Comer", "displayname": "New Comer", "title": "Agent"},
        "account": {"accountID": "adm_4423436"},
        "entitlementValue": {"entitlementID": "team_4423450"},
    });
    let adm = Some("adm_4423436");
    let team = Some("team_4423450");
    for style in ["scim", "flat"] {
        let package = site.package(style).await;
        let mut eic = Eic::new(&package["ConnectionJSON.json"]);
        let (role, seat) =
            if style == "scim" { ("2", "inbox_seat") } else { ("role_2", "seat_inbox_seat") };
        let seats = if style == "scim" { "Entitlement" } else { "Seat" };
        for (file, name, operation, target, entitlement) in [
            ("AddAccessJSON.json", "Role", "add_access", adm, Some("role_2")),
            ("RemoveAccessJSON.json", seats, "remove_access", adm, Some("seat_inbox_seat")),
            ("CreateAccountJSON.json", "call1", "create_account", None, None),
            ("UpdateAccountJSON.json", "call1", "update_account", adm, None),
            ("EnableAccountJSON.json", "call1", "enable_account", adm, None),
            ("DisableAccountJSON.json", "call1", "disable_account", adm, None),
            ("RemoveAccountJSON.json", "call1", "remove_account", adm, None),
            ("AddAccessJSON.json", "Team", "add_access", adm, team),
            ("RemoveAccessJSON.json", "Team", "remove_access", adm, team),
        ] {
            let what = format!("{style} {file}");
            let mut bindings = bindings.clone();
            match name {
                "Role" => bindings["entitlementValue"]["entitlementID"] = json!(role),
                "Entitlement" | "Seat" => {
                    bindings["entitlementValue"]["entitlementID"] = json!(seat);
                }
                _ => {}
            }
            let task = eic.provision(&package[file], name, &bindings).await.unwrap();
            let Task::Failed { status: 501, message } = &task else { panic!("{what}: {task:?}") };
            let said = message["detail"].as_str().unwrap();
            assert!(said.starts_with("Nothing was changed: "), "{what}: {said}");
            let request =
                http().get(format!("{}/api/v1/lifecycle/requests?limit=1", site.base_url()));
            let newest =
                Bridge::send(request.bearer_auth(token(&site.app, &Scope::ALL))).await.json();
            let newest = &newest["items"][0];
            assert_eq!(
                (&newest["operation"], &newest["target"], &newest["entitlement"]),
                (&json!(operation), &json!(target), &json!(entitlement)),
                "{what}"
            );
        }
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_open_until_an_import_sees_the_change() {
    let site = Site::of(dozen()).await;
    let package = site.package("scim").await;
    let mut eic = Eic::new(&package["ConnectionJSON.json"]);
    let create = &package["CreateTicketJSON.json"];
    let state = &package["TicketStatusJSON.json"];
    let (outsider, email, team, name) = site.simulator.change(|workspace| {
        let (team, name) =
            workspace.teams().map(|(id, team)| (id, team.name.clone())).next().unwrap();
        let members = workspace.team_mut(team).unwrap().members.clone();
        let (id, admin) = workspace.admins().find(|(id, _)| !members.contains_key(id)).unwrap();
        (id, admin.email.clone(), team, name)
    });
    let make = async |eic: &mut Eic, task: u8, email: &str, entitlements: &str| {
        let bindings = json!({
            "task": {"tasktype": task}, "taskIds": "4711", "allEntitlementsValues": entitlements, "user": {"email": email},
        });
        let ticket = eic.create_ticket(create, &bindings).await.unwrap();
        assert!(
            ticket.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)),
            "{ticket}"
        );
        ticket
    };
    let mover = make(&mut eic, 1, &email, &name).await;
    let joiner = make(&mut eic, 3, "new.comer@example.com", "null").await;
    let unclear = make(&mut eic, 2, &email, "Nothing that there is").await;
    let refused = make(&mut eic, 14, &email, "").await;
    for ticket in [&mover, &joiner, &unclear, &refused] {
        assert_eq!(eic.ticket(state, ticket).await.unwrap(), Ticket::Open);
    }
    site.simulator.change(|workspace| {
        workspace.team_mut(team).unwrap().members.insert(outsider, None);
        workspace.add_teammate("New Comer");
    });
    site.import().await;
    for ticket in [&mover, &joiner] {
        let seen = eventually("the ticket is closed", async || {
            let seen = eic.ticket(state, ticket).await.unwrap();
            if seen == Ticket::Open { Err(()) } else { Ok(seen) }
        });
        assert_eq!(seen.await, Ticket::Done, "an import has seen it");
    }
    assert_eq!(
        eic.ticket(state, &unclear).await.unwrap(),
        Ticket::Open,
        "what is not known was not taken away"
    );
    let close =
        http().post(format!("{}/api/v1/lifecycle/requests/{refused}/done", site.base_url()));
    let close = close
        .bearer_auth(token(&site.app, &Scope::ALL))
        .body(r#"{"declined": true, "note": "she stays"}"#);
    assert_eq!(Bridge::send(close).await.json()["state"], json!("declined"));
    assert_eq!(eic.ticket(state, &refused).await.unwrap(), Ticket::Discontinued);
    site.stop().await;
}
