//! Becomes an ordinary user for good, after root has started the process.

use std::ffi::{CString, c_char};
use std::io;
use std::mem::MaybeUninit;
use std::ptr;

/// Whether the process has the rights of root.
pub fn is_root() -> bool {
    // SAFETY: the call only reads.
    unsafe { libc::geteuid() == 0 }
}

/// A user of the system, from passwd(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    name: CString,
    id: libc::uid_t,
    /// The user's main group.
    group: libc::gid_t,
}

impl User {
    /// Looks up a user; none if there is no user of this name.
    ///
    /// # Errors
    /// The database of users cannot be read.
    pub fn find(name: &str) -> io::Result<Option<User>> {
        let name = CString::new(name)?;
        let mut buffer = vec![c_char::default(); 16 * 1024];
        let mut record = MaybeUninit::<libc::passwd>::uninit();
        let mut found = ptr::null_mut();
        // SAFETY: the name ends with a NUL; the buffers are ours and have the length that is
        // passed.
        let error = unsafe {
            libc::getpwnam_r(
                name.as_ptr(),
                record.as_mut_ptr(),
                buffer.as_mut_ptr(),
                buffer.len(),
                &raw mut found,
            )
        };
        // Some systems report a missing user as one of these errors (getpwnam(3)).
        if found.is_null() {
            return match error {
                0 | libc::ENOENT | libc::ESRCH => Ok(None),
                error => Err(io::Error::from_raw_os_error(error)),
            };
        }
        // SAFETY: the call has filled the record.
        let record = unsafe { record.assume_init() };
        Ok(Some(User { name, id: record.pw_uid, group: record.pw_gid }))
    }

    /// Whether this is root, or another user with its id.
    pub fn is_root(&self) -> bool {
        self.id == 0
    }

    /// Whether the process is already one of this user.
    pub fn is_of_process(&self) -> bool {
        // SAFETY: the call only reads.
        self.id == unsafe { libc::geteuid() }
    }

    /// Makes the process one of this user, with the user's groups, and verifies that it cannot
    /// become root again. The caller must have one thread. No program that it might execute has
    /// more rights, either.
    ///
    /// # Errors
    /// The process is not root, or not allowed to change its user; then nothing has changed, or the
    /// process is to be ended.
    pub fn become_for_good(&self) -> io::Result<()> {
        // Groups first: without the rights of root they can no longer be changed.
        // SAFETY: the name ends with a NUL.
        checked(unsafe { libc::initgroups(self.name.as_ptr(), self.group) })?;
        // SAFETY: this call and the next two take numbers only.
        checked(unsafe { libc::setresgid(self.group, self.group, self.group) })?;
        // SAFETY: as above.
        checked(unsafe { libc::setresuid(self.id, self.id, self.id) })?;
        // SAFETY: as above.
        checked(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?;
        if self.is_only_identity() && !self.is_root() && !can_become_root() {
            Ok(())
        } else {
            Err(io::Error::other("the process can still become root"))
        }
    }

    /// Whether the real, effective and saved ids of user and group are all this user's.
    fn is_only_identity(&self) -> bool {
        let (mut users, mut groups) = ([0; 3], [0; 3]);
        let ([real, effective, saved], [group, effective_group, saved_group]) =
            (&mut users, &mut groups);
        // SAFETY: both calls write three numbers of our own.
        let results = unsafe {
            [
                libc::getresuid(real, effective, saved),
                libc::getresgid(group, effective_group, saved_group),
            ]
        };
        results == [0, 0] && users == [self.id; 3] && groups == [self.group; 3]
    }
}

/// Tries it.
fn can_become_root() -> bool {
    // SAFETY: the call takes numbers only.
    unsafe { libc::setresuid(0, 0, 0) == 0 }
}

fn checked(result: libc::c_int) -> io::Result<()> {
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_name() {
        let root = User::find("root").unwrap().expect("every system has it");
        assert_eq!((root.id, root.group), (0, 0));
        assert!(root.is_root());
        assert_eq!(User::find("no-such-user-here").unwrap(), None);
        assert!(User::find("a\0b").is_err());
    }
}
