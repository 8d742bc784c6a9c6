//! Installs the filter of system calls (seccomp(2)).

use super::system_calls::{ALLOWED, FATAL, Only};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};
use std::collections::BTreeMap;
use std::io;

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: TargetArch = TargetArch::aarch64;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Refuses, from now on and for good, all system calls that the daemon does not make while it
/// serves. The caller must have one thread.
///
/// A call that is in neither table fails with ENOSYS, as in a kernel that does not have it: a
/// newer C library then uses the older call instead, where EPERM would be an error and a signal
/// the end of a daemon that does nothing wrong. The kernel logs each such call. A call that only
/// an attacker makes ends the process with SIGSYS.
///
/// # Errors
/// The kernel has no filters, or refuses these.
pub fn filter_system_calls() -> io::Result<()> {
    // Both are in force; of their outcomes the stricter one counts. The second is built before
    // the first refuses anything.
    let programs = [fatal(), allowed()];
    for program in programs {
        install(&program.map_err(io::Error::other)?)?;
    }
    Ok(())
}

fn fatal() -> Result<BpfProgram, BackendError> {
    let rules: Rules = FATAL.iter().map(|call| (*call, Vec::new())).collect();
    let (otherwise, then) = (SeccompAction::Allow, SeccompAction::KillProcess);
    SeccompFilter::new(rules, otherwise, then, ARCHITECTURE)?.try_into()
}

fn allowed() -> Result<BpfProgram, BackendError> {
    let mut rules = Rules::new();
    for (call, only) in ALLOWED {
        rules.insert(*call, conditions(*only)?);
    }
    let refusal = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    SeccompFilter::new(rules, refusal, SeccompAction::Allow, ARCHITECTURE)?.try_into()
}

/// The rules of a call; none: it is always matched.
fn conditions(only: Only) -> Result<Vec<SeccompRule>, BackendError> {
    let (argument, operator, value) = match only {
        Only::Always => return Ok(Vec::new()),
        Only::With(argument, value) => (argument, SeccompCmpOp::Eq, value),
        Only::Without(argument, bits) => (argument, SeccompCmpOp::MaskedEq(bits), 0),
    };
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Qword, operator, value)?;
    Ok(vec![SeccompRule::new(vec![condition])?])
}

fn install(program: &BpfProgram) -> io::Result<()> {
    let length = program.len().try_into().map_err(io::Error::other)?;
    // The kernel copies the program and writes nothing to it.
    let filter = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut().cast() };
    // SAFETY: prctl takes numbers only; the program has `len` instructions, whose layout is the
    // kernel's (struct sock_filter).
    let result = unsafe {
        match libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) {
            0 => libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                libc::SECCOMP_FILTER_FLAG_LOG,
                &raw const filter,
            ),
            _ => -1,
        }
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests;
