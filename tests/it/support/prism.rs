//! Prism, which knows Intercom's own OpenAPI description: <https://github.com/stoplightio/prism>.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::bridge::http;

/// A running Prism; ends with the test. `PRISM` names the program and `INTERCOM_OPENAPI` Intercom's description.
pub struct Prism {
    pub base_url: String,
    process: Child,
}

impl Drop for Prism {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Prism {
    /// Serves the examples of Intercom's description.
    pub async fn mock() -> Option<Self> {
        Self::start(|description| vec!["mock".to_owned(), description]).await
    }

    /// Stands before `upstream` and answers with an error wherever a request or an answer departs from
    /// Intercom's description.
    pub async fn before(upstream: &str) -> Option<Self> {
        Self::start(|description| vec!["proxy".to_owned(), description, upstream.to_owned(), "--errors".to_owned()])
            .await
    }

    async fn start(arguments: impl FnOnce(String) -> Vec<String>) -> Option<Self> {
        let (Ok(program), Ok(description)) = (std::env::var("PRISM"), std::env::var("INTERCOM_OPENAPI")) else {
            eprintln!("skipped: PRISM and INTERCOM_OPENAPI are not set");
            return None;
        };
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(program)
            .args(arguments(description))
            .args(["--port", &port.to_string(), "--host", "127.0.0.1"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let prism = Self { base_url: format!("http://127.0.0.1:{port}"), process };
        for _ in 0..600 {
            if http().get(&prism.base_url).send().await.is_ok() {
                return Some(prism);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("Prism did not start within a minute");
    }
}
