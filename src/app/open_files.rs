//! The process's limit of open files. Each connection counts as one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;
use crate::limits;

/// The number of files that the process may have open; `None` means unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFiles(Option<u64>);

impl OpenFiles {
    /// Raises the soft limit to the hard limit and returns it. Many systems start processes with a
    /// soft limit of 1,024, for the sake of old programs.
    #[must_use]
    pub fn raised() -> Self {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let raised = current != maximum
            && setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
        Self(if raised { maximum } else { current })
    }

    /// Returns a warning if the limit is too low for the connections that the settings allow.
    #[must_use]
    pub fn too_few(self, config: &Config) -> Option<String> {
        let connections = config.limits.max_connections;
        let needed = (connections + limits::CONNECTIONS_BEYOND) as u64 + limits::OTHER_FILES;
        let most = self.0.filter(|most| *most < needed)?;
        Some(format!(
            "the bridge may open {most} files, and {connections} connections (limits.max_connections) take up \
             to {needed}; raise its limit (LimitNOFILE= of systemd, `ulimit -n`, --ulimit nofile= of Docker), or lower \
             limits.max_connections"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_low_file_limit_causes_a_warning() {
        let mut config = Config::defaults().unwrap();
        let needed = (config.limits.max_connections + limits::CONNECTIONS_BEYOND) as u64
            + limits::OTHER_FILES;
        assert_eq!(OpenFiles(None).too_few(&config), None);
        assert_eq!(OpenFiles(Some(needed)).too_few(&config), None);
        let told = OpenFiles(Some(needed - 1)).too_few(&config).unwrap();
        assert!(
            told.contains(&format!("{} files", needed - 1)) && told.contains("1024 connections"),
            "{told}"
        );
        config.limits.max_connections -= 1;
        assert_eq!(OpenFiles(Some(needed - 1)).too_few(&config), None);
    }

    #[test]
    fn the_limit_is_raised_to_the_hard_limit() {
        let most = OpenFiles::raised();
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!((current, OpenFiles(current)), (maximum, most));
    }
}
