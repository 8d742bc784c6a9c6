//! systemd: sockets passed at start (sd_listen_fds(3)), readiness and watchdog (sd_notify(3)).

use super::listen_socket::{ListenSocket, prepare};
use crate::time::Millis;
use std::collections::VecDeque;
use std::env;
use std::os::fd::FromRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The first passed descriptor (SD_LISTEN_FDS_START).
const FIRST_DESCRIPTOR: i32 = 3;

/// States that are kept for a systemd that does not read.
const UNSENT_MAX: usize = 16;

/// A socket that was passed at start.
pub(super) struct Inherited {
    pub(super) name: String,
    pub(super) socket: ListenSocket,
}

/// The passed sockets; none if they were meant for another process.
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

fn adopt(descriptor: i32) -> std::io::Result<ListenSocket> {
    // SAFETY: fcntl, getsockopt and getsockname on a number that may not be a descriptor fail
    // cleanly; the buffers are as large as their lengths say.
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
        // SAFETY: systemd passed the descriptor to this process and nobody else uses it.
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

/// Tells systemd how the service is doing; silent where there is no systemd.
pub struct Notifier {
    target: Option<(UnixDatagram, SocketAddr)>,
    /// What systemd has not taken yet, oldest first; signs of life are not kept.
    unsent: VecDeque<String>,
    watchdog_interval: Option<Millis>,
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
            // A socket that systemd does not read must not block the loop.
            socket.set_nonblocking(true).ok()?;
            Some((socket, address.ok()?))
        });
        let is_for_us =
            env::var("WATCHDOG_PID").map_or(true, |pid| pid == std::process::id().to_string());
        let interval = env::var("WATCHDOG_USEC").ok().and_then(|text| text.parse::<u64>().ok());
        // Twice as often as demanded, as sd_watchdog_enabled(3) recommends.
        let interval = interval.map(|micros| Millis((micros / 2000).max(1)));
        let watchdog_interval = interval.filter(|_| is_for_us && target.is_some());
        Notifier { target, unsent: VecDeque::new(), watchdog_interval }
    }

    /// How often systemd is to be sent `WATCHDOG=1`. None: systemd does not ask for it.
    pub fn watchdog_interval(&self) -> Option<Millis> {
        self.watchdog_interval
    }

    pub(super) fn ready(&mut self) {
        self.send("READY=1");
    }

    pub(super) fn reloading(&mut self) {
        // Type=notify-reload wants the moment on CLOCK_MONOTONIC as well.
        let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the pointer is to a timespec of our own.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
        let micros = now.tv_sec * 1_000_000 + now.tv_nsec / 1000;
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    pub(super) fn stopping(&mut self) {
        self.send("STOPPING=1");
    }

    pub(super) fn alive(&mut self) {
        // One that finds no room is worth nothing later.
        let _ = self.try_send("WATCHDOG=1");
    }

    /// Whether [`Notifier::retry`] has something to do.
    pub(super) fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Sends what systemd had no room for.
    pub(super) fn retry(&mut self) {
        while let Some(state) = self.unsent.pop_front() {
            if !self.try_send(&state) {
                return self.unsent.push_front(state);
            }
        }
    }

    fn send(&mut self, state: &str) {
        self.retry();
        if self.has_unsent() || !self.try_send(state) {
            self.unsent.push_back(state.to_owned());
            // The oldest states are out of date and are dropped.
            let surplus = self.unsent.len().saturating_sub(UNSENT_MAX);
            self.unsent.drain(..surplus);
        }
    }

    /// False: there is no room at the moment. Other failures are final.
    fn try_send(&self, state: &str) -> bool {
        let Some((socket, address)) = &self.target else { return true };
        match socket.send_to_addr(state.as_bytes(), address) {
            Ok(_) => true,
            Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
        }
    }
}
