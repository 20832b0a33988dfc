//! Provisioning tasks and tickets.

use serde_json::{Value, json};

use super::Eic;
use super::groovy::Bindings;
use super::path;

/// The result of a task.
#[derive(Debug, PartialEq, Eq)]
pub enum Task {
    Complete,
    /// With the text of its log.
    Failed {
        status: u64,
        message: Value,
    },
}

/// The state of a ticket: its task is pending, complete, or discontinued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ticket {
    Open,
    Done,
    Discontinued,
}

impl Eic {
    /// Runs a task by one of the provisioning parameters: its calls, one after the other. The task
    /// is complete only if each response has a status that counts as success.
    pub async fn provision(
        &mut self,
        parameter: &Value,
        name: &str,
        bindings: &Value,
    ) -> Result<Task, String> {
        let bindings = bindings.as_object().cloned().unwrap();
        let mut calls = 0;
        for call in parameter["call"].as_array().unwrap().iter().filter(|call| call["name"] == name)
        {
            calls += 1;
            let response = self.connection.call(call, &bindings).await?;
            if !call["successResponses"]["statusCode"]
                .as_array()
                .unwrap()
                .contains(&json!(response.status))
            {
                return Ok(Task::Failed { status: response.status, message: response.body });
            }
        }
        assert!(calls > 0, "there is no call {name}");
        Ok(Task::Complete)
    }

    /// Creates a ticket, and returns its id.
    pub async fn create_ticket(
        &mut self,
        parameter: &Value,
        bindings: &Value,
    ) -> Result<String, String> {
        let call = &parameter["call"][0];
        let response = self.connection.call(call, bindings.as_object().unwrap()).await?;
        if !call["successResponses"]["statusCode"]
            .as_array()
            .unwrap()
            .contains(&json!(response.status))
        {
            return Err(format!("{} {}", response.status, response.body));
        }
        path::text(&response.body, call["ticketidPath"].as_str().unwrap())
            .ok_or_else(|| "no id".to_owned())
    }

    /// Returns the state of a ticket. Published connections list the words for "finished" in
    /// `ticketStatusValue`.
    pub async fn ticket(&mut self, parameter: &Value, ticket: &str) -> Result<Ticket, String> {
        let call = &parameter["call"][0];
        let bindings = Bindings::from_iter([("ticketID".to_owned(), json!(ticket))]);
        let response = self.connection.call(call, &bindings).await?;
        let state = json!(
            path::text(&response.body, call["ticketStatusPath"].as_str().unwrap())
                .ok_or("no state")?
        );
        let listed = |name: &str| call[name].as_array().is_some_and(|list| list.contains(&state));
        Ok(match (listed("ticketStatusValue"), listed("disContinueStatusValue")) {
            (true, _) => Ticket::Done,
            (_, true) => Ticket::Discontinued,
            _ => Ticket::Open,
        })
    }
}
