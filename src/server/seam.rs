//! What the reactor calls: the server as a whole, and its calling protocol.

use super::admission::Refused;
use super::connection::{ConnectionId, Phase};
use super::face::{BodyHandler, Face, MakeFaces, PublicationHandler};
use super::host::Host;
use super::state::State;
use crate::broker::{Left, Work};
use crate::config::{Config, Limits, ListenerId};
use crate::stats::Counters;
use crate::time::{Moment, Now};
use crate::transports::Formats;
use std::collections::HashMap;
use std::io::IoSlice;
use std::net::IpAddr;

/// The whole daemon except for the operating system: connections, channels, messages, timers.
///
/// It performs no I/O. The caller (the reactor, or a simulation) owns the sockets and the clock,
/// reports what happened to them, and asks what to do. No call blocks.
///
/// # One turn
///
/// The caller works in turns ([picture](crate#a-turn-of-the-loop)). All calls of a turn get the
/// same `now`, and its monotonic time never decreases. In this order:
///
/// 1. [`begin_turn`](Server::begin_turn): begins the first half of the budget, for reading.
/// 2. Optional: read sockets of internal listeners that were readable before, until
///    [`is_internal_share_spent`](Server::is_internal_share_spent).
/// 3. [`next_to_read`](Server::next_to_read) until `None`: paused connections continue with input
///    that arrived earlier. Only then read input that is new.
/// 4. Accept clients: [`has_room`](Server::has_room) before a socket is accepted; if it refuses,
///    [`make_room`](Server::make_room) closes an idle connection in step 8. Then
///    [`accepted`](Server::accepted).
/// 5. Read each readable socket once if the server [`wants_input`](Server::wants_input) from it,
///    until [`is_turn_spent`](Server::is_turn_spent). The others are read in the next turn.
/// 6. [`tick`](Server::tick): heartbeats and deadlines. Then begins the second half of the budget,
///    for writing.
/// 7. [`next_to_write`](Server::next_to_write) until `None`, with one gathered write of the
///    [`unsent`](Server::unsent) bytes for each. Then [`fan_out`](Server::fan_out), which queues
///    more. Repeat both until `fan_out` returns false.
/// 8. [`next_to_shut`](Server::next_to_shut) until `None`: shut down the sending side. Then
///    [`next_to_close`](Server::next_to_close) until `None`: close the socket, with a reset if the
///    answer [`is_cut_short`](Server::is_cut_short), and call [`closed`](Server::closed).
/// 9. Sleep until an event or until [`next_wake`](Server::next_wake), whichever is earlier.
///
/// Whatever exceeds the budget stays queued inside; `next_wake` then asks for the next turn at
/// once. A caller may end a turn's reading or writing earlier, but must not leave out steps 1, 3,
/// 6 and 8.
///
/// # Reports
///
/// | what happened to a socket | call |
/// | --- | --- |
/// | accepted | [`accepted`](Server::accepted), which assigns the id |
/// | a read returned bytes | [`received`](Server::received) |
/// | a read returned 0 (end of file) | [`input_ended`](Server::input_ended) |
/// | a read or write failed | [`hung_up`](Server::hung_up) |
/// | a write took bytes | [`sent`](Server::sent) |
/// | a write took fewer bytes than offered, or none | [`blocked`](Server::blocked), after `sent` |
/// | it became writable | [`writable`](Server::writable) |
///
/// Reports may come at any point of a turn. The calls of steps 7 and 8 return the connections that
/// have answers to write or are to be closed because of them. [`stop`](Server::stop) and
/// [`reconfigure`](Server::reconfigure) may be called at any point, too.
///
/// # Ids
///
/// An id is valid from `accepted` until `closed`; then it is vacant, and `accepted` may assign it
/// again. Methods that take an id panic if it is vacant, except
/// [`is_internal_peer`](Server::is_internal_peer). After the report that ends a connection, and
/// before `closed`, further reports about it are allowed and ignored, so events of one batch need
/// no filter.
pub struct Server {
    pub(super) state: State,
    pub(super) faces: Vec<Box<dyn Face>>,
    /// The requests whose bodies are being received.
    pub(super) body_handlers: HashMap<ConnectionId, Box<dyn BodyHandler>>,
    /// The requests whose publications wait for room or for time.
    pub(super) publication_handlers: HashMap<ConnectionId, Box<dyn PublicationHandler>>,
}

