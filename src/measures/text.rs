//! The text format of Prometheus, limited to what the scraper may see.

use std::fmt::{self, Write};

use prometheus_client::encoding::text::encode;

use super::Measures;

impl Measures {
    /// Returns the metrics in the text format of Prometheus (OpenMetrics): those of the workspaces
    /// for which `sees` returns true and, with `all`, those of the whole process.
    ///
    /// # Errors
    /// None in practice: writing into a `String` cannot fail.
    pub fn text(&self, sees: impl Fn(&str) -> bool, all: bool) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        let mut shown = String::new();
        let mut heading = Vec::new();
        let mut was_sample = false;
        for line in text.lines() {
            if line.starts_with('#') {
                // Metrics that only other workspaces have must not even be named.
                if std::mem::take(&mut was_sample) {
                    heading.clear();
                }
                heading.push(line);
                continue;
            }
            was_sample = true;
            // Names of workspaces contain no character that would be escaped.
            let workspace =
                line.split_once("workspace=\"").and_then(|(_, rest)| rest.split('"').next());
            if workspace.map_or(all, &sees) {
                for line in heading.drain(..).chain([line]) {
                    writeln!(shown, "{line}")?;
                }
            }
        }
        shown.push_str("# EOF\n");
        Ok(shown)
    }
}
