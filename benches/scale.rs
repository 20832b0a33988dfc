//! Measures whether pages, past states, the posture and imports slow down with the history.
//!
//! `scripts/with-postgres cargo bench --bench scale` (without PostgreSQL, on SQLite alone). Each
//! database is measured twice: with a hundredth of the history, and with all of it. The sizes are
//! in environment variables: `SCALE_ACCOUNTS` (2,000), `SCALE_ENTRIES` of the activity log
//! (100,000) and `SCALE_GENERATIONS` (400). The goal is 100000, 5000000 and 20000.
//!
//! The accounts are imported from the simulator. The history is made by the database itself, from
//! copies of the imported rows: nothing reads its digests here.
//!
//! Limits: a page takes at most twice as long as with a hundredth of the history, and so does an
//! incremental import; the posture takes at most two seconds for 100,000 accounts.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on fails so")]
#![expect(
    clippy::disallowed_methods,
    reason = "benchmarks stand outside: they read the environment"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use intercom_scim_bridge::activity::{Order, Position, WantedKinds};
use intercom_scim_bridge::app::identities_of;
use intercom_scim_bridge::assessment::{Assessment, Basis};
use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::config::Config;
use intercom_scim_bridge::database::Database;
use intercom_scim_bridge::directory::{
    Activity, ChangePosition, Directory, ImportRequest, Mode, RunStatus, Trigger,
};
use intercom_scim_bridge::import::{Guard, ImportOptions, Importer, OptionalReads};
use intercom_scim_bridge::intercom::{Client, Connection};
use intercom_scim_bridge::ledger::ChangeQuestion;
use intercom_scim_bridge::limits;
use intercom_scim_bridge::posture::PostureSettings;
use intercom_scim_bridge::stores::Stores;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use secrecy::SecretString;
use simulator::{Company, Options, Simulator};
use time::OffsetDateTime;

const TOKEN: &str = "simulated-access-token";
const WORKSPACE: &str = "default";

/// The number of items on a page.
const PAGE: usize = 100;

/// How often each call is measured. The fastest counts: the others were disturbed.
const ROUNDS: usize = 5;

/// The size of a history.
#[derive(Clone, Copy)]
struct Size {
    accounts: u64,
    entries: u64,
    generations: u64,
}

impl Size {
    fn from_environment() -> Self {
        let size = |name: &str, usual: u64| {
            std::env::var(name).map_or(usual, |text| text.parse().unwrap())
        };
        Self {
            accounts: size("SCALE_ACCOUNTS", 2_000),
            entries: size("SCALE_ENTRIES", 100_000),
            generations: size("SCALE_GENERATIONS", 400),
        }
    }

    fn hundredth(self) -> Self {
        Self {
            entries: (self.entries / 100).max(1),
            generations: (self.generations / 100).max(2),
            ..self
        }
    }
}

