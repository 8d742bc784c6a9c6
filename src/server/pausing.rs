//! Back-pressure: when a connection is paused, that is, not read, and when it may continue.

use super::connection::{ConnectionId, Pause, Phase};
use super::memory::Pressure;
use super::state::State;
use crate::broker::Transport;
use crate::time::Now;

impl State {
    /// Whether input that is read now may have to wait in memory, or there is little of it: because
    /// the server is congested, or because paused connections come first. If so, read less of each
    /// connection.
    pub(super) fn is_input_delayed(&self) -> bool {
        self.is_congested()
            || !self.lists.resumable.is_empty()
            || self.memory.is_at_least(Pressure::Requests)
    }

    /// Whether no request may be carried out now (back-pressure): the publish backlog is full, or
    /// too many events wait to be published, and requests may raise more.
    pub(super) fn is_congested(&self) -> bool {
        // Two or three passes over the members of the events channel deliver this many.
        self.is_backlog_full()
            || self.broker.hub.event_bytes() > self.config.limits.outbox_bytes_max / 4
    }

    pub(super) fn is_backlog_full(&self) -> bool {
        let bytes_max = self.config.limits.backlog_bytes_max.min(self.memory.single_bytes_max());
        self.broker.fanout.backlog_bytes() > bytes_max
    }

    /// Whether the backlog has room and the turn has time for one more publication.
    pub(super) fn can_publish(&self) -> bool {
        !self.is_congested() && !self.turn.is_spent()
    }

    /// Whether one more request may be carried out: the connection's outbox has room, the server is
    /// not congested, and the connection's share of the turn is not spent.
    pub(super) fn can_answer(&self, id: ConnectionId) -> bool {
        self.has_outbox_room(id) && !self.is_congested() && !self.turn.is_connection_share_spent()
    }

    /// Whether the outbox is at most half full and has no replay or list in progress.
    pub(super) fn has_outbox_room(&self, id: ConnectionId) -> bool {
        let outbox = &self.connections[id].outbox;
        outbox.cost() <= self.config.limits.outbox_bytes_max / 2 && !outbox.is_fed()
    }

    /// Continues with the next requests after a response that lasted, such as a stream: those that
    /// have arrived since are read now.
    pub(super) fn resume_requests(&mut self, id: ConnectionId) {
        let connection = &self.connections[id];
        if !connection.flags.is_held {
            self.lists.to_read.push_back(id);
        }
        if matches!(connection.phase, Phase::Head { .. }) && !connection.input.is_empty() {
            self.pause(id);
        }
        // A subscriber may have had no deadline.
        self.rearm(id);
    }

    /// Pauses a connection: it is not read until its outbox and the publish backlog have room and
    /// the turn has time (back-pressure).
    pub(super) fn pause(&mut self, id: ConnectionId) {
        let flags = &mut self.connections[id].flags;
        if !flags.is_paused() {
            flags.pause = Pause::ForRoom;
        }
        self.resume_if_room(id);
    }

    /// If the outbox of a paused connection has room, puts it into the list of those that continue
    /// when the backlog has room and the turn has time.
    pub(super) fn resume_if_room(&mut self, id: ConnectionId) {
        let flags = &self.connections[id].flags;
        if flags.pause == Pause::ForRoom && self.has_outbox_room(id) {
            self.connections[id].flags.pause = Pause::Listed;
            self.lists.resumable.push(id, self.is_internal_peer(id));
        }
    }

    /// Whether a paused connection can continue as soon as a turn has time for it.
    pub(super) fn has_resumable(&self) -> bool {
        !self.lists.resumable.is_empty() && !self.is_congested()
    }

    /// Keeps input that could not be used yet, or drops it if it can never be used.
    pub(super) fn keep_unused(&mut self, id: ConnectionId, unused: Vec<u8>) {
        let connection = &mut self.connections[id];
        if let Phase::Subscriber(subscriber) = &connection.phase
            && !unused.is_empty()
            && (matches!(subscriber.transport, Transport::Framed | Transport::Events { .. })
                || unused.len() > self.config.limits.head_bytes_max)
        {
            // After a stream of the API, which never ends, input cannot be used; after other
            // streams, no more than the next request is kept. What is dropped would be missing
            // later, so the connection ends with the stream.
            connection.exchange.keeps_alive = false;
        }
        connection.input = match connection.phase {
            Phase::Draining | Phase::Lingering | Phase::Condemned { .. } => Box::default(),
            // Input after the last request of a connection is never used, but frames are.
            Phase::Subscriber(ref subscriber)
                if !connection.exchange.keeps_alive && !subscriber.is_websocket() =>
            {
                Box::default()
            }
            // Gives back the memory of what was used.
            _ => unused.into(),
        };
    }

    /// The next connection that may want input again, paused ones aside.
    pub(super) fn next_to_read(&mut self, now: Now) -> Option<ConnectionId> {
        let mut released = || self.broker.fanout.next_released().map(ConnectionId::from);
        while let Some(id) = self.lists.to_read.pop_front().or_else(&mut released) {
            if let Some(connection) = self.connections.get_mut(id) {
                if std::mem::take(&mut connection.flags.is_held) {
                    // `head_timeout` and `keepalive_timeout` begin when it can send.
                    connection.since = now.monotonic;
                    self.rearm(id);
                }
                return Some(id);
            }
        }
        None
    }
}
