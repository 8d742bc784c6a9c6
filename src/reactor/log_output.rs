//! System calls for the logger, so that writing a log line never blocks the loop.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Longest log line in bytes. A write of this size does not block if poll(2) reports that a write
/// is possible: a writable pipe has room for a page (pipe(7), PIPE_BUF).
pub const LOG_LINE_BYTES_MAX: usize = 4096;

/// Log lines dropped since the process started.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Whether a log line can be written to standard error without blocking.
pub fn takes_log_line() -> bool {
    let mut descriptor =
        libc::pollfd { fd: libc::STDERR_FILENO, events: libc::POLLOUT, revents: 0 };
    // SAFETY: the pointer is to one pollfd of our own; with timeout 0 the call returns at once.
    let count = unsafe { libc::poll(&raw mut descriptor, 1, 0) };
    let broken = libc::POLLERR | libc::POLLHUP | libc::POLLNVAL;
    count == 1 && descriptor.revents & libc::POLLOUT != 0 && descriptor.revents & broken == 0
}

/// Opens a log file for appending, non-blocking in case it is a FIFO: opening one without a reader
/// is an error, and writes to a full one fail.
///
/// # Errors
/// Those of the operating system.
pub fn open_log_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).custom_flags(libc::O_NONBLOCK).open(path)
}

/// Whether standard error is the journal: JOURNAL_STREAM has its device and inode
/// (systemd.exec(5)). The variable alone proves nothing, as a child process with another standard
/// error may inherit it.
pub fn is_standard_error_journal() -> bool {
    let Ok(wanted) = std::env::var("JOURNAL_STREAM") else { return false };
    let stderr = io::stderr().as_fd().try_clone_to_owned().map(File::from);
    let metadata = stderr.and_then(|stderr| stderr.metadata());
    metadata.is_ok_and(|metadata| wanted == format!("{}:{}", metadata.dev(), metadata.ino()))
}

/// Counts a log line that was dropped.
pub fn count_dropped_log_line() {
    DROPPED.fetch_add(1, Ordering::Relaxed);
}

/// Number of log lines dropped.
pub(super) fn dropped_log_lines() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}
