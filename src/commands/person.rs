//! `ledger person` and `ledger erase`: show and erase what the database holds about a person.

use serde_json::json;

use super::actor::by_command_with;
use super::error::CommandError;
use super::output::print_line;
use super::roster::author;
use crate::clock::Clock;
use crate::identities::Identities;
use crate::ledger::{Erased, KnownPerson, Ledger, LedgerError};
use crate::limits;
use crate::stores::{Forgotten, Stores};

/// The arguments of an erasure.
pub struct EraseRequest<'a> {
    pub person: &'a str,
    pub reason: &'a str,
    pub dry_run: bool,
    pub json: bool,
}

/// Prints everything that the database holds about a person, as JSON.
pub async fn show(ledger: &Ledger, workspace: &str, named: &str) -> Result<(), CommandError> {
    let person = find(ledger, workspace, named).await?;
    let all = ledger.all_of_person(workspace, &person).await?;
    let holds = |part: &str| all[part].as_array().is_some_and(|rows| !rows.is_empty());
    if !["versions", "activity", "requests", "imports_requested", "tokens", "audit"]
        .into_iter()
        .any(holds)
    {
        return Err(nobody(workspace));
    }
    // Serialising a JSON value cannot fail.
    print_line(&serde_json::to_string_pretty(&all).unwrap_or_default());
    Ok(())
}

/// Erases a person's data.
pub async fn erase(
    stores: &Stores,
    identities: &Identities,
    request: EraseRequest<'_>,
) -> Result<(), CommandError> {
    let ledger = &stores.ledger;
    let workspace = identities.workspace();
    let person = find(ledger, workspace, request.person).await?;
    let reason = checked_reason(request.reason, &person)?;
    if !person.active.is_empty() {
        return Err(still_there(&person));
    }
    let now = Clock::System.now();
    // Before the addresses are erased, by which the person is found.
    let beside = erase_beside(stores, identities, &person, request.dry_run).await?;
    let erased = if request.dry_run {
        ledger.would_erase(workspace, &person, now).await
    } else {
        let events = |erased: &Erased| {
            let detail = format!("{reason}; {}", in_words(erased));
            let targets = if erased.people.is_empty() {
                vec!["an address".to_owned()]
            } else {
                ids(&erased.people)
            };
            let workspaces = [workspace.to_owned()];
            targets
                .iter()
                .flat_map(|id| by_command_with("ledger.erased", id, &workspaces, &detail, now))
                .collect()
        };
        ledger.erase(workspace, &person, reason, events, now).await
    };
    let erased = match erased {
        Err(LedgerError::StillThere) => return Err(still_there(&person)),
        erased => erased?,
    };
    if erased.is_empty() && beside.is_empty() && person.ids.is_empty() {
        return Err(nobody(workspace));
    }
    // If an earlier erasure could not scrub the file, this does it now.
    let scrub = !request.dry_run && ledger.scrub_is_due().await?;
    let scrubbed = if scrub {
        ledger.scrub().await
    } else if !request.dry_run && !beside.is_empty() {
        ledger.empty_log().await
    } else {
        Ok(())
    };
    tell(&erased, &beside, &request);
    scrubbed.map_err(|error| {
        CommandError::new(format!(
            "the data is erased, but the database file may still contain traces of it: {}; a running \
             bridge removes them within a minute, or run this command again",
            error.chain()
        ))
    })
}

/// Returns the reason without blanks around it, if it can be kept.
fn checked_reason<'a>(reason: &'a str, person: &KnownPerson) -> Result<&'a str, CommandError> {
    let reason = reason.trim();
    if reason.is_empty()
        || reason.chars().count() > limits::REASON_LETTERS
        || reason.chars().any(char::is_control)
    {
        return Err(CommandError::wrong_use(format!(
            "--reason must be a text of 1 to {} letters, without line breaks",
            limits::REASON_LETTERS
        )));
    }
    if person.is_named_in(reason) {
        return Err(CommandError::wrong_use(
            "--reason is kept in the record of the erasure, so it must not contain the person's name or \
             address; write for example: request of 27 November, ticket 4711",
        ));
    }
    Ok(reason)
}

/// What was erased beside the ledger.
struct ErasedBeside {
    roster: Forgotten,
    /// Several people of the roster have an address of the person, so none was forgotten.
    is_ambiguous: bool,
    posture_records: u64,
}

