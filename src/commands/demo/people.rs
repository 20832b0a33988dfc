//! The roster of the demo: most teammates, some of whom have left, so that the views show
//! something.

use serde_json::{Value, json};
use time::Duration;

use super::super::CommandError;
use crate::app::App;
use crate::directory::{DEFAULT_WORKSPACE, Directory, UserKind};
use crate::identities::{Author, Import};
use crate::roster::{RequestedFormat, dates};

/// One teammate in so many is missing from the roster, and another one has left.
const ONE_IN: usize = 40;

/// The departments of the demo's company.
const DEPARTMENTS: [&str; 4] = ["Support", "Sales", "Success", "Operations"];

/// Imports a roster of the people who are served now.
///
/// # Errors
/// If it cannot be stored.
pub async fn import(app: &App) -> Result<(), CommandError> {
    let service = app.service();
    let Some(workspace) = service.workspaces.get(DEFAULT_WORKSPACE) else { return Ok(()) };
    let Some(served) = workspace.live.served() else { return Ok(()) };
    let now = service.clock.now();
    let people = people(served.directory(), (now - Duration::days(20)).date());
    let bytes = json!(people).to_string().into_bytes();
    let import = Import {
        bytes: &bytes,
        source: "demo",
        format: RequestedFormat::Json,
        dry_run: false,
        is_pulled: false,
    };
    workspace.identities.import(import, &Author::bridge(now), served.directory()).await?;
    Ok(())
}

fn people(directory: &Directory, last_day: time::Date) -> Vec<Value> {
    let teammates = directory.people.iter().map(|person| &person.user);
    let teammates = teammates.filter(|user| user.active && user.kind() == UserKind::Teammate);
    let person = |(place, user): (usize, &std::sync::Arc<crate::directory::User>)| {
        let has_left = place % ONE_IN == 17;
        let is_contractor = place % 10 == 3;
        (place % ONE_IN != 7).then(|| {
            json!({
                "employee_number": format!("{:05}", place + 1),
                "email": user.email,
                "name": user.name,
                "employee_type": if is_contractor { "contractor" } else { "employee" },
                "department": DEPARTMENTS[place % DEPARTMENTS.len()],
                "manager": "00001",
                "end_date": has_left.then(|| dates::written(last_day)),
            })
        })
    };
    teammates.enumerate().filter_map(person).collect()
}