/// What a call took: its name, and the time.
type Times = Vec<(&'static str, Duration)>;

#[tokio::main]
async fn main() {
    let size = Size::from_environment();
    let now = Clock::System.now().unix_timestamp();
    let admins = u32::try_from(size.accounts).unwrap();
    let company = Company { admins, teams: admins / 20, seed: 7, now };
    let options = Options { calls_per_window: u32::MAX, ..Options::default() };
    let simulator = Simulator::start(simulator::seed(company, TOKEN), options).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let sqlite =
        |name: &str| format!("sqlite://{}?mode=rwc", directory.path().join(name).display());
    let urls = [sqlite("hundredth.db"), sqlite("whole.db")];
    Box::pin(compare("SQLite", &simulator, size, &urls)).await;
    if let Ok(server) = std::env::var("TEST_POSTGRES_URL") {
        let (root, _) = server.rsplit_once('/').unwrap();
        let connection = sea_orm::Database::connect(&server).await.unwrap();
        for name in ["bench_scale_hundredth", "bench_scale_whole"] {
            for statement in ["DROP DATABASE IF EXISTS", "CREATE DATABASE"] {
                connection.execute_unprepared(&format!("{statement} {name}")).await.unwrap();
            }
        }
        let urls = ["bench_scale_hundredth", "bench_scale_whole"];
        let urls = urls.map(|name| format!("{root}/{name}"));
        Box::pin(compare("PostgreSQL", &simulator, size, &urls)).await;
    }
}

async fn compare(name: &str, simulator: &Simulator, size: Size, urls: &[String; 2]) {
    let few = Box::pin(measure(simulator, size.hundredth(), &urls[0])).await;
    let all = Box::pin(measure(simulator, size, &urls[1])).await;
    let Size { accounts, entries, generations } = size;
    println!("\n== {name}: {accounts} accounts, {entries} entries, {generations} generations");
    println!("{:<44} {:>12} {:>12} {:>7}", "", "a hundredth", "whole", "ratio");
    for ((what, few), (_, all)) in few.iter().zip(&all) {
        let ratio = all.as_secs_f64() / few.as_secs_f64();
        let few = format!("{few:.2?}");
        let all = format!("{all:.2?}");
        println!("{what:<44} {few:>12} {all:>12} {ratio:>7.2}");
    }
}

/// Makes a history of this size, and measures each call.
async fn measure(simulator: &Simulator, size: Size, url: &str) -> Times {
    let stores = Stores::new(&Database::open(url).await.unwrap());
    stores.ledger.migrate().await.unwrap();
    let began = Clock::System.now() - Duration::from_mins(size.generations + 120);
    let then = Clock::wrong_by(began - Clock::System.now());
    import(&importer(simulator, &stores, then), Mode::Full).await;
    let started = Instant::now();
    let history = History {
        database: sea_orm::Database::connect(url).await.unwrap(),
        size,
        began: began.unix_timestamp(),
    };
    history.make().await;
    println!("made {} entries in {:.0?}", size.entries, started.elapsed());
    let mut times = Times::new();
    pages_of_activity(&stores, size, &mut times).await;
    pages_of_changes(&stores, size, &mut times).await;
    past_states(&stores, size, began, &mut times).await;
    posture(&stores, &mut times).await;
    Box::pin(imports(simulator, &stores, &mut times)).await;
    stores.close().await;
    times
}

async fn fastest<T>(mut call: impl AsyncFnMut() -> T) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        call().await;
        best = best.min(started.elapsed());
    }
    best
}

async fn pages_of_activity(stores: &Stores, size: Size, times: &mut Times) {
    let ledger = &stores.ledger;
    let middle = i64::try_from(size.entries / 2).unwrap();
    let at = |seq: i64| Some(Position::Recording { seq, known_pruned: 0 });
    let every = |_: &Activity| true;
    let exports = |entry: &Activity| entry.kind == "bulk_export";
    for (what, order, since) in [
        ("/activity, first page", Order::Recording, None),
        ("/activity, in the middle", Order::Recording, at(middle)),
        (
            "/activity, last page",
            Order::Recording,
            at((middle * 2 - i64::try_from(PAGE).unwrap()).max(0)),
        ),
        ("/activity by the time of recording", Order::Recorded { from: 0, to: i64::MAX }, None),
        ("/activity by the time of the event", Order::Occurred { from: None, to: None }, None),
    ] {
        let page = async || ledger.feed(WORKSPACE, &order, since, PAGE, &every).await.unwrap();
        times.push((what, fastest(page).await));
    }
    let filtered =
        async || ledger.feed(WORKSPACE, &Order::Recording, None, PAGE, &exports).await.unwrap();
    times.push(("/activity of one type", fastest(filtered).await));
    let types = async || ledger.kinds_seen(WORKSPACE).await.unwrap();
    times.push(("/activity/types", fastest(types).await));
}

