//! `serve`: runs the bridge.

use std::pin::pin;

use tokio::signal::unix::{SignalKind, signal};

use super::error::CommandError;
use super::signals::asked_to_stop;
use crate::app::App;
use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::telemetry;

/// The error if the server stops without a request to stop.
pub const BROKEN: &str = "the server stopped because of a fault in the bridge; start it again, and report this with the log";

/// Runs the bridge until it is asked to stop. On SIGHUP, reads the settings again with `load`.
pub async fn run(
    config: &Config,
    load: impl Fn() -> Result<Config, ConfigError>,
) -> Result<(), CommandError> {
    // Register first: without a handler, SIGHUP ends the process.
    let mut hangup = signal(SignalKind::hangup())?;
    let app = App::start(config, Clock::System).await?;
    // One future for the whole loop, so that no signal is lost between two rounds.
    let mut stop = pin!(asked_to_stop());
    let broken = loop {
        tokio::select! {
            () = &mut stop => break false,
            () = app.broken() => break true,
            _ = hangup.recv() => {
                let read = load();
                if let Ok(config) = &read {
                    telemetry::change_level(&config.telemetry, telemetry::USUAL);
                }
                app.reload(read);
            }
        }
    };
    if let Some(drain) = config.server.drain.filter(|_| !broken) {
        // A second signal skips the drain time.
        tokio::select! {
            () = app.drain(drain) => {}
            () = asked_to_stop() => {}
        }
    }
    app.stop().await;
    if broken { Err(CommandError::new(BROKEN)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpStream;
    use std::process::{Child, ChildStdin, Command, Stdio};
    use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
    use std::time::{Duration, Instant};

    use secrecy::SecretString;
    use serde_json::Value;

    use super::*;
    use crate::access::{Grant, Scope};
    use crate::app::{inject_fault, open_stores, open_tokens};

    /// The settings of the bridge in the other process.
    fn config(directory: &str) -> Config {
        let mut config = Config::defaults().unwrap();
        config.server.bind = "127.0.0.1:0".parse().unwrap();
        config.server.ops_bind = Some("127.0.0.1:0".parse().unwrap());
        config.database.url = format!("sqlite://{directory}/bridge.db?mode=rwc").into();
        config.intercom.access_token = Some(SecretString::from("no-intercom-is-there"));
        config.intercom.base_url = Some("http://127.0.0.1:9".parse().unwrap());
        config.telemetry.log_format = crate::config::LogFormat::Json;
        config
    }

    /// The bridge as `serve` runs it, in a process of its own: each line on stdin names a task that
    /// is to panic.
    #[test]
    #[ignore = "the test below runs it in a process of its own"]
    fn bridge_in_a_process_of_its_own() {
        let mut directory = String::new();
        std::io::stdin().read_line(&mut directory).unwrap();
        std::thread::spawn(|| {
            std::io::stdin().lines().for_each(|task| inject_fault(&task.unwrap()));
        });
        let config = config(directory.trim());
        telemetry::init(&config.telemetry, telemetry::USUAL);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let ended = runtime.block_on(run(&config, Config::defaults));
        // As `main` does.
        let code = match ended {
            Ok(()) => 0,
            Err(error) => {
                eprintln!("error: {error}");
                error.exit_code()
            }
        };
        std::process::exit(code.into());
    }

    /// That process, which is killed if the test ends first.
    struct Other {
        process: Child,
        stdin: ChildStdin,
        /// The log, line by line.
        log: Receiver<String>,
    }

    impl Drop for Other {
        fn drop(&mut self) {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }

    impl Other {
        fn start(directory: &str) -> Self {
            let name = "commands::serve::tests::bridge_in_a_process_of_its_own";
            let mut process = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", name, "--ignored", "--nocapture", "--test-threads=1"])
                .env_remove("RUST_LOG")
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let (lines, log) = channel();
            let stderr = BufReader::new(process.stderr.take().unwrap());
            std::thread::spawn(move || {
                stderr.lines().map_while(Result::ok).all(|line| lines.send(line).is_ok())
            });
            let mut stdin = process.stdin.take().unwrap();
            writeln!(stdin, "{directory}").unwrap();
            Self { process, stdin, log }
        }

        fn fault(&mut self, task: &str) {
            writeln!(self.stdin, "{task}").unwrap();
        }

        /// The next log line that fulfils the condition, within half a minute.
        fn log_line(&self, fits: impl Fn(&Value) -> bool) -> Value {
            let patience = Instant::now() + Duration::from_secs(30);
            while let Ok(line) = self.log.recv_timeout(patience - Instant::now()) {
                let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if fits(&line) {
                    return line;
                }
            }
            panic!("the log does not have that line");
        }
    }

    fn get(address: &str, path: &str, token: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        let head = "Host: localhost\r\nConnection: close\r\nAuthorization: Bearer";
        write!(stream, "GET {path} HTTP/1.1\r\n{head} {token}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The state of a task, as `/readyz` shows it.
    fn task(address: &str, token: &str, name: &str) -> Value {
        let answer = get(address, "/readyz", token);
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let start = body.find('{').unwrap();
        let end = body.rfind('}').unwrap();
        let ready: Value = serde_json::from_str(&body[start..=end]).unwrap();
        let mut tasks = ready["tasks"].as_array().unwrap().iter();
        tasks.find(|task| task["task"] == name).cloned().unwrap()
    }

    #[tokio::test]
    async fn a_task_that_panics_is_logged_counted_shown_and_started_again_and_else_the_process_ends()
     {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().display().to_string();
        let config = config(&place);
        let (stores, _) = open_stores(&config).await.unwrap();
        let tokens =
            open_tokens(&config, &stores.access, "http://x", &Clock::System).await.unwrap();
        let grant = Grant {
            subject: "test".to_owned(),
            client: None,
            scopes: Scope::ALL.to_vec(),
            workspaces: vec!["default".to_owned()],
            ttl: Duration::from_hours(1),
        };
        let token = tokens.issue(&grant).unwrap().expose().to_owned();
        stores.close().await;

        let mut bridge = Other::start(&place);
        let listening =
            bridge.log_line(|line| line["fields"]["message"].as_str() == Some("listening"));
        let address = listening["fields"]["address"].as_str().unwrap().to_owned();
        for name in ["importer", "publisher", "access", "upkeep", "posture", "audit_trail"] {
            assert_eq!(task(&address, &token, name)["failures"], 0, "{name}");
            bridge.fault(name);
            // Where it panicked, and what the bridge does about it.
            let panicked = bridge.log_line(|line| line["fields"]["place"].is_string());
            assert_eq!(panicked["level"], "ERROR", "{panicked}");
            let failed = bridge.log_line(|line| line["fields"]["task"].as_str() == Some(name));
            assert_eq!(failed["level"], "ERROR", "{failed}");
            assert_eq!(failed["fields"]["why"], "panic", "{failed}");
            assert_eq!(failed["fields"]["again_in_seconds"], 1, "{failed}");
            let patience = Instant::now() + Duration::from_secs(30);
            let mut shown = task(&address, &token, name);
            // The log line comes before the failure is counted.
            while shown["failures"] == 0 || shown["state"] != "running" {
                assert!(Instant::now() < patience, "it is started again: {shown}");
                shown = task(&address, &token, name);
            }
            assert_eq!(shown["failures"], 1, "{shown}");
            assert!(shown["last_failure_at"].is_string(), "{shown}");
            let metrics = get(&address, "/metrics", &token);
            let counted = metrics.lines().any(|line| {
                line.starts_with("bridge_task_failures_total{")
                    && line.contains(&format!("task=\"{name}\""))
                    && line.ends_with("} 1")
            });
            assert!(counted, "{name}: {metrics}");
        }

        // Without its server the bridge cannot go on.
        bridge.fault("server");
        let failed = bridge.log_line(|line| line["fields"]["task"].as_str() == Some("server"));
        assert!(failed.to_string().contains("cannot continue without it"), "{failed}");
        bridge.log_line(|line| line.as_str() == Some(&format!("error: {BROKEN}")));
        // The log ends with the process.
        let ended = loop {
            if let Err(ended) = bridge.log.recv_timeout(Duration::from_secs(30)) {
                break ended;
            }
        };
        assert_eq!(ended, RecvTimeoutError::Disconnected, "the process ends");
        assert_eq!(bridge.process.wait().unwrap().code(), Some(1));
    }
}
