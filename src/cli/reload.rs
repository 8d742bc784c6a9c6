//! SIGHUP: the same sources are read again. What is bound at start stays as it is: the server sees
//! to that.

use super::logger::Destination;
use super::settings::Settings;
use rpushd::config::Config;
use std::path::PathBuf;

/// What a reload needs to remember of the start.
pub struct Reload {
    settings: Settings,
    log: &'static Destination,
    log_file: Option<PathBuf>,
    pid_file: Option<PathBuf>,
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
            in_force: config.clone(),
        }
    }

    /// Reads the configuration again, for the caller to put in force. The log file is opened anew
    /// in any case.
    ///
    /// # Errors
    /// What is wrong with the configuration; the old one is to be kept.
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
        ] {
            if is_changed {
                log::warn!("{key} has changed, which takes a restart");
            }
        }
        log::set_max_level(config.log_level);
        self.in_force = config.clone();
        Ok(config)
    }
}
