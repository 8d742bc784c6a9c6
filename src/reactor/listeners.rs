//! Where the daemon listens: TCP, Unix sockets, and sockets inherited from systemd.

use super::socket::Socket;
use super::systemd::{Inherited, inherited_sockets};
use crate::config::{ListenAddress, Listener, ListenerId};
use crate::time::Millis;
use mio::net::{TcpListener, UnixListener, UnixStream};
use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Connections that may wait to be accepted. The kernel caps it at net.core.somaxconn.
const BACKLOG: i32 = 4096;
/// Bytes that the kernel takes for one client beyond what is on its way to it. What waits here is shared by
/// all subscribers and counted; what waits in the kernel is a copy for each, of up to 4 MB.
const UNSENT_BYTES: i32 = 128 * 1024;

/// A listening socket.
pub struct BoundListener {
    pub(super) id: ListenerId,
    pub(super) socket: ListenSocket,
    pub(super) is_ready: bool,
}

pub(super) enum ListenSocket {
    Tcp(TcpListener),
    Unix {
        listener: UnixListener,
        /// Removed at the end, if it was made here.
        path: Option<PathBuf>,
    },
}

/// Binds every listener of the configuration, in its order.
///
/// # Errors
/// The address and why it cannot be listened at.
pub fn bind_all(listeners: &[Listener]) -> Result<Vec<BoundListener>, String> {
    let mut inherited = inherited_sockets()?;
    let names: Vec<&str> = listeners
        .iter()
        .filter_map(|listener| match &listener.address {
            ListenAddress::Inherited { name } => name.as_deref(),
            _ => None,
        })
        .collect();
    let mut bound = Vec::new();
    for (index, listener) in listeners.iter().enumerate() {
        let id = ListenerId(index as u16);
        // systemd holds a passed socket for the service, so its address cannot be bound a second time.
        let passed = inherited
            .iter()
            .position(|passed| passed.socket.describe() == listener.address.show())
            .map(|index| inherited.remove(index).socket);
        let sockets = match &listener.address {
            ListenAddress::Tcp(_) | ListenAddress::Unix { .. } if passed.is_some() => {
                passed.into_iter().collect()
            }
            ListenAddress::Tcp(address) => {
                vec![bind_tcp(*address).map_err(|error| format!("{address}: {error}"))?]
            }
            ListenAddress::Unix { path, mode } => {
                let at = path.display();
                vec![bind_unix(path, *mode).map_err(|error| format!("unix:{at}: {error}"))?]
            }
            ListenAddress::Inherited { name } => take_inherited(&mut inherited, name, &names)?,
        };
        bound.extend(sockets.into_iter().map(|socket| BoundListener {
            id,
            socket,
            is_ready: true,
        }));
    }
    for left in &inherited {
        log::warn!(
            "no listener takes the passed socket {}, its clients get no answer: listen at \"systemd\", \
             or disable rpushd.socket",
            left.socket.describe()
        );
    }
    Ok(bound)
}

/// The inherited sockets of this name, or all that no listener names.
fn take_inherited(
    inherited: &mut Vec<Inherited>,
    name: &Option<String>,
    names: &[&str],
) -> Result<Vec<ListenSocket>, String> {
    let mut sockets = Vec::new();
    for socket in std::mem::take(inherited) {
        let is_wanted = match name {
            Some(name) => socket.name == *name,
            None => !names.contains(&socket.name.as_str()),
        };
        match is_wanted {
            true => sockets.push(socket.socket),
            false => inherited.push(socket),
        }
    }
    match (sockets.is_empty(), name) {
        (false, _) => Ok(sockets),
        (true, Some(name)) => Err(format!("systemd:{name}: no such socket was passed")),
        (true, None) => Err("systemd: no socket was passed (LISTEN_FDS)".to_owned()),
    }
}

fn bind_tcp(address: std::net::SocketAddr) -> io::Result<ListenSocket> {
    let listener = TcpListener::bind(address)?;
    raise_backlog(&listener);
    prepare(&listener);
    Ok(ListenSocket::Tcp(listener))
}

/// What accepted sockets inherit from their listener, which saves a system call for each (Linux: tcp(7)).
/// Frames are written whole and are to leave at once (RFC 1122, section 4.2.3.4); a peer that vanished
/// without a word is found out in some minutes even if nothing is ever written to it; a slow reader's
/// messages wait here and not in the kernel. Failing only costs that much. See also
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

/// A socket file that nobody listens at any more is replaced. Only a refused connection proves that: without
/// permission, with a full backlog or at a socket of another type somebody may listen there all the same.
fn bind_unix(path: &Path, mode: u32) -> io::Result<ListenSocket> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    if is_socket {
        // Not blocking: a live socket with a full backlog answers at once, too.
        match UnixStream::connect(path).map_err(|error| (error.kind(), error)) {
            Ok(_) | Err((io::ErrorKind::WouldBlock, _)) => {
                return Err(io::ErrorKind::AddrInUse.into());
            }
            Err((io::ErrorKind::ConnectionRefused, _)) => fs::remove_file(path)?,
            // It has just been removed.
            Err((io::ErrorKind::NotFound, _)) => {}
            Err((_, error)) => return Err(error),
        }
    }
    // Between bind and chmod nobody but the owner may connect.
    // SAFETY: umask only changes a number of the process; no thread is running besides this one.
    let old_mask = unsafe { libc::umask(0o177) };
    let bound = UnixListener::bind(path);
    // SAFETY: as above.
    unsafe { libc::umask(old_mask) };
    let listener = bound?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    raise_backlog(&listener);
    Ok(ListenSocket::Unix { listener, path: Some(path.to_owned()) })
}

/// mio asks for 128.
fn raise_backlog(listener: &impl AsRawFd) {
    // SAFETY: the descriptor is open and listening; listening again only changes the backlog.
    unsafe { libc::listen(listener.as_raw_fd(), BACKLOG) };
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

    /// Has the kernel end TCP connections accepted from now on whose client acknowledges nothing for so long,
    /// keeps its window closed or answers no probe (tcp(7)). With TCP_USER_TIMEOUT a connection is given up at
    /// the first unanswered probe after that time, so that there are three probes before: TCP_KEEPCNT is not
    /// looked at.
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
    fn describe(&self) -> String {
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

impl BoundListener {
    /// The listener's index in the configuration.
    pub fn id(&self) -> ListenerId {
        self.id
    }

    /// The address or path, as the log shows it.
    pub fn describe(&self) -> String {
        self.socket.describe()
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
