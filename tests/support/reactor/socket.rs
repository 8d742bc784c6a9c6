//! One simulated connection, as the two kernels and the reactor keep it.

use rpushd::config::ListenerId;
use rpushd::server::ConnectionId;
use std::collections::VecDeque;
use std::net::IpAddr;

/// Where a connection is in its life.
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
    /// Sent by the client, not read by the server.
    pub to_server: VecDeque<u8>,
    /// Written by the server, not read by the client.
    pub to_client: Vec<u8>,
    /// Bytes that the kernel still takes from the server.
    pub room: usize,
    /// The client has closed its sending side.
    pub has_ended: bool,
    /// The client has vanished.
    pub is_broken: bool,
    /// The server knows of the end of input, or that the connection broke.
    pub is_end_known: bool,
    /// The server has closed its sending side.
    pub is_shut: bool,
    /// The server has closed the socket with a reset: the client's read fails.
    pub is_reset: bool,
    /// Position of its oldest unread bytes in the order of arrival; none: all bytes are read.
    pub arrived: Option<u64>,
    /// Bytes or the end have come since the reactor last took its event.
    pub has_event: bool,
    /// Its event is not reported in this turn.
    pub is_delayed: bool,
    /// The kernel reports room though it was not asked for.
    pub is_woken: bool,
    /// The server was told that nothing more fits, and not yet that something does.
    pub is_blocked: bool,
    /// A read may return something; as the reactor keeps it.
    pub is_readable: bool,
    /// On the reactor's list of sockets to read.
    pub is_listed: bool,
    /// The turn whose events it was listed for. None: it was listed because the server named it.
    pub listed_in: Option<u64>,
    /// The server wanted its input when the events of this turn were taken.
    pub was_wanted: bool,
    /// On the list of sockets with something to report.
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

    /// Whether the kernel has something to report to the reactor.
    pub(super) fn is_due(&self) -> bool {
        self.has_event || self.room > 0 && (self.is_blocked || self.is_woken)
    }
}
