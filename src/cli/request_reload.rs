//! `rpushd reload`: makes a running daemon read its configuration again, and waits for the outcome.

use super::command::Command;
use super::exit::{Exit, Failure};
use super::words::{self, Word};
use rpushd::reactor::{self, ReloadOutcome};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

/// Time-out without `--timeout`. A reload takes milliseconds, but the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

pub const COMMAND: Command = Command {
    name: "reload",
    summary: "make a running daemon read its configuration again",
    usage: "\
Usage: rpushd reload PID | --pid-file FILE [OPTIONS]

Sends SIGHUP and waits until the daemon has read secrets, origins and limits again
from the files that it was started with. No stream is closed. If the configuration has
an error, the daemon keeps the old one and logs the reason, and this command fails.

Only a process of this executable is signalled, or of one with the same file name that
was deleted, as in an upgrade. Users other than root cannot see which one a daemon runs
that forbids core dumps; its name is compared instead.

  --pid-file FILE    file with the daemon's process id
  --timeout TIME     give up after this time (30s by default; exit code 75)

Exit codes: 0 the new configuration is in force, 64 wrong command line, 66 cannot read
the pid file, 69 no such daemon, 75 no answer, 77 not permitted, 78 the daemon refuses
the new configuration.
",
    run,
};

fn run(mut parser: lexopt::Parser) -> Result<(), Failure> {
    let (mut process, mut pid_file, mut timeout) = (None, None, PATIENCE);
    while let Some(word) = words::next(&mut parser)? {
        match word {
            Word::Plain(text) if process.is_none() => process = Some(text),
            Word::Plain(text) => return Err(words::surplus(&text)),
            Word::Flag(flag) => match flag.as_str() {
                "pid-file" => pid_file = Some(PathBuf::from(words::value(&mut parser)?)),
                "timeout" => timeout = words::time(&mut parser, &flag)?,
                _ => return Err(words::unknown(&flag)),
            },
        }
    }
    let text = match (process, pid_file) {
        (Some(text), None) => text,
        (None, Some(path)) => std::fs::read_to_string(&path).map_err(|error| {
            Failure::new(Exit::NoInput, format!("--pid-file {}: {error}", path.display()))
        })?,
        (None, None) => return Err(Failure::usage("PID or --pid-file is missing")),
        (Some(_), Some(_)) => {
            return Err(Failure::usage("PID and --pid-file exclude each other"));
        }
    };
    let id: i32 = match text.trim().parse() {
        Ok(id) if id > 0 => id,
        _ => return Err(Failure::usage(format!("\"{}\" is not a process id", text.trim()))),
    };
    refuse_other_program(id)?;
    match reactor::request_reload(id, timeout) {
        Ok(ReloadOutcome::Taken) => Ok(()),
        Ok(ReloadOutcome::Refused) => Err(Failure::new(
            Exit::Configuration,
            format!("process {id} keeps its old configuration; its log has the reason"),
        )),
        Ok(ReloadOutcome::Unknown) => {
            Err(Failure::new(Exit::Timeout, format!("process {id} does not answer")))
        }
        Err(error) => {
            let exit = match error.kind() {
                io::ErrorKind::PermissionDenied => Exit::NotAllowed,
                _ => Exit::Unavailable,
            };
            Err(Failure::new(exit, format!("process {id}: {error}")))
        }
    }
}

/// Refuses a process that is not the daemon: a pid file may be stale, and SIGHUP ends most other
/// programs.
fn refuse_other_program(id: i32) -> Result<(), Failure> {
    match Process::read(&id.to_string()).difference_from(&Process::read("self")) {
        Some(difference) => {
            Err(Failure::new(Exit::Unavailable, format!("process {id} {difference}")))
        }
        None => Ok(()),
    }
}

/// Facts about a process from /proc. A field is none if it cannot be read: there is no such
/// process, or it belongs to another user or is hidden. Only root sees the executable of a daemon
/// that forbids core dumps, and PrivateUsers= and ProtectProc= hide the service from its own
/// ExecReload=.
struct Process {
    executable: Option<Executable>,
    name: Option<String>,
}

struct Executable {
    path: PathBuf,
    /// Device and inode.
    file: (u64, u64),
}

impl Process {
    fn read(id: &str) -> Process {
        let name = std::fs::read_to_string(format!("/proc/{id}/comm"));
        Process {
            executable: Executable::read(&format!("/proc/{id}/exe")).ok(),
            name: name.ok().map(|name| name.trim().to_owned()),
        }
    }

    /// Why this process does not run the same program as `own`; none if it does, or if that cannot
    /// be read.
    fn difference_from(&self, own: &Process) -> Option<String> {
        match (&self.executable, &own.executable, &self.name) {
            (Some(other), Some(own), _) if other.file == own.file || other.was_replaced_by(own) => {
                None
            }
            (Some(other), Some(own), _) => {
                Some(format!("runs {}, not {}", other.path.display(), own.path.display()))
            }
            (None, _, Some(name)) | (_, None, Some(name))
                if name != "rpushd" && self.name != own.name =>
            {
                Some(format!("is not rpushd but \"{name}\""))
            }
            (None, _, _) | (_, None, _) => None,
        }
    }
}

impl Executable {
    fn read(link: &str) -> io::Result<Executable> {
        // The link leads to the file even after its path is removed.
        let file = std::fs::metadata(link)?;
        Ok(Executable { path: std::fs::read_link(link)?, file: (file.dev(), file.ino()) })
    }

    /// Whether this file was removed and has the name of `new`: an upgrade replaces the file that
    /// the daemon runs.
    fn was_replaced_by(&self, new: &Executable) -> bool {
        let removed = self.file_name().strip_suffix(b" (deleted)");
        removed == Some(new.file_name())
    }

    fn file_name(&self) -> &[u8] {
        self.path.file_name().unwrap_or_default().as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(path: &str, inode: u64, name: Option<&str>) -> Process {
        let executable = match path {
            "" => None,
            path => Some(Executable { path: path.into(), file: (1, inode) }),
        };
        Process { executable, name: name.map(str::to_owned) }
    }

    #[test]
    fn a_daemon_is_told_by_its_executable_and_where_that_is_hidden_by_its_name() {
        let own = process("/bin/rpushd", 1, Some("rpushd"));
        let runs = |path: &str| Some(format!("runs {path}, not /bin/rpushd"));
        for (other, difference) in [
            (process("/sbin/other", 1, Some("other")), None),
            (process("/bin/rpushd", 2, Some("rpushd")), runs("/bin/rpushd")),
            (process("/old/rpushd (deleted)", 2, Some("rpushd")), None),
            (process("/bin/sleep (deleted)", 2, None), runs("/bin/sleep (deleted)")),
            (process("/bin/(deleted)", 2, None), runs("/bin/(deleted)")),
            (process("", 0, Some("rpushd")), None),
            (process("", 0, Some("rpushd-x")), Some("is not rpushd but \"rpushd-x\"".into())),
            (process("", 0, None), None),
        ] {
            assert_eq!(other.difference_from(&own), difference);
        }
        let renamed = process("/bin/push", 1, Some("push"));
        assert_eq!(process("", 0, Some("push")).difference_from(&renamed), None);
    }
}
