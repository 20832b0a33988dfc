//! Every secret that tests use, and a look for them wherever none may be: log lines of all levels,
//! answers, stderr.

use std::io::{self, Write};
use std::sync::{Mutex, Once, PoisonError};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

static SECRETS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Takes note of a secret. From the first one on, every log line is looked at.
pub fn keep(secret: &str) -> String {
    static LOGS: Once = Once::new();
    LOGS.call_once(|| {
        // As much as an operator could ask for of what is ours, and all that could be switched on
        // by mistake of the rest.
        let filter = EnvFilter::new("debug,intercom_scim_bridge=trace");
        let lines =
            tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(Scanned);
        lines.init();
    });
    assert!(secret.len() >= 12, "a secret is long enough not to be found by chance");
    let mut secrets = SECRETS.lock().unwrap_or_else(PoisonError::into_inner);
    if !secrets.iter().any(|known| known == secret) {
        secrets.push(secret.to_owned());
    }
    secret.to_owned()
}

/// A client's secret, as it is and as it stands in a header.
pub fn keep_client(id: &str, secret: &str) -> String {
    use base64::Engine;
    keep(&base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}")));
    keep(secret)
}

fn found(text: &str) -> Option<String> {
    let secrets = SECRETS.lock().unwrap_or_else(PoisonError::into_inner);
    secrets
        .iter()
        .find(|secret| text.contains(secret.as_str()))
        .map(|secret| text.replace(secret.as_str(), "<A SECRET>"))
}

/// Fails if a text holds a secret.
pub fn scan(what: &str, text: &str) {
    if let Some(shown) = found(text) {
        panic!("{what} holds a secret: {shown}");
    }
}

struct Scanned;

impl Write for Scanned {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Some(shown) = found(&String::from_utf8_lossy(line)) {
            // A panic in a server's thread would be caught; this is not.
            eprintln!("a log line holds a secret: {shown}");
            std::process::abort();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Scanned {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}
