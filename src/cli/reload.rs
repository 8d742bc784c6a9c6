//! SIGHUP: reads the same sources again. The server keeps the listeners that are bound.

use super::logger::Destination;
use super::settings::Settings;
use rpushd::config::{Config, Sandbox};
use std::path::PathBuf;

/// The state needed for a reload.
pub struct Reload {
    settings: Settings,
    log: &'static Destination,
    /// Settings at start, which a reload cannot change.
    log_file: Option<PathBuf>,
    pid_file: Option<PathBuf>,
    sandbox: Sandbox,
    in_force: Config,
}

impl Reload {
    /// `config` is the configuration that the daemon started with.
    pub fn new(settings: Settings, log: &'static Destination, config: &Config) -> Reload {
        Reload {
            settings,
            log,
            log_file: config.log_file.clone(),
            pid_file: config.pid_file.clone(),
            sandbox: config.sandbox.clone(),
            in_force: config.clone(),
        }
    }

    /// Reads the configuration again; the caller puts it in force. Reopens the log file in any
    /// case.
    ///
    /// # Errors
    /// The error in the configuration; the caller keeps the old one.
    pub fn read(&mut self) -> Result<Config, String> {
        if let Err(error) = self.log.reopen() {
            log::error!("{error}");
        }
        let config = self.settings.reread().map_err(|failure| failure.reason)?.config;
        self.in_force.refuse_weaker_secrets(&config)?;
        for warning in &config.warnings {
            log::warn!("{warning}");
        }
        for (key, is_changed) in [
            ("log.file", config.log_file != self.log_file),
            ("pid_file", config.pid_file != self.pid_file),
            ("sandbox", config.sandbox != self.sandbox),
        ] {
            if is_changed {
                log::warn!("{key} has changed: restart to use the new one");
            }
        }
        log::set_max_level(config.log_level);
        self.in_force = config.clone();
        Ok(config)
    }
}
