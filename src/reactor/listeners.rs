//! Binds the listeners: TCP, Unix sockets, and sockets passed by systemd.

use super::listen_socket::{ListenSocket, prepare};
use super::systemd::{Inherited, inherited_sockets};
use crate::config::{ListenAddress, Listener, ListenerId};
use crate::time::Millis;
use mio::net::{TcpListener, UnixListener, UnixStream};
use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// Most connections waiting to be accepted. The kernel caps it at net.core.somaxconn.
const BACKLOG: i32 = 4096;

/// A listening socket.
pub struct BoundListener {
    pub(super) id: ListenerId,
    pub(super) socket: ListenSocket,
    /// Whether connections may wait to be accepted.
    pub(super) is_ready: bool,
}

/// Sets the time-out of connections that are accepted from now on.
pub(super) fn set_peer_timeout(listeners: &[BoundListener], timeout: Millis) {
    listeners.iter().for_each(|listener| listener.socket.set_peer_timeout(timeout));
}

/// The bound listeners, and warnings to be logged.
pub struct Bound {
    /// The listeners, in the order of the configuration.
    pub listeners: Vec<BoundListener>,
    /// A warning for each passed socket that is not used.
    pub warnings: Vec<String>,
}

/// Binds every listener of the configuration. Logs nothing, because it is called before the log is
/// opened.
///
/// # Errors
/// An address that cannot be listened on, with the reason.
pub fn bind_all(listeners: &[Listener]) -> Result<Bound, String> {
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
        // A socket passed by systemd is bound already; binding its address again would fail.
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
    let warning = |unused: &Inherited| {
        format!(
            "socket {} passed by systemd is not used, its clients get no response: listen at \
             \"systemd\", or disable rpushd.socket",
            unused.socket.describe()
        )
    };
    Ok(Bound { listeners: bound, warnings: inherited.iter().map(warning).collect() })
}

/// Takes the inherited sockets with this name, or, without a name, all that no listener names.
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
        if is_wanted { sockets.push(socket.socket) } else { inherited.push(socket) }
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

/// Binds a Unix socket, replacing a stale socket file. Only a refused connection proves that no
/// process listens on it: this process may lack the right to connect, the socket may be of another
/// type, or its backlog full.
fn bind_unix(path: &Path, mode: u32) -> io::Result<ListenSocket> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    if is_socket {
        // Non-blocking, so a full backlog of a live socket is an error at once, too.
        match UnixStream::connect(path).map_err(|error| (error.kind(), error)) {
            Ok(_) | Err((io::ErrorKind::WouldBlock, _)) => {
                return Err(io::ErrorKind::AddrInUse.into());
            }
            Err((io::ErrorKind::ConnectionRefused, _)) => fs::remove_file(path)?,
            // It was removed in the meantime.
            Err((io::ErrorKind::NotFound, _)) => {}
            Err((_, error)) => return Err(error),
        }
    }
    // The socket is created with its final mode. Set by chmod(2) later, the mode could reach
    // another file: who owns the folder may put a link in the socket's place, and this may run as
    // root.
    let mask = libc::mode_t::try_from(!mode & 0o777).expect("nine bits");
    // SAFETY: umask only sets a value of the process, which has one thread.
    let old_mask = unsafe { libc::umask(mask) };
    let bound = UnixListener::bind(path);
    // SAFETY: as above.
    unsafe { libc::umask(old_mask) };
    let listener = bound?;
    raise_backlog(&listener);
    Ok(ListenSocket::Unix { listener, path: Some(path.to_owned()) })
}

/// Raises the backlog, which mio sets to 128.
fn raise_backlog(listener: &impl AsRawFd) {
    // SAFETY: the descriptor is open and listening; listening again only changes the backlog.
    unsafe { libc::listen(listener.as_raw_fd(), BACKLOG) };
}

impl BoundListener {
    /// The listener's index in the configuration.
    pub fn id(&self) -> ListenerId {
        self.id
    }

    /// The address or path, as logged.
    pub fn describe(&self) -> String {
        self.socket.describe()
    }
}
