//! One simulated connection, as the kernel would keep it.

use rpushd::server::{ConnectionId, Server};

pub(super) struct Wire {
    pub(super) id: ConnectionId,
    /// Sent by the client, not read by the server.
    pub(super) to_server: Vec<u8>,
    /// Written by the server, not read by the client.
    pub(super) to_client: Vec<u8>,
    /// Bytes that the kernel still takes from the server.
    pub(super) room: usize,
    /// The client has closed its sending side.
    pub(super) is_ended: bool,
    /// The server has been told so.
    pub(super) is_end_told: bool,
    /// The client has vanished.
    pub(super) is_broken: bool,
    /// The server has closed its sending side.
    pub(super) is_shut: bool,
    /// The server has closed the socket.
    pub(super) is_closed: bool,
    /// It was closed with a reset: the client's read fails.
    pub(super) is_reset: bool,
}

impl Wire {
    pub(super) fn new(id: ConnectionId) -> Wire {
        Wire {
            id,
            to_server: Vec::new(),
            to_client: Vec::new(),
            room: usize::MAX,
            is_ended: false,
            is_end_told: false,
            is_broken: false,
            is_shut: false,
            is_closed: false,
            is_reset: false,
        }
    }

    /// Whether a reactor would read from it in this turn.
    pub(super) fn is_readable(&self, server: &Server) -> bool {
        let has_end = self.is_broken || self.is_ended && !self.is_end_told;
        !self.is_closed && (has_end || !self.to_server.is_empty()) && server.wants_input(self.id)
    }
}
