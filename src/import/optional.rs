//! The optional calls of full imports, for the checks of the posture. Their results are recorded
//! as observations with their time. A call that fails is a warning of the run, never more.

use serde_json::{Value, json};

use crate::directory::{Mode, Observation, Run, RunStatus, Warning};
use crate::intercom::{
    Client, IntercomError, read_data_connectors, read_identity_verification, read_ip_allowlist,
};
use crate::ledger::{Ledger, ObservedThing};

/// Which optional calls full imports make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OptionalReads {
    /// `GET /ip_allowlist`.
    pub ip_allowlist: bool,
    /// `GET /data_connectors`.
    pub data_connectors: bool,
    /// `GET /me`, for the flag about identity verification.
    pub identity_verification: bool,
}

/// The results of the optional calls.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OptionalObservations {
    /// What to record.
    pub values: Vec<(ObservedThing, Value)>,
}

impl OptionalObservations {
    /// Records the results, if the run succeeded. The run is recorded already, so that a failure
    /// is only logged; the next full import calls again.
    pub async fn keep(self, ledger: &Ledger, run: Run) -> Run {
        let at = run.finished_at.unwrap_or(run.started_at);
        if run.status == RunStatus::Succeeded
            && let Err(error) = ledger.record_observations(&run.workspace, at, self.values).await
        {
            tracing::warn!(workspace = %run.workspace, error = %error.chain(), "what only the checks of the posture need could not be recorded");
        }
        run
    }
}

impl OptionalReads {
    /// Makes the calls, if the import is a full one. Adds a warning for each that failed.
    pub async fn make(
        self,
        mode: Mode,
        client: &Client,
        observation: &mut Observation,
    ) -> OptionalObservations {
        let mut observations = OptionalObservations::default();
        if mode != Mode::Full {
            return observations;
        }
        let OptionalObservations { values } = &mut observations;
        let warnings = &mut observation.warnings;
        let mut note =
            |thing: ObservedThing, path: &str, read: Result<Value, IntercomError>| match read {
                Ok(value) => values.push((thing, json!({"value": value}))),
                Err(error) => {
                    let detail = format!("{path} could not be read: {error}; {}", error.remedy());
                    warnings.push(Warning::new("posture_read_failed", detail));
                    values.push((thing, json!({"code": error.code()})));
                }
            };
        if self.ip_allowlist {
            let read = read_ip_allowlist(client).await;
            note(ObservedThing::IpAllowlist, "/ip_allowlist", read.map(|list| json!(list)));
        }
        if self.data_connectors {
            let read = read_data_connectors(client).await;
            note(ObservedThing::DataConnectors, "/data_connectors", read.map(|all| json!(all)));
        }
        if self.identity_verification {
            let read = read_identity_verification(client).await;
            note(ObservedThing::IdentityVerification, "/me", read.map(|flag| json!(flag)));
        }
        observations
    }
}
