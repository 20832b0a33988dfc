//! Stores how far each endpoint of outbound webhooks was served, whether it fails, and its last
//! deliveries.
//!
//! The process that delivers writes under a lease, so that another one that was suspended cannot
//! overwrite its positions. A replay or a resumption by a person begins a new *epoch*: what was
//! delivered in an earlier epoch changes nothing any more.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction,
    EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, TransactionTrait,
};
use time::OffsetDateTime;

use crate::activity::Position;
use crate::clock::{from_millis, to_millis};
use crate::database::entities::{notification_deliveries, notification_endpoints};
use crate::database::transaction::{insert, patience, writing};
use crate::database::{AuditEntry, Database, DatabaseError, record_events};
use crate::directory::ChangePosition;
use crate::ledger::{Lease, LedgerError, fence_off};
use crate::limits;
use crate::notifications::{EndpointState, Place, Places, Standing};
use crate::words::Words;

/// An endpoint as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEndpoint {
    /// Its name.
    pub name: String,
    /// It grows when a person changes the endpoint.
    pub epoch: i64,
    /// How far it was served.
    pub places: Places,
    /// Whether it fails.
    pub standing: Standing,
    /// When the last message was delivered.
    pub delivered_at: Option<OffsetDateTime>,
    /// How many messages were delivered.
    pub delivered: i64,
}

/// A message that was delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its number at the endpoint; the first is 1.
    pub number: i64,
    /// The id of the message.
    pub message: String,
    /// The type of the event.
    pub event: String,
    /// When it was delivered.
    pub at: OffsetDateTime,
    /// How many attempts it took.
    pub attempts: u32,
    /// The status that the receiver answered.
    pub status: u16,
}

/// A delivery to record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// The id of the message.
    pub message: String,
    /// The type of the event.
    pub event: String,
    /// When it was delivered.
    pub at: OffsetDateTime,
    /// The status that the receiver answered.
    pub status: u16,
}

/// What happened to an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A message was delivered. The place is after it.
    Delivered(Place, NewDelivery),
    /// Events that the endpoint does not get were passed.
    Passed(Place),
    /// An attempt failed, or the next events could not be read.
    Failed(Standing),
    /// The next events can be read again.
    Readable,
}

/// The endpoints of outbound webhooks.
#[derive(Clone, Debug)]
pub struct NotificationStore {
    database: Database,
}

