//! Signals as readable events (signalfd(2)), so that no handler interrupts the loop. A process that
//! asks for a reload by [`request_reload`] gets the outcome in a signal.

use super::sandbox::is_root;
use std::fs::{self, File};
use std::io::{self, Read};
use std::mem::{MaybeUninit, offset_of, size_of};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::time::{Duration, Instant};

/// Value sent with a SIGHUP to request an answer. Other senders of SIGHUP are sent none.
const ANSWER_WANTED: i32 = 0x7270_7573;
/// The signal that carries the answer. Its default action is to be ignored (signal(7)).
const ANSWER: libc::c_int = libc::SIGURG;

/// What a received signal requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// SIGTERM, SIGINT, SIGQUIT
    Stop,
    /// SIGHUP, with the process that waits for the outcome, if any
    Reload(Option<Requester>),
}

/// Id of a process that has requested a reload and waits for the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Requester(i32);

/// Outcome of a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReloadOutcome {
    /// The new configuration is in force.
    Taken,
    /// The new configuration is wrong; the old one is kept.
    Refused,
    /// No answer came in time.
    Unknown,
}

impl Requester {
    pub(super) fn answer(self, is_taken: bool) {
        // The requester may have ended, which does not matter here.
        let _ = send(self.0, ANSWER, is_taken.into());
    }
}

/// Makes a process reload its configuration and waits for the outcome. The caller must have one
/// thread; if it is root, it has the rights of that process's user afterwards.
///
/// # Errors
/// There is no such process, or the caller may not signal it.
pub fn request_reload(process: i32, timeout: Duration) -> io::Result<ReloadOutcome> {
    let answers = blocked(&[ANSWER])?;
    become_user_of(process)?;
    send(process, libc::SIGHUP, ANSWER_WANTED)?;
    let begin = Instant::now();
    loop {
        let left = timeout.saturating_sub(begin.elapsed());
        let left = libc::timespec {
            tv_sec: left.as_secs().try_into().unwrap_or(libc::time_t::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        let mut received = MaybeUninit::<libc::siginfo_t>::uninit();
        // SAFETY: the set is initialised, the record is written before it is read.
        let number =
            unsafe { libc::sigtimedwait(&raw const answers, received.as_mut_ptr(), &left) };
        match (number, io::Error::last_os_error().kind()) {
            (ANSWER, _) => {
                // SAFETY: the call has filled the record; sigqueue(3) sets these members.
                let (code, sender, value) = unsafe {
                    let received = received.assume_init();
                    (received.si_code, received.si_pid(), received.si_value())
                };
                if (code, sender) == (libc::SI_QUEUE, process) {
                    return Ok(if value.sival_ptr.is_null() {
                        ReloadOutcome::Refused
                    } else {
                        ReloadOutcome::Taken
                    });
                }
            }
            (_, io::ErrorKind::Interrupted) => {}
            _ => return Ok(ReloadOutcome::Unknown),
        }
    }
}

/// If root, becomes the user of a process: that process may send its answer only to processes of
/// its own user (kill(2)).
fn become_user_of(process: i32) -> io::Result<()> {
    // Its files in /proc belong to root if it forbids core dumps, so their owner is not enough.
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    match effective_user(&status) {
        Some(user) if is_root() => {
            // SAFETY: the call only changes numbers of this process, which has one thread.
            match unsafe { libc::setresuid(user, user, user) } {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        }
        Some(_) | None => Ok(()),
    }
}

/// The effective user id in the status file of a process (proc(5)).
fn effective_user(status: &str) -> Option<libc::uid_t> {
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    ids.split_whitespace().nth(1)?.parse().ok()
}

/// Sends a signal with a number (sigqueue(3)).
fn send(process: i32, signal: libc::c_int, number: i32) -> io::Result<()> {
    // The union's integer, as the kernel copies it: its first four bytes.
    let mut bytes = [0; size_of::<usize>()];
    bytes[..size_of::<i32>()].copy_from_slice(&number.to_ne_bytes());
    let value = libc::sigval { sival_ptr: usize::from_ne_bytes(bytes) as *mut libc::c_void };
    // SAFETY: only numbers are passed on; the pointer is never followed.
    match unsafe { libc::sigqueue(process, signal, value) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Blocks signals for this, the only, thread, so that they can be waited for. Returns their set.
fn blocked(signals: &[libc::c_int]) -> io::Result<libc::sigset_t> {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set; the calls after it only read and write it. The Rust
    // runtime ignores SIGPIPE already.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), *signal);
        }
        match libc::sigprocmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut()) {
            0 => Ok(set.assume_init()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// The signalfd descriptor.
pub(super) struct Signals(File);

impl Signals {
    pub(super) fn new() -> io::Result<Signals> {
        let set = blocked(&[libc::SIGTERM, libc::SIGINT, libc::SIGQUIT, libc::SIGHUP])?;
        // SAFETY: the set is initialised.
        let descriptor =
            unsafe { libc::signalfd(-1, &raw const set, libc::SFD_NONBLOCK | libc::SFD_CLOEXEC) };
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just opened and has no other owner.
        Ok(Signals(unsafe { File::from_raw_fd(descriptor) }))
    }

    /// Takes the next signal that has arrived.
    pub(super) fn next(&mut self) -> Option<Signal> {
        let mut record = [0; size_of::<libc::signalfd_siginfo>()];
        let count = self.0.read(&mut record).ok()?;
        if count < record.len() {
            return None;
        }
        let member = |at: usize| {
            i32::from_ne_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]])
        };
        if member(offset_of!(libc::signalfd_siginfo, ssi_signo)) != libc::SIGHUP {
            return Some(Signal::Stop);
        }
        let sender = member(offset_of!(libc::signalfd_siginfo, ssi_pid));
        let wants_answer = member(offset_of!(libc::signalfd_siginfo, ssi_code)) == libc::SI_QUEUE
            && member(offset_of!(libc::signalfd_siginfo, ssi_int)) == ANSWER_WANTED
            // 0: the sender is outside this process's PID namespace (pid_namespaces(7)).
            && sender > 0;
        Some(Signal::Reload(wants_answer.then_some(Requester(sender))))
    }
}

impl AsRawFd for Signals {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_effective_user_of_a_process_is_the_second_id_of_its_row() {
        let status = "Name:\tuid\nUmask:\t0022\nUid:\t0\t997\t998\t999\nGid:\t5\t6\t7\t8\n";
        assert_eq!(effective_user(status), Some(997));
        assert_eq!(effective_user("Gid:\t5\t6\t7\t8\n"), None);
    }
}