impl ErasedBeside {
    fn is_empty(&self) -> bool {
        self.roster.is_empty() && self.posture_records == 0
    }
}

/// Erases the person from the roster, from decisions about accounts and from records of the posture.
async fn erase_beside(
    stores: &Stores,
    identities: &Identities,
    person: &KnownPerson,
    dry_run: bool,
) -> Result<ErasedBeside, CommandError> {
    let workspace = identities.workspace();
    let directory = identities.recorded_directory().await?;
    let people = identities.roster_people_of(person, &directory).await?;
    let roster = if dry_run {
        Forgotten {
            people: people.keys.len() as u64,
            references: 0,
            decisions: stores.roster.count_decisions_about(workspace, &person.ids).await?,
        }
    } else {
        identities.erase_teammate(person, &people, &author()).await?
    };
    let posture_records = stores.posture.erase(workspace, person, dry_run).await;
    let posture_records = posture_records.map_err(LedgerError::from)?;
    Ok(ErasedBeside { roster, is_ambiguous: people.is_ambiguous, posture_records })
}

fn tell(erased: &Erased, beside: &ErasedBeside, request: &EraseRequest<'_>) {
    if request.json {
        let mut document = json!(erased);
        document["dry_run"] = json!(request.dry_run);
        document["roster_people"] = json!(beside.roster.people);
        document["roster_ambiguous"] = json!(beside.is_ambiguous);
        document["decisions"] = json!(beside.roster.decisions);
        document["posture_records"] = json!(beside.posture_records);
        print_line(&document.to_string());
        return;
    }
    if beside.is_ambiguous {
        print_line(
            "note: several people of the roster have an address of this person, so none of them was \
             erased; run `roster forget KEY` for the right one",
        );
    }
    if erased.is_empty() && beside.is_empty() {
        print_line("there is no data left to erase");
        return;
    }
    let whom = if erased.people.is_empty() {
        "the address".to_owned()
    } else {
        ids(&erased.people).join(", ")
    };
    let done = if request.dry_run { "would be erased" } else { "erased" };
    print_line(&format!("{done}: {whom}: {}", in_words(erased)));
    if !beside.is_empty() {
        print_line(&format!(
            "{done} in the roster and the posture: {} people, {} decisions, {} records",
            beside.roster.people, beside.roster.decisions, beside.posture_records
        ));
    }
    if erased.versions_without_salt > 0 {
        print_line(&format!(
            "note: {} of the versions were recorded by an earlier version of the bridge, whose digests \
             have no salt: someone who can read the database and already knows all values of such a \
             version can confirm them; `ledger prune` deletes versions that have ended",
            erased.versions_without_salt
        ));
    }
    if !request.dry_run {
        print_line(
            "backups, logs and exports still contain it, and so does Intercom if it still lists the person; see docs/privacy.md",
        );
    }
}

fn in_words(erased: &Erased) -> String {
    format!(
        "{} versions, {} log entries, {} requests, {} runs, {} audit entries, {} tokens",
        erased.versions, erased.activity, erased.requests, erased.runs, erased.audit, erased.tokens
    )
}

fn ids<'a>(people: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    people.into_iter().map(|id| format!("adm_{id}")).collect()
}

fn still_there(person: &KnownPerson) -> CommandError {
    let gone: Vec<&String> = person.ids.difference(&person.active).collect();
    let others = if gone.is_empty() {
        String::new()
    } else {
        format!("; {} can be erased by that id", ids(gone).join(" and "))
    };
    CommandError::new(format!(
        "{} is still in the workspace, and the next import would record the data again: remove the \
         teammate in Intercom, run an import, then erase{others}",
        ids(&person.active).join(" and ")
    ))
}

async fn find(ledger: &Ledger, workspace: &str, named: &str) -> Result<KnownPerson, CommandError> {
    let person = ledger.find_person(workspace, named).await?;
    if person.is_unknown() {
        return Err(nobody(workspace));
    }
    Ok(person)
}

fn nobody(workspace: &str) -> CommandError {
    CommandError::new(format!(
        "the ledger of the workspace {workspace} has no such person; PERSON is an id, such as \
         adm_4423433, or an address that the person had"
    ))
}
