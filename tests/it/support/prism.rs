//! Prism, which serves and validates an OpenAPI description:
//! <https://github.com/stoplightio/prism>.

use std::process::{Child, Command, Stdio};

use super::bridge::{free_port, http};
use super::waiting::until;

/// Intercom's description of its API, trimmed to what the bridge reads.
pub const DESCRIPTION: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fixtures/intercom/openapi.yaml");

/// A running Prism; ends with the test. `PRISM` names the program; `INTERCOM_OPENAPI` may name
/// another description of Intercom's, such as a newer one or all of it.
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

    /// Passes requests on to `upstream`. The response is an error if a request or a response does
    /// not fit Intercom's description.
    pub async fn before(upstream: &str) -> Option<Self> {
        Self::start(|description| {
            vec!["proxy".to_owned(), description, upstream.to_owned(), "--errors".to_owned()]
        })
        .await
    }

    async fn start(arguments: impl FnOnce(String) -> Vec<String>) -> Option<Self> {
        let Ok(program) = std::env::var("PRISM") else {
            eprintln!("skipped: PRISM does not name the program (.ci/run installs it)");
            return None;
        };
        let description =
            std::env::var("INTERCOM_OPENAPI").unwrap_or_else(|_| DESCRIPTION.to_owned());
        let port = free_port();
        let process = Command::new(program)
            .args(arguments(description))
            .args(["--port", &port.to_string(), "--host", "127.0.0.1"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let prism = Self { base_url: format!("http://127.0.0.1:{port}"), process };
        until("Prism starts", async || http().get(&prism.base_url).send().await.is_ok()).await;
        Some(prism)
    }
}
