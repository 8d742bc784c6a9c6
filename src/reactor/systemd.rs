//! Interface to systemd: passed sockets (sd_listen_fds(3)), readiness and watchdog (sd_notify(3)).

use super::listen_socket::{ListenSocket, prepare};
use crate::time::{Millis, Moment};
use std::collections::VecDeque;
use std::env;
use std::os::fd::FromRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The first passed descriptor (SD_LISTEN_FDS_START).
const FIRST_DESCRIPTOR: i32 = 3;

/// Delay before a notification that systemd had no room for is sent again.
const PAUSE: Millis = Millis(100);

/// Most states queued while systemd does not read its socket.
const UNSENT_MAX: usize = 16;

/// A socket passed at start, with its name (FileDescriptorName=).
pub(super) struct Inherited {
    pub(super) name: String,
    pub(super) socket: ListenSocket,
}

/// The passed sockets; none unless LISTEN_PID names this process.
pub(super) fn inherited_sockets() -> Result<Vec<Inherited>, String> {
    let is_for_us = env::var("LISTEN_PID").is_ok_and(|pid| pid == std::process::id().to_string());
    let count: i32 = match env::var("LISTEN_FDS") {
        Ok(count) if is_for_us => {
            count.parse().map_err(|_| format!("LISTEN_FDS: not a number: {count}"))?
        }
        _ => return Ok(Vec::new()),
    };
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':');
    (0..count)
        .map(|index| {
            let name = names.next().unwrap_or_default().to_owned();
            let descriptor = FIRST_DESCRIPTOR + index;
            let socket = adopt(descriptor)
                .map_err(|error| format!("systemd: descriptor {descriptor}: {error}"))?;
            Ok(Inherited { name, socket })
        })
        .collect()
}

/// Takes over a passed descriptor, which must be a listening stream socket.
fn adopt(descriptor: i32) -> std::io::Result<ListenSocket> {
    // SAFETY: fcntl, getsockopt and getsockname on a number that may not be a descriptor fail
    // cleanly; the buffers have the lengths that are passed.
    let family = unsafe {
        if libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) < 0 {
            return Err(std::io::Error::last_os_error());
        }
        let mut address: libc::sockaddr_storage = std::mem::zeroed();
        let mut length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        let mut is_listening: libc::c_int = 0;
        let mut size = size_of::<libc::c_int>() as libc::socklen_t;
        let (option, value) = (libc::SO_ACCEPTCONN, (&raw mut is_listening).cast());
        if libc::getsockopt(descriptor, libc::SOL_SOCKET, option, value, &raw mut size) < 0 {
            return Err(std::io::Error::last_os_error());
        }
        if is_listening == 0 {
            return Err(std::io::Error::other("not a listening stream socket"));
        }
        if libc::getsockname(descriptor, (&raw mut address).cast(), &raw mut length) < 0 {
            return Err(std::io::Error::last_os_error());
        }
        i32::from(address.ss_family)
    };
    if family == libc::AF_UNIX {
        // SAFETY: systemd passed the descriptor to this process, where it has no other owner.
        let listener = unsafe { std::os::unix::net::UnixListener::from_raw_fd(descriptor) };
        listener.set_nonblocking(true)?;
        let listener = mio::net::UnixListener::from_std(listener);
        return Ok(ListenSocket::Unix { listener, path: None });
    }
    // SAFETY: as above.
    let listener = unsafe { std::net::TcpListener::from_raw_fd(descriptor) };
    listener.set_nonblocking(true)?;
    prepare(&listener);
    Ok(ListenSocket::Tcp(mio::net::TcpListener::from_std(listener)))
}

/// Reports the state of the service to systemd; does nothing without systemd.
pub struct Notifier {
    target: Option<(UnixDatagram, SocketAddr)>,
    /// States that could not be sent yet, oldest first; watchdog messages are not queued.
    unsent: VecDeque<String>,
    watchdog_interval: Option<Millis>,
    /// When to send `WATCHDOG=1` next.
    watchdog_at: Option<Moment>,
}

impl Notifier {
    /// Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
    pub fn from_environment() -> Notifier {
        let target = env::var("NOTIFY_SOCKET").ok().and_then(|path| {
            let address = match path.strip_prefix('@') {
                Some(name) => SocketAddr::from_abstract_name(name),
                None => SocketAddr::from_pathname(&path),
            };
            let socket = UnixDatagram::unbound().ok()?;
            // If systemd does not read its socket, sending must not block the loop.
            socket.set_nonblocking(true).ok()?;
            Some((socket, address.ok()?))
        });
        let is_for_us =
            env::var("WATCHDOG_PID").map_or(true, |pid| pid == std::process::id().to_string());
        let interval = env::var("WATCHDOG_USEC").ok().and_then(|text| text.parse::<u64>().ok());
        // Half of the demanded interval, as sd_watchdog_enabled(3) recommends.
        let interval = interval.map(|micros| Millis((micros / 2000).max(1)));
        let watchdog_interval = interval.filter(|_| is_for_us && target.is_some());
        Notifier { target, unsent: VecDeque::new(), watchdog_interval, watchdog_at: None }
    }

    /// Reports that the start is complete, and begins to report signs of life.
    pub(super) fn start(&mut self, now: Moment) {
        self.ready();
        self.watchdog_at = self.watchdog_interval.map(|interval| now + interval);
    }

    /// When to call [`Notifier::turn`] at the latest.
    pub(super) fn next_wake(&self, now: Moment) -> Option<Moment> {
        let retry = (!self.unsent.is_empty()).then(|| now + PAUSE);
        [retry, self.watchdog_at].into_iter().flatten().min()
    }

    /// Sends what is due.
    pub(super) fn turn(&mut self, now: Moment) {
        self.retry();
        if self.watchdog_at.is_some_and(|at| at <= now) {
            self.alive();
            self.watchdog_at = self.watchdog_interval.map(|interval| now + interval);
        }
    }

    pub(super) fn ready(&mut self) {
        self.send("READY=1");
    }

    pub(super) fn reloading(&mut self) {
        // Type=notify-reload also needs the CLOCK_MONOTONIC time.
        let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the pointer is to a timespec of our own.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
        let micros = now.tv_sec * 1_000_000 + now.tv_nsec / 1000;
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    pub(super) fn stopping(&mut self) {
        self.send("STOPPING=1");
    }

    fn alive(&mut self) {
        // Not queued if it cannot be sent now: it would be out of date later.
        let _ = self.try_send("WATCHDOG=1");
    }

    /// Sends the queued states, as far as there is room.
    fn retry(&mut self) {
        while let Some(state) = self.unsent.pop_front() {
            if !self.try_send(&state) {
                return self.unsent.push_front(state);
            }
        }
    }

    fn send(&mut self, state: &str) {
        self.retry();
        if !self.unsent.is_empty() || !self.try_send(state) {
            self.unsent.push_back(state.to_owned());
            // The oldest states are out of date.
            let surplus = self.unsent.len().saturating_sub(UNSENT_MAX);
            self.unsent.drain(..surplus);
        }
    }

    /// Returns false if there is no room at the moment. Other errors are ignored.
    fn try_send(&self, state: &str) -> bool {
        let Some((socket, address)) = &self.target else { return true };
        match socket.send_to_addr(state.as_bytes(), address) {
            Ok(_) => true,
            Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
        }
    }
}