impl Server {
    /// A server without connections.
    pub fn new(config: Config, make_faces: MakeFaces, host: Host, now: Now) -> Server {
        let mut formats = Formats::new(host.epoch());
        let faces = make_faces(&config, &mut formats);
        // The first turn is not charged for encodings made for the faces.
        formats.take_made();
        Server {
            state: State::new(config, host, formats, padding_max(&faces), now),
            faces,
            body_handlers: HashMap::new(),
            publication_handlers: HashMap::new(),
        }
    }

    // What happened.

    /// Begins a turn and the half of its budget that is for reading. Call it before
    /// [`Server::next_to_read`].
    pub fn begin_turn(&mut self, now: Now) {
        self.state.lists.resumes_left = self.state.lists.resumable.len();
        self.state.date.refresh(now.unix_seconds());
        self.state.turn.begin_reading(self.state.config.limits.microseconds_per_turn);
        self.state.follow_wall_clock(now);
        self.state.relieve(now);
        self.state.publish_waiting_events(now);
    }

    /// Whether the budget of the current half of the turn is spent. Before [`Server::tick`]: read
    /// nothing more in this turn.
    pub fn is_turn_spent(&self) -> bool {
        self.state.turn.is_spent()
    }

    /// Whether connections of internal listeners have used up the third of the reading budget that
    /// may be spent on them before all others.
    pub fn is_internal_share_spent(&self) -> bool {
        self.state.turn.is_internal_share_spent()
    }

    /// The work done since [`Server::begin_turn`] or [`Server::tick`], whichever was later; for
    /// tests.
    pub fn work(&self) -> Work {
        self.state.turn.work
    }

    /// Adds a connection that was accepted from this listener. `peer` is the address of the other
    /// end of its socket; a Unix socket has none. Returns its id, which is vacant until then.
    ///
    /// # Errors
    /// Those of [`Server::has_room`]. The socket is to be dropped; nothing has changed.
    pub fn accepted(
        &mut self,
        listener: ListenerId,
        peer: Option<IpAddr>,
        now: Now,
    ) -> Result<ConnectionId, Refused> {
        self.state.accept(listener, peer, now)
    }

    /// Reports bytes read from a socket: parses them and carries out the requests and messages that
    /// they complete. What cannot be used yet is copied and kept, so `bytes` may be reused. Then
    /// ask [`Server::wants_input`] again.
    pub fn received(&mut self, id: ConnectionId, bytes: &[u8], now: Now) {
        let state = &mut self.state;
        state.counters.received_bytes_total += bytes.len() as u64;
        state.turn.work.bytes += bytes.len() as u64;
        state.date.refresh(now.unix_seconds());
        self.read(id, bytes, now);
        self.state.refuse_if_short(id, now);
        self.state.rearm(id);
        self.state.end_step(now);
    }

    /// Reports end of file: the client has closed its sending side. Paused requests are still
    /// carried out and queued answers written. A connection with a subscription or an incomplete
    /// request is closed at once.
    pub fn input_ended(&mut self, id: ConnectionId, now: Now) {
        let connection = &mut self.state.connections[id];
        connection.flags.has_input_ended = true;
        match connection.phase {
            Phase::Head { .. } | Phase::Body(_) if connection.flags.is_paused() => {}
            Phase::Head { .. } if !connection.outbox.is_empty() => self.state.drain(id, now),
            Phase::Draining => {}
            _ => {
                self.state.log_disconnect(id, "closed by the client", now);
                self.state.condemn(id);
            }
        }
        self.state.end_step(now);
    }

    /// Reports that the connection is broken: it is closed without writing what is queued.
    pub fn hung_up(&mut self, id: ConnectionId, now: Now) {
        self.state.log_disconnect(id, "the connection broke", now);
        self.state.condemn(id);
        self.state.end_step(now);
    }

    /// Reports that the kernel took the first `count` of the [`Server::unsent`] bytes. Call it
    /// before any other report, which might change the queue.
    pub fn sent(&mut self, id: ConnectionId, count: usize, now: Now) {
        self.state.counters.sent_bytes_total += count as u64;
        self.state.turn.work.writes += 1;
        let connection = &mut self.state.connections[id];
        match connection.outbox.sent(count, now.monotonic) {
            Left::Nothing | Left::Something => {}
            Left::Feed => self.state.feed_more(id, now),
        }
        self.state.continue_writing(id, now);
    }

    /// Reports that the kernel takes no more bytes now. [`Server::next_to_write`] does not return
    /// the connection until [`Server::writable`], and it is closed if that takes longer than
    /// `outbox_stall_timeout`.
    pub fn blocked(&mut self, id: ConnectionId) {
        self.state.connections[id].flags.is_blocked = true;
        self.state.rearm(id);
    }

