//! The user that the daemon runs as when root has started it.

use super::exit::{Exit, Failure};
use rpushd::reactor::sandbox::{self, User};
use std::io;

/// The user without a setting, if it exists: the one of the service.
const DEFAULT: &str = "rpushd";

/// The user that the daemon runs as from here on.
#[derive(Debug, PartialEq, Eq)]
pub enum RunsAs {
    /// The user that started it.
    Starter,
    /// This user; root has started it.
    User(String),
    /// Root, as configured.
    Root,
    /// Root, as there was no other choice, for this reason.
    RootUnasked(String),
    /// The user that started it, not the configured one, which only root could become.
    StarterInsteadOf(String),
}

/// Stops being root: becomes the configured user, or else `rpushd` if there is such a user.
/// Development mode, which is used by hand, only becomes a configured one.
///
/// # Errors
/// The configured user does not exist, or the process may not become it.
pub fn leave_root(configured: Option<&str>, is_development: bool) -> Result<RunsAs, Failure> {
    let name = configured.unwrap_or(DEFAULT);
    match (sandbox::is_root(), configured) {
        (false, None) => return Ok(RunsAs::Starter),
        (false, Some(name)) if is_user_of_process(name) => return Ok(RunsAs::Starter),
        (false, Some(name)) => return Ok(RunsAs::StarterInsteadOf(name.to_owned())),
        (true, None) if is_development => return Ok(RunsAs::Root),
        (true, _) => {}
    }
    let user = match (User::find(name), configured) {
        (Ok(Some(user)), _) => user,
        (Ok(None), Some(_)) => {
            let reason = format!("sandbox.user: there is no user \"{name}\"");
            return Err(Failure::new(Exit::Configuration, reason));
        }
        (Err(error), Some(_)) => return Err(failure(name, &error)),
        (Ok(None), None) => {
            return Ok(RunsAs::RootUnasked(format!("there is no user \"{name}\"")));
        }
        (Err(error), None) => return Ok(RunsAs::RootUnasked(error.to_string())),
    };
    if user.is_root() {
        return Ok(RunsAs::Root);
    }
    match user.become_for_good() {
        Ok(()) => Ok(RunsAs::User(name.to_owned())),
        Err(error) => Err(failure(name, &error)),
    }
}

fn is_user_of_process(name: &str) -> bool {
    User::find(name).is_ok_and(|user| user.is_some_and(|user| user.is_of_process()))
}

fn failure(name: &str, error: &io::Error) -> Failure {
    Failure::new(
        Exit::System,
        format!("cannot run as user \"{name}\" (sandbox.user): {error}; \"root\" is a choice, too"),
    )
}

impl RunsAs {
    /// Logs what an operator should know of it.
    pub fn log(&self) {
        match self {
            RunsAs::Starter | RunsAs::Root => {}
            RunsAs::User(name) => log::info!("running as user {name}"),
            RunsAs::RootUnasked(reason) => log::warn!(
                "running as root: {reason}; create it (systemd-sysusers rpushd.conf), or name \
                 another user by sandbox.user or RPUSHD_USER (\"root\" is a choice, too)"
            ),
            RunsAs::StarterInsteadOf(name) => log::warn!(
                "sandbox.user \"{name}\" has no effect: only root can start the daemon as another \
                 user"
            ),
        }
    }

    /// Adds to a failure to create a file that it is not root who creates it.
    pub fn explain(&self, failure: Failure) -> Failure {
        match self {
            RunsAs::User(name) => {
                Failure { reason: format!("{} (as user {name})", failure.reason), ..failure }
            }
            RunsAs::Starter
            | RunsAs::Root
            | RunsAs::RootUnasked(_)
            | RunsAs::StarterInsteadOf(_) => failure,
        }
    }
}