async fn pages_of_changes(stores: &Stores, size: Size, times: &mut Times) {
    let ledger = &stores.ledger;
    let generation = |share: u64| i64::try_from(size.generations * share / 100).unwrap();
    for (what, since) in [
        ("/changes, first page", ChangePosition::START),
        ("/changes, in the middle", ChangePosition::end_of(generation(50))),
        ("/changes, last page", ChangePosition::end_of(generation(95))),
    ] {
        let question = ChangeQuestion::default();
        let page = async || ledger.changes_that(WORKSPACE, &since, &question, PAGE).await.unwrap();
        times.push((what, fastest(page).await));
    }
}

async fn past_states(stores: &Stores, size: Size, began: OffsetDateTime, times: &mut Times) {
    let ledger = &stores.ledger;
    for (what, share) in [
        ("/accounts?as_of= near the beginning", 5),
        ("/accounts?as_of= in the middle", 50),
        ("/accounts?as_of= near the end", 95),
    ] {
        let moment = began + Duration::from_mins(size.generations * share / 100 + 1);
        let state = async || {
            let number = ledger.generation_at(WORKSPACE, moment).await.unwrap().unwrap();
            let snapshot = ledger.snapshot(WORKSPACE, number).await.unwrap();
            Directory::new(snapshot, OffsetDateTime::UNIX_EPOCH, None)
        };
        times.push((what, fastest(state).await));
    }
    let lookback = Duration::from_hours(8_760);
    let now = Clock::System.now();
    let facts = async || ledger.log_facts(WORKSPACE, now, lookback).await.unwrap();
    times.push(("what the log says of all accounts", fastest(facts).await));
}

async fn posture(stores: &Stores, times: &mut Times) {
    let config = Config::defaults().unwrap();
    let identities = identities_of(&config, WORKSPACE, stores, &Clock::System);
    let moment = Clock::System.now();
    let generation = stores.ledger.generation(WORKSPACE).await.unwrap();
    let snapshot = stores.ledger.snapshot(WORKSPACE, generation).await.unwrap();
    let directory = Directory::new(snapshot, OffsetDateTime::UNIX_EPOCH, None);
    let settings = PostureSettings {
        privileged_roles: vec!["Owner".to_owned()],
        company_domains: vec!["example.com".to_owned()],
        ..PostureSettings::default()
    };
    let lookback = Duration::from_hours(8_760);
    let basis = Arc::new(Basis { settings, lookback, ..Basis::default() });
    let evaluated = async || {
        let assessment = Assessment {
            workspace: WORKSPACE.to_owned(),
            moment,
            is_past: false,
            hides_people: false,
            generation,
            basis: Arc::clone(&basis),
        };
        assessment.evaluate(stores, &identities, &directory).await.unwrap()
    };
    times.push(("the posture", fastest(evaluated).await));
}

async fn imports(simulator: &Simulator, stores: &Stores, times: &mut Times) {
    let importer = importer(simulator, stores, Clock::System);
    // The first one in a process compares everything.
    import(&importer, Mode::Incremental).await;
    let unchanged = async || import(&importer, Mode::Incremental).await;
    times.push(("an incremental import without changes", fastest(unchanged).await));
    let mut round = 0;
    let changed = async || {
        round += 1;
        simulator.change(|workspace| {
            let person = workspace.admins().next().map(|(id, _)| id).unwrap();
            workspace.sign_in(person, "saml", Clock::System.now().unix_timestamp());
            workspace.add_teammate(&format!("New Person{round}"));
        });
        import(&importer, Mode::Incremental).await;
    };
    times.push(("an incremental import of a new account", fastest(changed).await));
}

