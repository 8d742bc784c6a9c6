//! The system calls that the daemon may make once it serves, and those that end it.
//!
//! The first table comes from a trace of the 64 daemons of all tests in tests/daemon, from their
//! first wait for an event to their end (`strace -ff`, x86_64, glibc 2.36). Marked *not in the
//! trace* are calls that depend on the C library or the processor, and those of a process that
//! aborts or was stopped; aarch64 has only the newer one of two calls that do the same, such as
//! `epoll_pwait` beside `epoll_wait`. With the filter, all these tests pass with glibc and with
//! musl 1.2, and the kernel logs no refused call (`dmesg`, type=1326).

use libc::c_long;

/// When a call of the table is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Only {
    Always,
    /// If the argument with this index has this value.
    With(u8, u64),
    /// If the argument with this index has none of these bits.
    Without(u8, u64),
}

use Only::{Always, With, Without};

/// Memory that the daemon writes is never run as code.
const EXECUTABLE: u64 = libc::PROT_EXEC as u64;

/// What the daemon may do. Every other call fails.
pub(super) const ALLOWED: &[(c_long, Only)] = &[
    // The event loop waits.
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_epoll_wait, Always),
    // Not in the trace: aarch64, musl.
    (libc::SYS_epoll_pwait, Always),
    // It watches an accepted connection.
    (libc::SYS_epoll_ctl, Always),
    // Does a client wait, and can a log line be written without blocking?
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_poll, Always),
    // Not in the trace: aarch64.
    (libc::SYS_ppoll, Always),
    // Connections. There is no socket, bind, listen or connect here: the daemon opens no
    // connection, and its listeners stay as they are until a restart. Outgoing connections, for
    // example to a database, would need socket for three families, connect, and getsockopt for the
    // outcome.
    (libc::SYS_accept4, Always),
    (libc::SYS_recvfrom, Always),
    // Also reports readiness, reloads and the watchdog to systemd.
    (libc::SYS_sendto, Always),
    (libc::SYS_writev, Always),
    (libc::SYS_shutdown, Always),
    // Time-outs of a listener after a reload, and the reset of a connection that is cut short.
    (libc::SYS_setsockopt, Always),
    // The descriptor of signals, the files of the configuration and the log at a reload, and
    // /proc/self/statm for statistics.
    (libc::SYS_openat, Always),
    // Not in the trace: musl.
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_open, Always),
    (libc::SYS_read, Always),
    // Also log lines.
    (libc::SYS_write, Always),
    (libc::SYS_close, Always),
    (libc::SYS_fcntl, Always),
    // Not in the trace: the standard library asks for the position in a file that it reads whole.
    (libc::SYS_lseek, Always),
    (libc::SYS_statx, Always),
    (libc::SYS_newfstatat, Always),
    // Not in the trace: musl.
    (libc::SYS_fstat, Always),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_stat, Always),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_lstat, Always),
    // At its end it removes its pid file, socket files and the folder of development mode.
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_unlink, Always),
    (libc::SYS_unlinkat, Always),
    // Not in the trace: musl.
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_rmdir, Always),
    (libc::SYS_getdents64, Always),
    // Memory.
    (libc::SYS_brk, Always),
    (libc::SYS_mmap, Without(2, EXECUTABLE)),
    (libc::SYS_munmap, Always),
    (libc::SYS_mremap, Always),
    (libc::SYS_madvise, Always),
    // Not in the trace: musl, and glibc if brk fails.
    (libc::SYS_mprotect, Without(2, EXECUTABLE)),
    // The limit of descriptors is read before connections are accepted; it is not changed.
    (libc::SYS_prlimit64, With(2, 0)),
    // The answer to "rpushd reload": the libraries fill in the sender.
    (libc::SYS_rt_sigqueueinfo, With(1, libc::SIGURG as u64)),
    (libc::SYS_getpid, Always),
    (libc::SYS_getuid, Always),
    // Not in the trace: musl blocks signals meanwhile.
    (libc::SYS_rt_sigprocmask, Always),
    // The end.
    (libc::SYS_sigaltstack, Always),
    (libc::SYS_exit_group, Always),
    // Not in the trace: a panic or a failed allocation aborts, after a handler for the stack's end.
    (libc::SYS_exit, Always),
    (libc::SYS_gettid, Always),
    (libc::SYS_tgkill, With(2, libc::SIGABRT as u64)),
    (libc::SYS_tkill, With(1, libc::SIGABRT as u64)),
    (libc::SYS_rt_sigaction, Always),
    (libc::SYS_rt_sigreturn, Always),
    // Not in the trace: a panic with RUST_BACKTRACE finds and reads the program.
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_readlink, Always),
    (libc::SYS_readlinkat, Always),
    (libc::SYS_getcwd, Always),
    // Not in the trace: the kernel continues a wait with it after SIGSTOP and SIGCONT.
    (libc::SYS_restart_syscall, Always),
    // Not in the trace: clocks, where the kernel does not offer them without a call.
    (libc::SYS_clock_gettime, Always),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_time, Always),
    (libc::SYS_gettimeofday, Always),
    // Not in the trace: locks of the libraries under contention, keys of hash tables.
    (libc::SYS_futex, Always),
    (libc::SYS_getrandom, Always),
    // Not in the trace: a C library may find the size of the machine's memory with it.
    (libc::SYS_sysinfo, Always),
];

/// What no library does in passing, only code of an attacker. It ends the process. A daemon that
/// starts a new version of itself in place would need execve here, and in the new one every call of
/// a start, because a filter stays in force.
pub(super) const FATAL: &[c_long] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_fork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_vfork,
    // clone3 is not one of them: a library may try it and take the older call if it is missing.
    libc::SYS_clone,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_by_handle_at,
    libc::SYS_io_uring_setup,
    libc::SYS_bpf,
    libc::SYS_userfaultfd,
    libc::SYS_perf_event_open,
    libc::SYS_add_key,
    libc::SYS_keyctl,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_kexec_load,
];
