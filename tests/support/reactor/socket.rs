//! One simulated connection: its state in the kernels of both ends and in the reactor.

use rpushd::config::ListenerId;
use rpushd::server::ConnectionId;
use std::collections::VecDeque;
use std::net::IpAddr;

/// The phase of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// In the listener's backlog.
    Waiting,
    Open(ConnectionId),
    /// The server has closed its socket, or it was never accepted.
    Closed,
}

/// Both directions of a connection.
pub struct Socket {
    pub listener: ListenerId,
    pub peer: Option<IpAddr>,
    pub state: State,
    /// Bytes sent by the client and not yet read by the server.
    pub to_server: VecDeque<u8>,
    /// Bytes written by the server and not yet read by the client.
    pub to_client: Vec<u8>,
    /// Number of bytes that the kernel still accepts from the server.
    pub room: usize,
    /// The client has closed its sending side.
    pub has_ended: bool,
    /// The client has broken the connection without notice.
    pub is_broken: bool,
    /// The server has been informed of the end of input, or that the connection broke.
    pub is_end_known: bool,
    /// The server has closed its sending side.
    pub is_shut: bool,
    /// The server has closed the socket with a reset: the client's read fails.
    pub is_reset: bool,
    /// Position of the oldest unread bytes in the order of arrival; `None`: all bytes have been
    /// read.
    pub arrived: Option<u64>,
    /// Bytes or the end have arrived since the reactor last took its event.
    pub has_event: bool,
    /// Its event is not reported in this turn.
    pub is_delayed: bool,
    /// The kernel reports room although no write was refused.
    pub is_woken: bool,
    /// A write was refused, and the server has not been informed of new room since.
    pub is_blocked: bool,
    /// Whether a read may return something, as recorded by the reactor.
    pub is_readable: bool,
    /// Whether it is on the reactor's list of sockets to read.
    pub is_listed: bool,
    /// On the list of sockets of internal listeners, which the next turn reads before all others.
    pub is_ahead: bool,
    /// The turn whose events put it on the list; `None`: the server did.
    pub listed_in: Option<u64>,
    /// Whether the server wanted its input when the events of this turn were taken.
    pub was_wanted: bool,
    /// Whether it is on the list of sockets with an event.
    pub(super) is_reporting: bool,
}

impl Socket {
    pub(super) fn new(listener: ListenerId, peer: Option<IpAddr>) -> Socket {
        Socket {
            listener,
            peer,
            state: State::Waiting,
            to_server: VecDeque::new(),
            to_client: Vec::new(),
            room: usize::MAX,
            has_ended: false,
            is_broken: false,
            is_end_known: false,
            is_shut: false,
            is_reset: false,
            arrived: None,
            has_event: false,
            is_delayed: false,
            is_woken: false,
            is_blocked: false,
            is_readable: false,
            is_listed: false,
            is_ahead: false,
            listed_in: None,
            was_wanted: false,
            is_reporting: false,
        }
    }

    /// The connection's id while it is open.
    pub fn id(&self) -> Option<ConnectionId> {
        match self.state {
            State::Open(id) => Some(id),
            State::Waiting | State::Closed => None,
        }
    }

    pub fn is_open(&self) -> bool {
        self.id().is_some()
    }

    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Whether the kernel has an event for the reactor.
    pub(super) fn is_due(&self) -> bool {
        self.has_event || self.room > 0 && (self.is_blocked || self.is_woken)
    }
}
