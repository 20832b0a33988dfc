//! The forms in which entries are provided.

use crate::words::words;

words! {
    /// The form of log entries.
    pub enum Format {
        /// The bridge's own.
        Native = "native",
        /// Events of the Open Cybersecurity Schema Framework.
        Ocsf = "ocsf",
        /// Documents of the Elastic Common Schema.
        Ecs = "ecs",
    }
}
