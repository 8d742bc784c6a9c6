//! Linux system calls that the standard library lacks: epoll, non-blocking reads of blocking
//! sockets, processor affinity, the CPU clock of another process. The only unsafe code of the
//! harness.
#![allow(unsafe_code)] // System calls; each call passes pointers to live local values only.

use std::io::{self, Error};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

/// A level-triggered epoll instance.
pub struct Epoll {
    descriptor: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Epoll {
    /// An instance without sockets. One [`Epoll::wait`] returns at most `batch` events.
    pub fn new(batch: usize) -> io::Result<Epoll> {
        // SAFETY: no pointers; the descriptor is fresh and owned from here on.
        let descriptor =
            unsafe { OwnedFd::from_raw_fd(checked(libc::epoll_create1(libc::EPOLL_CLOEXEC))?) };
        Ok(Epoll { descriptor, events: vec![libc::epoll_event { events: 0, u64: 0 }; batch] })
    }

    /// Adds `socket`: it is reported when it is readable or closed by its peer. Closing the
    /// descriptor removes it.
    pub fn add(&self, socket: RawFd, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: token };
        let epoll = self.descriptor.as_raw_fd();
        // SAFETY: `event` lives through the call.
        checked(unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, socket, &mut event) })?;
        Ok(())
    }

    /// Removes `socket`.
    pub fn remove(&self, socket: RawFd) -> io::Result<()> {
        let (epoll, none) = (self.descriptor.as_raw_fd(), std::ptr::null_mut());
        // SAFETY: Linux accepts a null event for this operation.
        checked(unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_DEL, socket, none) }).map(drop)
    }

    /// Waits for events; `None`: without a limit. Returns the number of events, whose tokens are
    /// returned by [`Epoll::token`].
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<usize> {
        let timeout_ms = timeout.map_or(-1, |timeout| timeout.as_millis() as i32);
        let epoll = self.descriptor.as_raw_fd();
        let (room, length) = (self.events.as_mut_ptr(), self.events.len() as i32);
        // SAFETY: the kernel writes at most `length` events into `room`.
        match checked(unsafe { libc::epoll_wait(epoll, room, length, timeout_ms) }) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
            result => result.map(|count| count as usize),
        }
    }

    /// The token of event `index` of the last wait.
    pub fn token(&self, index: usize) -> u64 {
        self.events[index].u64
    }
}

/// Reads without waiting (`WouldBlock` if there is nothing), although the socket is in blocking
/// mode for writes.
pub fn receive(socket: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
    let (room, length) = (buffer.as_mut_ptr().cast(), buffer.len());
    // SAFETY: the kernel writes at most `length` bytes into `buffer`.
    let count = unsafe { libc::recv(socket, room, length, libc::MSG_DONTWAIT) };
    usize::try_from(count).map_err(|_| Error::last_os_error())
}

/// Connects to `address`, which must be IPv4, from the loopback address `source`. The source port
/// is chosen when the four-tuple is known, so each source address can use all ports for each
/// server. Closing resets the connection, so that no port stays in TIME_WAIT.
pub fn connect_from(source: Ipv4Addr, address: SocketAddr) -> io::Result<TcpStream> {
    let SocketAddr::V4(address) = address else {
        return Err(Error::new(io::ErrorKind::Unsupported, "the harness supports IPv4 only"));
    };
    // SAFETY: no pointers; the descriptor is fresh and owned from here on.
    let stream = unsafe {
        let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
        TcpStream::from_raw_fd(checked(libc::socket(libc::AF_INET, kind, 0))?)
    };
    let socket = stream.as_raw_fd();
    set_option(socket, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, &1i32)?;
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    set_option(socket, libc::SOL_SOCKET, libc::SO_LINGER, &linger)?;
    set_option(socket, libc::IPPROTO_TCP, libc::TCP_NODELAY, &1i32)?;
    let (from, to) = (internet_address(source, 0), internet_address(*address.ip(), address.port()));
    let length = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    // SAFETY: both addresses live through the calls and have the length that is given.
    unsafe {
        checked(libc::bind(socket, (&raw const from).cast(), length))?;
        checked(libc::connect(socket, (&raw const to).cast(), length))?;
    }
    Ok(stream)
}

/// Raises the length of a listener's accept queue.
pub fn set_backlog(listener: RawFd, length: i32) -> io::Result<()> {
    // SAFETY: no pointers.
    checked(unsafe { libc::listen(listener, length) }).map(drop)
}

/// The cores that the calling thread may run on, by number.
pub fn allowed_cores() -> io::Result<Vec<usize>> {
    // SAFETY: an all-zero `cpu_set_t` is the empty set, and it lives through the calls.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        checked(libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set))?;
        Ok((0..libc::CPU_SETSIZE as usize).filter(|core| libc::CPU_ISSET(*core, &set)).collect())
    }
}

/// Pins the calling thread to one core.
pub fn pin_to(core: usize) -> io::Result<()> {
    // SAFETY: an all-zero `cpu_set_t` is the empty set, and it lives through the call.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        checked(libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set)).map(drop)
    }
}

/// Pins the child to `core`, and lets the kernel kill it when the harness ends for any reason.
pub fn tie_child(command: &mut Command, core: Option<usize>) {
    let prepare = move || {
        // SAFETY: no pointers.
        checked(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) })?;
        core.map_or(Ok(()), pin_to)
    };
    // SAFETY: `prepare` runs between fork and exec; it allocates nothing and takes no lock.
    unsafe { command.pre_exec(prepare) };
}

/// Sends a signal to a process.
pub fn signal(process: u32, signal: i32) -> io::Result<()> {
    // SAFETY: no pointers.
    checked(unsafe { libc::kill(process as libc::pid_t, signal) }).map(drop)
}

/// Raises the soft limit of file descriptors to the hard limit, and returns that.
pub fn raise_descriptor_limit() -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` lives through both calls.
    unsafe {
        checked(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit))?;
        limit.rlim_cur = limit.rlim_max;
        checked(libc::setrlimit(libc::RLIMIT_NOFILE, &limit))?;
    }
    Ok(limit.rlim_max)
}

/// User and system time of all threads of a process, in nanoseconds: the sum of `utime` and `stime`
/// in `/proc/PID/stat`, which have a resolution of 10 ms.
pub fn cpu_time_ns(process: u32) -> io::Result<u64> {
    let mut clock = 0;
    // SAFETY: `clock` lives through the call.
    let status = unsafe { libc::clock_getcpuclockid(process as libc::pid_t, &mut clock) };
    if status != 0 {
        return Err(Error::from_raw_os_error(status));
    }
    clock_ns(clock)
}

/// Nanoseconds of CLOCK_MONOTONIC.
pub fn monotonic_ns() -> u64 {
    clock_ns(libc::CLOCK_MONOTONIC).expect("Linux always has this clock")
}

fn clock_ns(clock: libc::clockid_t) -> io::Result<u64> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` lives through the call.
    checked(unsafe { libc::clock_gettime(clock, &mut time) })?;
    Ok(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

fn set_option<T>(socket: RawFd, level: i32, name: i32, value: &T) -> io::Result<()> {
    let length = size_of::<T>() as libc::socklen_t;
    // SAFETY: `value` lives through the call and has the length that is given.
    let status =
        unsafe { libc::setsockopt(socket, level, name, (&raw const *value).cast(), length) };
    checked(status).map(drop)
}

fn internet_address(ip: Ipv4Addr, port: u16) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(ip).to_be() },
        sin_zero: [0; 8],
    }
}

fn checked(status: i32) -> io::Result<i32> {
    if status < 0 { Err(Error::last_os_error()) } else { Ok(status) }
}
