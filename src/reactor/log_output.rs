//! What the logger has to know of the operating system, so that a line never makes the loop wait.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Longest line. Where poll(2) reports that a write is possible, one of this size does not block:
/// it is a page, and a pipe that is writable has room for a page (pipe(7), PIPE_BUF).
pub const LOG_LINE_BYTES_MAX: usize = 4096;

/// Since the start of the process, which has one log.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Whether a line can be written to standard error without blocking.
pub fn takes_log_line() -> bool {
    let mut descriptor =
        libc::pollfd { fd: libc::STDERR_FILENO, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one pollfd of our own; the call returns at once.
    let count = unsafe { libc::poll(&raw mut descriptor, 1, 0) };
    let broken = libc::POLLERR | libc::POLLHUP | libc::POLLNVAL;
    count == 1 && descriptor.revents & libc::POLLOUT != 0 && descriptor.revents & broken == 0
}

/// Opens a log file for appending, without blocking where it is a FIFO: one without a reader is an
/// error, and writes to one that is full fail.
///
/// # Errors
/// As the operating system has it.
pub fn open_log_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).custom_flags(libc::O_NONBLOCK).open(path)
}

/// Whether standard error is the journal: JOURNAL_STREAM holds its device and inode (systemd.exec(5)). The
/// variable alone is no proof, as a child process may inherit it with another standard error.
pub fn is_standard_error_journal() -> bool {
    let Ok(wanted) = std::env::var("JOURNAL_STREAM") else { return false };
    let stderr = io::stderr().as_fd().try_clone_to_owned().map(File::from);
    let metadata = stderr.and_then(|stderr| stderr.metadata());
    metadata.is_ok_and(|metadata| wanted == format!("{}:{}", metadata.dev(), metadata.ino()))
}

/// A line of the log is lost.
pub fn count_dropped_log_line() {
    DROPPED.fetch_add(1, Ordering::Relaxed);
}

/// Lines of the log that are lost.
pub(super) fn dropped_log_lines() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}
