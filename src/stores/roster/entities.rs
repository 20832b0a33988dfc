//! The rows of the tables of rosters. The `migrations` crate creates the tables.

/// Versions.
pub mod roster_versions {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "roster_versions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub workspace: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        pub base: Option<i64>,
        pub source: String,
        pub sha256: String,
        pub rows: i64,
        pub without_address: i64,
        pub fields: String,
        pub at: i64,
        pub by: String,
        pub reasons: String,
        pub in_force_at: Option<i64>,
        pub accepted_by: Option<String>,
        pub confirmed_at: i64,
        pub confirmation: i64,
        pub revision: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// People, each for a range of versions.
pub mod roster_people {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "roster_people")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub workspace: String,
        pub key: String,
        pub from_version: i64,
        pub to_version: Option<i64>,
        pub person: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Decisions and revocations.
pub mod roster_decisions {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "roster_decisions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub workspace: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        pub at: i64,
        pub by: String,
        pub account: Option<String>,
        pub act: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Keyed hashes of the keys of forgotten people.
pub mod roster_forgotten {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "roster_forgotten")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub workspace: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        pub hash: String,
        pub salt: String,
        pub at: i64,
        pub by: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