fn importer(simulator: &Simulator, stores: &Stores, clock: Clock) -> Importer {
    let connection = Connection {
        access_token: Some(SecretString::from(TOKEN)),
        base_url: simulator.base_url().parse().unwrap(),
        region: None,
        api_version: "2.16".to_owned(),
        connect_timeout: limits::INTERCOM_CONNECT_TIMEOUT,
        read_timeout: limits::INTERCOM_READ_TIMEOUT,
    };
    let client = Arc::new(Client::new(connection, clock.clone()).unwrap());
    let options = ImportOptions {
        guard: Guard::with_share(10),
        activity_lookback: Duration::from_hours(8_760),
        activity_kinds: WantedKinds::Security,
        store_addresses: true,
        include_bots: false,
        lease: Duration::from_secs(15),
        optional: OptionalReads::default(),
        roles: false,
    };
    Importer::new(WORKSPACE, client, stores.ledger.clone(), clock, options)
}

async fn import(importer: &Importer, mode: Mode) {
    let request = ImportRequest { mode, ..ImportRequest::incremental(Trigger::Command) };
    let run = importer.run_once(&request, &|_| {}).await.unwrap().unwrap();
    assert_eq!(run.status, RunStatus::Succeeded, "{:?}", run.error);
}

/// Makes a history out of one import.
struct History {
    database: DatabaseConnection,
    size: Size,
    /// The time of the import, in seconds since 1970. Each generation is a minute later.
    began: i64,
}

impl History {
    async fn make(&self) {
        self.run("CREATE TABLE scale_people (place BIGINT PRIMARY KEY, user_id TEXT)").await;
        self.run(
            "INSERT INTO scale_people SELECT ROW_NUMBER() OVER (ORDER BY user_id) - 1, user_id
                FROM user_versions WHERE to_generation IS NULL",
        )
        .await;
        let Size { generations, entries, .. } = self.size;
        let first = self.number("SELECT MAX(id) FROM imports").await;
        self.copy(
            "imports",
            &[
                ("id", format!("{first} + n - 1")),
                ("generation", "n".to_owned()),
                ("started_at", self.time("n * 60")),
                ("observed_at", self.time("n * 60")),
                ("finished_at", self.time("n * 60")),
                ("activity_watermark", self.time("n * 60")),
            ],
            &format!("imports t, {} WHERE t.id = {first}", self.numbers(2, generations)),
        )
        .await;
        self.copy(
            "generations",
            &[
                ("number", "n".to_owned()),
                ("import_id", format!("{first} + n - 1")),
                ("at", self.time("n * 60")),
            ],
            &format!("generations t, {} WHERE t.number = 1", self.numbers(2, generations)),
        )
        .await;
        self.make_versions().await;
        self.make_entries(entries).await;
        // PostgreSQL does this by itself after a while. SQLite never does.
        if self.database.get_database_backend() == DbBackend::Postgres {
            self.run("ANALYZE").await;
        }
    }

    /// Lets each generation change some accounts, each account at most once.
    async fn make_versions(&self) {
        let Size { accounts, generations, .. } = self.size;
        let each = (accounts / generations).max(1);
        let generation = format!("(p.place / {each} + 2)");
        let joined = format!("p.user_id = t.user_id AND {generation} <= {generations}");
        self.copy(
            "user_versions",
            &[("from_generation", generation.clone())],
            &format!("user_versions t JOIN scale_people p ON {joined} WHERE t.from_generation = 1"),
        )
        .await;
        // The earlier version differs, so the latest one is still what Intercom shows.
        self.run(&format!(
            "UPDATE user_versions SET job_title = 'Before', to_generation =
                (SELECT {generation} FROM scale_people p WHERE p.user_id = user_versions.user_id)
            WHERE from_generation = 1 AND user_id IN
                (SELECT p.user_id FROM scale_people p WHERE {generation} <= {generations})"
        ))
        .await;
    }

