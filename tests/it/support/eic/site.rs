//! A bridge at a fixed address, the package for it, and the expected result of an import.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::time::Duration;

use intercom_scim_bridge::access::Scope;
use intercom_scim_bridge::app::App;
use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::config::Config;
use serde_json::Value;
use simulator::{Company, Options, Simulator, Workspace};

use super::{Eic, Package, Status};
use crate::support::bridge::{Bridge, ENCRYPTION_KEY, client, config, free_port, http, token};
use crate::support::database::TestDatabase;
use crate::support::hand::TOKEN;
use crate::support::shell::Shell;

/// A bridge at a fixed address.
pub struct Site {
    pub app: App,
    pub config: Config,
    pub simulator: Simulator,
    pub database: TestDatabase,
}

impl Site {
    pub async fn of(workspace: Workspace) -> Self {
        let database = TestDatabase::sqlite();
        let simulator = Simulator::start(workspace, Options::default()).unwrap();
        let mut config = config(&database, &simulator.base_url());
        config.server.bind = ([127, 0, 0, 1], free_port()).into();
        let app = App::start(&config, Clock::System).await.unwrap();
        let site = Self { app, config, simulator, database };
        site.shows(1).await;
        site
    }

    pub async fn shows(&self, generation: i64) {
        let live = &self.app.service().workspaces["default"].live;
        let shown = live.shows(|shown| shown.generation >= generation);
        tokio::time::timeout(Duration::from_mins(1), shown)
            .await
            .expect("a picture within a minute");
    }

    pub async fn import(&self) -> Value {
        let request = http().post(format!("{}/api/v1/imports", self.base_url()));
        let request =
            request.bearer_auth(token(&self.app, &Scope::ALL)).header("Prefer", "wait=30");
        Bridge::send(request).await.json()
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.app.address())
    }

    /// The package as the command writes it, with the credentials filled in.
    pub async fn package(&self, style: &str) -> Package {
        let shell = Shell::new()
            .set("DATABASE_URL", self.database.url.clone())
            .set("BRIDGE_SERVER__BIND", self.config.server.bind.to_string())
            .set("BRIDGE_ACCESS__ENCRYPTION_KEY", ENCRYPTION_KEY)
            .set("INTERCOM_ACCESS_TOKEN", TOKEN);
        let ended = shell.run(&[
            "saviynt-package",
            "--base-url",
            &self.base_url(),
            "--style",
            style,
            "--out",
            "package",
        ]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let directory = shell.directory.path().join("package");
        let scope = if style == "scim" {
            "scim.read import.read lifecycle.write"
        } else {
            "import.read lifecycle.write"
        };
        let (id, secret) = client(&self.app, scope, &["default"]).await;
        let bearer = token(&self.app, &[Scope::ScimRead, Scope::ImportRead, Scope::LifecycleWrite]);
        let filled = |text: String| {
            text.replace("@@CLIENT_ID@@", &id)
                .replace("@@CLIENT_SECRET@@", &secret)
                .replace("@@ACCESS_TOKEN@@", &bearer)
        };
        let files = std::fs::read_dir(directory).unwrap().map(|file| file.unwrap().path());
        files
            .filter(|file| file.extension().is_some_and(|extension| extension == "json"))
            .map(|file| {
                let name = file.file_name().unwrap().to_str().unwrap().to_owned();
                (
                    name,
                    serde_json::from_str(&filled(std::fs::read_to_string(file).unwrap())).unwrap(),
                )
            })
            .collect()
    }

    // Boxed: it holds the whole bridge, which would make the future of each test large.
    pub fn stop(self) -> Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(async move {
            self.app.stop().await;
            self.simulator.stop().await;
        })
    }
}

pub fn large() -> Workspace {
    simulator::seed(Company { admins: 2_500, teams: 120, seed: 11, now: 1_772_366_400 }, TOKEN)
}

/// The accounts and their entitlements.
#[derive(Debug, PartialEq, Eq)]
pub struct Truth {
    /// Address, name, job title and role by account.
    pub accounts: BTreeMap<String, [Option<String>; 4]>,
    pub teams: BTreeMap<String, String>,
    /// Type, account and entitlement: teams, roles, seats.
    pub links: BTreeSet<(&'static str, String, String)>,
}

pub fn truth(simulator: &Simulator) -> Truth {
    simulator.change(|workspace| {
        let people = workspace.admins().filter(|(_, admin)| !admin.email.starts_with("operator+"));
        let mut truth =
            Truth { accounts: BTreeMap::new(), teams: BTreeMap::new(), links: BTreeSet::new() };
        for (id, admin) in people {
            let account = format!("adm_{id}");
            if let Some(role) = &admin.role {
                truth.links.insert(("Role", account.clone(), role.id.clone()));
            }
            if admin.has_inbox_seat {
                truth.links.insert(("Seat", account.clone(), "inbox_seat".to_owned()));
            }
            let role = admin.role.as_ref().map(|role| role.name.clone());
            let columns = [
                Some(admin.email.clone()),
                Some(admin.name.clone()),
                admin.job_title.clone(),
                role,
            ];
            truth.accounts.insert(account, columns);
        }
        for (id, team) in workspace.teams() {
            let team_id = format!("team_{id}");
            for member in team.members.keys() {
                let account = format!("adm_{member}");
                if truth.accounts.contains_key(&account) {
                    truth.links.insert(("Team", account, team_id.clone()));
                }
            }
            truth.teams.insert(team_id, team.name.clone());
        }
        truth
    })
}

/// The accounts and their entitlements in EIC.
pub fn found(eic: &Eic) -> Truth {
    let mut found =
        Truth { accounts: BTreeMap::new(), teams: BTreeMap::new(), links: BTreeSet::new() };
    for (id, account) in eic.accounts.iter().filter(|(_, account)| account.status == Status::Active)
    {
        let columns = ["name", "displayName", "customproperty6", "customproperty8"]
            .map(|name| account.columns.get(name).cloned());
        found.accounts.insert(id.clone(), columns);
        for (kind, entitlement) in &account.links {
            let (kind, entitlement) = match (kind.as_str(), entitlement.as_str()) {
                ("Team", id) => ("Team", id),
                ("Role", id) => ("Role", id.trim_start_matches("role_")),
                ("Entitlement" | "Seat", "inbox_seat" | "seat_inbox_seat") => {
                    ("Seat", "inbox_seat")
                }
                // Permissions come from the activity log.
                ("Entitlement" | "Permission", _) => continue,
                other => panic!("{other:?}"),
            };
            found.links.insert((kind, id.clone(), entitlement.to_owned()));
        }
    }
    for ((kind, id), entitlement) in &eic.entitlements {
        if kind == "Team" && entitlement.active {
            found.teams.insert(id.clone(), entitlement.columns["entitlement_value"].clone());
        }
    }
    found
}

pub fn same(eic: &Eic, simulator: &Simulator, what: &str) {
    let found = found(eic);
    let truth = truth(simulator);
    // Compared in parts, because the whole is a megabyte.
    assert!(
        found.accounts == truth.accounts,
        "{what}: {} accounts of {}",
        found.accounts.len(),
        truth.accounts.len()
    );
    assert!(
        found.teams == truth.teams,
        "{what}: {} teams of {}",
        found.teams.len(),
        truth.teams.len()
    );
    let (missing, more): (Vec<_>, Vec<_>) = (
        truth.links.difference(&found.links).collect(),
        found.links.difference(&truth.links).collect(),
    );
    assert!(
        missing.is_empty() && more.is_empty(),
        "{what}: {} links missing, {} more: {missing:?} {more:?}",
        missing.len(),
        more.len()
    );
}
