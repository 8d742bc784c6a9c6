//! One client's socket, TCP or Unix.

use mio::net::{TcpStream, UnixStream};
use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsRawFd, RawFd};

/// A connected socket and what epoll said of it.
pub(super) struct Socket {
    stream: Stream,
    /// It may have something to read; cleared only when it had not.
    pub(super) is_readable: bool,
    /// The other side has ended or broken it. epoll tells so only once: it is read until that is seen.
    pub(super) is_ending: bool,
    /// It is on the list of those to read.
    pub(super) is_listed: bool,
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// What came of a read or write.
pub(super) enum Transfer {
    Some(usize),
    /// Nothing can be moved now; epoll will tell when.
    Blocked,
    /// The other side has closed.
    Ended,
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
        Socket { stream, is_readable: false, is_ending: false, is_listed: false }
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

    /// Closes the sending side. It may be closed already; that is found out by reading.
    pub(super) fn shut(&self) {
        let _ = match &self.stream {
            Stream::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Stream::Unix(stream) => stream.shutdown(Shutdown::Write),
        };
    }

    /// Closing the socket will reset the connection instead of ending it: the client's read fails.
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
                _ => Transfer::Broken(error),
            },
        };
    }
}

/// Whether a connection could not be accepted for a reason of its own, so that the next one may do better:
/// its client gave up, or its network reported an error (accept(2)).
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
