//! Log lines: on standard error or appended to a file. One line per fact, with the time in UTC unless
//! systemd's journal adds its own. A line that cannot be written is lost; the daemon goes on.

use super::exit::{Exit, Failure};
use log::{LevelFilter, Log, Metadata, Record};
use rpushd::time::{Millis, iso_date};
use simple_logger::SimpleLogger;
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the lines go. It lives as long as the process.
pub enum Destination {
    /// simple_logger panics where a line cannot be written (a full disk, a pipe without a reader), so it
    /// has terminals only.
    StandardError {
        terminal: Option<SimpleLogger>,
        has_timestamps: bool,
    },
    File {
        path: PathBuf,
        file: Mutex<File>,
    },
}

/// Begins to log. Lines below the level are dropped; the level can be changed by [`log::set_max_level`].
pub fn start(level: LevelFilter, path: Option<&Path>) -> Result<&'static Destination, Failure> {
    let destination = match path {
        Some(path) => {
            let file = open(path).map_err(|error| {
                Failure::new(Exit::CannotCreate, format!("log file {}: {error}", path.display()))
            })?;
            Destination::File { path: path.to_owned(), file: Mutex::new(file) }
        }
        None => Destination::StandardError {
            terminal: io::stderr().is_terminal().then(SimpleLogger::new),
            // Set by systemd where the journal reads standard error (systemd.exec(5)).
            has_timestamps: std::env::var_os("JOURNAL_STREAM").is_none(),
        },
    };
    let destination: &'static Destination = Box::leak(Box::new(destination));
    log::set_logger(destination).expect("the only logger is set once");
    log::set_max_level(level);
    Ok(destination)
}

impl Destination {
    pub fn is_file(&self) -> bool {
        matches!(self, Destination::File { .. })
    }

    /// Opens the file anew: after a rotation its old one has another name.
    ///
    /// # Errors
    /// In words; the old file is kept.
    pub fn reopen(&self) -> Result<(), String> {
        let Destination::File { path, file } = self else { return Ok(()) };
        let fresh = open(path).map_err(|error| format!("log file {}: {error}", path.display()))?;
        if let Ok(mut file) = file.lock() {
            *file = fresh;
        }
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

impl Log for Destination {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let (level, target) = (record.level(), record.target());
        let message = record.args().to_string().replace('\n', " ");
        match self {
            Destination::StandardError { terminal, has_timestamps } => {
                let time = if *has_timestamps { format!("{} ", now()) } else { String::new() };
                match terminal {
                    Some(logger) if rpushd::reactor::is_standard_error_open() => logger.log(
                        &Record::builder()
                            .args(format_args!("{time}{message}"))
                            .level(level)
                            .target(target)
                            .build(),
                    ),
                    Some(_) => {}
                    None => {
                        let line = format!("{level:<5} [{target}] {time}{message}\n");
                        let _ = io::stderr().write_all(line.as_bytes());
                    }
                }
            }
            Destination::File { file, .. } => {
                let line = format!("{} {level:<5} [{target}] {message}\n", now());
                let _ = file.lock().map(|mut file| file.write_all(line.as_bytes()));
            }
        }
    }

    fn flush(&self) {}
}

fn now() -> String {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    iso_date::format(Millis(unix.as_millis() as u64))
}
