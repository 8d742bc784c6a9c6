//! The daemon of the soak: its configuration, which reloads change, and its log.

use crate::load::Outcome;
use crate::load::server_under_test::{CONFIGURATION, Subject, Target};
use crate::load::wire::Transport;
use std::fs;
use std::path::{Path, PathBuf};

/// The harness's configuration with short lifetimes, limits that hostile visitors reach, and
/// locations for them (see `tests/daemon/hostile/attacks.rs`).
const MORE_LOCATIONS: &str = include_str!("locations.toml");
const LIFETIMES: &str = "message_ttl = \"5s\"\nchannel_inactivity_time = \"2s\"\n\
    longpolling_connection_ttl = \"1h\"\nallowed_origins = \"*\"\n";
const LIMITS: &str = "head_bytes_max = 16384\nstream_body_bytes_max = 16384\n\
    websocket_message_bytes_max = 65536\noutbox_bytes_max = \"256k\"\nbody_timeout = \"3s\"\n\
    body_total_timeout = \"6s\"\noutbox_stall_timeout = \"20s\"\n";
const LOG_LINES_SHOWN: usize = 40;

/// Files of the daemon. Removed when dropped.
pub struct Setting {
    folder: PathBuf,
}

impl Setting {
    /// Creates the files.
    pub fn create() -> Outcome<Setting> {
        let folder = std::env::temp_dir().join(format!("rpushd-soak-{}", std::process::id()));
        fs::create_dir(&folder)?;
        let setting = Setting { folder };
        setting.write(0)?;
        Ok(setting)
    }

    /// Starts the daemon on `core`.
    pub fn start(&self, program: &Path, core: Option<usize>) -> Outcome<Target> {
        let configuration = self.configuration().display().to_string();
        let variables = [("RPUSHD_CONFIG", configuration.as_str())];
        Target::start(&Subject::Rpushd(program.to_owned()), Transport::Framed, core, &variables)
    }

    /// Writes the configuration in one of several variants. Connections are not affected by what
    /// differs.
    pub fn write(&self, variant: usize) -> Outcome<()> {
        let (head_timeout, age) = ([3, 4, 5][variant % 3], ["1h", "2h"][variant % 2]);
        let push_stream = format!("[push_stream]\n{LIFETIMES}");
        // A memory of fixed size would be full on a fast machine, with messages that have expired
        // (the module's trash), and refuse healthy clients.
        let rest = CONFIGURATION
            .replace("shared_memory_size = \"256m\"\n", "")
            .replace("[push_stream]\n", &push_stream);
        let limits = format!(
            "[limits]\n{LIMITS}head_timeout = \"{head_timeout}s\"\nkeepalive_timeout = \"{age}\"\n"
        );
        let log = format!("[log]\nfile = \"{}\"\n", self.log().display());
        let text = format!("channel_idle_ttl = \"2s\"\n{limits}{log}{rest}{MORE_LOCATIONS}");
        self.replace(&text)
    }

    /// Writes a configuration that a reload refuses.
    pub fn write_broken(&self) -> Outcome<()> {
        self.replace("[limits]\nhead_timeout = \"soon\"\n")
    }

    /// In one step: the daemon may read it at any time.
    fn replace(&self, text: &str) -> Outcome<()> {
        let fresh = self.folder.join("fresh.toml");
        fs::write(&fresh, text)?;
        Ok(fs::rename(fresh, self.configuration())?)
    }

    fn configuration(&self) -> PathBuf {
        self.folder.join("rpushd.toml")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Displays the last lines of the log, without the advice about the configuration that each
    /// reload logs.
    pub fn print_end_of_log(&self) {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let is_shown = |line: &&str| !line.contains("[rpushd::cli::reload]");
        let lines: Vec<&str> = log.lines().filter(is_shown).collect();
        let first = lines.len().saturating_sub(LOG_LINES_SHOWN);
        lines[first..].iter().for_each(|line| println!("{line}"));
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).ok();
    }
}
