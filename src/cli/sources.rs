//! A configuration as it was read, with what its sources log at start.

use rpushd::config::Config;

/// What `serve` and `check` work with.
pub struct Sources {
    pub config: Config,
    /// What the nginx module would log at start.
    pub messages: Vec<(log::Level, String)>,
}

impl From<Config> for Sources {
    fn from(config: Config) -> Sources {
        Sources { config, messages: Vec::new() }
    }
}
