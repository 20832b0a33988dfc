//! The names of people and teams at the time when a change was recorded.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::LedgerError;
use super::salted::has_erased_fields;
use crate::database::entities::{group_versions, user_versions};
use crate::directory::{ChangeNames, Changed, Generation, RecordedChange};

/// Adds to each change the names that people and teams had at its generation.
pub(super) async fn with_names(
    db: &DatabaseConnection,
    workspace: &str,
    mut changes: Vec<RecordedChange>,
) -> Result<Vec<RecordedChange>, LedgerError> {
    let actor = |change: &RecordedChange| change.cause.as_ref()?.performed_by.as_ref()?.id.clone();
    // A change of a person or a team contains the name itself.
    let members =
        || changes.iter().filter(|change| matches!(change.change, Changed::Membership(_)));
    let people: BTreeSet<String> = members()
        .filter_map(|change| change.change.user().map(ToString::to_string))
        .chain(changes.iter().filter_map(actor).map(|id| id.to_string()))
        .collect();
    let teams: BTreeSet<String> =
        members().filter_map(|change| change.change.group().map(ToString::to_string)).collect();
    let until = changes.last().map_or(0, |change| change.generation);
    let (people, teams) = (
        names_of_people(db, workspace, people, until).await?,
        names_of_teams(db, workspace, teams, until).await?,
    );
    for change in &mut changes {
        let at = |names: &HashMap<String, Vec<NamedVersion>>,
                  id: Option<String>|
         -> Option<NamedVersion> {
            let versions = names.get(id?.as_str())?;
            versions
                .iter()
                .rev()
                .find(|named| named.from <= change.generation && named.reaches(change.generation))
                .cloned()
        };
        let actor =
            at(&people, actor(change).map(|id| id.to_string())).and_then(|named| named.name);
        change.names = match &change.change {
            Changed::User(user) => {
                let user = user.after().or(user.before());
                ChangeNames {
                    user: user.and_then(|user| user.name.clone()),
                    email: user.and_then(|user| user.email.clone()),
                    erased: user.is_some_and(|user| user.erased),
                    actor,
                    ..ChangeNames::default()
                }
            }
            Changed::Group(group) => {
                let group = group.after().or(group.before()).and_then(|group| group.name.clone());
                ChangeNames { group, actor, ..ChangeNames::default() }
            }
            Changed::Role(_) => ChangeNames { actor, ..ChangeNames::default() },
            Changed::Membership(_) => {
                let user = at(&people, change.change.user().map(ToString::to_string));
                let group = at(&teams, change.change.group().map(ToString::to_string))
                    .and_then(|named| named.name);
                let erased = user.as_ref().is_some_and(|named| named.erased);
                let (user, email) = user.map_or((None, None), |named| (named.name, named.email));
                ChangeNames { user, email, group, actor, erased }
            }
        };
    }
    Ok(changes)
}

/// The name of a person or a team, from one generation to another.
#[derive(Clone)]
struct NamedVersion {
    from: Generation,
    to: Option<Generation>,
    name: Option<String>,
    email: Option<String>,
    /// Whether the version was erased since.
    erased: bool,
}

impl NamedVersion {
    /// Whether the version had not ended before this generation.
    fn reaches(&self, generation: Generation) -> bool {
        self.to.is_none_or(|to| to >= generation)
    }
}

async fn names_of_people(
    db: &DatabaseConnection,
    workspace: &str,
    ids: BTreeSet<String>,
    until: Generation,
) -> Result<HashMap<String, Vec<NamedVersion>>, LedgerError> {
    use user_versions::Column;
    type Row =
        (String, Generation, Option<Generation>, Option<String>, Option<String>, Option<String>);
    let mut names: HashMap<String, Vec<NamedVersion>> = HashMap::new();
    if ids.is_empty() {
        return Ok(names);
    }
    let query = user_versions::Entity::find()
        .select_only()
        .columns([
            Column::UserId,
            Column::FromGeneration,
            Column::ToGeneration,
            Column::Name,
            Column::Email,
            Column::Proof,
        ])
        .filter(Column::Workspace.eq(workspace))
        .filter(Column::UserId.is_in(ids))
        .filter(Column::FromGeneration.lte(until))
        .order_by_asc(Column::FromGeneration);
    for (id, from, to, name, email, proof) in query.into_tuple::<Row>().all(db).await? {
        let erased = has_erased_fields(proof.as_deref());
        names.entry(id).or_default().push(NamedVersion { from, to, name, email, erased });
    }
    Ok(names)
}

async fn names_of_teams(
    db: &DatabaseConnection,
    workspace: &str,
    ids: BTreeSet<String>,
    until: Generation,
) -> Result<HashMap<String, Vec<NamedVersion>>, LedgerError> {
    use group_versions::Column;
    type Row = (String, Generation, Option<Generation>, Option<String>);
    let mut names: HashMap<String, Vec<NamedVersion>> = HashMap::new();
    if ids.is_empty() {
        return Ok(names);
    }
    let query = group_versions::Entity::find()
        .select_only()
        .columns([Column::GroupId, Column::FromGeneration, Column::ToGeneration, Column::Name])
        .filter(Column::Workspace.eq(workspace))
        .filter(Column::GroupId.is_in(ids))
        .filter(Column::FromGeneration.lte(until))
        .order_by_asc(Column::FromGeneration);
    for (id, from, to, name) in query.into_tuple::<Row>().all(db).await? {
        names.entry(id).or_default().push(NamedVersion {
            from,
            to,
            name,
            email: None,
            erased: false,
        });
    }
    Ok(names)
}
