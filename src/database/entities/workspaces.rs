//! What Intercom says of each workspace.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "workspaces")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace: String,
    pub intercom_id: Option<String>,
    pub name: Option<String>,
    pub region: Option<String>,
    pub memory: Option<Json>,
    /// Log entries of events before this were pruned, in milliseconds since 1970.
    pub activity_pruned_before: Option<i64>,
    /// The highest `seq` of a pruned log entry.
    pub activity_pruned_seq: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
