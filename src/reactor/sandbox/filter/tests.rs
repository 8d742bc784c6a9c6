//! Each test does one thing under the filter, in a process of its own.

use super::*;
use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};

/// Names what the child process does under the filter.
const DEED: &str = "RPUSHD_TEST_DEED";

/// Exit code of a call that failed as in a kernel without it.
const REFUSED: i32 = 10;
/// Exit code of a call that has succeeded.
const DONE: i32 = 11;

/// Runs this test in a process of its own, which installs the filter and does a deed.
fn under_the_filter(deed: &str) -> ExitStatus {
    let (_, module) = module_path!().split_once("::").expect("the library has modules");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("{module}::the_child_does_its_deed")]);
    command.env(DEED, deed).output().unwrap().status
}

#[test]
fn the_child_does_its_deed() {
    let Ok(deed) = std::env::var(DEED) else { return };
    filter_system_calls().unwrap();
    // SAFETY: the arguments are numbers, or pointers to values that live as long as the call.
    let result = unsafe {
        let nothing = std::ptr::null::<libc::c_char>();
        match deed.as_str() {
            "read a file" => match File::open("/proc/self/statm") {
                Ok(_) => 0,
                Err(_) => -1,
            },
            "open a socket" => libc::socket(libc::AF_NETLINK, libc::SOCK_RAW, 0),
            "connect" => libc::connect(0, std::ptr::null(), 0),
            "signal" => libc::kill(libc::getpid(), 0),
            "map memory" => map(libc::PROT_READ | libc::PROT_WRITE),
            "map code" => map(libc::PROT_READ | libc::PROT_EXEC),
            "raise a limit" => {
                let limit = libc::rlimit { rlim_cur: 10, rlim_max: 10 };
                let nothing = std::ptr::null_mut();
                libc::prlimit(0, libc::RLIMIT_NOFILE, &raw const limit, nothing)
            }
            "abort" => std::process::abort(),
            "execute" => {
                libc::execve(c"/bin/true".as_ptr(), &raw const nothing, &raw const nothing)
            }
            "fork" => libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) as libc::c_int,
            "trace" => libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) as libc::c_int,
            other => panic!("there is no deed \"{other}\""),
        }
    };
    let is_refused =
        result == -1 && io::Error::last_os_error().raw_os_error() == Some(libc::ENOSYS);
    let code = match (result, is_refused) {
        (-1, true) => REFUSED,
        (-1, false) => 12,
        (_, _) => DONE,
    };
    // SAFETY: the call only ends the process; other threads of the test runner do not matter.
    unsafe { libc::_exit(code) }
}

/// Returns -1 if it fails.
///
/// # Safety
/// The memory is not used.
unsafe fn map(protection: libc::c_int) -> libc::c_int {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping, at an address of the kernel's choice.
    let address = unsafe { libc::mmap(std::ptr::null_mut(), 4096, protection, flags, -1, 0) };
    if address == libc::MAP_FAILED { -1 } else { 0 }
}

#[test]
fn what_the_daemon_does_is_allowed() {
    for deed in ["read a file", "map memory"] {
        assert_eq!(under_the_filter(deed).code(), Some(DONE), "{deed}");
    }
}

#[test]
fn what_it_never_does_fails_as_in_a_kernel_without_that_call() {
    for deed in ["open a socket", "connect", "signal", "map code", "raise a limit"] {
        assert_eq!(under_the_filter(deed).code(), Some(REFUSED), "{deed}");
    }
}

#[test]
fn what_only_an_attacker_does_ends_the_process() {
    for deed in ["execute", "fork", "trace"] {
        assert_eq!(under_the_filter(deed).signal(), Some(libc::SIGSYS), "{deed}");
    }
}

#[test]
fn an_abort_is_still_an_abort() {
    assert_eq!(under_the_filter("abort").signal(), Some(libc::SIGABRT));
}

#[test]
fn no_call_is_listed_twice() {
    let mut calls: Vec<i64> = ALLOWED.iter().map(|(call, _)| *call).collect();
    calls.extend(FATAL);
    calls.sort_unstable();
    let count = calls.len();
    calls.dedup();
    assert_eq!(calls.len(), count);
}
