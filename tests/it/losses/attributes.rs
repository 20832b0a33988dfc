//! Losses of roles, seats, names, addresses and permissions by most people, on both databases.

use intercom_scim_bridge::directory::{LossKind, Mode, RunStatus};
use serde_json::{Value, json};
use simulator::{Admin, Role};

use super::{company, is_held, listed};
use crate::on_both_databases;
use crate::support::database::TestDatabase;

on_both_databases!(
    roles_seats_and_names_are_held_like_people,
    permissions_that_the_log_takes_are_held,
    addresses_that_are_all_null_are_held_until_a_person_lets_it_through,
    values_of_another_type_for_most_are_held,
);

/// A change of a teammate, and the kind of loss.
type Case<'a> = (&'a dyn Fn(&mut Admin), LossKind);

async fn roles_seats_and_names_are_held_like_people(database: TestDatabase) {
    let (hand, ids, _) = company(database, 40).await;
    let cases: [Case<'_>; 5] = [
        (&|admin| admin.role = None, LossKind::Roles),
        (
            &|admin| admin.role = Some(Role { id: "9".to_owned(), name: "Guest".to_owned() }),
            LossKind::Roles,
        ),
        (&|admin| admin.has_inbox_seat = false, LossKind::Seats),
        (&|admin| "Deleted user".clone_into(&mut admin.name), LossKind::Names),
        (&|admin| admin.email = format!("{}x", admin.email), LossKind::Emails),
    ];
    for (deed, kind) in cases {
        let before: Vec<(u64, Admin)> = hand.simulator.change(|workspace| {
            workspace.admins().map(|(id, admin)| (id, admin.clone())).collect()
        });
        hand.simulator.change(|workspace| {
            ids[..30].iter().for_each(|id| deed(workspace.admin_mut(*id).unwrap()));
        });
        is_held(&hand, &[(kind, 30, 40)]).await;
        hand.simulator.change(|workspace| {
            for (id, admin) in before {
                *workspace.admin_mut(id).unwrap() = admin;
            }
        });
        assert_eq!(hand.incremental().await.generation, None, "nothing had been recorded");
    }
    // A renamed role is the same role.
    let renamed = Role { id: "7".to_owned(), name: "Support agent".to_owned() };
    hand.simulator.change(|workspace| {
        for id in &ids {
            workspace.admin_mut(*id).unwrap().role = Some(renamed.clone());
        }
    });
    assert_eq!(hand.incremental().await.counts.users_updated, 40);
}

async fn permissions_that_the_log_takes_are_held(database: TestDatabase) {
    let (hand, ids, _) = company(database, 20).await;
    let grant = |granted: &[&str]| {
        let at = hand.clock.now().unix_timestamp();
        hand.simulator.change(|workspace| {
            for id in &ids {
                workspace.set_permissions(*id, ids[0], granted, at);
            }
        });
    };
    grant(&["manage_teammates", "export_data"]);
    assert_eq!(hand.full().await.counts.users_updated, 20, "what is given is not a loss");
    grant(&["export_data"]);
    is_held(&hand, &[(LossKind::Roles, 20, 20)]).await;
}

async fn addresses_that_are_all_null_are_held_until_a_person_lets_it_through(
    database: TestDatabase,
) {
    let (hand, _, _) = company(database, 20).await;
    let addresses = async || {
        let recorded = hand.recorded().await;
        recorded
            .users
            .into_iter()
            .map(|(user, _)| user.value.email.unwrap_or_default())
            .collect::<Vec<String>>()
    };
    let before = addresses().await;
    let nulls = || {
        listed(&hand, "admins", |admin| {
            admin["email"] = Value::Null;
            true
        })
    };
    hand.simulator.fail_from_now_on(nulls(), "/admins");
    is_held(&hand, &[(LossKind::Emails, 20, 20)]).await;
    assert_eq!(addresses().await, before, "and the machine is no person");
    // An accepted loss stays accepted, and the last known addresses stay.
    assert_eq!(hand.allowing_removals(Mode::Full).await.status, RunStatus::Succeeded);
    for mode in [Mode::Incremental, Mode::Full] {
        assert_eq!(
            (hand.import(mode).await.status, addresses().await),
            (RunStatus::Succeeded, before.clone())
        );
    }
    hand.simulator.heal();
    assert_eq!(hand.full().await.status, RunStatus::Succeeded);
    hand.simulator.fail_from_now_on(nulls(), "/admins");
    is_held(&hand, &[(LossKind::Emails, 20, 20)]).await;
}

async fn values_of_another_type_for_most_are_held(database: TestDatabase) {
    let (hand, _, _) = company(database, 20).await;
    for (field, value, kind) in [
        ("email", json!(["x"]), LossKind::Emails),
        ("email", json!(""), LossKind::Emails),
        ("name", json!(null), LossKind::Names),
        ("role", json!("Agent"), LossKind::Roles),
        ("role", json!(null), LossKind::Roles),
        ("has_inbox_seat", json!("yes"), LossKind::Seats),
        ("has_inbox_seat", json!(null), LossKind::Seats),
    ] {
        let odd = listed(&hand, "admins", |admin| {
            admin[field] = value.clone();
            true
        });
        hand.simulator.fail_from_now_on(odd, "/admins");
        is_held(&hand, &[(kind, 20, 20)]).await;
        hand.simulator.heal();
    }
}
