//! A workspace that tests change, and its report.

use std::sync::Arc;

use serde_json::{Value, json};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::super::*;
use crate::directory::{
    Activity, Actor, Directory, InvitationEvent, Person, Role, SignIn, Stamps, User, UserId,
    pending_invitations,
};
use crate::roster::{Confidence, EndedSource, LeaverFinding, MatchRule, TerminatedActive};

pub const NOW: OffsetDateTime = datetime!(2026-11-27 12:00 UTC);

/// Everything that a [`State`] borrows.
#[derive(Clone, Debug)]
pub struct World {
    pub users: Vec<User>,
    pub first_seen: OffsetDateTime,
    pub log: Log,
    pub settings: PostureSettings,
    pub roster: Option<RosterFacts>,
    pub connectors: Reading<Vec<Connector>>,
    pub allowlist: Reading<Allowlist>,
    pub verification: Option<Verification>,
    pub feed: Feed<'static>,
    pub exceptions: Vec<Exception>,
    pub answers: Vec<Answer>,
    pub now: OffsetDateTime,
}

impl World {
    /// Two owners and one agent, whose accounts are as they should be. The log is known for a year.
    pub fn new() -> Self {
        let since = NOW - Duration::days(400);
        let mut log = Log {
            covered: Some((since, NOW - Duration::minutes(5))),
            last_read_at: Some(NOW - Duration::minutes(5)),
            ..Log::default()
        };
        for id in ["1", "2", "3"] {
            let at = NOW - Duration::days(2);
            log.sign_ins.insert(UserId::new(id), SignIn { at, method: Some("saml".into()) });
        }
        Self {
            users: vec![
                user(
                    "1",
                    "Owner",
                    &["manage_teammates", "access_workspace_settings", "export_data"],
                ),
                user("2", "Owner", &["manage_teammates", "access_workspace_settings"]),
                user("3", "Agent", &["manage_tags"]),
            ],
            first_seen: since,
            log,
            settings: PostureSettings {
                privileged_roles: vec![" OWNER ".to_owned()],
                company_domains: vec!["acme.example".to_owned(), "*.acme.example".to_owned()],
                ..PostureSettings::default()
            },
            roster: None,
            connectors: Reading::NotMade,
            allowlist: Reading::NotMade,
            verification: None,
            feed: Feed::Read { client: "siem", at: NOW - Duration::hours(1) },
            exceptions: Vec::new(),
            answers: Vec::new(),
            now: NOW,
        }
    }

    pub fn report(&self) -> Report {
        let account = |user| Account { user, first_seen: self.first_seen };
        let accounts: Vec<Account<'_>> = self.users.iter().map(account).collect();
        let log = self.log_with_invitations();
        evaluate(&State {
            workspace: "ab12cd34",
            now: self.now,
            generation: 7,
            accounts: &accounts,
            log: &log,
            settings: &self.settings,
            roster: self.roster.as_ref(),
            connectors: &self.connectors,
            allowlist: &self.allowlist,
            identity_verification: Some(true),
            verification: self.verification.as_ref(),
            feed: self.feed,
            exceptions: &self.exceptions,
            answers: &self.answers,
        })
    }

    /// The log, with the invitations that are pending according to its entries.
    fn log_with_invitations(&self) -> Log {
        let stamps = Stamps { created: self.first_seen, last_modified: self.first_seen };
        let person = |user: &User| Person {
            user: Arc::new(user.clone()),
            volatile: Arc::default(),
            stamps,
            teams: Box::default(),
        };
        let mut people: Vec<Person> = self.users.iter().map(person).collect();
        people.sort_by(|a, b| a.user.id.cmp(&b.user.id));
        let directory = Directory { people, ..Directory::default() };
        let events: Vec<InvitationEvent> =
            self.log.entries.iter().filter_map(InvitationEvent::read).collect();
        Log { invitations: pending_invitations(&events, &directory), ..self.log.clone() }
    }

    pub fn result(&self, id: CheckId) -> CheckResult {
        self.report().checks.into_iter().find(|check| check.id == id).unwrap()
    }