    /// Makes sign-ins and, in every hundredth entry, an export.
    async fn make_entries(&self, entries: u64) {
        let Size { accounts, generations, .. } = self.size;
        let template = "SELECT id FROM activity WHERE performed_by_id IS NOT NULL LIMIT 1";
        let last = self.number("SELECT MAX(seq) FROM activity").await;
        let seconds = format!("n * {} / {entries}", generations * 60);
        let millis = format!("({} + {seconds}) * 1000", self.began);
        let metadata = match self.database.get_database_backend() {
            DbBackend::Postgres => "CAST('{\"sign_in_method\":\"saml\"}' AS jsonb)",
            _ => "'{\"sign_in_method\":\"saml\"}'",
        };
        let kind = "CASE WHEN n % 100 = 0 THEN 'bulk_export' ELSE 'admin_login_success' END";
        let people = format!("scale_people p ON p.place = n % {accounts}");
        self.copy(
            "activity",
            &[
                ("id", "'scale-' || n".to_owned()),
                ("at", self.time(&seconds)),
                ("kind", kind.to_owned()),
                ("performed_by_id", "p.user_id".to_owned()),
                ("performed_by_email", "NULL".to_owned()),
                ("subject_id", "p.user_id".to_owned()),
                ("team_id", "NULL".to_owned()),
                ("metadata", metadata.to_owned()),
                ("recorded_at", millis),
                ("seq", format!("{last} + n")),
            ],
            &format!(
                "(SELECT * FROM activity WHERE id = ({template})) t CROSS JOIN {} JOIN {people}",
                self.numbers(1, entries)
            ),
        )
        .await;
    }

    /// Inserts copies of rows `t`, in which some columns have other values.
    async fn copy(&self, table: &str, changed: &[(&str, String)], from: &str) {
        let columns = self.columns(table).await;
        let value = |column: &String| {
            let changed = changed.iter().find(|(name, _)| name == column);
            changed.map_or_else(|| format!("t.\"{column}\""), |(_, value)| value.clone())
        };
        let values: Vec<String> = columns.iter().map(value).collect();
        let names: Vec<String> = columns.iter().map(|column| format!("\"{column}\"")).collect();
        let (names, values) = (names.join(", "), values.join(", "));
        self.run(&format!("INSERT INTO {table} ({names}) SELECT {values} FROM {from}")).await;
    }

    async fn columns(&self, table: &str) -> Vec<String> {
        let query = match self.database.get_database_backend() {
            DbBackend::Postgres => format!(
                "SELECT CAST(column_name AS TEXT) AS name FROM information_schema.columns
                    WHERE table_name = '{table}'"
            ),
            _ => format!("SELECT name FROM pragma_table_info('{table}')"),
        };
        let backend = self.database.get_database_backend();
        let rows = self.database.query_all_raw(Statement::from_string(backend, query)).await;
        rows.unwrap().iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }

    /// The numbers `n` from one to another, as a table.
    fn numbers(&self, first: u64, last: u64) -> String {
        match self.database.get_database_backend() {
            DbBackend::Postgres => format!("generate_series({first}, {last}) AS numbers(n)"),
            _ => format!(
                "(WITH RECURSIVE numbers(n) AS (SELECT {first} UNION ALL
                    SELECT n + 1 FROM numbers WHERE n < {last}) SELECT n FROM numbers)"
            ),
        }
    }

    /// A moment, by its distance from the beginning in seconds.
    fn time(&self, seconds: &str) -> String {
        let seconds = format!("{} + {seconds}", self.began);
        match self.database.get_database_backend() {
            DbBackend::Postgres => format!("to_timestamp({seconds})"),
            _ => format!("strftime('%Y-%m-%dT%H:%M:%SZ', {seconds}, 'unixepoch')"),
        }
    }

    async fn number(&self, query: &str) -> i64 {
        let backend = self.database.get_database_backend();
        let row = self.database.query_one_raw(Statement::from_string(backend, query)).await;
        row.unwrap().unwrap().try_get_by_index(0).unwrap()
    }

    async fn run(&self, statement: &str) {
        self.database.execute_unprepared(statement).await.unwrap();
    }
}