impl NotificationStore {
    /// The store in this database.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// The stored endpoints of a workspace.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn endpoints(&self, workspace: &str) -> Result<Vec<StoredEndpoint>, DatabaseError> {
        use notification_endpoints::Column;
        let query = notification_endpoints::Entity::find()
            .filter(Column::Workspace.eq(workspace))
            .order_by_asc(Column::Name);
        let rows = query.all(&self.database.connection).await?;
        Ok(rows.into_iter().map(endpoint).collect())
    }

    /// One endpoint; `None` if it was never served.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn endpoint(
        &self,
        workspace: &str,
        name: &str,
    ) -> Result<Option<StoredEndpoint>, DatabaseError> {
        Ok(row(&self.database.connection, workspace, name).await?.map(endpoint))
    }

    /// The last deliveries to an endpoint, newest first.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn deliveries(
        &self,
        workspace: &str,
        name: &str,
        limit: u64,
    ) -> Result<Vec<Delivery>, DatabaseError> {
        use notification_deliveries::Column;
        let query = notification_deliveries::Entity::find()
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Name.eq(name))
            .order_by_desc(Column::Number)
            .limit(limit);
        let rows = query.all(&self.database.connection).await?.into_iter();
        Ok(rows
            .map(|row| Delivery {
                number: row.number,
                message: row.message,
                event: row.event,
                at: from_millis(row.at),
                attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
                status: u16::try_from(row.status).unwrap_or_default(),
            })
            .collect())
    }

    /// Stores the places from which an endpoint is served for the first time, or with sources that
    /// it did not have.
    ///
    /// # Errors
    /// [`LedgerError::LeaseLost`] or [`LedgerError::Database`].
    pub async fn begin(
        &self,
        lease: &Lease,
        workspace: &str,
        name: &str,
        places: &Places,
    ) -> Result<(), LedgerError> {
        let db = self.under(lease).await?;
        write_places(&db, workspace, name, places).await?;
        Ok(db.commit().await?)
    }

    /// Records what happened to an endpoint. Returns false if a person has changed the endpoint
    /// since `known` was read: then nothing is recorded.
    ///
    /// # Errors
    /// [`LedgerError::LeaseLost`] or [`LedgerError::Database`].
    pub async fn record(
        &self,
        lease: &Lease,
        workspace: &str,
        known: &StoredEndpoint,
        progress: Progress,
    ) -> Result<bool, LedgerError> {
        let db = self.under(lease).await?;
        let Some(row) = locked_row(&db, workspace, &known.name).await? else { return Ok(false) };
        if row.epoch != known.epoch {
            return Ok(false);
        }
        let before = endpoint(row.clone());
        let delivered = row.delivered;
        let mut row = row.into_active_model();
        match progress {
            Progress::Passed(place) => set_place(&mut row, place),
            Progress::Failed(standing) => set_standing(&mut row, &standing),
            Progress::Readable => set_standing(&mut row, &Standing::GOOD),
            // It was recorded, although the database answered with an error.
            Progress::Delivered(place, _) if before.places.has(&place) => return Ok(true),
            Progress::Delivered(place, delivery) => {
                set_place(&mut row, place);
                set_standing(&mut row, &Standing::GOOD);
                row.delivered = Set(delivered + 1);
                row.delivered_at = Set(Some(to_millis(delivery.at)));
                let attempts = before.standing.failures.saturating_add(1);
                let new = new_delivery(workspace, &before, delivery, attempts);
                insert(&db, vec![new], None).await?;
                drop_old_deliveries(&db, workspace, &before).await?;
            }
        }
        row.update(&db).await?;
        db.commit().await?;
        Ok(true)
    }

    /// Lets an endpoint begin at other places, or resumes it if `places` is `None`, together with
    /// the entries of the audit trail. Its failures are forgotten. Returns false if the endpoint
    /// was never served.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn restart(
        &self,
        workspace: &str,
        name: &str,
        places: Option<&Places>,
        entries: Vec<AuditEntry>,
    ) -> Result<bool, DatabaseError> {
        self.database.file_is_there()?;
        let db = self.database.connection.begin_with_options(writing()).await?;
        patience(&db, limits::DATABASE_WAIT, limits::DATABASE_WAIT).await?;
        let Some(row) = locked_row(&db, workspace, name).await? else { return Ok(false) };
        let epoch = row.epoch + 1;
        let mut row = row.into_active_model();
        row.epoch = Set(epoch);
        set_standing(&mut row, &Standing::GOOD);
        if let Some(places) = places {
            set_places(&mut row, places);
        }
        row.update(&db).await?;
        record_events(&db, entries).await?;
        db.commit().await?;
        Ok(true)
    }

    /// Begins a transaction that only the holder of the latest lease can commit.
    async fn under(&self, lease: &Lease) -> Result<DatabaseTransaction, LedgerError> {
        self.database.file_is_there()?;
        let db = self.database.connection.begin_with_options(writing()).await?;
        fence_off(&db, lease).await?;
        Ok(db)
    }
}

async fn row(
    db: &impl ConnectionTrait,
    workspace: &str,
    name: &str,
) -> Result<Option<notification_endpoints::Model>, DatabaseError> {
    let key = (workspace.to_owned(), name.to_owned());
    Ok(notification_endpoints::Entity::find_by_id(key).one(db).await?)
}

