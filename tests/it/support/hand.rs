//! An importer that the test runs step by step: a simulated Intercom, a real ledger, and a clock
//! that only the test moves.

use std::sync::Arc;
use std::time::Duration;

use intercom_scim_bridge::activity::WantedKinds;
use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::directory::{ImportRequest, Mode, Run, Snapshot, Trigger};
use intercom_scim_bridge::import::{Guard, ImportOptions, Importer, OptionalReads};
use intercom_scim_bridge::intercom::{Client, Connection};
use intercom_scim_bridge::ledger::{Lease, Ledger};
use intercom_scim_bridge::stores::Stores;
use secrecy::SecretString;
use simulator::{AvatarShape, Options, Simulator, Workspace};
use time::OffsetDateTime;
use time::macros::datetime;

use super::database::TestDatabase;
use super::prism::Prism;

pub const TOKEN: &str = "dG9rOnNpbXVsYXRlZA";
pub const START: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

pub struct Hand {
    pub simulator: Simulator,
    pub importer: Importer,
    pub stores: Stores,
    /// That of `stores`.
    pub ledger: Ledger,
    pub clock: Clock,
    pub database: TestDatabase,
    /// With `TEST_THROUGH_PRISM`, Prism validates the traffic between the importer and the
    /// simulator.
    _prism: Option<Prism>,
}

pub fn connection(base_url: &str) -> Connection {
    Connection {
        access_token: Some(SecretString::from(TOKEN)),
        base_url: base_url.parse().unwrap(),
        region: None,
        api_version: "2.16".to_owned(),
        connect_timeout: Duration::from_secs(5),
        read_timeout: Duration::from_secs(2),
    }
}

pub const OPTIONS: ImportOptions = ImportOptions {
    guard: Guard::with_share(10),
    activity_lookback: Duration::from_hours(8760),
    activity_kinds: WantedKinds::Security,
    store_addresses: true,
    include_bots: false,
    roles: false,
    lease: Duration::from_secs(15),
    optional: OptionalReads {
        ip_allowlist: false,
        data_connectors: false,
        identity_verification: false,
    },
};

pub fn request(mode: Mode) -> ImportRequest {
    ImportRequest { mode, ..ImportRequest::incremental(Trigger::Command) }
}

impl Hand {
    pub async fn with(database: TestDatabase, mut workspace: Workspace) -> Self {
        super::secrets::keep(TOKEN);
        let seconds = START.unix_timestamp();
        // The simulator's clock stands still, so a window of the rate limit would never end.
        let clock = simulator::Clock::manual(seconds);
        let calls_per_window = u32::MAX;
        let options = Options { clock, calls_per_window, ..Options::default() };
        let judged = std::env::var_os("TEST_THROUGH_PRISM").is_some();
        if judged {
            // The description has one known error: it declares an avatar as text, but real
            // responses have an object.
            workspace.avatar_shape = AvatarShape::Text;
        }
        let simulator = Simulator::start(workspace, options).unwrap();
        let prism = if judged { Prism::before(&simulator.base_url()).await } else { None };
        let intercom =
            prism.as_ref().map_or_else(|| simulator.base_url(), |prism| prism.base_url.clone());
        let clock = Clock::manual(START);
        let client = Arc::new(Client::new(connection(&intercom), clock.clone()).unwrap());
        let stores = database.stores().await;
        let ledger = stores.ledger.clone();
        let importer = Importer::new("default", client, ledger.clone(), clock.clone(), OPTIONS);
        Self { simulator, importer, stores, ledger, clock, database, _prism: prism }
    }

    /// An importer as another process has it.
    pub fn another_importer(&self) -> Importer {
        self.importer_with(OPTIONS)
    }

    /// An importer of another process, with other options.
    pub fn importer_with(&self, options: ImportOptions) -> Importer {
        let client = Arc::new(
            Client::new(connection(&self.simulator.base_url()), self.clock.clone()).unwrap(),
        );
        Importer::new("default", client, self.ledger.clone(), self.clock.clone(), options)
    }

    /// A small workspace: Ada and Bo in Support, Cy without a team, and the bot.
    pub async fn small(database: TestDatabase) -> (Self, Small) {
        let mut workspace = Workspace::new(TOKEN);
        let ada = workspace.add_teammate("Ada Lovelace");
        let bo = workspace.add_teammate("Bo Diddley");
        let cy = workspace.add_teammate("Cy Twombly");
        workspace.add_admin(simulator::Admin {
            name: "Operator".to_owned(),
            email: "operator+wjw5eps7@intercom.io".to_owned(),
            ..simulator::Admin::default()
        });
        let support = workspace.add_team("Support", &[ada, bo]);
        (Self::with(database, workspace).await, Small { ada, bo, cy, support })
    }

    /// Moves the clock by a minute, and runs an import.
    pub async fn import(&self, mode: Mode) -> Run {
        self.clock.advance(Duration::from_mins(1));
        Box::pin(self.importer.run_once(&request(mode), &|_| {}))
            .await
            .unwrap()
            .expect("nobody else imports")
    }

    /// Runs an import that may remove any number of people.
    pub async fn allowing_removals(&self, mode: Mode) -> Run {
        let request = ImportRequest { allow_removals: true, ..request(mode) };
        Box::pin(self.importer.run_once(&request, &|_| {}))
            .await
            .unwrap()
            .expect("nobody else imports")
    }

    /// Takes the lease and starts a run, for a test that commits a plan itself.
    pub async fn start_run(&self) -> (Lease, Run) {
        let lease = self.importer.lease().await.unwrap().expect("nobody else imports");
        let run = self.ledger.start_run(&lease, &request(Mode::Full), &self.clock).await.unwrap();
        (lease, run)
    }

    pub async fn full(&self) -> Run {
        self.import(Mode::Full).await
    }

    pub async fn incremental(&self) -> Run {
        self.import(Mode::Incremental).await
    }

    pub async fn recorded(&self) -> Snapshot {
        self.ledger.latest("default").await.unwrap()
    }
}

/// What the verification of the ledger finds.
pub async fn findings(ledger: &Ledger) -> Vec<String> {
    let verified = ledger.verify("default", None).await.unwrap();
    verified.findings.into_iter().map(|finding| finding.0).collect()
}

/// Ids of the small workspace.
pub struct Small {
    pub ada: u64,
    pub bo: u64,
    pub cy: u64,
    pub support: u64,
}

/// Returns the names of the active people, in the order of their ids.
pub fn active(snapshot: &Snapshot) -> Vec<String> {
    snapshot
        .users
        .iter()
        .filter(|(user, _)| user.value.active)
        .map(|(user, _)| user.value.name.clone().unwrap_or_default())
        .collect()
}

/// Returns the memberships as `user in group`.
pub fn memberships(snapshot: &Snapshot) -> Vec<String> {
    snapshot
        .memberships
        .iter()
        .map(|membership| format!("{} in {}", membership.user, membership.group))
        .collect()
}
