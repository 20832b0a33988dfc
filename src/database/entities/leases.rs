//! Which process imports a workspace.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "leases")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace: String,
    pub holder: String,
    pub fence: i64,
    pub expires_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
