//! How it goes, for Prometheus.

use std::sync::atomic::AtomicU64;

use actix_web::HttpResponse;
use actix_web::web::Data;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::caller::Visitor;
use super::service::{Service, Workspace};
use crate::import::ConnectionState;
use crate::ledger::RunStatus;
use crate::scim::resource_types;

/// Shows measures in the text format of Prometheus (OpenMetrics): of the workspaces that the token opens, and without one
/// of none.
#[utoipa::path(get, path = "/metrics", tag = "health", responses((status = 200, description = "Measures", content_type = "application/openmetrics-text", body = String)))]
pub async fn metrics(service: Data<Service>, visitor: Visitor) -> HttpResponse {
    let mut registry = Registry::with_prefix("bridge");
    let measures = Measures::register(&mut registry);
    visitor.sees(&service).into_iter().for_each(|workspace| measures.take(&service, workspace));
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => {
            HttpResponse::Ok().content_type("application/openmetrics-text; version=1.0.0; charset=utf-8").body(text)
        }
        // Writing into a text cannot fail.
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfWorkspace {
    workspace: String,
}

type Measure = Family<OfWorkspace, Gauge<f64, AtomicU64>>;

struct Measures {
    connected: Measure,
    held: Measure,
    failures: Measure,
    age: Measure,
    generation: Measure,
    users: Measure,
    groups: Measure,
}

impl Measures {
    fn register(registry: &mut Registry) -> Self {
        let mut measure = |name: &str, help: &str| {
            let measure = Measure::default();
            registry.register(name, help, measure.clone());
            measure
        };
        Self {
            connected: measure("connected", "Whether the last import succeeded (1 or 0)"),
            held: measure(
                "import_held",
                "Whether the last import waits for somebody to let its removals through (1 or 0)",
            ),
            failures: measure("import_failures", "Imports that did not succeed since the last that did"),
            age: measure("data_age_seconds", "How long ago Intercom last confirmed what is shown"),
            generation: measure("generation", "The generation that is shown; 0 before the first import"),
            users: measure("users", "Users that are shown, the removed ones among them"),
            groups: measure("groups", "Groups that are shown"),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "no count here reaches 2^52")]
    fn take(&self, service: &Service, workspace: &Workspace) {
        let of = OfWorkspace { workspace: workspace.name.to_string() };
        let standing = workspace.health.standing();
        let held = standing.last_run.as_ref().is_some_and(|run| run.status == RunStatus::Held);
        let set = |measure: &Measure, value: f64| {
            measure.get_or_create(&of).set(value);
        };
        set(&self.connected, f64::from(u8::from(standing.connection == ConnectionState::Connected)));
        set(&self.held, f64::from(u8::from(held)));
        set(&self.failures, f64::from(standing.failures));
        if let Some(at) = workspace.live.confirmed_at() {
            set(&self.age, (service.clock.now() - at).as_seconds_f64());
        }
        let picture = workspace.live.picture();
        set(&self.generation, picture.as_ref().map_or(0.0, |picture| picture.edition().generation as f64));
        set(&self.users, picture.as_ref().map_or(0.0, |picture| picture.count(resource_types::USER) as f64));
        set(&self.groups, picture.as_ref().map_or(0.0, |picture| picture.count(resource_types::GROUP) as f64));
    }
}
