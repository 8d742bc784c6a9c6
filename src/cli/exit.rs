//! Exit codes, as in sysexits.h, and failures with a reason.

use rpushd::config::{ConfigError, Place};
use std::fmt;

/// Exit codes of failed commands. `rpushd help` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The command line is wrong.
    Usage = 64,
    /// The message or channel is malformed, or the daemon refuses the request as malformed.
    Data = 65,
    /// A file named by the command line or a variable cannot be read.
    NoInput = 66,
    /// The daemon cannot be reached, or responds that it is unavailable.
    Unavailable = 69,
    /// The operating system refuses a listen address or an epoll descriptor.
    System = 71,
    /// A file cannot be created: pid file, log file, files of the development mode.
    CannotCreate = 73,
    /// A read or write failed.
    InputOutput = 74,
    /// `--timeout` is over.
    Timeout = 75,
    /// The response is not one of the daemon.
    Protocol = 76,
    /// The daemon refuses the secret or the token.
    NotAllowed = 77,
    /// The configuration has an error, or a secret is missing.
    Configuration = 78,
}

impl Exit {
    /// The code for a response with this status; none for success.
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

/// Failure of a command.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// The reason, on one line.
    pub reason: String,
    /// Status of the daemon's response, if any.
    pub status: Option<u16>,
}

impl Failure {
    /// A failure without a response of the daemon.
    pub fn new(exit: Exit, reason: impl Into<String>) -> Failure {
        Failure { exit, reason: reason.into(), status: None }
    }

    /// A failure because of the status of the daemon's response.
    pub fn answered(exit: Exit, status: u16, reason: impl Into<String>) -> Failure {
        Failure { status: Some(status), ..Failure::new(exit, reason) }
    }

    /// The failure as printed with `--json`.
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

    /// A failure because of a wrong command line.
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
