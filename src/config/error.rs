//! Errors of a configuration with their place: `FILE:LINE: key: reason` or `RPUSHD_X: reason`.

use std::fmt;

/// Why a configuration is refused. Displayed on one line; the process ends with exit code 78.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Where the error is.
    pub place: Place,
    /// The reason, for the operator.
    pub reason: String,
}

/// Where a setting was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A key of the file.
    Key {
        /// The file as named by the operator.
        path: String,
        /// Line of the key, from 1.
        line: usize,
        /// The key with its tables, as in `limits.head_timeout`.
        key: String,
    },
    /// A line of the file, without a key.
    Line {
        /// The file as named by the operator.
        path: String,
        /// Line number, from 1.
        line: usize,
    },
    /// A file as a whole.
    File(String),
    /// A configuration or environment file that cannot be read.
    Unreadable(String),
    /// An environment variable.
    Variable(String),
    /// A flag of the command line, with its dashes.
    Flag(&'static str),
}

impl Place {
    /// An error at this place.
    pub fn error(&self, reason: impl Into<String>) -> ConfigError {
        ConfigError { place: self.clone(), reason: reason.into() }
    }

    /// The same place without the key: `FILE:LINE`.
    pub fn line_only(&self) -> Place {
        match self {
            Place::Key { path, line, .. } => Place::Line { path: path.clone(), line: *line },
            other => other.clone(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Key { path, line, key } => write!(formatter, "{path}:{line}: {key}"),
            Place::Line { path, line } => write!(formatter, "{path}:{line}"),
            Place::File(path) | Place::Unreadable(path) => formatter.write_str(path),
            Place::Variable(name) => formatter.write_str(name),
            Place::Flag(name) => formatter.write_str(name),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.reason.replace('\n', "; "))
    }
}

impl std::error::Error for ConfigError {}
