//! What the server keeps between calls: the workspace, the faults, the OAuth grants, and caches.

use std::collections::{HashMap, VecDeque};

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::web::Bytes;
use serde_json::Value;

use crate::fault::{Fault, OrderedFault};
use crate::log::FilteredLog;
use crate::oauth::{Grants, OAuthApp};
use crate::workspace::Workspace;

/// The window of Intercom's rate limit, in seconds.
const WINDOW_SECONDS: i64 = 10;

/// The number of calls that are remembered for [`State::take_calls`].
const CALLS_KEPT: usize = 100_000;

pub struct State {
    pub workspace: Workspace,
    pub faults: Vec<OrderedFault>,
    pub grants: Grants,
    /// The matching entries of the last query of the log, because clients request one page after
    /// the other.
    pub filtered_log: Option<FilteredLog>,
    /// The latest calls, as `GET /admins`.
    calls: VecDeque<String>,
    /// The number of calls so far.
    number: u64,
    window: i64,
    calls_in_window: u32,
    /// Cached bodies of the lists, by name, each with the revision of the workspace that it shows.
    bodies: HashMap<&'static str, (u64, Bytes)>,
}

/// The place of a call in its window of the rate limit.
pub struct CallCount {
    /// The number of the call, counted from 1.
    pub number: u64,
    /// The number of calls in the window, with this one.
    pub in_window: u32,
    /// The end of the window, in UNIX seconds.
    pub reset: i64,
}

impl State {
    pub fn new(workspace: Workspace, faults: Vec<OrderedFault>, app: Option<OAuthApp>) -> Self {
        Self {
            workspace,
            faults,
            grants: Grants::of(app),
            filtered_log: None,
            calls: VecDeque::new(),
            number: 0,
            window: 0,
            calls_in_window: 0,
            bodies: HashMap::new(),
        }
    }

    /// Records a call at `now`, in UNIX seconds.
    pub fn count_call(&mut self, method: &str, path: &str, now: i64) -> CallCount {
        if self.calls.len() >= CALLS_KEPT {
            self.calls.pop_front();
        }
        self.calls.push_back(format!("{method} {path}"));
        self.number += 1;
        let window = now.div_euclid(WINDOW_SECONDS);
        if self.window != window {
            self.window = window;
            self.calls_in_window = 0;
        }
        self.calls_in_window += 1;
        CallCount {
            number: self.number,
            in_window: self.calls_in_window,
            reset: (window + 1) * WINDOW_SECONDS,
        }
    }

    /// Returns the calls since the last call of this method.
    pub fn take_calls(&mut self) -> Vec<String> {
        std::mem::take(&mut self.calls).into()
    }

    /// Returns the fault that applies to a call on `path`, and counts it.
    pub fn take_fault(&mut self, path: &str) -> Option<Fault> {
        let at = self
            .faults
            .iter()
            .position(|order| path.starts_with(&order.path) && order.times != Some(0))?;
        if let Some(times) = &mut self.faults[at].times {
            *times -= 1;
        }
        let fault = self.faults[at].fault.clone();
        self.faults.retain(|order| order.times != Some(0));
        Some(fault)
    }

    /// The body of a list, rendered once for each revision of the workspace.
    pub fn list(&mut self, name: &'static str, render: impl FnOnce(&Workspace) -> Value) -> Bytes {
        let revision = self.workspace.revision;
        match self.bodies.get(name) {
            Some((rendered, body)) if *rendered == revision => body.clone(),
            _ => {
                let body = Bytes::from(render(&self.workspace).to_string());
                self.bodies.insert(name, (revision, body.clone()));
                body
            }
        }
    }

    /// Whether the call's access token is valid.
    pub fn accepts(&self, headers: &HeaderMap) -> bool {
        bearer(headers)
            .is_some_and(|token| token == self.workspace.access_token || self.grants.opens(token))
    }
}

/// The bearer token of a call.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}
