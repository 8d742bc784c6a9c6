//! Any text as a configuration file, and behind the first byte 0xff any lines as `RPUSHD_…`
//! variables. What loads can be shown, what is shown reads back to the same, no secret is in it,
//! and a server can run with it.
#![no_main]

#[path = "../../support/reactor/mod.rs"]
mod reactor;

use libfuzzer_sys::fuzz_target;
use reactor::SimReactor;
use rpushd::config::{Config, ConfigError, Files, Overrides, Secret, VARIABLE_PREFIX};
use rpushd::server::Host;
use rpushd::time::{Moment, Now, UnixMillis};
use std::collections::BTreeMap;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// No byte of UTF-8 text.
const SEPARATOR: u8 = 0xff;
/// In both secrets of inputs that bring no variables.
const MARK: &str = "0e7f9ba1c4";

type Variables = BTreeMap<String, String>;

/// Every file is there and holds its own name.
struct Names;

impl Files for Names {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        Ok(path.as_os_str().as_bytes().to_vec())
    }

    fn is_world_readable(&self, _: &Path) -> bool {
        false
    }
}

fn load(text: &str, variables: &Variables) -> Result<Config, ConfigError> {
    Config::from_sources(Some(("f.toml", text)), variables, &Names, &Overrides::default())
}

fn variable(name: &str, value: &str) -> (String, String) {
    (format!("{VARIABLE_PREFIX}{name}"), value.to_owned())
}

fn default_secrets() -> Variables {
    let row = |name| variable(name, &format!("{name}-{MARK}"));
    ["SECRET", "PUBLISH_SECRET"].map(row).into()
}

/// The secrets of a configuration, which are not shown.
fn secrets(config: &Config) -> Variables {
    let mut variables = Variables::new();
    let rows = [("SECRET", &config.subscribe_secrets), ("PUBLISH_SECRET", &config.publish_secrets)];
    for (name, secrets) in rows {
        let text = |secret: &Secret| String::from_utf8_lossy(secret.expose()).into_owned();
        let texts: Vec<String> = secrets.iter().map(text).collect();
        if let Some((current, previous)) = texts.split_first() {
            variables.extend([variable(name, current)]);
            if !previous.is_empty() {
                variables.extend([variable(&format!("{name}_PREVIOUS"), &previous.join("\n"))]);
            }
        }
    }
    variables
}

/// Without what depends on where something is written.
fn essence(config: &Config) -> Config {
    let mut config = Config { warnings: Vec::new(), ..config.clone() };
    for location in config.servers.iter_mut().flat_map(|server| &mut server.locations) {
        location.origin = String::new();
    }
    config
}

fn serve(config: Config) {
    let host = Host {
        name: "fuzz".to_owned(),
        process_id: 1,
        resident_bytes: || 0,
        heap_bytes: || 0,
        fixed_bytes: 0,
        memory_bytes: u64::MAX,
        random: [7; 16],
    };
    let now = Now { monotonic: Moment::START, unix: UnixMillis(1_795_315_656_000) };
    let server = &mut SimReactor::new(config.clone(), host, now).server;
    server.assert_consistent();
    server.reconfigure(config, now);
    server.assert_consistent();
}

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(2, |byte| *byte == SEPARATOR).map(std::str::from_utf8);
    let Some(Ok(text)) = parts.next() else { return };
    let variables = match parts.next() {
        None => default_secrets(),
        Some(Err(_)) => return,
        Some(Ok(lines)) => {
            let rows = lines.lines().filter_map(|line| line.split_once('='));
            rows.map(|(name, value)| variable(name, value)).collect()
        }
    };
    let shows_secret = |shown: &str| shown.contains(MARK) && !text.contains(MARK);
    let config = match load(text, &variables) {
        Ok(config) => config,
        Err(error) => {
            let error = error.to_string();
            assert!(!error.is_empty() && !shows_secret(&error), "{error}");
            return;
        }
    };
    let shown = config.to_toml();
    let lines = [config.describe(), config.warnings.clone(), vec![shown.clone()]].concat();
    assert!(!shows_secret(&lines.join("\n")), "secrets are left out");
    let read = load(&shown, &secrets(&config)).unwrap_or_else(|error| panic!("{error}\n{shown}"));
    assert_eq!(essence(&read), essence(&config), "{shown}");
    assert_eq!(read.to_toml(), shown);
    serve(config);
});
