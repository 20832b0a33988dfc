//! `migrate`: migrates the database's tables to the current version.

use secrecy::ExposeSecret;

use super::error::CommandError;
use super::output::print_line;
use crate::app::{open_stores, without_password};
use crate::config::Config;

pub async fn run(config: &Config) -> Result<(), CommandError> {
    let (stores, migrations) = open_stores(config).await?;
    stores.close().await;
    let database = without_password(config.database.url.expose_secret());
    print_line(&match migrations {
        0 => format!("{database} is up to date"),
        count => format!("{database} is up to date; {count} migrations were run"),
    });
    Ok(())
}
