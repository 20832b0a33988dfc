//! The past of the demo: 90 days in a simulated workspace, imported week by week.
//!
//! The simulator's clock and the bridge's clock start 90 days ago and move forward together, so
//! that Intercom's times and the bridge's agree in each import. Both end at the true time, before
//! the bridge starts: it never sees a clock that jumps.

use indicatif::ProgressBar;
use simulator::{Options, Simulator, Story};

use crate::app::{importer_of, open_stores, workspace_of};
use crate::clock::Clock;
use crate::commands::error::CommandError;
use crate::commands::simulate::CompanyArguments;
use crate::config::Config;
use crate::directory::{DEFAULT_WORKSPACE, ImportRequest, Mode, RunStatus, Trigger};
use crate::import::Importer;

/// The number of whole weeks, each of which ends with an import. The last import has the last days.
const WEEKS: i64 = Story::DAYS / 7;

/// A simulated Intercom at the beginning of its past.
pub struct SimulatedPast {
    simulator: Simulator,
    story: Story,
    intercom_clock: simulator::Clock,
    bridge_clock: Clock,
}

impl SimulatedPast {
    /// Generates the company and starts the simulated Intercom, 90 days ago.
    pub fn begin(company: CompanyArguments, token: &str) -> Result<Self, CommandError> {
        let now = Clock::System.now().unix_timestamp();
        let start = Story::start(now);
        let (company, workspace) = company.generate(token, start);
        let story = Story::new(&workspace, company);
        let intercom_clock = simulator::Clock::starting_at(start);
        let options = Options { clock: intercom_clock.clone(), ..Options::default() };
        let simulator = Simulator::start(workspace, options)?;
        let bridge_clock = Clock::wrong_by(time::Duration::seconds(start - now));
        Ok(Self { simulator, story, intercom_clock, bridge_clock })
    }

    /// The root of the simulated API.
    pub fn base_url(&self) -> String {
        self.simulator.base_url()
    }

    /// Plays the past, and imports it into the configured database. Returns the simulated Intercom,
    /// whose clock then shows the true time.
    ///
    /// # Errors
    /// If the database cannot be used, or if an import does not succeed.
    pub async fn import(
        mut self,
        config: &Config,
        bar: &ProgressBar,
    ) -> Result<Simulator, CommandError> {
        let (stores, _) = open_stores(config).await?;
        let workspace = workspace_of(config, DEFAULT_WORKSPACE)?;
        let (importer, _) = importer_of(config, &workspace, &stores.ledger, &self.bridge_clock)?;
        for week in 0..=WEEKS {
            bar.set_message(format!("importing week {week} of the past"));
            self.advance_to(self.story.after_weeks(week));
            let mode = if week == 0 { Mode::Full } else { Mode::Incremental };
            import(&importer, mode).await?;
        }
        bar.set_message("importing the present");
        self.advance_to(Clock::System.now().unix_timestamp());
        // A full import, so that the bridge does not have to begin with one.
        import(&importer, Mode::Full).await?;
        stores.close().await;
        Ok(self.simulator)
    }

    /// Plays the story until `due`, in UNIX seconds, and moves both clocks forward to that time.
    fn advance_to(&mut self, due: i64) {
        self.simulator.change(|workspace| self.story.advance(workspace, due));
        self.intercom_clock.catch_up_to(due);
        let behind = due - self.bridge_clock.now().unix_timestamp();
        self.bridge_clock.set_by(time::Duration::seconds(behind.max(0)));
    }
}

async fn import(importer: &Importer, mode: Mode) -> Result<(), CommandError> {
    let request = ImportRequest { mode, ..ImportRequest::incremental(Trigger::Schedule) };
    let run = importer.run_once(&request, &|_| {}).await?;
    let run = run.ok_or_else(|| CommandError::new("another process imports into the database"))?;
    if run.status == RunStatus::Succeeded {
        return Ok(());
    }
    let why = run.error.map(|failure| format!("{}; {}", failure.detail, failure.remedy));
    Err(CommandError::new(format!(
        "an import of the demo's past did not succeed: {}",
        why.unwrap_or_else(|| run.status.as_str().to_owned())
    )))
}