/// The row. Until the transaction ends, only this process changes it.
async fn locked_row(
    db: &DatabaseTransaction,
    workspace: &str,
    name: &str,
) -> Result<Option<notification_endpoints::Model>, DatabaseError> {
    let key = (workspace.to_owned(), name.to_owned());
    Ok(notification_endpoints::Entity::find_by_id(key).lock_exclusive().one(db).await?)
}

async fn write_places(
    db: &DatabaseTransaction,
    workspace: &str,
    name: &str,
    places: &Places,
) -> Result<(), DatabaseError> {
    if let Some(row) = locked_row(db, workspace, name).await? {
        let mut row = row.into_active_model();
        set_places(&mut row, places);
        row.update(db).await?;
        return Ok(());
    }
    let mut row = notification_endpoints::ActiveModel {
        workspace: Set(workspace.to_owned()),
        name: Set(name.to_owned()),
        epoch: Set(1),
        delivered: Set(0),
        delivered_at: Set(None),
        ..Default::default()
    };
    set_places(&mut row, places);
    set_standing(&mut row, &Standing::GOOD);
    insert(db, vec![row], None).await?;
    Ok(())
}

fn set_places(row: &mut notification_endpoints::ActiveModel, places: &Places) {
    row.activity = Set(places.activity.map(Position::to_cursor));
    row.changes = Set(places.changes.as_ref().map(ChangePosition::to_cursor));
    row.findings = Set(places.findings);
}

fn set_place(row: &mut notification_endpoints::ActiveModel, place: Place) {
    match place {
        Place::Activity(position) => row.activity = Set(Some(position.to_cursor())),
        Place::Changes(position) => row.changes = Set(Some(position.to_cursor())),
        Place::Findings(number) => row.findings = Set(Some(number)),
    }
}

fn set_standing(row: &mut notification_endpoints::ActiveModel, standing: &Standing) {
    row.state = Set(standing.state.as_str().to_owned());
    row.failures = Set(i64::from(standing.failures));
    row.failing_since = Set(standing.failing_since.map(to_millis));
    row.problem = Set(standing.problem.clone());
}

fn new_delivery(
    workspace: &str,
    endpoint: &StoredEndpoint,
    delivery: NewDelivery,
    attempts: u32,
) -> notification_deliveries::ActiveModel {
    notification_deliveries::ActiveModel {
        workspace: Set(workspace.to_owned()),
        name: Set(endpoint.name.clone()),
        number: Set(endpoint.delivered + 1),
        message: Set(delivery.message),
        event: Set(delivery.event),
        at: Set(to_millis(delivery.at)),
        attempts: Set(i64::from(attempts)),
        status: Set(i32::from(delivery.status)),
    }
}

async fn drop_old_deliveries(
    db: &DatabaseTransaction,
    workspace: &str,
    endpoint: &StoredEndpoint,
) -> Result<(), DatabaseError> {
    use notification_deliveries::Column;
    let last_dropped = endpoint.delivered + 1 - limits::NOTIFICATION_DELIVERIES_KEPT;
    notification_deliveries::Entity::delete_many()
        .filter(Column::Workspace.eq(workspace))
        .filter(Column::Name.eq(&endpoint.name))
        .filter(Column::Number.lte(last_dropped))
        .exec(db)
        .await?;
    Ok(())
}

/// A value that this version cannot read counts as missing: the endpoint then begins at the end.
fn endpoint(row: notification_endpoints::Model) -> StoredEndpoint {
    StoredEndpoint {
        name: row.name,
        epoch: row.epoch,
        places: Places {
            activity: row.activity.as_deref().and_then(Position::from_cursor),
            changes: row.changes.as_deref().and_then(ChangePosition::from_cursor),
            findings: row.findings,
        },
        standing: Standing {
            state: EndpointState::from_word(&row.state).unwrap_or(EndpointState::Active),
            failures: u32::try_from(row.failures).unwrap_or(u32::MAX),
            failing_since: row.failing_since.map(from_millis),
            problem: row.problem,
        },
        delivered_at: row.delivered_at.map(from_millis),
        delivered: row.delivered,
    }
}
