//! Properties of the process: host name, memory, file descriptors, random bytes.

use super::heap::heap_bytes;
use super::holes::resident_bytes;
use crate::server::Host;
use std::ffi::CStr;
use std::fs;
use std::io;
use std::path::Path;

/// Facts about the machine and the process for the core.
///
/// # Errors
/// The system has no random bytes to give.
pub fn host() -> io::Result<Host> {
    Ok(Host {
        name: host_name(),
        process_id: std::process::id(),
        resident_bytes: || resident_bytes().0,
        heap_bytes,
        // Code, stack and tables; what they need does not grow.
        fixed_bytes: resident_bytes().0.saturating_sub(heap_bytes()),
        memory_bytes: memory_bytes(),
        random: random_bytes()?,
    })
}

/// Memory that this process may use at most, in bytes: the machine's, or the lowest limit of its
/// control group, of one above it (both versions), and of its own (setrlimit(2)).
fn memory_bytes() -> u64 {
    // SAFETY: sysconf only reads.
    let (pages, page_bytes) =
        unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
    let of = |number: libc::c_long| u64::try_from(number).unwrap_or(0);
    let machine = match of(pages).saturating_mul(of(page_bytes)) {
        0 => u64::MAX,
        bytes => bytes,
    };
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let read = |path: &Path| fs::read_to_string(path).ok();
    let group = group_limit(&groups, Path::new("/sys/fs/cgroup"), read);
    let own = [libc::RLIMIT_AS, libc::RLIMIT_DATA].map(|resource| {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: the pointer is to an rlimit of our own.
        let is_known = unsafe { libc::getrlimit(resource, &raw mut limit) } == 0;
        if is_known { limit.rlim_cur } else { u64::MAX }
    });
    own.into_iter().chain(group).fold(machine, u64::min)
}

/// The lowest memory limit of the control groups in `groups` (cgroups(7), /proc/PID/cgroup) and of
/// those above them, which are folders below `root`.
fn group_limit(groups: &str, root: &Path, read: impl Fn(&Path) -> Option<String>) -> Option<u64> {
    let limits = groups.lines().filter_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        let path = path.trim_start_matches('/');
        let (root, file) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            other if other.split(',').any(|one| one == "memory") => {
                (root.join("memory"), "memory.limit_in_bytes")
            }
            _ => return None,
        };
        let folder = root.join(path);
        let folders = folder.ancestors().take_while(|folder| folder.starts_with(&root));
        let numbers = folders.filter_map(|folder| read(&folder.join(file))?.trim().parse().ok());
        numbers.min()
    });
    limits.min()
}

/// The name of the machine, by a system call, as a service may not see all of /proc (ProcSubset=).
/// Blank if unknown.
fn host_name() -> String {
    let mut bytes = [0_u8; 256];
    // SAFETY: the buffer is ours; the last byte is not passed, so it stays 0.
    let result = unsafe { libc::gethostname(bytes.as_mut_ptr().cast(), bytes.len() - 1) };
    match (result, CStr::from_bytes_until_nul(&bytes)) {
        (0, Ok(name)) => name.to_string_lossy().into_owned(),
        _ => String::new(),
    }
}

/// Raises the soft limit on open descriptors to the hard one. Returns the limit then in force.
pub fn raise_descriptor_limit() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls get a pointer to an rlimit of our own.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) != 0 {
            return 0;
        }
        let soft = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max;
        match libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) {
            0 => limit.rlim_max,
            _ => soft,
        }
    }
}

/// Descriptors reserved for files: a reload reads files and reopens the log, and statistics read
/// the memory in use.
const DESCRIPTORS_KEPT: u64 = 16;

/// Number of open descriptors.
pub(super) fn open_descriptors() -> u64 {
    // The directory itself is open while it is read.
    fs::read_dir("/proc/self/fd").map_or(DESCRIPTORS_KEPT, |entries| entries.count() as u64 - 1)
}

/// Number of connections that there are descriptors for, after the daemon's `own` and the reserve.
/// The limit is read on each call, as prlimit(1) may change it.
pub(super) fn descriptors_for_connections(own: u64) -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to an rlimit of our own.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } == 0;
    let left = if known { limit.rlim_cur.saturating_sub(own) } else { u64::MAX };
    usize::try_from(left - DESCRIPTORS_KEPT.min(left / 2)).unwrap_or(usize::MAX)
}

/// Random bytes fit for secrets (getrandom(2)).
///
/// # Errors
/// The system has none to give.
pub fn random_bytes<const COUNT: usize>() -> io::Result<[u8; COUNT]> {
    let mut bytes = [0; COUNT];
    // SAFETY: the buffer is ours and COUNT bytes long. Up to 256 bytes are returned in one call.
    let count = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), COUNT, 0) };
    match usize::try_from(count) {
        Ok(count) if count == COUNT => Ok(bytes),
        Ok(_) => Err(io::ErrorKind::UnexpectedEof.into()),
        Err(_) => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_limit_of_the_control_groups_of_both_versions_counts() {
        let root = Path::new("/cg");
        let limit = |groups: &str, files: &[(&str, &str)]| {
            let read = |path: &Path| {
                let found = files.iter().find(|(name, _)| Path::new(name) == path);
                found.map(|(_, text)| (*text).to_owned())
            };
            group_limit(groups, root, read)
        };
        assert_eq!(limit("", &[]), None);
        assert_eq!(limit("0::/\n", &[]), None);
        assert_eq!(limit("0::/a/b\n", &[("/cg/a/b/memory.max", "max\n")]), None);
        let nested = [("/cg/a/b/memory.max", "300\n"), ("/cg/a/memory.max", "200\n")];
        assert_eq!(limit("0::/a/b\n", &nested), Some(200));
        assert_eq!(limit("0::/\n", &[("/cg/memory.max", "100\n")]), Some(100));
        let old = [("/cg/memory/docker/1/memory.limit_in_bytes", "67108864\n")];
        assert_eq!(limit("12:cpu:/x\n9:memory:/docker/1\n0::/y\n", &old), Some(67_108_864));
    }
}
