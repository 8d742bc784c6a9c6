//! Sources of settings besides the configuration file: environment, flags, and files that settings
//! name.

use super::Secret;
use super::document::{Block, Entry, Value};
use super::error::Place;
use super::suggest;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

/// Prefix of the daemon's environment variables.
pub const VARIABLE_PREFIX: &str = "RPUSHD_";

/// Variables with this prefix that only the command line uses.
const COMMAND_LINE_VARIABLES: &[&str] = &["RPUSHD_CONFIG", "RPUSHD_URL"];

/// Access to the files that a configuration names; implemented by [`super::DiskFiles`].
pub trait Files {
    /// Returns the content of a file.
    ///
    /// # Errors
    /// Those of the operating system.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Whether every user of the machine may read a file, which is wrong for one with a secret.
    fn is_world_readable(&self, path: &Path) -> bool;
}

/// Options of the command line, which override environment and file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--listen`, in the syntax of the file; empty: not given.
    pub listen: Vec<String>,
    /// `--log-level`
    pub log_level: Option<String>,
    /// `--log-file`
    pub log_file: Option<PathBuf>,
    /// `--pid-file`
    pub pid_file: Option<PathBuf>,
    /// `--dev`: replaces secrets that are not configured, and allows loopback listeners only.
    pub development: Option<DevelopmentSecrets>,
    /// The configuration is read by a client command, which may have only one secret or none.
    pub is_client: bool,
}

/// Random secrets for one run, made at start.
#[derive(Clone, Debug)]
pub struct DevelopmentSecrets {
    /// Signs subscribe tokens.
    pub subscribe: Secret,
    /// Authorises publish and stats.
    pub publish: Secret,
}

/// The `RPUSHD_…` variables, with a record of those that were looked up.
pub(super) struct Environment<'e> {
    variables: &'e BTreeMap<String, String>,
    /// Names that were looked up, and are therefore known.
    known: BTreeSet<String>,
    /// Places of the settings found by [`Environment::find`], by key.
    places: BTreeMap<String, Place>,
}

impl<'e> Environment<'e> {
    pub(super) fn new(variables: &'e BTreeMap<String, String>) -> Environment<'e> {
        let known = COMMAND_LINE_VARIABLES.iter().map(|name| (*name).to_owned()).collect();
        Environment { variables, known, places: BTreeMap::new() }
    }

    /// Looks up a variable and makes it known.
    pub(super) fn variable(&mut self, name: &str) -> Option<Entry> {
        self.known.insert(name.to_owned());
        let value = Value::Text(self.variables.get(name)?.clone().into_bytes());
        let place = Place::Variable(name.to_owned());
        Some(Entry { name: name.to_owned(), value, place })
    }

    /// Looks up a setting: its variable, or else its key in the file.
    pub(super) fn find(&mut self, block: &mut Block, key: &str, variable: &str) -> Option<Entry> {
        let in_file = block.take(key);
        let found = self.variable(variable).or(in_file)?;
        self.places.insert(key.to_owned(), found.place.clone());
        Some(found)
    }

    /// The place of the first of these keys that was given.
    pub(super) fn place_of(&self, keys: &[&str]) -> Option<&Place> {
        keys.iter().find_map(|key| self.places.get(*key))
    }

    /// A warning for each variable that was not looked up.
    pub(super) fn unknown(&self) -> Vec<String> {
        let unknown = self.variables.keys().filter(|name| {
            name.starts_with(VARIABLE_PREFIX) && !self.known.contains(name.as_str())
        });
        let warning = |name: &String| {
            // The common prefix would make all names look similar.
            let bare = |name: &'_ str| name.trim_start_matches(VARIABLE_PREFIX).to_owned();
            let known: Vec<String> = self.known.iter().map(|known| bare(known)).collect();
            let nearest = suggest::nearest(&bare(name), known.iter().map(String::as_str));
            let hint = nearest.map(|known| format!(", did you mean \"{VARIABLE_PREFIX}{known}\"?"));
            format!("{name}: unknown variable{}", hint.unwrap_or_default())
        };
        unknown.map(warning).collect()
    }
}
