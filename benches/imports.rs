//! Measures how long it takes to import and publish a large workspace, compared with the minimum
//! work of any importer.
//!
//! `scripts/with-postgres cargo bench --bench imports [-- ADMINS]` (100,000 without an argument;
//! without PostgreSQL, on SQLite alone). The simulator runs on core 1 and everything that is
//! measured on core 0, except the bridge whose response times are measured, which may use both.
//! PostgreSQL is not pinned. The results are ratios measured in one run:
//!
//! * a first import, compared with decoding the same bodies and inserting the same rows through
//!   sea-orm in one transaction (limit: 3 times as long);
//! * an incremental import of ten changes: the share of reading Intercom's lists;
//! * publishing a new generation: how long it takes (limit: a second), and the 99th percentile of
//!   response times meanwhile, compared with that at rest (limit: twice).
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark that cannot go on fails so"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "benchmarks stand outside: they have clients of their own"
)]

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use intercom_scim_bridge::activity::WantedKinds;
use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::database::Database;
use intercom_scim_bridge::directory::{ImportRequest, Mode, Names, Run, RunStatus, Trigger};
use intercom_scim_bridge::import::{Guard, ImportOptions, Importer, OptionalReads};
use intercom_scim_bridge::intercom::{self, Client, Connection, LogKinds, Since};
use intercom_scim_bridge::ledger::Ledger;
use intercom_scim_bridge::limits;
use intercom_scim_bridge::publish::{PublishOptions, Publisher};
use intercom_scim_bridge::scim::Forms;
use sea_orm::sea_query::{Alias, Expr, Query};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, QueryResult, Statement, TransactionTrait, Value,
};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::value::RawValue;
use simulator::{Company, Options, Simulator};
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};

const TOKEN: &str = "simulated-access-token";
const BRIDGE: &str = env!("CARGO_BIN_EXE_intercom-scim-bridge");

fn main() {
    let argument = std::env::args().skip(1).find(|argument| argument != "--bench");
    let admins: u32 =
        argument.map_or(100_000, |argument| argument.parse().expect("a number of admins"));
    // Threads inherit the core of the thread that starts them.
    pin(1);
    let simulated = runtime();
    let simulator = simulated.block_on(async {
        let now = Clock::System.now().unix_timestamp();
        let company = Company { admins, teams: admins / 20, seed: 7, now };
        let options = Options { calls_per_window: u32::MAX, ..Options::default() };
        Simulator::start(simulator::seed(company, TOKEN), options).unwrap()
    });
    pin(0);
    let measured = runtime();
    println!("{admins} admins and {} teams", admins / 20);
    let directory = tempfile::tempdir().unwrap();
    let sqlite =
        |name: &str| format!("sqlite://{}?mode=rwc", directory.path().join(name).display());
    measured.block_on(measure("SQLite", &simulator, &sqlite("import.db"), &sqlite("least.db")));
    if let Ok(server) = std::env::var("TEST_POSTGRES_URL") {
        let (root, _) = server.rsplit_once('/').unwrap();
        let databases = ["bench_import", "bench_least"].map(|name| format!("{root}/{name}"));
        measured.block_on(async {
            let connection = sea_orm::Database::connect(&server).await.unwrap();
            for name in ["bench_import", "bench_least"] {
                connection
                    .execute_unprepared(&format!("DROP DATABASE IF EXISTS {name}"))
                    .await
                    .unwrap();
                connection.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
            }
        });
        measured.block_on(measure("PostgreSQL", &simulator, &databases[0], &databases[1]));
    }
    measured.block_on(measure_publishing(&simulator, &sqlite("import.db"), admins));
}

