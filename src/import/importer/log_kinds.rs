//! Which kinds of log entries an import reads.

use super::Importer;
use crate::directory::Mode;
use crate::intercom::LogKinds;
use crate::ledger::LedgerError;

impl Importer {
    /// The kinds that the settings ask for, and Intercom's own list as the last full import read
    /// it. A full import reads the list anew.
    pub(super) async fn log_kinds(&self, mode: Mode) -> Result<LogKinds, LedgerError> {
        let listed = self.ledger.memory(&self.workspace).await?.log_kinds;
        Ok(LogKinds {
            wanted: self.options.activity_kinds.clone(),
            listed: (!listed.is_empty()).then_some(listed),
            read_list: mode == Mode::Full,
        })
    }
}
