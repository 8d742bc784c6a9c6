//! Reads an nginx configuration from disk, for `--nginx-config` and `import-nginx`.

use super::exit::{Exit, Failure};
use super::sources::Sources;
use rpushd::config::{Config, Overrides, Variables};
use rpushd::nginx_import::{
    Fate, Files, Placement, Scopes, SyntaxError, Translation, Tree, load, translate,
};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The files of the system.
pub struct DiskFiles;

impl Files for DiskFiles {
    fn read(&self, path: &Path, bytes_max: usize) -> Result<Vec<u8>, String> {
        let read = || {
            let mut content = Vec::new();
            let bytes_max = u64::try_from(bytes_max).unwrap_or(u64::MAX);
            File::open(path)?.take(bytes_max.saturating_add(1)).read_to_end(&mut content)?;
            Ok(content)
        };
        read().map_err(|error: io::Error| in_nginx_words(&error))
    }

    fn list(&self, folder: &Path) -> Vec<OsString> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name()).collect()
    }
}

/// The error in nginx's format: `2: No such file or directory`.
fn in_nginx_words(error: &io::Error) -> String {
    let text = error.to_string();
    match error.raw_os_error() {
        Some(code) => {
            let end = format!(" (os error {code})");
            format!("{code}: {}", text.strip_suffix(&end).unwrap_or(&text))
        }
        None => text,
    }
}

/// The text of the module with the place in nginx's format: `TEXT in FILE:LINE`.
impl From<SyntaxError> for Failure {
    fn from(error: SyntaxError) -> Failure {
        let place = match error.line {
            0 => error.path.display().to_string(),
            line => format!("{}:{line}", error.path.display()),
        };
        Failure::new(Exit::Configuration, format!("{} in {place}", error.text))
    }
}

/// Reads the files and translates them.
pub fn import(path: &Path, placement: Placement) -> Result<(Tree, Translation), Failure> {
    let tree = load(path, &DiskFiles).map_err(|error| match error.line {
        // Line 0: the main file. An unreadable included file has the line of its `include`.
        0 => Failure { exit: Exit::NoInput, ..Failure::from(error) },
        _ => error.into(),
    })?;
    let translation = translate(&Scopes::read(&tree)?, placement, &DiskFiles)?;
    Ok((tree, translation))
}

/// Reads the configuration of a daemon in nginx's place. It is translated to TOML and read from
/// that text, so that flags and environment apply as usual.
pub fn read(path: &Path, variables: &Variables, overrides: &Overrides) -> Result<Sources, Failure> {
    let (_, translation) = import(path, Placement::Instead)?;
    let name = path.display().to_string();
    let text = translation.to_toml();
    let mut config = rpushd::config::read_text(&name, &text, variables, overrides)?;
    restore_origins(&mut config, &translation.config);
    let decisions = translation.decisions.iter();
    config
        .warnings
        .extend(decisions.map(|decision| format!("{}: {}", decision.origin, decision.text)));
    for entry in translation.dropped() {
        if let Fate::Dropped(reason) = &entry.fate {
            config
                .warnings
                .push(format!("{}: not in effect: {} ({reason})", entry.origin, entry.text));
        }
    }
    Ok(Sources { config, messages: translation.messages })
}

/// The module's notice for a configuration that does not use it; none if it is used.
pub fn notice_of_none(path: &Path) -> Result<Option<String>, Failure> {
    let (_, translation) = import(path, Placement::Instead)?;
    let notice = translation.messages.into_iter().next().map(|(_, text)| text);
    Ok(notice.filter(|_| !translation.config.has_locations()))
}

/// Replaces the origins of locations, also in warnings, by their lines in the nginx files. Until
/// then they are lines of the TOML text in between.
fn restore_origins(config: &mut Config, translated: &Config) {
    let from = translated.servers.iter().flat_map(|server| &server.locations);
    let to = config.servers.iter_mut().flat_map(|server| &mut server.locations);
    for (to, from) in to.zip(from) {
        let written = std::mem::replace(&mut to.origin, from.origin.clone());
        for warning in &mut config.warnings {
            if let Some(text) = warning.strip_prefix(&format!("{written}: ")) {
                *warning = format!("{}: {text}", from.origin);
            }
        }
    }
}
