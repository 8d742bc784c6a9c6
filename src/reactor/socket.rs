//! The socket of one connection, TCP or Unix.

use super::shortage::is_shortage;
use mio::event::Event;
use mio::net::{TcpStream, UnixStream};
use mio::unix::SourceFd;
use mio::{Interest, Poll, Token};
use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsRawFd, RawFd};

/// A connected socket and its readiness as reported by epoll.
pub(super) struct Socket {
    stream: Stream,
    /// There may be input; cleared only when a read finds none.
    pub(super) is_readable: bool,
    /// The peer has closed or broken the connection. As epoll reports this only once, the socket is
    /// read until a read finds the end.
    pub(super) is_ending: bool,
    /// It is on a list of sockets to read.
    pub(super) is_listed: bool,
    /// A transfer waits until the kernel has memory again.
    pub(super) is_short: bool,
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Outcome of a read or write.
pub(super) enum Transfer {
    /// Number of bytes moved.
    Some(usize),
    /// No byte can be moved now; epoll reports when one can.
    Blocked,
    /// The peer has closed its side.
    Ended,
    /// The kernel has no memory for it now; epoll does not report when it has.
    Short(io::Error),
    Broken(io::Error),
}

impl Socket {
    pub(super) fn tcp(stream: TcpStream) -> Socket {
        Socket::new(Stream::Tcp(stream))
    }

    pub(super) fn unix(stream: UnixStream) -> Socket {
        Socket::new(Stream::Unix(stream))
    }

    fn new(stream: Stream) -> Socket {
        Socket { stream, is_readable: false, is_ending: false, is_listed: false, is_short: false }
    }

    /// Takes over what an event reports about reading. Returns whether to read the socket.
    pub(super) fn notices(&mut self, event: &Event) -> bool {
        let is_ending = event.is_read_closed() || event.is_error();
        let is_readable = event.is_readable() || is_ending;
        self.is_ending |= is_ending;
        self.is_readable |= is_readable;
        is_readable
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Transfer {
        retry(|| match &mut self.stream {
            Stream::Tcp(stream) => stream.read(buffer),
            Stream::Unix(stream) => stream.read(buffer),
        })
    }

    pub(super) fn write(&mut self, slices: &[IoSlice<'_>]) -> Transfer {
        retry(|| match (&mut self.stream, slices) {
            (Stream::Tcp(stream), [slice]) => stream.write(slice),
            (Stream::Tcp(stream), _) => stream.write_vectored(slices),
            (Stream::Unix(stream), _) => stream.write_vectored(slices),
        })
    }

    /// Closes the sending side. An error means that the connection is broken, which the next read
    /// finds.
    pub(super) fn shut(&self) {
        let _ = match &self.stream {
            Stream::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Stream::Unix(stream) => stream.shutdown(Shutdown::Write),
        };
    }

    /// Makes the close of this socket reset the connection, so that the client's read fails.
    pub(super) fn reset_at_close(&self) {
        let linger = libc::linger { l_onoff: 1, l_linger: 0 };
        let size = size_of::<libc::linger>() as libc::socklen_t;
        // SAFETY: the descriptor is open, the pointer is to a value of the given size.
        unsafe {
            libc::setsockopt(
                self.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_LINGER,
                (&raw const linger).cast(),
                size,
            )
        };
    }
}

fn retry(mut transfer: impl FnMut() -> io::Result<usize>) -> Transfer {
    loop {
        return match transfer() {
            Ok(0) => Transfer::Ended,
            Ok(count) => Transfer::Some(count),
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted => continue,
                io::ErrorKind::WouldBlock => Transfer::Blocked,
                _ if is_shortage(&error) => Transfer::Short(error),
                _ => Transfer::Broken(error),
            },
        };
    }
}

/// Registers a descriptor with epoll, edge-triggered, until it is closed.
pub(super) fn watch(
    poll: &Poll,
    source: &impl AsRawFd,
    token: Token,
    interest: Interest,
) -> io::Result<()> {
    poll.registry().register(&mut SourceFd(&source.as_raw_fd()), token, interest)
}

/// Whether an accept failed for a reason that concerns only that connection: its client gave up, or
/// its network reported an error (accept(2)). The next accept may succeed.
pub(super) fn concerns_one_client(error: &io::Error) -> bool {
    let codes = [
        libc::ECONNABORTED,
        libc::EINTR,
        libc::EPERM,
        libc::EPROTO,
        libc::ENOPROTOOPT,
        libc::ENETDOWN,
        libc::ENETUNREACH,
        libc::EHOSTDOWN,
        libc::EHOSTUNREACH,
        libc::ENONET,
    ];
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        match &self.stream {
            Stream::Tcp(stream) => stream.as_raw_fd(),
            Stream::Unix(stream) => stream.as_raw_fd(),
        }
    }
}