    /// Reports that the socket accepts bytes. It may be called without [`Server::blocked`] before.
    pub fn writable(&mut self, id: ConnectionId) {
        let connection = &mut self.state.connections[id];
        connection.flags.is_blocked = false;
        if !connection.outbox.is_empty() {
            self.state.request_write(id);
        }
    }

    /// Handles what is due at `now`: heartbeats, time-outs, expired messages, idle channels. Then
    /// begins the half of the turn's budget that is for fan-out and writing. Call it once per turn,
    /// after reading and before [`Server::next_to_write`].
    pub fn tick(&mut self, now: Now) {
        self.state.tick(now);
    }

    /// Begins to stop: ends every stream with its goodbye, lets requests in progress be answered,
    /// closes idle connections and refuses new ones. After `stop_timeout` the connections that are
    /// left are closed. Continue with turns until [`Server::connection_count`] is 0.
    pub fn stop(&mut self, now: Now) {
        self.state.stop(now);
    }

    // What to do.

    /// The next connection that has bytes to write and whose socket accepts them. Write its
    /// [`Server::unsent`] bytes once. Several may be taken before the first is written to; one of
    /// them may then have nothing left, because it was returned twice or has been closed.
    ///
    /// `None`: call [`Server::fan_out`], which queues more; if that returns false, the turn has
    /// nothing more to write.
    ///
    /// Answers and deliveries alternate, so that neither delays the other by more than 16 writes.
    pub fn next_to_write(&mut self) -> Option<ConnectionId> {
        self.state.next_to_write()
    }

    /// Runs one round of the fan-out, within the budget that [`Server::tick`] began: makes more of
    /// replays and lists whose queues are empty, and visits some subscribers. Call it when
    /// [`Server::next_to_write`] returns `None`, and then that again. False: nothing is left to do,
    /// or the budget is spent.
    pub fn fan_out(&mut self, now: Now) -> bool {
        self.state.fan_out(now)
    }

    /// The bytes to write to a connection, oldest first. Fills `slices` from the front and returns
    /// how many it used; 0: nothing is left to write, so skip this connection.
    pub fn unsent<'a>(&'a self, id: ConnectionId, slices: &mut [IoSlice<'a>]) -> usize {
        self.state.connections[id].outbox.gather(slices)
    }

    /// Whether to read from this connection now. If false, leave the input in the socket
    /// (back-pressure) and ask again when [`Server::next_to_read`] returns the connection.
    pub fn wants_input(&self, id: ConnectionId) -> bool {
        let connection = &self.state.connections[id];
        match connection.phase {
            Phase::Condemned { .. } => false,
            Phase::Head { .. } | Phase::Body(_)
                if connection.flags.is_paused() || connection.flags.is_held =>
            {
                false
            }
            Phase::Subscriber(ref subscriber) if subscriber.is_websocket() => {
                !connection.flags.is_paused()
            }
            // The input of a subscriber is kept up to a limit and then dropped, but its end of file
            // must be noticed.
            _ => true,
        }
    }

    /// The next connection that may want input again: ask [`Server::wants_input`]. If it was
    /// paused, this call first carries out what it had sent already. Therefore call it until `None`
    /// before reading anything new, so that what arrived earlier is carried out earlier.
    ///
    /// `None`: no connection can continue, or the share of the budget for paused connections (half
    /// of the reading half) is spent. From then on the budget is that of new input.
    pub fn next_to_read(&mut self, now: Now) -> Option<ConnectionId> {
        if let Some(id) = self.state.next_to_read(now) {
            return Some(id);
        }
        let resumed = self.resume_paused(now);
        self.state.end_step(now);
        if resumed.is_none() {
            self.state.turn.begin_new_input();
        }
        resumed
    }

    /// The next connection whose sending side is to be shut down (`SHUT_WR`). Continue to read from
    /// it; what the client sends is dropped. `None`: no more in this turn.
    pub fn next_to_shut(&mut self) -> Option<ConnectionId> {
        while let Some(id) = self.state.lists.to_shut.pop_front() {
            let connection = self.state.connections.get(id);
            if connection.is_some_and(|connection| matches!(connection.phase, Phase::Lingering)) {
                return Some(id);
            }
        }
        None
    }

    /// The next connection to close: ask [`Server::is_cut_short`], close the socket, then call
    /// [`Server::closed`]. `None`: no more in this turn.
    pub fn next_to_close(&mut self) -> Option<ConnectionId> {
        self.state.lists.to_close.pop_front()
    }

