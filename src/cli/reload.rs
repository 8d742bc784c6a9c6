//! SIGHUP: the same sources are read again. What is bound at start stays as it is.

use super::logger::Destination;
use super::settings::Settings;
use rpushd::config::{Config, Listener};
use std::path::PathBuf;

/// What a reload needs to remember of the start.
pub struct Reload {
    settings: Settings,
    log: &'static Destination,
    listeners: Vec<Listener>,
    log_file: Option<PathBuf>,
    pid_file: Option<PathBuf>,
}

impl Reload {
    /// `config` is the configuration that the daemon started with.
    pub fn new(settings: Settings, log: &'static Destination, config: &Config) -> Reload {
        Reload {
            settings,
            log,
            listeners: config.listeners.clone(),
            log_file: config.log_file.clone(),
            pid_file: config.pid_file.clone(),
        }
    }

    /// Reads the configuration again. The log file is opened anew in any case.
    ///
    /// # Errors
    /// What is wrong with the configuration; the old one is to be kept.
    pub fn read(&mut self) -> Result<Config, String> {
        if let Err(error) = self.log.reopen() {
            log::error!("{error}");
        }
        let mut config = self.settings.read().map_err(|failure| failure.reason)?.config;
        for warning in &config.warnings {
            log::warn!("{warning}");
        }
        for warning in keep_listeners(&self.listeners, &mut config) {
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
        Ok(config)
    }
}

/// Makes the listeners of a new configuration those that are bound, in their order, because a listener's
/// id is its index. What each answers with is taken over; who is not mentioned any more keeps only the
/// rpushd API. Returns what the operator should know.
fn keep_listeners(bound: &[Listener], config: &mut Config) -> Vec<String> {
    let wanted = std::mem::take(&mut config.listeners);
    let mut warnings = Vec::new();
    for listener in &wanted {
        if !bound.iter().any(|old| old.address == listener.address) {
            let address = listener.address.show();
            warnings.push(format!("{address} is a new listener, which takes a restart"));
        }
    }
    for old in bound {
        let same = wanted.iter().find(|listener| listener.address == old.address);
        config.listeners.push(same.cloned().unwrap_or_else(|| {
            let address = old.address.show();
            warnings.push(format!(
                "{address} is not configured any more; it stays open, without locations, until a \
                 restart"
            ));
            Listener { server: None, ..old.clone() }
        }));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use rpushd::config::ListenAddress;

    fn listener(port: u16, server: Option<usize>) -> Listener {
        let address = ListenAddress::Tcp(([127, 0, 0, 1], port).into());
        Listener { address, is_internal: false, server }
    }

    fn reloaded(bound: &[Listener], wanted: Vec<Listener>) -> (Vec<Listener>, Vec<String>) {
        let mut config = Config { listeners: wanted, ..Config::default() };
        let warnings = keep_listeners(bound, &mut config);
        (config.listeners, warnings)
    }

    #[test]
    fn listeners_keep_their_order_and_take_their_new_servers() {
        let bound = [listener(1, Some(0)), listener(2, None)];
        let internal = Listener { is_internal: true, ..listener(2, Some(4)) };
        let (listeners, warnings) = reloaded(&bound, vec![internal.clone(), listener(1, Some(3))]);
        assert_eq!(listeners, [listener(1, Some(3)), internal]);
        assert_eq!(warnings, Vec::<String>::new());
    }

    #[test]
    fn new_and_vanished_listeners_wait_for_a_restart() {
        let bound = [listener(1, Some(5)), listener(2, Some(5))];
        let (listeners, warnings) =
            reloaded(&bound, vec![listener(3, Some(0)), listener(2, Some(0))]);
        assert_eq!(listeners, [listener(1, None), listener(2, Some(0))]);
        assert_eq!(
            warnings,
            [
                "127.0.0.1:3 is a new listener, which takes a restart",
                "127.0.0.1:1 is not configured any more; it stays open, without locations, until a \
                 restart"
            ]
        );
    }
}
