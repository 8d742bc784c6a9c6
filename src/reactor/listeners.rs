//! Where the daemon listens: TCP, Unix sockets, and sockets inherited from systemd.

use super::listen_socket::{ListenSocket, prepare};
use super::systemd::{Inherited, inherited_sockets};
use crate::config::{ListenAddress, Listener, ListenerId};
use mio::net::{TcpListener, UnixListener, UnixStream};
use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

/// Connections that may wait to be accepted. The kernel caps it at net.core.somaxconn.
const BACKLOG: i32 = 4096;

/// A listening socket.
pub struct BoundListener {
    pub(super) id: ListenerId,
    pub(super) socket: ListenSocket,
    pub(super) is_ready: bool,
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
        // systemd holds a passed socket for the service, so its address cannot be bound a second
        // time.
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
            "no listener takes the passed socket {}, its clients get no answer: listen at \
             \"systemd\", or disable rpushd.socket",
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

/// A socket file without a listening process is replaced. Only a refused connection proves that
/// there is none: a process may listen at a socket that this one may not connect to, that is of
/// another type, or whose backlog is full.
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
