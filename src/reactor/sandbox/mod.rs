//! What the process gives up once it needs it no more: the rights of root, core dumps, most system
//! calls.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod filter;
mod privileges;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod system_calls;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub use filter::filter_system_calls;
pub use privileges::{User, is_root};

use std::io;

/// Allows or forbids core dumps, which would have every secret and message, and tracing by other
/// processes of the same user. Root may trace in any case. Without them, the files of this process
/// in /proc belong to root (proc(5)); it may open its own all the same. A change of user forbids
/// them, too, so this must be called after it.
///
/// # Errors
/// Those of the operating system.
pub fn set_core_dumps(are_allowed: bool) -> io::Result<()> {
    // SAFETY: prctl with this option takes numbers only.
    match unsafe { libc::prctl(libc::PR_SET_DUMPABLE, libc::c_ulong::from(are_allowed), 0, 0, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// There is no table of system calls for this processor.
///
/// # Errors
/// Always.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub fn filter_system_calls() -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
