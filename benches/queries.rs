//! Compares the bridge's response rate with that of a bare actix-web handler that sends the same
//! bytes, including the headers.
//!
//! `cargo bench --bench queries [-- USERS …]` (1,000, 10,000 and 100,000 without arguments). Both
//! servers run on core 0 and never work at the same time. The load comes from core 1, from clients
//! that never sleep, so neither server spends time on waking them. Every response is compared, byte
//! by byte, with one that was fetched before; most of these are checked for their content too. The
//! results are ratios measured in one run:
//!
//! * `rate`: the bridge's responses per second, divided by those of the bare handler;
//! * `cpu`: CPU time per response of the bare handler, divided by the bridge's. It does not depend
//!   on the speed of the load generator;
//! * the share of recognising a verified token in the CPU time of a response by id;
//! * the bridge's memory per user, and its peak, relative to that, while it swaps in a new served
//!   snapshot.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark that cannot go on fails so"
)]
#![expect(clippy::cast_precision_loss, reason = "what is printed is rounded")]

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::{Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use intercom_scim_bridge::access::{Grant, Scope, TokenOptions, Tokens, Vault};
use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::database::Database;
use intercom_scim_bridge::limits;
use intercom_scim_bridge::stores::Stores;
use reqwest::blocking::Client;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The number of processes of each server. The memory layout of a process changes some results by
/// up to a tenth, which says nothing about the server.
const PROCESSES: usize = 5;

/// The length of one measurement, and the number of measurements with the same processes. The two
/// servers take turns.
const ROUND: Duration = Duration::from_millis(300);
const ROUNDS: usize = 5;

/// The number of concurrent requests.
const CONNECTIONS: usize = 8;

const BRIDGE: &str = env!("CARGO_BIN_EXE_intercom-scim-bridge");

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [word, port, file] = &arguments[..]
        && word == "bare"
    {
        return bare(port.parse().unwrap(), Path::new(file));
    }
    let sizes: Vec<usize> =
        arguments.iter().map(|argument| argument.parse().expect("a number of users")).collect();
    let sizes = if sizes.is_empty() { vec![1_000, 10_000, 100_000] } else { sizes };
    let own = std::process::id().to_string();
    let pinned = Command::new("taskset").args(["-cp", "1", &own]).stdout(Stdio::null()).status();
    assert!(
        pinned.is_ok_and(|status| status.success()),
        "the benchmark needs taskset (util-linux) and two cores"
    );
    for users in sizes {
        measure(users);
    }
}

/// A server process, killed on drop.
struct Server(Child);

impl Server {
    /// Starts a program on core 0.
    fn start(command: &mut Command) -> Self {
        let mut pinned = Command::new("taskset");
        pinned.args(["-c", "0"]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            pinned.env(name, value.unwrap());
        }
        Self(pinned.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn first_lines(&mut self, count: usize) -> Vec<String> {
        let output = BufReader::new(self.0.stdout.take().unwrap());
        output.lines().take(count).map(Result::unwrap).collect()
    }

    /// The CPU time of each thread so far.
    fn cpu(&self) -> HashMap<PathBuf, Duration> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.0.id())).unwrap();
        let times = threads.filter_map(|thread| {
            let thread = thread.ok()?.path();
            // A thread that has just ended has no statistics.
            let times = fs::read_to_string(thread.join("schedstat")).ok()?;
            Some((thread, Duration::from_nanos(times.split(' ').next()?.parse().ok()?)))
        });
        times.collect()
    }

    /// The CPU time since `before`. Threads that ended in the meantime are not counted at all.
    fn cpu_since(&self, before: &HashMap<PathBuf, Duration>) -> Duration {
        let used = |(thread, now): (PathBuf, Duration)| {
            now.saturating_sub(before.get(&thread).copied().unwrap_or_default())
        };
        self.cpu().into_iter().map(used).sum()
    }

    /// The memory in bytes: the current use, and the peak since the last call of
    /// [`Self::forget_peak`].
    fn memory(&self) -> (u64, u64) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
        };
        (field("VmRSS:"), field("VmHWM:"))
    }

    fn forget_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.0.id()), "5").unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A free port below the ephemeral range. In that range, a client that retries before the server
