//! The one place of the configuration that touches the process: its environment and its files.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the rest of the configuration is handed what this file has read"
)]

use super::sources::{Files, Overrides, VARIABLE_PREFIX};
use super::{Config, ConfigError, Place};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Larger files are no configuration, secret or template.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The real files.
#[derive(Clone, Copy, Debug)]
pub struct DiskFiles;

impl Files for DiskFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        let file = std::fs::File::open(path)?;
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut content)?;
        match u64::try_from(content.len()).is_ok_and(|length| length <= FILE_BYTES_MAX) {
            true => Ok(content),
            false => Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 16 MiB")),
        }
    }

    fn is_world_readable(&self, path: &Path) -> bool {
        std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
    }
}

/// Reads the configuration of this process: the file, if one is named, the environment, and what the
/// command line says. Also for each reload.
///
/// # Errors
/// The first thing that is wrong, with its place. The process should end with code 78, or 66 where the
/// file itself cannot be read.
pub fn read(path: Option<&Path>, overrides: &Overrides) -> Result<Config, ConfigError> {
    let Some(path) = path else {
        return Config::from_sources(None, &environment()?, &DiskFiles, overrides);
    };
    let name = path.display().to_string();
    let content = DiskFiles.read(path).map_err(|error| {
        Place::Unreadable(name.clone()).error(format!("cannot be read: {error}"))
    })?;
    let text = String::from_utf8(content)
        .map_err(|_| Place::File(name.clone()).error("is not UTF-8 text"))?;
    read_text(&name, &text, overrides)
}

/// As [`read`], with the text of the configuration file given; `name` stands for the file in messages.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub fn read_text(name: &str, text: &str, overrides: &Overrides) -> Result<Config, ConfigError> {
    Config::from_sources(Some((name, text)), &environment()?, &DiskFiles, overrides)
}

/// The `RPUSHD_…` variables of this process.
fn environment() -> Result<BTreeMap<String, String>, ConfigError> {
    let own = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        name.starts_with(VARIABLE_PREFIX).then_some((name, value))
    });
    own.map(|(name, value)| match value.into_string() {
        Ok(value) => Ok((name, value)),
        Err(_) => Err(Place::Variable(name).error("is not UTF-8 text")),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let path = Path::new("/nonexistent/rpushd.toml");
        assert_eq!(
            read(Some(path), &Overrides::default()).unwrap_err().to_string(),
            "/nonexistent/rpushd.toml: cannot be read: No such file or directory (os error 2)"
        );
    }
}
