//! Reads the environment of the process and the files; the only such place of the configuration.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "all other files of this module get what is read here as arguments"
)]

use super::sources::{Files, Overrides, VARIABLE_PREFIX};
use super::{Config, ConfigError, Place, env_file, secrets};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Largest configuration, secret or template file.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The files of the system.
#[derive(Clone, Copy, Debug)]
pub struct DiskFiles;

impl Files for DiskFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        let file = std::fs::File::open(path)?;
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut content)?;
        if u64::try_from(content.len()).is_ok_and(|length| length <= FILE_BYTES_MAX) {
            Ok(content)
        } else {
            Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 16 MiB"))
        }
    }

    fn is_world_readable(&self, path: &Path) -> bool {
        std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
    }
}

/// A file named on the command line. With `-` before its name, as in systemd units, it may be
/// missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    path: PathBuf,
    is_optional: bool,
}

impl SourceFile {
    /// Reads the name as given, with or without `-`.
    pub fn new(name: impl AsRef<OsStr>) -> SourceFile {
        let name = name.as_ref();
        match name.as_bytes().strip_prefix(b"-") {
            Some(path) => SourceFile { path: OsStr::from_bytes(path).into(), is_optional: true },
            None => SourceFile { path: name.into(), is_optional: false },
        }
    }

    /// The name of the file without `-`.
    pub fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Returns the text; none if the file is missing and may be.
    fn read(&self) -> Result<Option<String>, FileError> {
        match DiskFiles.read(&self.path) {
            Ok(content) => String::from_utf8(content).map(Some).map_err(|_| FileError::NotText),
            Err(error) if self.is_optional && error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FileError::Unreadable(error)),
        }
    }

    fn error(&self, error: &FileError) -> ConfigError {
        match error {
            FileError::NotText => Place::File(self.name()).error("is not UTF-8 text"),
            FileError::Unreadable(error) => {
                Place::Unreadable(self.name()).error(format!("cannot be read: {error}"))
            }
        }
    }
}

enum FileError {
    NotText,
    Unreadable(io::Error),
}

/// The `RPUSHD_…` variables of the process and of an environment file (`--env-file`), which
/// overrides them. Those of the process are fixed at its start; the file can be read again.
///
/// systemd may have put the same file (`EnvironmentFile=`) into the process's environment at start,
/// as root. So variables in the file at start are removed from those of the process: otherwise one
/// that is later deleted from the file would stay in force.
pub struct Variables {
    process: BTreeMap<String, String>,
    file: Option<SourceFile>,
    from_file: BTreeMap<String, String>,
    /// Why the file, which exists, could not be read by this process, but only by systemd.
    unreadable: Option<String>,
}

impl Variables {
    /// Reads the environment of this process and the file.
    ///
    /// # Errors
    /// The file cannot be read or has an error, or a variable is not UTF-8 text.
    pub fn read(file: Option<SourceFile>) -> Result<Variables, ConfigError> {
        let process = process_variables()?;
        let mut variables =
            Variables { process, file, from_file: BTreeMap::new(), unreadable: None };
        variables.read_file()?;
        for name in variables.from_file.keys() {
            variables.process.remove(name);
        }
        Ok(variables)
    }

    fn read_file(&mut self) -> Result<(), ConfigError> {
        let Some(file) = &self.file else { return Ok(()) };
        let text = match file.read() {
            Ok(text) => text.unwrap_or_default(),
            // If systemd has read the file, its variables are in the environment.
            Err(FileError::Unreadable(error))
                if file.is_optional
                    && error.kind() == io::ErrorKind::PermissionDenied
                    && !self.process.is_empty() =>
            {
                self.unreadable = Some(error.to_string());
                return Ok(());
            }
            Err(error) => return Err(file.error(&error)),
        };
        self.from_file = env_file::parse(&file.name(), &text)?;
        self.from_file.retain(|name, _| name.starts_with(VARIABLE_PREFIX));
        Ok(())
    }

