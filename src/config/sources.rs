//! Where settings come from besides the file: the environment, flags, and files that settings name.

use super::Secret;
use super::document::{Block, Entry, Value};
use super::error::Place;
use super::suggest;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

/// Before every environment variable of the daemon.
pub const VARIABLE_PREFIX: &str = "RPUSHD_";

/// Variables of the same family that the command line reads.
const COMMAND_LINE_VARIABLES: &[&str] = &["RPUSHD_CONFIG", "RPUSHD_URL"];

/// The files that a configuration names. The real ones are [`super::DiskFiles`].
pub trait Files {
    /// The content of a file.
    ///
    /// # Errors
    /// As the operating system has it.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Whether every user of the machine may read it, which a file with a secret should not allow.
    fn is_world_readable(&self, path: &Path) -> bool;
}

/// What the command line says; it wins over environment and file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--listen`, each as in the file; empty: not given.
    pub listen: Vec<String>,
    /// `--log-level`
    pub log_level: Option<String>,
    /// `--log-file`
    pub log_file: Option<PathBuf>,
    /// `--pid-file`
    pub pid_file: Option<PathBuf>,
    /// `--dev`: stands in for secrets that are not configured, and allows loopback listeners only.
    pub development: Option<DevelopmentSecrets>,
    /// The configuration is read by a client, which may know only one of the secrets, or none.
    pub is_client: bool,
}

/// Throw-away secrets, made at start.
#[derive(Clone, Debug)]
pub struct DevelopmentSecrets {
    /// Signs subscribe tokens.
    pub subscribe: Secret,
    /// Authorises publish and stats.
    pub publish: Secret,
}

/// The `RPUSHD_…` variables, and which of them the configuration knows.
pub(super) struct Environment<'e> {
    variables: &'e BTreeMap<String, String>,
    asked: BTreeSet<String>,
    /// Where the settings that were asked for by [`Environment::find`] were given.
    places: BTreeMap<String, Place>,
}

impl<'e> Environment<'e> {
    pub(super) fn new(variables: &'e BTreeMap<String, String>) -> Environment<'e> {
        let asked = COMMAND_LINE_VARIABLES.iter().map(|name| (*name).to_owned()).collect();
        Environment { variables, asked, places: BTreeMap::new() }
    }

    /// A variable. From then on it is a known one.
    pub(super) fn variable(&mut self, name: &str) -> Option<Entry> {
        self.asked.insert(name.to_owned());
        let value = Value::Text(self.variables.get(name)?.clone().into_bytes());
        let place = Place::Variable(name.to_owned());
        Some(Entry { name: name.to_owned(), value, place })
    }

    /// A setting from its variable or else from its key.
    pub(super) fn find(&mut self, block: &mut Block, key: &str, variable: &str) -> Option<Entry> {
        let in_file = block.take(key);
        let found = self.variable(variable).or(in_file)?;
        self.places.insert(key.to_owned(), found.place.clone());
        Some(found)
    }

    /// Where the first of these keys that was given was given.
    pub(super) fn place_of(&self, keys: &[&str]) -> Option<&Place> {
        keys.iter().find_map(|key| self.places.get(*key))
    }

    /// A warning for each variable that nobody has asked for.
    pub(super) fn unknown(&self) -> Vec<String> {
        let unknown = self.variables.keys().filter(|name| {
            name.starts_with(VARIABLE_PREFIX) && !self.asked.contains(name.as_str())
        });
        let warning = |name: &String| {
            // What all have in common says nothing about which one was meant.
            let bare = |name: &'_ str| name.trim_start_matches(VARIABLE_PREFIX).to_owned();
            let known: Vec<String> = self.asked.iter().map(|known| bare(known)).collect();
            let nearest = suggest::nearest(&bare(name), known.iter().map(String::as_str));
            let hint = nearest.map(|known| format!(", did you mean \"{VARIABLE_PREFIX}{known}\"?"));
            format!("{name}: unknown variable{}", hint.unwrap_or_default())
        };
        unknown.map(warning).collect()
    }
}
