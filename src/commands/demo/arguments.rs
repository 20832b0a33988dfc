//! The arguments of `demo`.

use std::time::Duration;

use clap::Args;

use crate::commands::arguments::number;
use crate::commands::simulate::CompanyArguments;
use crate::directory::CatalogueForm;
use crate::limits;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The port on the loopback address; 0 for a free one.
    #[arg(long, default_value_t = 8080, value_parser = number(0..=u16::MAX))]
    pub port: u16,
    #[command(flatten)]
    pub company: CompanyArguments,
    /// How often something happens in the simulated workspace, from 1s to 1h.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = pace)]
    pub every: Duration,
    /// Let nothing happen in the simulated workspace after the start.
    #[arg(long)]
    pub quiet: bool,
    /// How SCIM shows roles, seats and permissions: off, okta or draft. See the setting
    /// scim.roles_and_entitlements.
    #[arg(long, value_name = "FORM", default_value = "off", value_parser = form)]
    pub roles: CatalogueForm,
    /// Serve /scim/okta/v2 too. See the setting scim.okta_path.
    #[arg(long)]
    pub okta_path: bool,
    /// Print the addresses and credentials as one line of JSON, once the bridge is ready. Implies
    /// --quiet.
    #[arg(long)]
    pub json: bool,
}

fn form(text: &str) -> Result<CatalogueForm, String> {
    match text {
        "off" => Ok(CatalogueForm::Off),
        "okta" => Ok(CatalogueForm::Okta),
        "draft" => Ok(CatalogueForm::Draft),
        _ => Err("must be off, okta or draft".to_owned()),
    }
}

fn pace(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(pace) if limits::DEMO_PACE.contains(&pace) => Ok(pace),
        _ => Err("must be a duration from 1s to 1h".to_owned()),
    }
}
