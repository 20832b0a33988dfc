//! A browser without a window, controlled over WebDriver. Tests are skipped where it is not
//! installed.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::bridge::http;
use super::waiting::eventually;

pub struct Browser {
    driver: Child,
    session: String,
    http: reqwest::Client,
    _profile: TempDir,
}

/// The member in which WebDriver returns the id of an element (W3C WebDriver, "web element
/// identifier").
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

impl Browser {
    /// Starts Chromium with a window of this size; `None` if it or its driver is not installed.
    pub async fn start((width, height): (u32, u32), javascript: bool) -> Option<Self> {
        let driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut driver) = driver else {
            eprintln!("skipped: chromedriver is not installed (on Debian: chromium-driver)");
            return None;
        };
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines
            .map_while(Result::ok)
            .take(20)
            .find_map(|line| {
                line.split("started successfully on port ")
                    .nth(1)?
                    .trim_end_matches('.')
                    .parse::<u16>()
                    .ok()
            })
            .expect("chromedriver says its port");
        let profile = tempfile::tempdir().unwrap();
        let arguments = [
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-quic".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            format!("--window-size={width},{height}"),
            format!("--user-data-dir={}", profile.path().display()),
        ];
        let scripts = if javascript { 1 } else { 2 };
        let wanted = json!({"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": {
            "args": arguments, "prefs": {"profile.managed_default_content_settings.javascript": scripts},
        }}}});
        let http = http();
        let base = format!("http://127.0.0.1:{port}/session");
        let made = http
            .post(&base)
            .timeout(Duration::from_mins(1))
            .body(wanted.to_string())
            .send()
            .await
            .unwrap();
        let made: Value = serde_json::from_str(&made.text().await.unwrap()).unwrap();
        let session = made["value"]["sessionId"].as_str().unwrap_or_else(|| panic!("{made}"));
        Some(Self { driver, session: format!("{base}/{session}"), http, _profile: profile })
    }

    async fn ask(&self, path: &str, body: Value) -> Value {
        let request = match &body {
            Value::Null => self.http.get(format!("{}/{path}", self.session)),
            body => self.http.post(format!("{}/{path}", self.session)).body(body.to_string()),
        };
        let answer =
            request.timeout(Duration::from_mins(1)).send().await.unwrap().text().await.unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert!(answer["value"]["error"].is_null(), "{path}: {answer}");
        answer["value"].clone()
    }

    pub async fn open(&self, url: &str) {
        self.ask("url", json!({"url": url})).await;
    }

    pub async fn title(&self) -> String {
        self.ask("title", Value::Null).await.as_str().unwrap().to_owned()
    }

    pub async fn source(&self) -> String {
        self.ask("source", Value::Null).await.as_str().unwrap().to_owned()
    }

    /// Waits until the page contains a text. After a key press, the browser loads the page by
    /// itself.
    pub async fn shows(&self, text: &str) {
        eventually(&format!("the page shows {text}"), async || {
            let source = self.source().await;
            if source.contains(text) { Ok(()) } else { Err(source) }
        })
        .await;
    }

    /// Waits until a JavaScript expression is true in the page.
    pub async fn until(&self, expression: &str) {
        eventually(&format!("{expression} becomes true in the page"), async || {
            let value = self.run(&format!("return {expression}")).await;
            if value == json!(true) { Ok(()) } else { Err(self.source().await) }
        })
        .await;
    }

    /// Presses keys on the first element of a selector, like a person who reached it by Tab.
    pub async fn press_on(&self, selector: &str, keys: &str) {
        let element =
            self.ask("element", json!({"using": "css selector", "value": selector})).await;
        let id = element[ELEMENT].as_str().unwrap().to_owned();
        self.ask(&format!("element/{id}/value"), json!({"text": keys})).await;
    }

    /// Returns the text of the first element of a selector.
    pub async fn text(&self, selector: &str) -> String {
        let element =
            self.ask("element", json!({"using": "css selector", "value": selector})).await;
        let id = element[ELEMENT].as_str().unwrap().to_owned();
        self.ask(&format!("element/{id}/text"), Value::Null).await.as_str().unwrap().to_owned()
    }

    pub async fn run(&self, script: &str) -> Value {
        self.ask("execute/sync", json!({"script": script, "args": []})).await
    }

    /// Runs a script that calls its last argument when it is done.
    pub async fn run_async(&self, script: &str) -> Value {
        self.ask("execute/async", json!({"script": script, "args": []})).await
    }

    /// Calls a command of the Chrome DevTools Protocol.
    async fn devtools(&self, command: &str, params: Value) {
        self.ask("goog/cdp/execute", json!({"cmd": command, "params": params})).await;
    }

    /// Sets the width of the page, which may be narrower than any window of the system.
    pub async fn set_width(&self, width: u32) {
        let metrics =
            json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Makes the page `light` or `dark`.
    pub async fn prefer(&self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.devtools("Emulation.setEmulatedMedia", json!({"features": features})).await;
    }

    /// Shows pages as they are printed.
    pub async fn emulate_print(&self) {
        self.devtools("Emulation.setEmulatedMedia", json!({"media": "print"})).await;
    }

    pub async fn screenshot(&self) -> Vec<u8> {
        STANDARD.decode(self.ask("screenshot", Value::Null).await.as_str().unwrap()).unwrap()
    }

    pub async fn close(self) {
        let _ = self.http.delete(&self.session).timeout(Duration::from_mins(1)).send().await;
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
