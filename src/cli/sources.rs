//! A configuration with the messages to be logged at start.

use rpushd::config::Config;

/// What `serve` and `check` read from their sources.
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
