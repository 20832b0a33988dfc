//! Versions of the roles that Intercom lists.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "role_versions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub role_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub from_generation: i64,
    pub to_generation: Option<i64>,
    pub digest: String,
    pub name: String,
    pub description: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
