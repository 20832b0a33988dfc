//! How many files the process may have open: each connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;
use crate::limits;

/// How many files the process may have open; none where there is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFiles(Option<u64>);

impl OpenFiles {
    /// Raises the process's own limit to what the system lets it have. Many systems begin with 1,024, for programs that are
    /// older than that.
    #[must_use]
    pub fn raised() -> Self {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let raised = current != maximum && setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
        Self(if raised { maximum } else { current })
    }

    /// What to say where they are not enough for the connections that the settings allow.
    #[must_use]
    pub fn too_few(self, config: &Config) -> Option<String> {
        let connections = config.limits.max_connections;
        let needed = (connections + limits::CONNECTIONS_BEYOND) as u64 + limits::OTHER_FILES;
        let most = self.0.filter(|most| *most < needed)?;
        Some(format!(
            "the system lets the bridge have {most} files open, and {connections} connections (limits.max_connections) take up \
             to {needed}; raise its limit (LimitNOFILE= of systemd, `ulimit -n`, --ulimit nofile= of Docker), or lower \
             limits.max_connections"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_connections_could_reach_is_told() {
        let mut config = Config::defaults().unwrap();
        let needed = (config.limits.max_connections + limits::CONNECTIONS_BEYOND) as u64 + limits::OTHER_FILES;
        assert_eq!(OpenFiles(None).too_few(&config), None);
        assert_eq!(OpenFiles(Some(needed)).too_few(&config), None);
        let told = OpenFiles(Some(needed - 1)).too_few(&config).unwrap();
        assert!(told.contains(&format!("{} files", needed - 1)) && told.contains("1024 connections"), "{told}");
        config.limits.max_connections -= 1;
        assert_eq!(OpenFiles(Some(needed - 1)).too_few(&config), None);
    }

    #[test]
    fn the_limit_is_raised_to_what_the_system_allows() {
        let most = OpenFiles::raised();
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!((current, OpenFiles(current)), (maximum, most));
    }
}
