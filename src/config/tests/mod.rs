//! Tests of the configuration as a whole: reading, refusals, and that its output reads back.

mod history;
mod levels;
mod loading;
mod presence;
mod refusals;
mod round_trip;
mod secrets;
mod tokens;
mod warnings;

use super::{Config, ConfigError, Files, Overrides};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// A file system with a few files: path, content, whether every user may read it.
struct FakeFiles(Vec<(&'static str, Vec<u8>, bool)>);

impl Files for FakeFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let found = self.0.iter().find(|(name, ..)| Path::new(name) == path);
        found.map(|(_, content, _)| content.clone()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn is_world_readable(&self, path: &Path) -> bool {
        self.0.iter().any(|(name, _, is_open)| Path::new(name) == path && *is_open)
    }
}

const SECRETS: [(&str, &str); 2] = [
    ("RPUSHD_SECRET", "0123456789abcdef-subscribe"),
    ("RPUSHD_PUBLISH_SECRET", "0123456789abcdef-publish"),
];

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Loads `x.toml` with these variables and no files.
fn load(text: &str, pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let files = FakeFiles(Vec::new());
    Config::from_sources(Some(("x.toml", text)), &variables(pairs), &files, &Overrides::default())
}

/// Loads `x.toml` with both secrets in the environment.
fn load_with_secrets(text: &str) -> Config {
    load(text, &SECRETS).unwrap_or_else(|error| panic!("{error}"))
}