    /// Adds an entry of the log. `by` is who performed it.
    pub fn logs(&mut self, kind: &str, days_ago: i64, by: &str, metadata: Value) {
        let id = format!("e{}", self.log.entries.len() + 1);
        self.log.entries.push(entry(&id, kind, NOW - Duration::days(days_ago), by, metadata));
    }

    pub fn answers(&mut self, check: CheckId, status: AnswerStatus) {
        self.answers.push(Answer {
            number: self.answers.len() as u64 + 1,
            check,
            status,
            note: "Looked at it".to_owned(),
            by: "mia".to_owned(),
            at: NOW - Duration::days(1),
            until: NOW + Duration::days(100),
            revoked_at: None,
        });
    }

    pub fn excepts(&mut self, check: CheckId, subject: &str, until: OffsetDateTime) {
        self.exceptions.push(Exception {
            number: Some(self.exceptions.len() as u64 + 1),
            check,
            subject: ExceptedSubject::read(subject).unwrap(),
            reason_code: ReasonCode::AcceptedRisk,
            reason: "On leave".to_owned(),
            by: "mia".to_owned(),
            since: Some(NOW - Duration::days(100)),
            until,
            revoked_at: None,
            ticket: Some("SEC-114".to_owned()),
        });
    }

    pub fn has_connector(
        &mut self,
        is_live: Option<bool>,
        maker: Option<&str>,
        editor: Option<&str>,
    ) {
        let connector = Connector {
            id: "77".to_owned(),
            name: Some("Orders".to_owned()),
            is_live,
            created_by: maker.map(UserId::new),
            updated_by: editor.map(UserId::new),
        };
        self.connectors = Reading::Read { at: NOW, value: vec![connector] };
    }

    pub fn has_allowlist(&mut self, is_enabled: bool, networks: &[&str], unreadable: usize) {
        let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
        let value = Allowlist { is_enabled, networks, unreadable };
        self.allowlist = Reading::Read { at: NOW, value };
    }

    pub fn has_roster(&mut self, days_old: i64, rows: &[LeaverFinding]) {
        let row = |finding: &LeaverFinding| TerminatedActive {
            account_id: "adm_3".to_owned(),
            user_name: "p3@acme.example".to_owned(),
            person_key: "p-3".to_owned(),
            ended: None,
            ended_source: EndedSource::Roster,
            days_since_end: None,
            sign_ins_after_end: None,
            last_sign_in_after_end: None,
            is_privileged: None,
            match_rule: MatchRule::Exact,
            confidence: Confidence::Exact,
            finding: *finding,
        };
        self.roster = Some(RosterFacts {
            imported_at: Some(NOW - Duration::days(days_old)),
            terminated_active: rows.iter().map(row).collect(),
            ..RosterFacts::default()
        });
    }

    pub fn is_verified(&mut self, days_ago: i64, findings: usize) {
        self.verification = Some(Verification {
            at: NOW - Duration::days(days_ago),
            findings,
            head: "ab".repeat(32),
            generation: Some(7),
        });
    }
}

pub fn user(id: &str, role: &str, permissions: &[&str]) -> User {
    let mut user = User::new(UserId::new(id));
    user.email = Some(format!("p{id}@acme.example"));
    user.name = Some(format!("Person {id}"));
    user.role = Some(Role { id: role.to_lowercase(), name: Some(role.to_owned()) }.into());
    user.permissions = Some(permissions.iter().map(|name| (*name).to_owned()).collect());
    user.two_factor_auth = Some(true);
    user.joined_at = Some(NOW - Duration::days(300));
    user
}

pub fn entry(id: &str, kind: &str, at: OffsetDateTime, by: &str, metadata: Value) -> Activity {
    let email = (!by.is_empty()).then(|| format!("p{by}@acme.example"));
    let performer = (!by.is_empty()).then(|| UserId::new(by));
    let actor = Actor { id: performer, email, ..Actor::default() };
    Activity {
        id: id.to_owned(),
        at,
        kind: kind.to_owned(),
        performed_by: Some(actor),
        description: None,
        metadata: metadata.into(),
    }
}

/// The metadata of an invitation.
pub fn invites(address: &str) -> Value {
    json!({"invitee": {"emails": [address]}})
}