    /// Reads the file again.
    ///
    /// # Errors
    /// Those of [`Variables::read`]. Also if the file could not be read at start: it is unknown
    /// which variables of the process came from it.
    pub fn reread(&mut self) -> Result<(), ConfigError> {
        match (&self.file, &self.unreadable) {
            (Some(file), Some(reason)) => Err(Place::File(file.name()).error(format!(
                "could not be read by this process at its start ({reason}): {REMEDY}"
            ))),
            _ => self.read_file(),
        }
    }

    fn all(&self) -> BTreeMap<String, String> {
        let mut all = self.process.clone();
        all.extend(self.from_file.clone());
        all
    }

    /// Warnings about the file.
    fn warnings(&self) -> Vec<String> {
        let Some(file) = &self.file else { return Vec::new() };
        let name = file.name();
        let has_secrets = self.from_file.keys().any(|name| name.contains("SECRET"));
        let mut warnings = Vec::new();
        if let Some(reason) = &self.unreadable {
            warnings
                .push(format!("{name}: cannot be read again for a reload ({reason}): {REMEDY}"));
        } else if has_secrets && DiskFiles.is_world_readable(&file.path) {
            warnings.push(secrets::world_readable(&name));
        }
        warnings
    }
}

/// How to make an environment file readable for the service.
///
/// systemd-sysusers creates no user while a dynamic user of a running service has its name.
const REMEDY: &str = "stop the service, make the file root:rpushd, mode 640 (\"systemd-sysusers \
                      rpushd.conf\" creates the group, \"systemd-tmpfiles --create rpushd.conf\" \
                      sets both), and start it";

/// Reads the configuration, at start and for each reload: the given file, or else that of
/// `RPUSHD_CONFIG`, the variables, and the flags of the command line.
///
/// # Errors
/// The first error found, with its place. The process should end with exit code 78, or 66 if the
/// file itself cannot be read.
pub fn read(
    file: Option<&SourceFile>,
    variables: &Variables,
    overrides: &Overrides,
) -> Result<Config, ConfigError> {
    let environment = variables.all();
    let named = environment.get("RPUSHD_CONFIG").filter(|name| !name.is_empty());
    let file = file.cloned().or_else(|| named.map(SourceFile::new));
    let text = match &file {
        Some(file) => file.read().map_err(|error| file.error(&error))?,
        None => None,
    };
    let name = file.map(|file| file.name()).unwrap_or_default();
    let text = text.as_ref().map(|text| (name.as_str(), text.as_str()));
    from_sources(text, variables, overrides)
}

/// Like [`read`], with the text of the configuration file given; `name` is its name in messages.
///
/// # Errors
/// The first error found, with its place.
pub fn read_text(
    name: &str,
    text: &str,
    variables: &Variables,
    overrides: &Overrides,
) -> Result<Config, ConfigError> {
    from_sources(Some((name, text)), variables, overrides)
}

fn from_sources(
    text: Option<(&str, &str)>,
    variables: &Variables,
    overrides: &Overrides,
) -> Result<Config, ConfigError> {
    let mut config = Config::from_sources(text, &variables.all(), &DiskFiles, overrides)?;
    config.warnings.extend(variables.warnings());
    Ok(config)
}

/// The `RPUSHD_…` variables of this process.
fn process_variables() -> Result<BTreeMap<String, String>, ConfigError> {
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
    fn a_file_that_is_not_there_is_named_unless_it_may_be_missing() {
        let read = |name: &str| {
            let variables = Variables::read(Some(SourceFile::new("-/nonexistent/rpushd.env")))?;
            let overrides = Overrides { is_client: true, ..Overrides::default() };
            read(Some(&SourceFile::new(name)), &variables, &overrides)
        };
        assert_eq!(
            read("/nonexistent/rpushd.toml").unwrap_err().to_string(),
            "/nonexistent/rpushd.toml: cannot be read: No such file or directory (os error 2)"
        );
        read("-/nonexistent/rpushd.toml").unwrap();
    }
}
