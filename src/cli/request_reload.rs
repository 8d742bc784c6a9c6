//! `rpushd reload`: has a running daemon read its configuration again, and waits for the outcome.

use super::command::Command;
use super::exit::{Exit, Failure};
use super::words::{self, Word};
use rpushd::reactor::{self, ReloadOutcome};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Without `--timeout`. A reload takes milliseconds; a busy machine gets some patience.
const PATIENCE: Duration = Duration::from_secs(30);

pub const COMMAND: Command = Command {
    name: "reload",
    summary: "have a running daemon read its configuration again",
    usage: "\
Usage: rpushd reload PID | --pid-file FILE [OPTIONS]

Sends SIGHUP and waits until the daemon has read secrets, origins and limits again. It
reads the files that it was started with; no stream is closed. If anything in them is
wrong, the daemon keeps the old configuration and logs the reason, and this fails.

  --pid-file FILE    the file that the daemon has written its process id to
  --timeout TIME     give up after this long (30s by default; exit code 75)

Exit codes: 0 the new configuration is in force, 64 command line, 66 the pid file cannot
be read, 69 there is no such daemon, 75 no answer, 77 not permitted, 78 refused.
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
    refuse_stranger(id)?;
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

/// SIGHUP would end most other programs, and a pid file may be older than the process of that id. A
/// process whose name cannot be read (another user's, hidden by ProtectProc=) is taken for the
/// daemon.
fn refuse_stranger(id: i32) -> Result<(), Failure> {
    match std::fs::read_to_string(format!("/proc/{id}/comm")) {
        Ok(name) if !name.starts_with("rpushd") => {
            let reason = format!("process {id} is not rpushd but \"{}\"", name.trim());
            Err(Failure::new(Exit::Unavailable, reason))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}
