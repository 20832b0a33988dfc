//! `simulate`: runs a simulated Intercom.

use std::net::{Ipv4Addr, SocketAddr};

use clap::Args;
use simulator::{Company, Options, OrderedFault, Simulator, Workspace, newcomers, seed};

use super::arguments::number;
use super::error::CommandError;
use super::output::print_line;
use super::signals::asked_to_stop;
use crate::clock::Clock;
use crate::limits;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The port on the loopback address.
    #[arg(long, default_value_t = 8090, value_parser = number(0..=u16::MAX))]
    port: u16,
    #[command(flatten)]
    company: CompanyArguments,
    /// The access token that it accepts.
    #[arg(long, default_value = "simulated-access-token")]
    token: String,
    /// A fault to simulate, such as status=503@/teamsx3. Can be repeated.
    #[arg(long, value_name = "FAULT")]
    faults: Vec<OrderedFault>,
}

/// The simulated company.
#[derive(Clone, Copy, Debug, Args)]
pub struct CompanyArguments {
    /// The number of teammates, from 1 to 200000.
    #[arg(long, default_value_t = 250, value_parser = number(1..=limits::SIMULATED_PEOPLE))]
    pub admins: u32,
    /// The number of teams, from 0 to 10000.
    #[arg(long, default_value_t = 12, value_parser = number(0..=limits::SIMULATED_TEAMS))]
    pub teams: u32,
    /// The number of additional teammates, from 0 to 200000. The others do not depend on it.
    #[arg(long, default_value_t = 0, value_parser = number(0..=limits::SIMULATED_PEOPLE))]
    pub newcomers: u32,
    /// The seed of the random generator: each seed makes a different company.
    #[arg(long, default_value_t = 7, value_parser = number(0..=u64::MAX))]
    pub seed: u64,
}

impl CompanyArguments {
    /// Generates the company as it is at `now`, in UNIX seconds.
    pub fn generate(self, token: &str, now: i64) -> (Company, Workspace) {
        let company = Company { admins: self.admins, teams: self.teams, seed: self.seed, now };
        let mut workspace = seed(company, token);
        newcomers(&mut workspace, company, self.newcomers);
        (company, workspace)
    }
}

pub async fn run(arguments: &Arguments) -> Result<(), CommandError> {
    let bind = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    let options = Options { bind, faults: arguments.faults.clone(), ..Options::default() };
    let now = Clock::System.now().unix_timestamp();
    let (_, workspace) = arguments.company.generate(&arguments.token, now);
    let simulator = Simulator::start(workspace, options).map_err(|error| {
        CommandError::new(format!(
            "cannot listen on {bind}: {error}; choose another port with --port"
        ))
    })?;
    print_line(&format!("INTERCOM_BASE_URL={}", simulator.base_url()));
    print_line(&format!("INTERCOM_ACCESS_TOKEN={}", arguments.token));
    eprintln!(
        "A simulated Intercom with {} teammates and {} teams. Ctrl-C ends it.",
        arguments.company.admins + arguments.company.newcomers,
        arguments.company.teams
    );
    asked_to_stop().await;
    simulator.stop().await;
    Ok(())
}
