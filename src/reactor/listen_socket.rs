//! A socket that clients connect to, bound here or passed by systemd.

use super::socket::Socket;
use crate::time::Millis;
use mio::net::{TcpListener, UnixListener};
use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::path::PathBuf;

/// Bytes that the kernel takes for one client beyond what is on its way to it. What waits here is
/// shared by all subscribers and counted; what waits in the kernel is a copy for each, of up to 4
/// MB.
const UNSENT_BYTES: i32 = 128 * 1024;

pub(super) enum ListenSocket {
    Tcp(TcpListener),
    Unix {
        listener: UnixListener,
        /// Removed at the end, if it was made here.
        path: Option<PathBuf>,
    },
}

impl ListenSocket {
    /// Whether a client waits to be accepted.
    pub(super) fn has_client(&self) -> bool {
        let mut descriptor =
            libc::pollfd { fd: self.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one pollfd of our own; the call returns at once.
        let count = unsafe { libc::poll(&raw mut descriptor, 1, 0) };
        count > 0 && descriptor.revents & libc::POLLIN != 0
    }

    /// Has the kernel end TCP connections accepted from now on whose client acknowledges nothing
    /// for so long, keeps its window closed or answers no probe (tcp(7)). With TCP_USER_TIMEOUT a
    /// connection is given up at the first unanswered probe after that time, so that there are
    /// three probes before: TCP_KEEPCNT is not looked at.
    pub(super) fn give_up_after(&self, timeout: Millis) {
        let ListenSocket::Tcp(listener) = self else { return };
        let limited = |number: u64, max: u64| number.clamp(1, max) as libc::c_int;
        // The kernel's largest interval (MAX_TCP_KEEPIDLE) in seconds.
        let seconds = |millis: u64| limited(millis / 1000, 32_767);
        set(
            listener,
            &[
                (libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT, limited(timeout.0, i32::MAX as u64)),
                (libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, seconds(timeout.0 / 4 * 3)),
                (libc::IPPROTO_TCP, libc::TCP_KEEPINTVL, seconds(timeout.0 / 12)),
            ],
        );
    }

    /// A socket, and the address of its other end; a Unix socket has none.
    pub(super) fn accept(&self) -> io::Result<(Socket, Option<IpAddr>)> {
        match self {
            ListenSocket::Tcp(listener) => {
                listener.accept().map(|(stream, peer)| (Socket::tcp(stream), Some(peer.ip())))
            }
            ListenSocket::Unix { listener, .. } => {
                listener.accept().map(|(stream, _)| (Socket::unix(stream), None))
            }
        }
    }

    /// Address and port, or path, as a person would write it.
    pub(super) fn describe(&self) -> String {
        match self {
            ListenSocket::Tcp(listener) => match listener.local_addr() {
                Ok(address) => address.to_string(),
                Err(error) => error.to_string(),
            },
            ListenSocket::Unix { listener, .. } => match listener.local_addr() {
                Ok(address) => match address.as_pathname() {
                    Some(path) => format!("unix:{}", path.display()),
                    None => "unix:(unnamed)".to_owned(),
                },
                Err(error) => error.to_string(),
            },
        }
    }
}

impl Drop for ListenSocket {
    fn drop(&mut self) {
        if let ListenSocket::Unix { path: Some(path), .. } = self {
            let _ = fs::remove_file(path);
        }
    }
}

impl AsRawFd for ListenSocket {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            ListenSocket::Tcp(listener) => listener.as_raw_fd(),
            ListenSocket::Unix { listener, .. } => listener.as_raw_fd(),
        }
    }
}

/// What accepted sockets inherit from their listener, which saves a system call for each (Linux:
/// tcp(7)). Frames are written whole and are to leave at once (RFC 1122, section 4.2.3.4); a peer
/// that vanished without a word is found out in some minutes even if nothing is ever written to it;
/// a slow reader's messages wait here and not in the kernel. Failing only costs that much. See also
/// [`ListenSocket::give_up_after`].
pub(super) fn prepare(listener: &impl AsRawFd) {
    set(
        listener,
        &[
            (libc::IPPROTO_TCP, libc::TCP_NODELAY, 1),
            (libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT, UNSENT_BYTES),
            (libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1),
        ],
    );
}

fn set(socket: &impl AsRawFd, options: &[(libc::c_int, libc::c_int, libc::c_int)]) {
    for &(level, option, value) in options {
        let size = size_of::<libc::c_int>() as libc::socklen_t;
        // SAFETY: the descriptor is open, the pointer is to an integer of the given size.
        unsafe {
            libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const value).cast(), size)
        };
    }
}
