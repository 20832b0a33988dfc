//! Measures how long the bridge takes for pages of the console.
//!
//! `cargo bench --bench console --features jemalloc [-- PEOPLE]` (100,000 people without an
//! argument). A simulated workspace is imported once. Then each page is requested several times by
//! one client, from the same machine; the time is from the request to the last byte. The goal is
//! that a page of 100 people takes less than 50 ms.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark that cannot go on fails so"
)]

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::blocking::Client;
use reqwest::redirect::Policy;

const BRIDGE: &str = env!("CARGO_BIN_EXE_intercom-scim-bridge");

/// The number of requests for each page.
const REQUESTS: usize = 20;

/// The pages, with a text that each must contain.
const PAGES: &[(&str, &str)] = &[
    ("/people", "1 to 100 of"),
    ("/people?sort=-activity", "1 to 100 of"),
    ("/people?q=ada", "Export"),
    ("/people?q=z%C3%BC", "People"),
    ("/people?mfa=unknown&sort=role", "People"),
    ("/people?offset=50000", "People"),
    ("/teams", "Teams"),
    ("/changes", "Earlier changes"),
    ("/activity", "Activity"),
    ("/seats", "Paid seats"),
    ("/posture", "Posture"),
    ("/", "Needs attention"),
];

fn main() {
    let number = std::env::args().find_map(|text| text.parse::<usize>().ok());
    let people = number.unwrap_or(100_000);
    let directory = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}?mode=rwc", directory.path().join("bridge.db").display());
    let (_intercom, mut environment) = simulator(people);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    environment.insert("DATABASE_URL".to_owned(), database);
    environment.insert("BRIDGE_SERVER__BIND".to_owned(), format!("127.0.0.1:{port}"));
    environment.insert("BRIDGE_IMPORT__POLL_INTERVAL".to_owned(), "1d".to_owned());
    let base = format!("http://127.0.0.1:{port}");
    let client = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
    let _bridge = serve(&base, &client, &environment);
    let cookie = sign_in(&base, &client, &environment);
    println!("{people} people; time from the request to the last byte");
    println!("{:34} {:>9} {:>9} {:>9}", "page", "median", "worst", "bytes");
    for (path, text) in PAGES {
        let mut times = Vec::new();
        let mut bytes = 0;
        for _ in 0..REQUESTS {
            let started = Instant::now();
            let request = client.get(format!("{base}{path}")).header("Cookie", &cookie);
            let page = request.send().unwrap().text().unwrap();
            times.push(started.elapsed());
            assert!(page.contains(text), "{path} has no {text}: {page}");
            bytes = page.len();
        }
        times.sort_unstable();
        let (median, worst) = (times[REQUESTS / 2], times[REQUESTS - 1]);
        println!("{path:34} {:>9} {:>9} {bytes:>9}", millis(median), millis(worst));
    }
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}

/// A process, killed on drop.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a simulated workspace. Returns the environment with which a bridge reads it.
fn simulator(people: usize) -> (Server, HashMap<String, String>) {
    let teams = (people / 100).clamp(1, 10_000).to_string();
    let mut child = Command::new(BRIDGE)
        .args(["simulate", "--port", "0", "--admins", &people.to_string(), "--teams", &teams])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let lines = output.lines().take(2).map(Result::unwrap);
    let pair = |line: String| {
        let (name, value) = line.split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    };
    let environment = lines.map(pair).collect();
    (Server(child), environment)
}

/// Starts the bridge, and waits until it has imported the workspace.
fn serve(base: &str, client: &Client, environment: &HashMap<String, String>) -> Server {
    let child = Command::new(BRIDGE)
        .arg("serve")
        .envs(environment)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut server = Server(child.unwrap());
    let started = Instant::now();
    let is_ready =
        || client.get(format!("{base}/readyz")).send().is_ok_and(|answer| answer.status() == 200);
    while !is_ready() {
        assert!(server.0.try_wait().unwrap().is_none(), "the bridge ended");
        assert!(started.elapsed() < Duration::from_mins(20), "the bridge is not ready");
        std::thread::sleep(Duration::from_millis(50));
    }
    server
}

/// Signs in with a one-time link. Returns the session cookie.
fn sign_in(base: &str, client: &Client, environment: &HashMap<String, String>) -> String {
    let printed = Command::new(BRIDGE).arg("login-link").envs(environment).output().unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    let link = printed.trim().split("link=").nth(1).expect("a link").to_owned();
    let form = client.post(format!("{base}/login")).body(format!("link={link}"));
    let answer = form.header("Content-Type", "application/x-www-form-urlencoded").send().unwrap();
    let cookie = answer.headers().get("set-cookie").expect("a session").to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}