/// listens can get the same port as its source port, and so connect to itself.
fn free_port() -> u16 {
    let mut below = 20_000..30_000;
    below.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("no port is free")
}

fn simulator(users: usize, more: &[&str]) -> (Server, HashMap<String, String>) {
    let (users, teams) = (users.to_string(), (users / 20).to_string());
    let mut command = Command::new(BRIDGE);
    command.args(["simulate", "--port", "0", "--admins", &users, "--teams", &teams]).args(more);
    let mut server = Server::start(&mut command);
    let lines = server.first_lines(2);
    let pairs = lines.iter().map(|line| line.split_once('=').unwrap());
    (server, pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

fn serve(port: u16, environment: &HashMap<String, String>) -> Server {
    let mut server = Server::start(
        Command::new(BRIDGE)
            .arg("serve")
            .envs(environment)
            .env("BRIDGE_SERVER__BIND", format!("127.0.0.1:{port}"))
            .env("BRIDGE_IMPORT__POLL_INTERVAL", "1d")
            .env("BRIDGE_SERVE__MAX_AGE", "1d")
            .env("BRIDGE_LIMITS__REQUESTS_PER_SECOND", "0"),
    );
    let client = Client::builder().no_proxy().build().unwrap();
    let started = Instant::now();
    loop {
        if client
            .get(format!("http://127.0.0.1:{port}/readyz"))
            .send()
            .is_ok_and(|answer| answer.status() == 200)
        {
            return server;
        }
        assert!(server.0.try_wait().unwrap().is_none(), "the bridge ended");
        assert!(
            started.elapsed() < Duration::from_mins(20),
            "the bridge is not ready after 20 minutes"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn serve_bare(port: u16, answers: &Path) -> Server {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let server = Server::start(command.args(["bare", &port.to_string()]).arg(answers));
    let started = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(
            started.elapsed() < Duration::from_mins(1),
            "the bare handler does not listen after a minute"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    server
}

/// Waits for the end of the import that the bridge runs at start-up.
fn wait_for_an_import(port: u16, token: &str) {
    let client = Client::builder().no_proxy().build().unwrap();
    let started = Instant::now();
    loop {
        let status = client
            .get(format!("http://127.0.0.1:{port}/api/v1/status"))
            .bearer_auth(token)
            .send()
            .unwrap();
        if status.json::<Value>().unwrap()["last_import"].is_object() {
            return;
        }
        assert!(
            started.elapsed() < Duration::from_mins(20),
            "no import has ended after 20 minutes"
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn measure(users: usize) {
    let directory = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}?mode=rwc", directory.path().join("bridge.db").display());
    let (intercom, mut environment) = simulator(users, &[]);
    environment.insert("DATABASE_URL".to_owned(), database);
    let token = Command::new(BRIDGE)
        .args(["token", "issue", "--scope", "scim.read import.read"])
        .envs(&environment)
        .output();
    let token = String::from_utf8(token.unwrap().stdout).unwrap().trim().to_owned();
    let port = free_port();
    let started = Instant::now();
    let importing = serve(port, &environment);
    let imported = started.elapsed();
    drop(importing);
    println!("\n== {users} users ({:.1} s from start to first answer)", imported.as_secs_f64());

    // Start again from the ledger, as after a restart.
    let bridge = serve(port, &environment);
    wait_for_an_import(port, &token);
    let questions = questions(port, &token);
    drop(bridge);
    compare(port, &token, &environment, &questions);

    // Roles, seats and permissions, and the second base URL.
    let mut with_roles = environment.clone();
    with_roles.insert("BRIDGE_SCIM__ROLES_AND_ENTITLEMENTS".to_owned(), "okta".to_owned());
    with_roles.insert("BRIDGE_SCIM__OKTA_PATH".to_owned(), "true".to_owned());
    let bridge = serve(port, &with_roles);
    wait_for_an_import(port, &token);
    let questions = questions_about_roles(port, &token);
    drop(bridge);
    println!("with scim.roles_and_entitlements = \"okta\" and scim.okta_path = true:");
    compare(port, &token, &with_roles, &questions);

    let bridge = serve(port, &environment);
    wait_for_an_import(port, &token);
    drop(intercom);
    memory(users, &bridge, &environment);
}

/// Compares the bridge with a bare handler that sends the same responses, and prints the result.
fn compare(port: u16, token: &str, environment: &HashMap<String, String>, questions: &[Question]) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("answers");
    write_answers(&file, questions);
    let mut loads: Vec<(Load, Load)> = questions.iter().map(|_| Default::default()).collect();
    for _ in 0..PROCESSES {
        let bridge = serve(port, environment);
        wait_for_an_import(port, token);
        let bare_port = free_port();
        let bare = serve_bare(bare_port, &file);
        // Interleave the rounds, so that a disturbance of some seconds does not determine the whole
        // result of one query.
        for _ in 0..ROUNDS {
            for (question, (ours, theirs)) in questions.iter().zip(&mut loads) {
                ours.better(&load(port, token, question, &bridge));
                theirs.better(&load(bare_port, token, question, &bare));
            }
        }
    }
    print_rates(token, questions, &loads);
}

/// Prints one line for each kind of request.
fn print_rates(token: &str, questions: &[Question], loads: &[(Load, Load)]) {
    println!(
        "{:32} {:>11} {:>11} {:>6} {:>6} {:>11} {:>11}",
        "question", "bridge /s", "bare /s", "rate", "cpu", "bridge p99", "bare p99"
    );
    for (question, (ours, theirs)) in questions.iter().zip(loads) {
        println!(
            "{:32} {:>11.0} {:>11.0} {:>6.2} {:>6.2} {:>8} µs {:>8} µs",
            question.name,
            ours.rate,
            theirs.rate,
            ours.rate / theirs.rate,
            theirs.cpu.as_secs_f64() / ours.cpu.as_secs_f64(),
            ours.p99.as_micros(),
            theirs.p99.as_micros(),
        );
        if question.name == BY_ID {
            let share = recalling(token).as_secs_f64() / ours.cpu.as_secs_f64();
            println!(
                "{:32} {:>10.1} % of an answer by id",
                "knowing the token again",
                share * 100.0
            );
        }
    }
}

/// Measures the memory in use, and the memory needed to swap in a new served snapshot.
fn memory(users: usize, bridge: &Server, environment: &HashMap<String, String>) {
    // The allocator returns the memory used at start-up within half a minute.
    std::thread::sleep(Duration::from_secs(30));
    let (steady, _) = bridge.memory();
    println!(
        "memory: {:.1} KB a user, {} MB in all",
        steady as f64 / 1024.0 / users as f64,
        steady >> 20
    );
    // Another process imports from a changed Intercom, so the bridge swaps in a new served
    // snapshot.
    let swaps =
        [("one more teammate", ["--newcomers", "1"]), ("everybody is another", ["--seed", "8"])];
    for (what, difference) in swaps {
        let (_intercom, settings) = simulator(users, &difference);
        bridge.forget_peak();
        let import = Command::new(BRIDGE)
            .args(["import", "incremental", "--allow-removals", "--json"])
            .envs(environment)
            .envs(&settings)
            .output()
            .unwrap();
        assert!(import.status.success(), "{}", String::from_utf8_lossy(&import.stderr));
        // The bridge serves the new generation, and frees the memory used to build it, within
        // seconds.
        std::thread::sleep(Duration::from_secs(10));
        let (after, peak) = bridge.memory();
        let run: Value = serde_json::from_slice(&import.stdout).unwrap();
        println!(
            "a swap, {what}: at most {:.2} times the memory from before, {:.2} times afterwards ({})",
            peak as f64 / steady as f64,
            after as f64 / steady as f64,
            run["counts"]
        );
    }
}

/// A request path and its response.
#[derive(Clone)]
struct Exchange {
    path: String,
    /// The headers, without those that each server writes itself.
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Exchange {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Requests of one kind with their responses.
struct Question {
    name: String,
    answers: Vec<Exchange>,
    /// Whether requests are sent one after the other, as a client pages through a list.
    one_by_one: bool,
}

/// Sends requests to the bridge, and keeps the responses.
struct Recorder<'a> {
    client: Client,
    port: u16,
    token: &'a str,
}

impl Recorder<'_> {
    fn fetch(&self, path: &str) -> Exchange {
        self.fetch_from("/scim/v2", path)
    }

    /// Fetches a path below this root.
    fn fetch_from(&self, root: &str, path: &str) -> Exchange {
        let answer = self
            .client
            .get(format!("http://127.0.0.1:{}{root}{path}", self.port))
            .bearer_auth(self.token)
            .send()
            .unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let headers = answer
            .headers()
            .iter()
            .filter(|(name, _)| !["date", "content-length"].contains(&name.as_str()));
        let headers = headers
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        Exchange { path: format!("{root}{path}"), headers, body: answer.bytes().unwrap() }
    }

    /// Reads all users, page by page.
    fn walk(&self) -> (Vec<Exchange>, Vec<ListedUser>) {
        let mut walk = Vec::new();
        let mut users = Vec::new();
        loop {
            let page = self.fetch(&format!("/Users?startIndex={}&count=100", users.len() + 1));
            let body = page.json();
            users.extend(body["Resources"].as_array().unwrap().iter().map(|user| ListedUser {
                id: text(&user["id"]),
                name: text(&user["userName"]),
                last_modified: text(&user["meta"]["lastModified"]),
            }));
            walk.push(page);
            if users.len() as u64 >= body["totalResults"].as_u64().unwrap() {
                break;
            }
        }
        assert_eq!(
            users.iter().map(|user| &user.id).collect::<BTreeSet<_>>().len(),
            users.len(),
            "each user once"
        );
        (walk, users)
    }

    /// Fetches one user by its id and by its `userName`.
    fn by_id_and_name(&self, user: &ListedUser) -> (Exchange, Exchange) {
        let one = self.fetch(&format!("/Users/{}", user.id));
        let listed =
            self.fetch(&format!("/Users?filter=userName+eq+%22{}%22", escaped(&user.name)));
        let body = one.json();
        assert_eq!(
            (text(&body["id"]), text(&body["userName"])),
            (user.id.clone(), user.name.clone())
        );
        let body = listed.json();
        assert_eq!(
            (body["totalResults"].as_u64(), text(&body["Resources"][0]["id"])),
            (Some(1), user.id.clone())
        );
        (one, listed)
    }

    /// Fetches a page of the users whose address contains a text. The text is the two digits before
    /// the @ that match closest to one user in a hundred.
    fn containing(&self, users: &[ListedUser]) -> Exchange {
        let matching =
            |digits: &str| users.iter().filter(|user| user.name.contains(digits)).count();
        let digits = (10..100)
            .map(|number| format!("{number}@"))
            .min_by_key(|digits| matching(digits).abs_diff(users.len() / 100))
            .unwrap();
        let contains = self
            .fetch(&format!("/Users?filter=emails.value+co+%22{}%22&count=50", escaped(&digits)));
        assert_eq!(contains.json()["totalResults"], matching(&digits));
        println!("`emails.value co \"{digits}\"` matches {} of {}", matching(&digits), users.len());
        contains
    }
}

/// What the benchmark keeps of a listed user.
struct ListedUser {
    id: String,
    name: String,
    last_modified: String,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The requests of a governance product: lists of roles and permissions, and a page of users at
/// the second base URL.
fn questions_about_roles(port: u16, token: &str) -> Vec<Question> {
    let bridge = Recorder { client: Client::builder().no_proxy().build().unwrap(), port, token };
    let question = |name: &str, path: &str| {
        let answer = bridge.fetch_from("/scim/okta/v2", path);
        assert!(answer.json()["totalResults"].as_u64().unwrap() > 0, "{path}");
        Question { name: name.to_owned(), answers: vec![answer], one_by_one: false }
    };
    vec![
        question("page of roles", "/Roles?count=100"),
        question("page of permissions", "/Permissions?count=100"),
        question("role by name", "/Roles?filter=displayName+sw+%22A%22"),
        question("page of 100 users, Okta's path", "/Users?startIndex=1&count=100"),
    ]
}

/// Sends each request once, checks most of the responses, and keeps them.
fn questions(port: u16, token: &str) -> Vec<Question> {
    let bridge = Recorder { client: Client::builder().no_proxy().build().unwrap(), port, token };
    let (walk, users) = bridge.walk();
    let some = users.iter().step_by((users.len() / 200).max(1));
    let (by_id, by_name) = some.map(|user| bridge.by_id_and_name(user)).unzip();
    let contains = bridge.containing(&users);
    let newest = users.iter().map(|user| &user.last_modified).max().unwrap();
    let since = bridge.fetch(&format!("/Users?filter=meta.lastModified+gt+%22{newest}%22"));
    assert_eq!(since.json()["totalResults"], 0);
    let groups = bridge.fetch("/Groups?excludedAttributes=members&count=100");
    let whole_groups = bridge.fetch("/Groups?count=20&startIndex=10");

    let page = |at: usize| vec![walk[at].clone()];
    let question =
        |name: &str, answers| Question { name: name.to_owned(), answers, one_by_one: false };
    vec![
        question(BY_ID, by_id),
        question("userName eq", by_name),
        question("page of 100, first", page(0)),
        question("page of 100, middle", page(walk.len() / 2)),
        question("emails.value co, page of 50", vec![contains]),
        question("meta.lastModified gt, none", vec![since]),
        question("20 groups with members", vec![whole_groups]),
        question("100 groups without members", vec![groups]),
        Question { name: "walk over everything".to_owned(), answers: walk, one_by_one: true },
    ]
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                (byte as char).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

const BY_ID: &str = "by id";

/// Measures how long it takes to recognise a verified token about as long as `like`.
fn recalling(like: &str) -> Duration {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let (tokens, token) = runtime.block_on(async {
        let database =
            format!("sqlite://{}?mode=rwc", directory.path().join("tokens.db").display());
        let stores = Stores::new(&Database::open(&database).await.unwrap());
        stores.ledger.migrate().await.unwrap();
        let options = TokenOptions {
            vault: Arc::new(Vault::new(&Vault::fresh_key().unwrap(), None).unwrap()),
            issuer: "http://127.0.0.1:8080".to_owned(),
            trusted: Vec::new(),
            requests_per_second: 1_000_000,
            burst: 1_000_000,
        };
        let tokens = Tokens::open(&stores.access, options, Clock::System).await.unwrap();
        let scopes = vec![Scope::ScimRead, Scope::ImportRead];
        let workspaces = vec!["default".to_owned()];
        let ttl = Duration::from_hours(1);
        let grant = Grant { subject: "token".to_owned(), client: None, scopes, workspaces, ttl };
        let token = tokens.issue(&grant).unwrap().expose().to_owned();
        assert!(token.len().abs_diff(like.len()) < 40, "{} and {}", token.len(), like.len());
        tokens.verify(&token).await.unwrap();
        (tokens, token)
    });
    let times = 1_000_000;
    let started = Instant::now();
    for _ in 0..times {
        let principal = tokens.recall(std::hint::black_box(token.as_bytes())).unwrap().unwrap();
        let _ = std::hint::black_box(principal.allowance.count_request());
    }
    started.elapsed() / times
}

/// The results of a server under load.
#[derive(Default)]
struct Load {
    rate: f64,
    cpu: Duration,
    p99: Duration,
}

impl Load {
    /// Keeps the best value of each measure: worse ones were disturbed.
    fn better(&mut self, other: &Self) {
        self.rate = self.rate.max(other.rate);
        self.cpu = if self.cpu.is_zero() { other.cpu } else { self.cpu.min(other.cpu) };
        self.p99 = if self.p99.is_zero() { other.p99 } else { self.p99.min(other.p99) };
    }
}

fn load(port: u16, token: &str, question: &Question, server: &Server) -> Load {
    let requests: Vec<(Vec<u8>, Bytes)> = question
        .answers
        .iter()
        .map(|Exchange { path, body, .. }| {
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/scim+json\r\nAuthorization: Bearer {token}\r\n\r\n"
            );
            (request.into_bytes(), body.clone())
        })
        .collect();
    let connections = if question.one_by_one { 1 } else { CONNECTIONS };
    // Poll the sockets often, since some task is always ready.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .event_interval(8)
        .build()
        .unwrap();
    let before = server.cpu();
    let started = Instant::now();
    let mut latencies: Vec<Duration> = runtime.block_on(async {
        let mut clients = tokio::task::JoinSet::new();
        for first in 0..connections {
            let requests = requests.clone();
            clients.spawn(client(port, requests, first * 25, started + ROUND, question.one_by_one));
        }
        let awake = async {
            while started.elapsed() < 10 * ROUND {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            latencies = clients.join_all() => latencies.concat(),
            () = awake => panic!("the load does not end"),
        }
    });
    let elapsed = started.elapsed();
    let cpu = server.cpu_since(&before);
    latencies.sort();
    Load {
        rate: latencies.len() as f64 / elapsed.as_secs_f64(),
        cpu: cpu / u32::try_from(latencies.len()).unwrap(),
        p99: latencies[latencies.len() * 99 / 100],
    }
}

/// Sends requests until the time is over. If `whole_walks`, it finishes the current pass over the
/// requests. Returns the latency of each response.
async fn client(
    port: u16,
    requests: Vec<(Vec<u8>, Bytes)>,
    first: usize,
    until: Instant,
    whole_walks: bool,
) -> Vec<Duration> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut latencies = Vec::new();
    let largest = requests.iter().map(|(_, body)| body.len()).max().unwrap_or_default();
    // The buffer also has room for the response head.
    let mut received = vec![0; largest + 4096];
    let mut now = Instant::now();
    for at in first.. {
        let (request, expected) = &requests[at % requests.len()];
        if now > until && (!whole_walks || at % requests.len() == 0) {
            break;
        }
        stream.write_all(request).await.unwrap();
        let mut length = 0;
        let mut head = None;
        let body = loop {
            let count = stream.read(&mut received[length..]).await.unwrap();
            assert!(count > 0, "the server closed the connection");
            length += count;
            head = head.or_else(|| memchr::memmem::find(&received[..length], b"\r\n\r\n"));
            match head {
                Some(head) if length >= head + 4 + expected.len() => break head + 4,
                _ => {}
            }
        };
        let started = std::mem::replace(&mut now, Instant::now());
        latencies.push(now - started);
        assert!(received.starts_with(b"HTTP/1.1 200"), "another status");
        assert!(
            received[body..length] == **expected,
            "another answer than the one that was checked"
        );
    }
    latencies
}

fn write_answers(file: &Path, questions: &[Question]) {
    let mut file = std::io::BufWriter::new(fs::File::create(file).unwrap());
    for exchange in questions.iter().flat_map(|question| &question.answers) {
        let headers = serde_json::to_vec(&exchange.headers).unwrap();
        for part in [exchange.path.as_bytes(), &headers, &exchange.body] {
            file.write_all(&u64::try_from(part.len()).unwrap().to_be_bytes()).unwrap();
            file.write_all(part).unwrap();
        }
    }
    file.flush().unwrap();
}

/// The bare handler's responses by path.
type Answers = HashMap<String, (Vec<(HeaderName, HeaderValue)>, Bytes)>;

fn read_answers(file: &Path) -> Answers {
    let mut file = BufReader::new(fs::File::open(file).unwrap());
    let mut part = || -> Option<Vec<u8>> {
        let mut length = [0; 8];
        file.read_exact(&mut length).ok()?;
        let mut part = vec![0; usize::try_from(u64::from_be_bytes(length)).unwrap()];
        file.read_exact(&mut part).unwrap();
        Some(part)
    };
    let mut answers = HashMap::new();
    while let (Some(path), Some(headers), Some(body)) = (part(), part(), part()) {
        let headers: Vec<(String, String)> = serde_json::from_slice(&headers).unwrap();
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        answers.insert(String::from_utf8(path).unwrap(), (headers, Bytes::from(body)));
    }
    answers
}

/// The server to compare with: it looks up the path and sends the stored response.
fn bare(port: u16, file: &Path) {
    let answers = Data::new(read_answers(file));
    let server = HttpServer::new(move || {
        App::new().app_data(answers.clone()).default_service(actix_web::web::to(send))
    })
    .workers(1)
    // The same settings as the bridge.
    .tcp_nodelay(true)
    .h1_write_buffer_size(limits::WRITE_BUFFER_BYTES)
    .bind(("127.0.0.1", port))
    .unwrap();
    actix_web::rt::System::new().block_on(server.run()).unwrap();
}

async fn send(request: HttpRequest, answers: Data<Answers>) -> HttpResponse {
    let Some((headers, body)) =
        answers.get(request.uri().path_and_query().map_or("", |target| target.as_str()))
    else {
        return HttpResponse::NotFound().finish();
    };
    let mut response = HttpResponse::Ok();
    for (name, value) in headers {
        response.insert_header((name.clone(), value.clone()));
    }
    response.body(body.clone())
}
