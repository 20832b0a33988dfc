//! Each check in each of its statuses, from what a simulated Intercom shows: read by an import,
//! recorded in the ledger, and evaluated as the API does.
//!
//! The tests of `src/posture` show each rule in all its statuses from made-up facts. The checks of
//! the roster are in `people.rs`.

use std::collections::{BTreeMap, BTreeSet};

use intercom_scim_bridge::assessment::{VERIFIED, verification_detail};
use intercom_scim_bridge::database::AuditEntry;
use intercom_scim_bridge::import::{ImportOptions, OptionalReads};
use intercom_scim_bridge::posture::{CheckId, PostureSettings, Status};
use serde_json::{Value, json};
use simulator::{Admin, Fault, Role, Workspace};
use time::Duration;

use super::report_by;
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, OPTIONS, START, TOKEN, request};

const DAY: i64 = 86_400;

/// The people of the workspace: two owners and an agent.
#[derive(Clone, Copy)]
struct People {
    ada: u64,
    bo: u64,
    cy: u64,
}

/// What happens before the import, to Intercom and to the settings.
struct Scenario {
    check: CheckId,
    status: Status,
    intercom: fn(&mut Workspace, People),
    settings: fn(&mut PostureSettings),
    /// Whether Intercom refuses to show the activity log.
    is_log_refused: bool,
    /// What is in the audit trail.
    audit: fn() -> Option<AuditEntry>,
}

/// A moment, this many days before the import.
fn days_ago(days: i64) -> i64 {
    START.unix_timestamp() - days * DAY
}

fn admin(name: &str, role: Option<&str>, domain: &str) -> Admin {
    Admin {
        name: name.to_owned(),
        email: format!("{}@{domain}", name.to_lowercase()),
        role: role.map(|name| Role { id: name.to_lowercase(), name: name.to_owned() }),
        ..Admin::default()
    }
}

const POWER: [&str; 2] = ["manage_teammates", "access_workspace_settings"];

/// A workspace in which every check passes that Intercom's data can decide.
fn orderly() -> (Workspace, People) {
    let mut workspace = Workspace::new(TOKEN);
    let mut join = |name: &str, role: &str| {
        workspace.join(admin(name, Some(role), "acme.example"), days_ago(200))
    };
    let people =
        People { ada: join("Ada", "Owner"), bo: join("Bo", "Owner"), cy: join("Cy", "Agent") };
    let People { ada, bo, cy } = people;
    for owner in [ada, bo] {
        workspace.set_permissions(owner, ada, &POWER, days_ago(100));
        workspace.set_two_factor(owner, true, days_ago(99));
    }
    workspace.set_permissions(cy, ada, &["manage_tags"], days_ago(100));
    for person in [ada, bo, cy] {
        workspace.sign_in(person, "saml", days_ago(2));
    }
    workspace.ip_allowlist = Some(allowlist(true, &["192.0.2.0/24"]));
    workspace.data_connectors = Some(vec![connector(ada, ada)]);
    (workspace, people)
}

fn allowlist(enabled: bool, networks: &[&str]) -> Value {
    json!({"type": "ip_allowlist", "enabled": enabled, "ip_allowlist": networks})
}

fn connector(maker: u64, editor: u64) -> Value {
    json!({"type": "data_connector", "id": "1", "name": "Orders", "state": "live",
        "created_by_admin_id": maker.to_string(), "updated_by_admin_id": editor.to_string()})
}

fn scenario(check: CheckId, status: Status, intercom: fn(&mut Workspace, People)) -> Scenario {
    Scenario { check, status, intercom, settings: |_| {}, is_log_refused: false, audit: || None }
}

/// The same workspace with other settings.
fn by_settings(
    check: CheckId,
    status: Status,
    intercom: fn(&mut Workspace, People),
    settings: fn(&mut PostureSettings),
) -> Scenario {
    Scenario { settings, ..scenario(check, status, intercom) }
}

/// The orderly workspace, whose activity log the token may not read.
fn refused(check: CheckId, status: Status) -> Scenario {
    Scenario { is_log_refused: true, ..scenario(check, status, |_, _| {}) }
}

fn by_audit(check: CheckId, status: Status, audit: fn() -> Option<AuditEntry>) -> Scenario {
    Scenario { audit, ..scenario(check, status, |_, _| {}) }
}

fn entry(workspace: &mut Workspace, kind: &str, days: i64, by: u64) {
    workspace.note(days_ago(days), kind, by, json!({}));
}

