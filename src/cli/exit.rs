//! Exit codes, after sysexits.h, and the one line that says why.

use rpushd::config::{ConfigError, Place};
use std::fmt;

/// How a command can end. `rpushd help` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The command line is not understood.
    Usage = 64,
    /// What is to be published is not what it should be, or the daemon refuses the request as such.
    Data = 65,
    /// A file that the command line or a variable names cannot be read.
    NoInput = 66,
    /// The daemon cannot be reached, or says that it cannot answer.
    Unavailable = 69,
    /// The system refuses something: listening at an address, an epoll descriptor.
    System = 71,
    /// A file cannot be made: pid file, log file, files of the development mode.
    CannotCreate = 73,
    /// Reading or writing failed on the way.
    InputOutput = 74,
    /// It took longer than `--timeout` allows.
    Timeout = 75,
    /// The daemon's answer is not what it should be.
    Protocol = 76,
    /// The daemon refuses the secret or the token.
    NotAllowed = 77,
    /// The configuration is wrong, or a secret is missing.
    Configuration = 78,
}

impl Exit {
    /// The code for an answer with this status; none for success.
    pub fn of_status(status: u16) -> Option<Exit> {
        match status {
            200..=299 => None,
            401 | 403 => Some(Exit::NotAllowed),
            400 | 413..=415 | 422 => Some(Exit::Data),
            500..=599 | 408 | 429 => Some(Exit::Unavailable),
            _ => Some(Exit::Protocol),
        }
    }
}

/// Why a command did not do what it should.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// One line for people.
    pub reason: String,
    /// Status of the daemon's answer, if there was one.
    pub status: Option<u16>,
}

impl Failure {
    /// A failure with its reason.
    pub fn new(exit: Exit, reason: impl Into<String>) -> Failure {
        Failure { exit, reason: reason.into(), status: None }
    }

    /// The daemon's answer is a refusal.
    pub fn answered(exit: Exit, status: u16, reason: impl Into<String>) -> Failure {
        Failure { status: Some(status), ..Failure::new(exit, reason) }
    }

    /// What `--json` prints.
    pub fn to_json(&self) -> serde_json::Value {
        let mut object = serde_json::json!({
            "exit_code": self.exit as u8,
            "reason": self.reason,
        });
        if let Some(status) = self.status {
            object["status"] = status.into();
        }
        object
    }

    /// The command line is not understood.
    pub fn usage(reason: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, reason)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.reason)
    }
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Failure {
        Failure::usage(error.to_string())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Failure {
        let exit = match error.place {
            Place::Unreadable(_) => Exit::NoInput,
            Place::File(_)
            | Place::Flag(_)
            | Place::Key { .. }
            | Place::Line { .. }
            | Place::Variable(_) => Exit::Configuration,
        };
        Failure::new(exit, error.to_string())
    }
}
