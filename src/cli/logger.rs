//! Writes log lines to standard error or to a file. In systemd's journal they begin with their
//! priority, elsewhere they have the time in UTC. A line that cannot be written at once is dropped
//! and counted, so that a log that is not read never blocks the daemon.

use super::exit::{Exit, Failure};
use log::{Level, LevelFilter, Log, Metadata, Record};
use rpushd::reactor::{
    LOG_LINE_BYTES_MAX, count_dropped_log_line, is_standard_error_journal, open_log_file,
    takes_log_line,
};
use rpushd::time::{UnixMillis, iso_date};
use simple_logger::SimpleLogger;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The log, which exists as long as the process.
pub struct Destination {
    output: Output,
    /// Lines dropped and not yet reported.
    dropped_count: AtomicU64,
}

/// Where the lines go.
enum Output {
    /// With colours. simple_logger panics if a line cannot be written, so it is only called if one
    /// can be.
    Terminal(SimpleLogger),
    Journal,
    StandardError,
    File {
        path: PathBuf,
        file: Mutex<File>,
    },
}

/// Starts logging. Only lines of this level and above are written; [`log::set_max_level`] changes
/// the level.
pub fn start(level: LevelFilter, path: Option<&Path>) -> Result<&'static Destination, Failure> {
    let output = match path {
        Some(path) => {
            let file = open_log_file(path).map_err(|error| {
                Failure::new(Exit::CannotCreate, format!("log file {}: {error}", path.display()))
            })?;
            Output::File { path: path.to_owned(), file: Mutex::new(file) }
        }
        None if io::stderr().is_terminal() => Output::Terminal(SimpleLogger::new()),
        None if is_standard_error_journal() => Output::Journal,
        None => Output::StandardError,
    };
    let destination = Destination { output, dropped_count: AtomicU64::new(0) };
    let destination: &'static Destination = Box::leak(Box::new(destination));
    log::set_logger(destination).expect("the only logger is set once");
    log::set_max_level(level);
    Ok(destination)
}

impl Destination {
    pub fn is_file(&self) -> bool {
        matches!(self.output, Output::File { .. })
    }

    /// Reopens the log file, because after a rotation the open one has another name.
    ///
    /// # Errors
    /// The reason, for the log; the old file is kept.
    pub fn reopen(&self) -> Result<(), String> {
        let Output::File { path, file } = &self.output else { return Ok(()) };
        let fresh =
            open_log_file(path).map_err(|error| format!("log file {}: {error}", path.display()))?;
        if let Ok(mut file) = file.lock() {
            *file = fresh;
        }
        Ok(())
    }

    /// Writes a line. Returns false if it was not written.
    fn write(&self, level: Level, target: &str, message: &str) -> bool {
        match &self.output {
            Output::File { file, .. } => {
                let line = format!("{} {level:<5} [{target}] {message}\n", now());
                file.lock().is_ok_and(|mut file| file.write_all(line.as_bytes()).is_ok())
            }
            Output::Terminal(_) | Output::Journal | Output::StandardError if !takes_log_line() => {
                false
            }
            Output::Terminal(logger) => {
                let time = now();
                logger.log(
                    &Record::builder()
                        .args(format_args!("{time} {message}"))
                        .level(level)
                        .target(target)
                        .build(),
                );
                true
            }
            Output::Journal => {
                let priority = priority(level);
                to_standard_error(format!("<{priority}>{level:<5} [{target}] {message}"))
            }
            Output::StandardError => {
                to_standard_error(format!("{level:<5} [{target}] {} {message}", now()))
            }
        }
    }

    /// Logs the number of dropped lines, as soon as a line can be written again.
    fn report_dropped(&self) {
        let count = self.dropped_count.load(Ordering::Relaxed);
        if count > 0 {
            let message =
                format!("{count} log lines were dropped, because they were not read in time");
            if self.write(Level::Warn, module_path!(), &message) {
                self.dropped_count.fetch_sub(count, Ordering::Relaxed);
            }
        }
    }
}

/// Writes a line to standard error, truncated to a length that does not block.
fn to_standard_error(mut line: String) -> bool {
    if line.len() >= LOG_LINE_BYTES_MAX {
        let whole = |end: &usize| line.is_char_boundary(*end);
        let end = (0..=LOG_LINE_BYTES_MAX - "…\n".len()).rev().find(whole);
        line.truncate(end.unwrap_or(0));
        line.push('…');
    }
    line.push('\n');
    io::stderr().write_all(line.as_bytes()).is_ok()
}

/// The priority as in syslog(3), which the journal reads from the beginning of a line
/// (sd-daemon(3)).
fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

/// The message on one line, with control characters escaped.
fn one_line(message: String) -> String {
    let message = if message.contains('\n') { message.replace('\n', " ") } else { message };
    if !message.contains(char::is_control) {
        return message;
    }
    let escape = |letter: char| {
        if letter.is_control() { letter.escape_default().to_string() } else { letter.to_string() }
    };
    message.chars().map(escape).collect()
}

impl Log for Destination {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let message = one_line(record.args().to_string());
        self.report_dropped();
        if !self.write(record.level(), record.target(), &message) {
            self.dropped_count.fetch_add(1, Ordering::Relaxed);
            count_dropped_log_line();
        }
    }

    fn flush(&self) {}
}

fn now() -> String {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    iso_date::format(UnixMillis(unix.as_millis() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_without_control_characters() {
        assert_eq!(one_line("plain ü".to_owned()), "plain ü");
        assert_eq!(one_line("a\nb\r\u{1b}[2Jc".to_owned()), "a b\\r\\u{1b}[2Jc");
    }
}