fn authentication() -> Vec<Scenario> {
    use CheckId::{Auth1, Auth2, Auth3, Auth4, Auth5};
    use Status::{Fail, Manual, NotApplicable, Pass, Unknown};
    vec![
        scenario(Auth1, Manual, |_, _| {}),
        scenario(Auth1, Fail, |workspace, people| {
            workspace.sign_in(people.cy, "email_password", days_ago(1));
        }),
        by_settings(Auth1, NotApplicable, |_, _| {}, |settings| settings.sso_expected = false),
        refused(Auth1, Unknown),
        scenario(Auth2, Manual, |_, _| {}),
        scenario(Auth3, Pass, |_, _| {}),
        scenario(Auth3, Fail, |workspace, people| {
            workspace.set_two_factor(people.bo, false, days_ago(1));
        }),
        scenario(Auth3, Unknown, |workspace, _| {
            let owner = admin("Di", Some("Owner"), "acme.example");
            let id = workspace.join(owner, days_ago(20));
            workspace.sign_in(id, "passkey", days_ago(1));
        }),
        by_settings(
            Auth3,
            NotApplicable,
            |_, _| {},
            |settings| {
                settings.privileged_roles = vec!["Nobody".to_owned()];
            },
        ),
        scenario(Auth4, Manual, |_, _| {}),
        scenario(Auth5, Manual, |_, _| {}),
    ]
}

fn accounts() -> Vec<Scenario> {
    use CheckId::{Acc1, Acc2, Acc3, Acc4, Acc5};
    use Status::{Fail, Pass, Review, Unknown};
    fn newcomer(workspace: &mut Workspace, _: People) {
        workspace.join(admin("Di", Some("Agent"), "acme.example"), days_ago(120));
    }
    fn no_roles(settings: &mut PostureSettings) {
        settings.privileged_roles.clear();
    }
    fn exporter(workspace: &mut Workspace, people: People) {
        workspace.set_permissions(people.cy, people.ada, &["export_data"], days_ago(50));
    }
    vec![
        scenario(Acc1, Pass, |_, _| {}),
        scenario(Acc1, Fail, |workspace, people| {
            workspace.remove_admin(people.bo, people.ada, days_ago(1));
        }),
        scenario(Acc1, Fail, |workspace, _| {
            for name in ["Di", "Ed"] {
                workspace.join(admin(name, Some("Owner"), "acme.example"), days_ago(3));
            }
        }),
        by_settings(Acc1, Unknown, newcomer, no_roles),
        scenario(Acc2, Pass, |_, _| {}),
        scenario(Acc2, Fail, newcomer),
        refused(Acc2, Unknown),
        scenario(Acc3, Pass, |_, _| {}),
        scenario(Acc3, Fail, |workspace, _| {
            workspace.join(admin("Di", None, "acme.example"), days_ago(3));
        }),
        scenario(Acc3, Unknown, |workspace, _| {
            *workspace = Workspace::new(TOKEN);
            workspace.join(admin("Di", None, "acme.example"), days_ago(3));
        }),
        scenario(Acc4, Pass, |_, _| {}),
        scenario(Acc4, Fail, exporter),
        by_settings(Acc4, Review, exporter, no_roles),
        scenario(Acc4, Unknown, newcomer),
        scenario(Acc5, Pass, |_, _| {}),
        scenario(Acc5, Fail, |workspace, _| {
            workspace.join(admin("Di", Some("Agent"), "elsewhere.example"), days_ago(3));
        }),
        by_settings(Acc5, Unknown, |_, _| {}, |settings| settings.company_domains.clear()),
    ]
}

fn invitations_and_consents() -> Vec<Scenario> {
    use CheckId::{Acc6, Acc7, Acc8};
    use Status::{Fail, NotApplicable, Pass, Review, Unknown};
    vec![
        scenario(Acc6, Pass, |workspace, people| {
            let role = Role { id: "agent".to_owned(), name: "Agent".to_owned() };
            workspace.invite("new@acme.example", &role, people.ada, days_ago(13));
        }),
        scenario(Acc6, Fail, |workspace, people| {
            let role = Role { id: "agent".to_owned(), name: "Agent".to_owned() };
            workspace.invite("new@acme.example", &role, people.ada, days_ago(15));
        }),
        refused(Acc6, Unknown),
        scenario(Acc7, NotApplicable, |_, _| {}),
        scenario(Acc8, Pass, |workspace, people| {
            workspace.be_impersonated(people.cy, days_ago(40));
        }),
        scenario(Acc8, Review, |workspace, people| {
            entry(workspace, "admin_impersonation_consent_approved", 3, people.ada);
        }),
        refused(Acc8, Unknown),
    ]
}