/// Pins this thread, and threads that it starts later, to one core.
fn pin(core: u8) {
    let own = std::process::id().to_string();
    let pinned = Command::new("taskset")
        .args(["-cp", &core.to_string(), &own])
        .stdout(Stdio::null())
        .status();
    assert!(
        pinned.is_ok_and(|status| status.success()),
        "the benchmark needs taskset (util-linux) and two cores"
    );
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn client(simulator: &Simulator) -> Arc<Client> {
    let connection = Connection {
        access_token: Some(SecretString::from(TOKEN)),
        base_url: simulator.base_url().parse().unwrap(),
        region: None,
        api_version: "2.16".to_owned(),
        connect_timeout: limits::INTERCOM_CONNECT_TIMEOUT,
        read_timeout: limits::INTERCOM_READ_TIMEOUT,
    };
    Arc::new(Client::new(connection, Clock::System).unwrap())
}

async fn measure(name: &str, simulator: &Simulator, import: &str, least: &str) {
    // Warms up the simulator, which builds the bodies of its lists on the first request.
    let bodies = fetch(simulator).await;
    let ledger = Ledger::new(Database::open(import).await.unwrap());
    ledger.migrate().await.unwrap();
    let client = client(simulator);
    let options = ImportOptions {
        guard: Guard::with_share(10),
        activity_lookback: Duration::from_hours(24 * 3650),
        activity_kinds: WantedKinds::Security,
        store_addresses: true,
        include_bots: false,
        roles: false,
        lease: Duration::from_secs(15),
        optional: OptionalReads::default(),
    };
    let importer =
        Importer::new("default", Arc::clone(&client), ledger.clone(), Clock::System, options);
    let (took, _) = run(&importer, Mode::Full).await;
    let rows = Rows::read(&sea_orm::Database::connect(import).await.unwrap()).await;
    println!("\n== {name}");
    compare_with_the_minimum(took, &bodies, &rows, least).await;
    for changes in [0, 10] {
        measure_incremental(name, simulator, &client, &ledger, &importer, changes).await;
    }
    measure_snapshots(name, simulator, &ledger, &importer).await;
    println!(
        "memory of importer, simulator and benchmark together: at most {} MB",
        peak_memory() >> 20
    );
    ledger.close().await;
}

/// Runs one import, and returns how long it took.
async fn run(importer: &Importer, mode: Mode) -> (Duration, Run) {
    let started = Instant::now();
    let request = ImportRequest { mode, ..ImportRequest::incremental(Trigger::Command) };
    let run = importer.run_once(&request, &|_| {}).await.unwrap().unwrap();
    assert_eq!(run.status, RunStatus::Succeeded, "{:?}", run.error);
    (started.elapsed(), run)
}

/// Decodes the same bodies and inserts the same rows as the first import, and prints both times.
async fn compare_with_the_minimum(took: Duration, bodies: &Bodies, rows: &Rows, least: &str) {
    let target = Ledger::new(Database::open(least).await.unwrap());
    target.migrate().await.unwrap();
    let target = sea_orm::Database::connect(least).await.unwrap();
    let started = Instant::now();
    bodies.decode();
    let decoded = started.elapsed();
    rows.insert(&target).await;
    let floor = started.elapsed();
    println!(
        "first import: {:.1} s; decoding the same {} MB and inserting the same {} rows: {:.1} s ({:.1} + {:.1}); {:.2} times as long",
        took.as_secs_f64(),
        bodies.size() >> 20,
        rows.count(),
        floor.as_secs_f64(),
        decoded.as_secs_f64(),
        floor.saturating_sub(decoded).as_secs_f64(),
        took.as_secs_f64() / floor.as_secs_f64()
    );
}

/// Measures an incremental import of some changes. The best of three rounds each, since the others
/// were disturbed.
async fn measure_incremental(
    name: &str,
    simulator: &Simulator,
    client: &Client,
    ledger: &Ledger,
    importer: &Importer,
    changes: usize,
) {
    let mut best = Duration::MAX;
    let mut reading = Duration::MAX;
    for round in 0..3 {
        set_job_titles(simulator, changes, &format!("{name} round {round}"));
        // Warms up the simulator's lists.
        fetch_lists(simulator).await;
        let (took, run) = run(importer, Mode::Incremental).await;
        assert_eq!((run.counts.users_updated, run.intercom_calls), (changes, 3));
        best = best.min(took);
        let since = Since::Last {
            workspace: ledger.workspace("default").await.unwrap().unwrap(),
            log: Clock::System.now(),
        };
        let started = Instant::now();
        intercom::observe(client, since, &LogKinds::default(), &|_| {}).await.unwrap();
        reading = reading.min(started.elapsed());
    }
    println!(
        "incremental import of {changes} changes: {:.2} s, of which reading Intercom's lists {:.2} s ({:.0} %)",
        best.as_secs_f64(),
        reading.as_secs_f64(),
        100.0 * reading.as_secs_f64() / best.as_secs_f64()
    );
}

/// Measures how long a served snapshot takes: of the first generation, and of one with ten changes.
async fn measure_snapshots(
    name: &str,
    simulator: &Simulator,
    ledger: &Ledger,
    importer: &Importer,
) {
    let options = PublishOptions {
        base_url: "https://bridge.example/scim/v2".to_owned(),
        second_base_url: None,
        names: Names::default(),
        forms: Forms::default(),
        retention: Duration::from_hours(24 * 30),
        activity_lookback: Duration::ZERO,
        with_enterprise: false,
    };
    let publisher = Publisher::new("default", options, ledger.clone(), Clock::System);
    let publish = async || {
        let started = Instant::now();
        publisher.refresh().await.unwrap();
        started.elapsed().as_secs_f64()
    };
    let first = publish().await;
    set_job_titles(simulator, 10, &format!("{name} shown"));
    fetch_lists(simulator).await;
    run(importer, Mode::Incremental).await;
    println!(
        "a generation is read and served in {first:.2} s, one with ten changes in {:.2} s",
        publish().await
    );
}

/// Changes the job title of the first `count` admins.
fn set_job_titles(simulator: &Simulator, count: usize, title: &str) {
    simulator.change(|workspace| {
        let people: Vec<u64> = workspace.admins().map(|(id, _)| id).take(count).collect();
        for id in people {
            workspace.admin_mut(id).unwrap().job_title = Some(title.to_owned());
        }
    });
}

/// The peak memory of this process, in bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Intercom's response bodies in a full import.
struct Bodies {
    admins: Vec<u8>,
    teams: Vec<u8>,
    log: Vec<Vec<u8>>,
}

/// The fields of Intercom's responses that the ledger records.
#[derive(Deserialize)]
#[expect(dead_code, reason = "it is decoded, and that is all")]
struct Admin {
    id: String,
    name: String,
    email: String,
    job_title: Option<String>,
    away_mode_enabled: bool,
    away_mode_reassign: bool,
    has_inbox_seat: bool,
    team_ids: Vec<u64>,
    role: Option<Role>,
    avatar: Option<Avatar>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is decoded, and that is all")]
struct Role {
    id: String,
    name: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is decoded, and that is all")]
struct Avatar {
    image_url: Option<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is decoded, and that is all")]
struct Team {
    id: String,
    name: String,
    admin_ids: Vec<u64>,
    distribution_method: Option<String>,
    assignment_limit: Option<i64>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is decoded, and that is all")]
struct Entry {
    id: String,
    performed_by: Actor,
    metadata: Box<RawValue>,
    created_at: i64,
    activity_type: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is decoded, and that is all")]
struct Actor {
    id: String,
    email: String,
}

#[derive(Deserialize)]
struct AdminList {
    admins: Vec<Admin>,
}

#[derive(Deserialize)]
struct TeamList {
    teams: Vec<Team>,
}

#[derive(Deserialize)]
struct LogPage {
    activity_logs: Vec<Entry>,
}

impl Bodies {
    fn size(&self) -> usize {
        self.admins.len() + self.teams.len() + self.log.iter().map(Vec::len).sum::<usize>()
    }

    fn decode(&self) {
        let admins: AdminList = serde_json::from_slice(&self.admins).unwrap();
        let teams: TeamList = serde_json::from_slice(&self.teams).unwrap();
        let log: Vec<LogPage> =
            self.log.iter().map(|page| serde_json::from_slice(page).unwrap()).collect();
        let entries: usize = log.iter().map(|page| page.activity_logs.len()).sum();
        assert!(admins.admins.len() > teams.teams.len() && entries > 0);
    }
}

async fn get(simulator: &Simulator, path: &str) -> Vec<u8> {
    let request =
        reqwest::Client::new().get(format!("{}{path}", simulator.base_url())).bearer_auth(TOKEN);
    request.send().await.unwrap().bytes().await.unwrap().to_vec()
}

async fn fetch_lists(simulator: &Simulator) -> (Vec<u8>, Vec<u8>) {
    (get(simulator, "/admins?display_avatar=true").await, get(simulator, "/teams").await)
}

async fn fetch(simulator: &Simulator) -> Bodies {
    #[derive(Deserialize)]
    struct Page {
        pages: Pages,
    }
    #[derive(Deserialize)]
    struct Pages {
        total_pages: usize,
    }
    let (admins, teams) = fetch_lists(simulator).await;
    let client = reqwest::Client::new();
    let mut log: Vec<Vec<u8>> = Vec::new();
    loop {
        let question =
            serde_json::json!({"created_at_after": 0, "page": log.len() + 1, "per_page": 250});
        let url = format!("{}/admins/activity_logs/search", simulator.base_url());
        let answer = client.post(url).bearer_auth(TOKEN).json(&question).send().await.unwrap();
        log.push(answer.bytes().await.unwrap().to_vec());
        let page: Page = serde_json::from_slice(log.last().unwrap()).unwrap();
        if log.len() >= page.pages.total_pages {
            return Bodies { admins, teams, log };
        }
    }
}

/// The type of a column.
#[derive(Clone, Copy)]
enum Type {
    Text,
    Integer,
    Boolean,
    Json,
    Time,
}

use Type::{Boolean, Integer, Json, Text, Time};

/// The tables that an import fills, and their columns.
const TABLES: &[(&str, &[(&str, Type)])] = &[
    (
        "user_versions",
        &[
            ("workspace", Text),
            ("user_id", Text),
            ("from_generation", Integer),
            ("to_generation", Integer),
            ("digest", Text),
            ("active", Boolean),
            ("email", Text),
            ("name", Text),
            ("first_name", Text),
            ("last_name", Text),
            ("job_title", Text),
            ("has_inbox_seat", Boolean),
            ("role_id", Text),
            ("role_name", Text),
            ("permissions", Json),
            ("two_factor_auth", Boolean),
            ("joined_at", Time),
            ("removed_at", Time),
        ],
    ),
    (
        "group_versions",
        &[
            ("workspace", Text),
            ("group_id", Text),
            ("from_generation", Integer),
            ("to_generation", Integer),
            ("digest", Text),
            ("name", Text),
            ("distribution_method", Text),
            ("assignment_limit", Integer),
        ],
    ),
    (
        "membership_versions",
        &[
            ("workspace", Text),
            ("group_id", Text),
            ("user_id", Text),
            ("from_generation", Integer),
            ("to_generation", Integer),
            ("digest", Text),
            ("priority", Text),
        ],
    ),
    (
        "volatile",
        &[
            ("workspace", Text),
            ("user_id", Text),
            ("away_mode_enabled", Boolean),
            ("away_mode_reassign", Boolean),
            ("away_status_reason_id", Integer),
            ("avatar_url", Text),
            ("last_sign_in_at", Time),
            ("last_sign_in_method", Text),
        ],
    ),
    (
        "activity",
        &[
            ("workspace", Text),
            ("id", Text),
            ("at", Time),
            ("kind", Text),
            ("performed_by_id", Text),
            ("performed_by_email", Text),
            ("subject_id", Text),
            ("team_id", Text),
            ("metadata", Json),
        ],
    ),
];

/// The rows of each table.
struct Rows(Vec<Vec<Vec<Value>>>);

impl Rows {
    async fn read(database: &DatabaseConnection) -> Self {
        let mut tables = Vec::new();
        for (table, columns) in TABLES {
            let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
            let question = format!("SELECT {} FROM {table}", names.join(", "));
            let statement = Statement::from_string(database.get_database_backend(), question);
            let rows = database.query_all_raw(statement).await.unwrap();
            let value = |row: &QueryResult, (name, kind): &(&str, Type)| -> Value {
                match kind {
                    Text => row.try_get::<Option<String>>("", name).unwrap().into(),
                    Integer => row.try_get::<Option<i64>>("", name).unwrap().into(),
                    Boolean => row.try_get::<Option<bool>>("", name).unwrap().into(),
                    Json => row.try_get::<Option<serde_json::Value>>("", name).unwrap().into(),
                    Time => row.try_get::<Option<OffsetDateTime>>("", name).unwrap().into(),
                }
            };
            tables.push(
                rows.iter()
                    .map(|row| columns.iter().map(|column| value(row, column)).collect())
                    .collect(),
            );
        }
        Self(tables)
    }

    fn count(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }

    async fn insert(&self, database: &DatabaseConnection) {
        let transaction = database.begin().await.unwrap();
        for ((table, columns), rows) in TABLES.iter().zip(&self.0) {
            for rows in rows.chunks(limits::SQL_VALUES / columns.len()) {
                let mut statement = Query::insert();
                statement
                    .into_table(Alias::new(*table))
                    .columns(columns.iter().map(|(name, _)| Alias::new(*name)));
                for row in rows {
                    statement.values_panic(row.iter().cloned().map(Expr::value));
                }
                transaction.execute(&statement).await.unwrap();
            }
        }
        transaction.commit().await.unwrap();
    }
}

/// A bridge process, killed on drop.
struct Bridge(Child);

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn measure_publishing(simulator: &Simulator, database: &str, admins: u32) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let environment = [
        ("DATABASE_URL", database.to_owned()),
        ("INTERCOM_BASE_URL", simulator.base_url()),
        ("INTERCOM_ACCESS_TOKEN", TOKEN.to_owned()),
        ("BRIDGE_SERVER__BIND", format!("127.0.0.1:{port}")),
        ("BRIDGE_IMPORT__POLL_INTERVAL", "1d".to_owned()),
        ("BRIDGE_SERVE__MAX_AGE", "1d".to_owned()),
    ];
    let scopes = "scim.read import.read import.run";
    let token = Command::new(BRIDGE)
        .args(["token", "issue", "--scope", scopes])
        .envs(environment.clone())
        .output();
    let token = String::from_utf8(token.unwrap().stdout).unwrap().trim().to_owned();
    // The bridge may use both cores: the question is whether readers wait for the swap, not whether
    // the swap takes CPU time.
    let serve = Command::new("taskset")
        .args(["-c", "0,1", BRIDGE, "serve"])
        .envs(environment)
        .stderr(Stdio::null())
        .spawn();
    let _bridge = Bridge(serve.unwrap());
    let import = async |body: &str| -> serde_json::Value {
        let url = format!("http://127.0.0.1:{port}/api/v1/imports");
        let request = reqwest::Client::new()
            .post(url)
            .bearer_auth(&token)
            .header("Prefer", "wait=60")
            .body(body.to_owned());
        match request.send().await {
            Ok(answer) => answer.json().await.unwrap(),
            Err(_) => serde_json::Value::Null,
        }
    };
    let started = Instant::now();
    while import("{}").await["status"] != "succeeded" {
        assert!(started.elapsed() < Duration::from_mins(10), "no import within ten minutes");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let request = format!(
        "GET /scim/v2/Users?count=10&startIndex={} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n",
        admins / 2
    );
    let at_rest =
        latencies(port, &request, async { tokio::time::sleep(Duration::from_secs(5)).await }).await;
    set_job_titles(simulator, 10, "Swapped");
    fetch_lists(simulator).await;
    let swapping = latencies(port, &request, async {
        assert_eq!(import("{}").await["counts"]["users_updated"], 10);
    })
    .await;
    println!(
        "99th percentile of answers: {} µs at rest, {} µs while an import is made and shown ({:.1} times); the longest {} and {} µs",
        at_rest.0.as_micros(),
        swapping.0.as_micros(),
        swapping.0.as_secs_f64() / at_rest.0.as_secs_f64(),
        at_rest.1.as_micros(),
        swapping.1.as_micros()
    );
}

/// Sends requests one after the other until `until` completes. Returns the 99th percentile and the
/// maximum of the response times.
async fn latencies(
    port: u16,
    request: &str,
    until: impl Future<Output = ()>,
) -> (Duration, Duration) {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut buffer = vec![0; 1 << 20];
    let mut latencies = Vec::new();
    let asking = async {
        loop {
            let started = Instant::now();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut received = 0;
            // In these responses, only the end of the list has these bytes.
            while !buffer[..received].ends_with(b"]}") {
                received += stream.read(&mut buffer[received..]).await.unwrap();
            }
            latencies.push(started.elapsed());
        }
    };
    tokio::select! {
        () = asking => {}
        () = until => {}
    }
    latencies.sort();
    (latencies[latencies.len() * 99 / 100], *latencies.last().unwrap())
}
