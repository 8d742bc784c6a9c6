//! A listening socket, bound by this process or passed by systemd.

use super::socket::Socket;
use crate::time::Millis;
use mio::net::{TcpListener, UnixListener};
use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::path::PathBuf;

/// Bytes that the kernel buffers per connection beyond those in flight (TCP_NOTSENT_LOWAT). Frames
/// in an outbox are shared by all subscribers and accounted for; the kernel's buffers are a copy
/// per connection, of up to 4 MB without this limit.
const UNSENT_BYTES: i32 = 128 * 1024;

pub(super) enum ListenSocket {
    Tcp(TcpListener),
    Unix {
        listener: UnixListener,
        /// The socket file if this process created it; removed on drop.
        path: Option<PathBuf>,
    },
}

impl ListenSocket {
    /// Whether a connection waits to be accepted.
    pub(super) fn has_client(&self) -> bool {
        let mut descriptor =
            libc::pollfd { fd: self.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: the pointer is to one pollfd of our own; with timeout 0 the call returns at once.
        let count = unsafe { libc::poll(&raw mut descriptor, 1, 0) };
        count > 0 && descriptor.revents & libc::POLLIN != 0
    }

    /// Sets the time after which the kernel closes a TCP connection whose client acknowledges
    /// nothing, keeps its window closed or answers no keep-alive probe (tcp(7)). Applies to
    /// connections accepted from now on. With TCP_USER_TIMEOUT, TCP_KEEPCNT has no effect: a
    /// connection ends at the first unanswered probe after the timeout. Three probes come before.
    pub(super) fn set_peer_timeout(&self, timeout: Millis) {
        let ListenSocket::Tcp(listener) = self else { return };
        let limited = |number: u64, max: u64| number.clamp(1, max) as libc::c_int;
        // 32767 s is the kernel's largest interval (MAX_TCP_KEEPIDLE).
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

    /// Accepts a connection. Returns its socket and the address of the client; none for a Unix
    /// socket.
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

    /// `ADDRESS:PORT` or `unix:PATH`, as in the configuration.
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

/// Sets the options that accepted sockets inherit from their listener on Linux, which saves system
/// calls per connection (tcp(7)). Frames are written whole, so they leave without delay (RFC 1122,
/// section 4.2.3.4). Keep-alive probes find a vanished peer even if nothing is written to it. The
/// unsent bytes of a slow consumer are kept in its outbox, not in the kernel. Errors are ignored:
/// only these effects are lost. See also [`ListenSocket::set_peer_timeout`].
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