fn data_and_apps() -> Vec<Scenario> {
    use CheckId::{App1, App2, App3, Data1, Data2, Msg1};
    use Status::{Fail, Manual, Pass, Review, Unknown};
    vec![
        scenario(Data1, Pass, |workspace, people| entry(workspace, "bulk_export", 31, people.cy)),
        scenario(Data1, Review, |workspace, people| {
            entry(workspace, "app_data_export", 3, people.ada);
        }),
        scenario(Data1, Fail, |workspace, people| entry(workspace, "bulk_export", 3, people.cy)),
        refused(Data1, Unknown),
        scenario(Data2, Manual, |_, _| {}),
        scenario(Data2, Review, |workspace, people| {
            entry(workspace, "content_redaction_rule_deletion", 3, people.ada);
        }),
        scenario(App1, Pass, |_, _| {}),
        scenario(App1, Review, |workspace, people| {
            entry(workspace, "app_package_installation", 3, people.ada);
        }),
        scenario(App1, Fail, |workspace, people| {
            entry(workspace, "app_webhook_creation", 3, people.cy);
            workspace.remove_admin(people.cy, people.ada, days_ago(1));
        }),
        refused(App1, Unknown),
        scenario(App2, Pass, |_, _| {}),
        scenario(App2, Fail, |workspace, _| {
            workspace.data_connectors = Some(vec![connector(1, 2)]);
        }),
        scenario(App2, Review, |workspace, people| {
            workspace.data_connectors = Some(vec![connector(1, people.ada)]);
        }),
        scenario(App2, Unknown, |workspace, _| workspace.data_connectors = None),
        scenario(App3, Pass, |_, _| {}),
        scenario(App3, Fail, |workspace, _| {
            workspace.ip_allowlist = Some(allowlist(false, &["192.0.2.0/24"]));
        }),
        scenario(App3, Fail, |workspace, _| workspace.ip_allowlist = Some(allowlist(true, &[]))),
        scenario(App3, Review, |workspace, _| {
            workspace.ip_allowlist = Some(allowlist(true, &["10.0.0.0/8"]));
        }),
        scenario(App3, Unknown, |workspace, _| workspace.ip_allowlist = None),
        scenario(Msg1, Manual, |_, _| {}),
    ]
}

fn monitoring() -> Vec<Scenario> {
    use CheckId::{Mon1, Mon2, Mon3, Mon4};
    use Status::{Fail, Manual, Pass, Review};
    fn verified(findings: usize) -> AuditEntry {
        AuditEntry {
            workspace: Some("default".to_owned()),
            target: Some("head".to_owned()),
            detail: Some(verification_detail(findings, Some(1))),
            ..AuditEntry::event(VERIFIED, START - Duration::DAY)
        }
    }
    vec![
        scenario(Mon1, Pass, |_, _| {}),
        refused(Mon1, Fail),
        scenario(Mon2, Review, |_, _| {}),
        by_audit(Mon2, Pass, || Some(verified(0))),
        by_audit(Mon2, Fail, || Some(verified(2))),
        scenario(Mon3, Review, |_, _| {}),
        by_audit(Mon3, Pass, || {
            Some(AuditEntry {
                workspace: Some("default".to_owned()),
                actor: Some("siem".to_owned()),
                route: Some("/api/v1/activity".to_owned()),
                method: Some("GET".to_owned()),
                status: Some(200),
                ..AuditEntry::event("request", START - Duration::HOUR)
            })
        }),
        scenario(Mon4, Manual, |_, _| {}),
    ]
}

fn all() -> Vec<Scenario> {
    [authentication(), accounts(), invitations_and_consents(), data_and_apps(), monitoring()]
        .into_iter()
        .flatten()
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_check_has_each_of_its_statuses_from_what_intercom_shows() {
    let mut shown: BTreeMap<CheckId, BTreeSet<Status>> = BTreeMap::new();
    for (place, scenario) in all().into_iter().enumerate() {
        let Scenario { check, status, intercom, settings, is_log_refused, audit } = scenario;
        let (mut workspace, people) = orderly();
        intercom(&mut workspace, people);
        let hand = Hand::with(TestDatabase::sqlite(), workspace).await;
        if is_log_refused {
            hand.simulator.fail_from_now_on(Fault::Forbidden, "/admins/activity_logs");
        }
        let optional = OptionalReads {
            ip_allowlist: true,
            data_connectors: true,
            identity_verification: true,
        };
        let importer = hand.importer_with(ImportOptions { optional, ..OPTIONS });
        let full = request(intercom_scim_bridge::directory::Mode::Full);
        Box::pin(importer.run_once(&full, &|_| {})).await.unwrap().unwrap();
        hand.stores.audit.record(audit().into_iter().collect()).await.unwrap();
        let mut expectations = PostureSettings {
            privileged_roles: vec!["Owner".to_owned()],
            company_domains: vec!["acme.example".to_owned()],
            ..PostureSettings::default()
        };
        settings(&mut expectations);
        let report = report_by(&hand, expectations, hand.clock.now()).await;
        let result = report.checks.iter().find(|result| result.id == check).unwrap();
        assert_eq!(result.status, status, "scenario {place}: {check}: {result:#?}");
        shown.entry(check).or_default().insert(status);
    }
    assert!(shown.keys().copied().eq(CheckId::ALL), "each check has scenarios");
}
