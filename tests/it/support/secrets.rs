//! All secrets of the tests. Log lines of all levels, responses and stderr are scanned for them.

use std::io::{self, Write};
use std::sync::{Mutex, Once, PoisonError};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

static SECRETS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Adds a secret. From the first one on, every log line is scanned.
pub fn keep(secret: &str) -> String {
    static LOGS: Once = Once::new();
    LOGS.call_once(|| {
        // The most verbose level for the bridge, and what an operator may enable by mistake for the
        // libraries.
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

/// Adds a client's secret, as it is and as Basic authentication encodes it.
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

/// Panics if a text contains a secret.
pub fn scan(what: &str, text: &str) {
    if let Some(shown) = found(text) {
        panic!("{what} holds a secret: {shown}");
    }
}

struct Scanned;

impl Write for Scanned {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Some(shown) = found(&String::from_utf8_lossy(line)) {
            // A panic on a thread of the server would be caught, so end the process.
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
