//! Teams, settings, roles, apps, secrets, rules, exports and deletions.

use serde_json::{Value, json};

use crate::configuration::{DataUse, Item, Setting};
use crate::workspace::Workspace;

use super::people::EXPORTER;
use super::plot::Person::{self, It, Newcomer, Owner, Veteran};
use super::plot::{Plot, Scene};

pub fn write(plot: &mut Plot) {
    teams(plot);
    memberships(plot);
    settings(plot);
    items(plot);
    data(plot);
}

/// A seasonal team: it is created, renamed and deleted.
const SEASONAL: &str = "Black Friday";
/// A team that is created and stays.
const NIGHT: &str = "Night Shift";

fn teams(plot: &mut Plot) {
    plot.on(10, 560, |scene| found(scene, SEASONAL, &[Newcomer(1), Newcomer(2), Newcomer(4)]));
    plot.on(24, 565, |scene| found(scene, NIGHT, &[Newcomer(2), Newcomer(5), Newcomer(6)]));
    plot.on(25, 570, |scene| limit(scene, NIGHT, 8));
    plot.on(62, 575, |scene| limit(scene, NIGHT, 12));
    plot.on(33, 580, |scene| {
        if let Some(team) = scene.cast.team(SEASONAL) {
            scene.workspace.rename_team(team, "Peak Season");
        }
    });
    plot.on(45, 585, |scene| {
        let first = scene.workspace.teams().next().map(|(id, team)| (id, team.name.clone()));
        if let Some((id, name)) = first {
            scene.workspace.rename_team(id, &format!("{name} (24/7)"));
        }
    });
    plot.on(82, 1_015, |scene| {
        if let Some(team) = scene.cast.team(SEASONAL) {
            scene.with(It, |workspace, by, at| workspace.delete_team(team, by, at));
        }
    });
}

fn found(scene: &mut Scene, name: &'static str, members: &[Person]) {
    let members: Vec<u64> = members.iter().filter_map(|person| scene.id(*person)).collect();
    if let Some(by) = scene.id(It) {
        let id = scene.workspace.create_team(name, &members, by, scene.at);
        scene.cast.founded(name, id);
    }
}

fn limit(scene: &mut Scene, name: &str, most: u32) {
    if let Some(team) = scene.cast.team(name) {
        scene.with(It, |workspace, by, at| workspace.set_assignment_limit(team, most, by, at));
    }
}

/// Newcomers are added to teams in the week in which they join. Each week one member leaves a team.
fn memberships(plot: &mut Plot) {
    for week in 0..12 {
        let minute = plot.minute();
        let place = plot.dice.below(1_000);
        let newcomers = [1 + 2 * week, 2 + 2 * week];
        plot.on(7 * week + 6, minute, move |scene| {
            let teams: Vec<u64> = scene.workspace.teams().map(|(id, _)| id).collect();
            let Some(team) = teams.get(place as usize % teams.len().max(1)).copied() else {
                return;
            };
            let add: Vec<u64> = newcomers
                .iter()
                .filter_map(|number| scene.id(Newcomer(usize::try_from(*number).ok()?)))
                .collect();
            let members = scene.workspace.teams.get(&team).map(|team| team.members.keys());
            // Nobody leaves a team that is almost empty.
            let leaves = members.filter(|members| members.len() > 3).and_then(|mut all| all.nth(1));
            let leaves: Vec<u64> = leaves.copied().into_iter().collect();
            scene.with(It, |workspace, by, at| {
                workspace.change_members(team, &add, &leaves, by, at);
            });
        });
    }
}

fn settings(plot: &mut Plot) {
    let changes: [(i64, Setting, Value); 14] = [
        (15, Setting::RequiredTwoFactor, json!(true)),
        (16, Setting::SignInMethods, json!(["saml", "google_oauth2"])),
        (16, Setting::GoogleDomain, json!("northwind.example")),
        (22, Setting::IdentityVerification, json!(true)),
        (23, Setting::InboxAccess, json!("assigned")),
        (26, Setting::MaliciousDomains, json!("block")),
        (26, Setting::TrustedDomains, json!(["northwind.example", "help.northwind.example"])),
        (37, Setting::InboundLinks, json!(true)),
        (37, Setting::AttachmentTypes, json!(["pdf", "png", "jpg"])),
        (39, Setting::UserAttachments, json!(false)),
        (54, Setting::OutboundAddress, json!("support@northwind.example")),
        (68, Setting::Name, json!("Northwind Customer Care")),
        (76, Setting::RequiredTwoFactor, json!(false)),
        (77, Setting::RequiredTwoFactor, json!(true)),
    ];
    for (day, setting, value) in changes {
        let minute = plot.minute();
        plot.on(day, minute, move |scene| {
            scene.with(It, |workspace, by, at| workspace.change_setting(setting, &value, by, at));
        });
    }
}

type Change = fn(&mut Workspace, Item, &str, u64, i64);

fn items(plot: &mut Plot) {
    let create: Change = Workspace::create_item;
    let change: Change = Workspace::change_item;
    let delete: Change = Workspace::delete_item;
    for (item, name, changes) in [
        (Item::App, "Jira", vec![(12, create), (44, change), (72, delete)]),
        (Item::App, "Salesforce", vec![(13, create)]),
        (Item::Role, "Contractor", vec![(21, create), (29, change), (80, delete)]),
        (Item::Webhook, "https://hooks.northwind.example", vec![(31, create), (69, delete)]),
        (Item::AuthenticationToken, "Order lookup", vec![(32, create)]),
        (Item::MessengerSecret, "Web Messenger", vec![(34, create), (65, delete)]),
        (Item::MessengerSecret, "Web Messenger 2", vec![(64, create)]),
        (Item::RedactionRule, "Card numbers", vec![(36, create), (43, change)]),
        (Item::RedactionRule, "Phone numbers", vec![(41, create), (53, delete)]),
        (Item::DeletionSchedule, "After two years", vec![(42, create), (51, change)]),
        (Item::DeletionSchedule, "After one year", vec![(55, create), (63, delete)]),
    ] {
        for (day, change) in changes {
            let minute = plot.minute();
            plot.on(day, minute, move |scene| {
                scene.with(It, |workspace, by, at| change(workspace, item, name, by, at));
            });
        }
    }
    plot.on(52, 700, |scene| {
        scene.with(It, |workspace, by, at| {
            workspace.switch_deletion_schedule("After two years", true, by, at);
        });
    });
    plot.on(71, 640, |scene| {
        scene.with(It, |workspace, by, at| workspace.revoke_oauth_token("Jira", by, at));
    });
}

/// The first leaver exports all contacts on the evening before the last day. Other uses of data
/// follow.
fn data(plot: &mut Plot) {
    plot.on(7, 1_130, |scene| {
        scene.with(Veteran(EXPORTER), |workspace, by, at| {
            workspace.use_data(DataUse::ContactExport, 18_204, by, at);
        });
    });
    for (place, what) in DataUse::ALL.into_iter().enumerate() {
        let minute = plot.minute();
        let count = 1 + plot.dice.below(400);
        let day = 28 + 9 * i64::try_from(place).unwrap_or_default();
        plot.on(day, minute, move |scene| {
            let by = if place % 2 == 0 { It } else { Newcomer(2) };
            scene.with(by, |workspace, by, at| workspace.use_data(what, count, by, at));
        });
    }
    plot.on(59, 610, |scene| {
        scene.with(Owner, |workspace, by, at| workspace.import_csv("trade-fair.csv", by, at));
    });
}
