//! Checks the order in which connections are read, in every world.

use crate::reactor::SimReactor;

/// Called when the server has named every connection that is to be read again, before the events of
/// this turn. Every connection with unread input that the server wants must be listed by now.
pub fn every_wanted_connection_is_listed(reactor: &SimReactor) {
    for (number, id) in reactor.open() {
        let socket = &reactor.sockets[number];
        let is_unlisted = socket.is_readable && !socket.is_listed;
        let is_missed = is_unlisted && reactor.server.wants_input(id);
        assert!(!is_missed, "client {number} is read again, and not named");
    }
}

/// Called before a socket is read. If an event of this turn put it on the list, no other socket may
/// have older bytes that the server wanted when the events were taken: input is read in the order
/// of arrival. A connection whose input was not wanted then is named in the next turn.
pub fn nothing_older_is_unread(reactor: &SimReactor, number: usize) {
    let socket = &reactor.sockets[number];
    if socket.listed_in != Some(reactor.turns) {
        return;
    }
    for (other, id) in reactor.open().filter(|(other, _)| *other != number) {
        let older = &reactor.sockets[other];
        let is_of_turn =
            !older.is_listed || older.listed_in == Some(reactor.turns) && !older.is_ahead;
        let is_older =
            older.is_readable && older.arrived.is_some() && older.arrived < socket.arrived;
        let is_wanted = older.was_wanted && reactor.server.wants_input(id);
        assert!(
            !is_of_turn || !is_older || !is_wanted,
            "client {number} is read before client {other}, whose bytes came earlier"
        );
    }
}