    /// Whether to close the socket of this connection with a reset. In HTTP/1.0 the end of the
    /// connection may be the end of the answer; with a normal close the client would take the part
    /// that it got for the whole.
    pub fn is_cut_short(&self, id: ConnectionId) -> bool {
        let phase = &self.state.connections[id].phase;
        matches!(phase, Phase::Condemned { is_cut_short: true })
    }

    /// Reports that the socket of a connection from [`Server::next_to_close`] is closed. The id is
    /// vacant from now on; [`Server::accepted`] may assign it again.
    ///
    /// # Panics
    /// [`Server::next_to_close`] has not returned the connection.
    pub fn closed(&mut self, id: ConnectionId) {
        let connection = self.state.connections.remove(id);
        assert!(connection.is_condemned(), "only condemned connections are closed");
        assert!(connection.subscriptions.is_empty(), "a closed connection has left its channels");
        self.body_handlers.remove(&id);
        self.publication_handlers.remove(&id);
        self.state.waiting_publications.forget(id.into());
        self.state.log.requests.remove(id);
        self.state.timers.cancel(id.0);
        self.state.admission.internal_count -=
            usize::from(self.state.is_internal(connection.listener));
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.state.config.limits
    }

    /// The counters since the start, for the events that the reactor counts.
    pub fn counters(&mut self) -> &mut Counters {
        &mut self.state.counters
    }

    /// The memory budget and what is used of it, in bytes.
    pub fn memory_budget(&self) -> (u64, u64) {
        (self.state.memory.budget(), self.state.memory.used())
    }

    /// Number of connections, those that are being closed included.
    pub fn connection_count(&self) -> usize {
        self.state.connections.len()
    }

    /// Returns the memory of vacant places in the tables of connections and channels, as far as
    /// nothing above them is in use. Takes time in proportion to the size of the tables, so call it
    /// only after many have left, before the heap is trimmed.
    pub fn shrink(&mut self) {
        self.state.connections.shrink();
        self.state.sessions.shrink();
        self.state.presence.shrink();
        self.state.timers.shrink();
        self.state.guard.addresses.shrink();
        self.state.guard.subjects.shrink();
        self.state.broker.hub.shrink();
    }

    /// When the next turn must begin at the latest; `now` if work is left over. `None`: only when
    /// there is something to report.
    pub fn next_wake(&self, now: Now) -> Option<Moment> {
        self.state.next_wake(now)
    }

    /// Whether [`Server::accepted`] would accept a connection from this listener now.
    ///
    /// # Errors
    /// The limit that is reached, or the server is stopping.
    pub fn has_room(&self, listener: ListenerId) -> Result<(), Refused> {
        self.state.has_room(listener)
    }

    /// Closes the connection that has been idle longest, so that a client waiting at this listener
    /// can be accepted in the next turn. For a public listener, connections of internal ones are
    /// not closed. False: no idle connection was found; the search examines a limited number.
    pub fn make_room(&mut self, listener: ListenerId, now: Now) -> bool {
        self.state.make_room(listener, now)
    }

    /// Limits connections to the number of file descriptors that the process has for them. May be
    /// called at any time; without it there is no such limit.
    pub fn limit_connections(&mut self, descriptor_count: usize) {
        self.state.limit_connections(descriptor_count);
    }

    /// Whether the listener is internal in the configuration in force.
    pub fn is_internal(&self, listener: ListenerId) -> bool {
        self.state.is_internal(listener)
    }

    /// Whether the connection was accepted from an internal listener. False if there is none with
    /// this id.
    pub fn is_internal_peer(&self, id: ConnectionId) -> bool {
        self.state.is_internal_peer(id)
    }

    /// Whether input that is read now may have to wait in memory: because the server is congested,
    /// or because paused connections come first. If so, read less of each connection.
    pub fn is_input_delayed(&self) -> bool {
        self.state.is_input_delayed()
    }

    /// Whether no request may be carried out now (back-pressure): the publish backlog is full, or
    /// too many events wait to be published, and requests may raise more.
    pub fn is_congested(&self) -> bool {
        self.state.is_congested()
    }

    /// Whether a paused connection can continue as soon as a turn has time for it.
    pub fn has_resumable(&self) -> bool {
        self.state.has_resumable()
    }

    /// Whether [`Server::stop`] was called.
    pub fn is_stopping(&self) -> bool {
        self.state.is_stopping()
    }
}

/// The largest padding, in bytes, that a face gives a message.
pub(super) fn padding_max(faces: &[Box<dyn Face>]) -> u32 {
    faces.iter().map(|face| face.padding_max()).max().unwrap_or(0)
}
