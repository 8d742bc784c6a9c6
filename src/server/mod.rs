//! The state machine of connections and requests: bytes and time in, bytes and deadlines out. It
//! has no socket and no clock; the reactor owns those, or a simulation in tests.
//!
//! Where to read: this file is the seam (see [`Server`]), `face` the interface to the faces.
//! `admission` accepts connections; `requests`, `bodies` and `websocket` parse their input;
//! `publishing` and `resumable` queue what waits for room. `delivery`, `long_polling` and `feeding`
//! fill the outboxes, `writing` chooses the connection to write to, `deletion` deletes channels.
//! `deadlines` handles timers, `turn` is the budget of a turn. `lifecycle` ends subscriptions,
//! connections and the server. `lines`, `request_log`, `rate_limit` and `clients` (addresses) are
//! for the log, `snapshot` for the statistics, `check` for tests.

mod admission;
mod bodies;
mod check;
mod clients;
mod connection;
mod connections;
mod deadlines;
mod deletion;
mod delivery;
mod face;
mod feeding;
mod lifecycle;
mod lines;
mod long_polling;
mod publishing;
mod rate_limit;
mod request_log;
mod requests;
mod resumable;
mod snapshot;
mod turn;
mod websocket;
mod writing;

pub use admission::Refused;
pub use connection::ConnectionId;
pub use face::{BodyHandler, Context, Face, MakeFaces, Next, Publisher};
pub use publishing::{CreateMissing, PublishError, Publishing};

use crate::auth::TokenKey;
use crate::broker::{Broker, Left, Work};
use crate::compression::Inflater;
use crate::config::{Config, Limits, ListenerId};
use crate::http::{Date, HeadLimits};
use crate::hub::{Hub, HubSettings, SubscriberId};
use crate::stats::Counters;
use crate::time::{Millis, Moment, Now};
use crate::timer_wheel::TimerWheel;
use crate::transports::Formats;
use admission::Admission;
use clients::{Addresses, Source};
use connection::{Connection, Phase};
use connections::Connections;
use publishing::WaitingPublications;
use rate_limit::RateLimit;
use request_log::RequestLog;
use resumable::Resumable;
use std::collections::VecDeque;
use std::io::IoSlice;
use std::net::IpAddr;
use std::rc::Rc;
use turn::Turn;

/// Granularity of connection deadlines.
pub const TICK: Millis = Millis(64);

/// Maximum number of expired messages and idle channels removed in one turn: about 2 ms of work. It
/// suffices to remove in a second all channels that visitors can create in a second.
const SWEPT_PER_TURN: usize = 1024;

/// Facts about the process and its machine, which the core cannot find out by itself.
#[derive(Clone, Debug)]
pub struct Host {
    /// The machine's name.
    pub name: String,
    /// The process id.
    pub process_id: u32,
    /// Returns the resident set size of the process in bytes; called for statistics.
    pub resident_bytes: fn() -> u64,
}

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
    config: Config,
    /// Number of listeners that were bound at the start. They are the first ones of the
    /// configuration, also after a reload.
    bound_count: usize,
    head_limits: HeadLimits,
    token_keys: Vec<TokenKey>,
    host: Host,
    started: Now,
    /// When the configuration in force was loaded.
    configured: Now,
    faces: Rc<[Box<dyn Face>]>,
    connections: Connections,
    addresses: Addresses,
    slow_reader_lines: RateLimit,
    admission: Admission,
    request_log: RequestLog,
    full_store_lines: RateLimit,
    broker: Broker,
    inflater: Inflater,
    timers: TimerWheel,
    counters: Counters,
    date: Date,
    /// Connections in a phase that receives messages.
    subscriber_count: usize,
    stops_at: Option<Moment>,
    turn: Turn,
    /// Connections to write to that have answers queued. The flag `is_pending` of a connection
    /// shows that it is in this list, in `delivered` or in `to_feed`.
    answered: VecDeque<ConnectionId>,
    /// Connections to write to that the fan-out has queued messages for.
    delivered: VecDeque<ConnectionId>,
    /// Number of connections taken from `answered` since `delivered` or the fan-out had its turn.
    answers_in_row: usize,
    /// Connections to unsubscribe from all channels at the end of the step, each with the flag
    /// `is_unsubscribing`.
    to_unsubscribe: Vec<ConnectionId>,
    /// Connections whose replay or list is unfinished and of which everything made so far is
    /// written.
    to_feed: VecDeque<ConnectionId>,
    resumable: Resumable,
    /// How many entries of `resumable` may still continue in this turn: at first those that were in
    /// it when the turn began, so that each continues once per turn.
    resumes_left: usize,
    /// Publications that wait for room in the backlog or for time.
    waiting_publications: WaitingPublications,
    to_read: VecDeque<ConnectionId>,
    to_shut: VecDeque<ConnectionId>,
    to_close: VecDeque<ConnectionId>,
    /// Connections whose deadline has passed and is not handled yet; the next one is last.
    expired: Vec<u32>,
    /// Buffer for the members visited in a round of the fan-out; empty between calls.
    visits: Vec<SubscriberId>,
}

impl Server {
    /// A server without connections.
    pub fn new(config: Config, make_faces: MakeFaces, host: Host, now: Now) -> Server {
        let mut formats = Formats::default();
        let faces = make_faces(&config, &mut formats);
        // The first turn is not charged for encodings made for the faces.
        formats.take_made();
        let hub = Hub::new(HubSettings::from(&config), now);
        Server {
            head_limits: head_limits(&config.limits),
            token_keys: config.subscribe_secrets.iter().map(TokenKey::new).collect(),
            broker: Broker::new(hub, formats, padding_max(&faces)),
            bound_count: config.listeners.len(),
            config,
            host,
            started: now,
            configured: now,
            faces: faces.into(),
            connections: Connections::default(),
            addresses: Addresses::default(),
            slow_reader_lines: RateLimit::default(),
            admission: Admission::default(),
            request_log: RequestLog::default(),
            full_store_lines: RateLimit::every(Millis(60_000)),
            inflater: Inflater::default(),
            timers: TimerWheel::new(TICK, now.monotonic),
            counters: Counters::default(),
            date: Date::new(now.unix_seconds()),
            subscriber_count: 0,
            stops_at: None,
            turn: Turn::default(),
            answered: VecDeque::new(),
            delivered: VecDeque::new(),
            answers_in_row: 0,
            to_unsubscribe: Vec::new(),
            to_feed: VecDeque::new(),
            resumable: Resumable::default(),
            resumes_left: 0,
            waiting_publications: WaitingPublications::default(),
            to_read: VecDeque::new(),
            to_shut: VecDeque::new(),
            to_close: VecDeque::new(),
            expired: Vec::new(),
            visits: Vec::new(),
        }
    }

    // What happened.

    /// Begins a turn and the half of its budget that is for reading. Call it before
    /// [`Server::next_to_read`].
    pub fn begin_turn(&mut self, now: Now) {
        self.resumes_left = self.resumable.len();
        self.date.refresh(now.unix_seconds());
        self.turn.begin_reading(self.config.limits.microseconds_per_turn);
        self.publish_waiting_events(now);
    }

    /// Whether the budget of the current half of the turn is spent. Before [`Server::tick`]: read
    /// nothing more in this turn.
    pub fn is_turn_spent(&self) -> bool {
        self.turn.is_spent()
    }

    /// Whether connections of internal listeners have used up the third of the reading budget that
    /// may be spent on them before all others.
    pub fn is_internal_share_spent(&self) -> bool {
        self.turn.is_internal_share_spent()
    }

    /// The work done since [`Server::begin_turn`] or [`Server::tick`], whichever was later; for
    /// tests.
    pub fn work(&self) -> Work {
        self.turn.work
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
        self.has_room(listener)?;
        self.admission.internal_count += usize::from(self.is_internal(listener));
        let peer = peer.map(|address| address.to_canonical());
        let is_trusted = self.config.trusted_proxies.contains(peer);
        let source = if is_trusted { Source::TrustedPeer } else { Source::Peer };
        let client = self.addresses.keep(peer, source);
        let id = self.connections.insert(Connection::new(listener, client, now));
        self.counters.connections_total += 1;
        self.rearm(id);
        Ok(id)
    }

    /// Reports bytes read from a socket: parses them and carries out the requests and messages that
    /// they complete. What cannot be used yet is copied and kept, so `bytes` may be reused. Then
    /// ask [`Server::wants_input`] again.
    pub fn received(&mut self, id: ConnectionId, bytes: &[u8], now: Now) {
        self.counters.received_bytes_total += bytes.len() as u64;
        self.turn.work.bytes += bytes.len() as u64;
        self.date.refresh(now.unix_seconds());
        self.read(id, bytes, now);
        self.rearm(id);
        self.end_step(now);
    }

    /// Reports end of file: the client has closed its sending side. Paused requests are still
    /// carried out and queued answers written. A connection with a subscription or an incomplete
    /// request is closed at once.
    pub fn input_ended(&mut self, id: ConnectionId, now: Now) {
        let connection = &mut self.connections[id];
        connection.flags.has_input_ended = true;
        match connection.phase {
            Phase::Head { .. } if connection.flags.is_paused() => {}
            Phase::Head { .. } if !connection.outbox.is_empty() => self.drain(id, now),
            Phase::Draining => {}
            _ => {
                self.log_disconnect(id, "closed by the client", now);
                self.condemn(id);
            }
        }
        self.end_step(now);
    }

    /// Reports that the connection is broken: it is closed without writing what is queued.
    pub fn hung_up(&mut self, id: ConnectionId, now: Now) {
        self.log_disconnect(id, "the connection broke", now);
        self.condemn(id);
        self.end_step(now);
    }

    /// Reports that the kernel took the first `count` of the [`Server::unsent`] bytes. Call it
    /// before any other report, which might change the queue.
    pub fn sent(&mut self, id: ConnectionId, count: usize, now: Now) {
        self.counters.sent_bytes_total += count as u64;
        self.turn.work.writes += 1;
        let connection = &mut self.connections[id];
        match connection.outbox.sent(count, now.monotonic) {
            Left::Nothing | Left::Something => {}
            Left::Feed => self.feed_more(id, now),
        }
        self.continue_writing(id, now);
    }

    /// Reports that the kernel takes no more bytes now. [`Server::next_to_write`] does not return
    /// the connection until [`Server::writable`], and it is closed if that takes longer than
    /// `outbox_stall_timeout`.
    pub fn blocked(&mut self, id: ConnectionId) {
        self.connections[id].flags.is_blocked = true;
        self.rearm(id);
    }

    /// Reports that the socket accepts bytes. It may be called without [`Server::blocked`] before.
    pub fn writable(&mut self, id: ConnectionId) {
        let connection = &mut self.connections[id];
        connection.flags.is_blocked = false;
        if !connection.outbox.is_empty() {
            self.request_write(id);
        }
    }

    /// Handles what is due at `now`: heartbeats, time-outs, expired messages, idle channels. Then
    /// begins the half of the turn's budget that is for fan-out and writing. Call it once per turn,
    /// after reading and before [`Server::next_to_write`].
    pub fn tick(&mut self, now: Now) {
        self.date.refresh(now.unix_seconds());
        self.expire(now);
        self.log_suppressed(now);
        if self.broker.hub.next_sweep().is_some_and(|at| at <= now.monotonic) {
            self.turn.work.channels += self.broker.hub.sweep(SWEPT_PER_TURN, now) as u64;
            self.broker.pieces.remove_unused();
        }
        self.end_step(now);
        self.turn.begin_half(self.config.limits.microseconds_per_turn);
    }

    // What to do.

    /// The bytes to write to a connection, oldest first. Fills `slices` from the front and returns
    /// how many it used; 0: nothing is left to write, so skip this connection.
    pub fn unsent<'a>(&'a self, id: ConnectionId, slices: &mut [IoSlice<'a>]) -> usize {
        self.connections[id].outbox.gather(slices)
    }

    /// Whether to read from this connection now. If false, leave the input in the socket
    /// (back-pressure) and ask again when [`Server::next_to_read`] returns the connection.
    pub fn wants_input(&self, id: ConnectionId) -> bool {
        let connection = &self.connections[id];
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
        let mut released = || self.broker.fanout.next_released().map(ConnectionId::from);
        while let Some(id) = self.to_read.pop_front().or_else(&mut released) {
            if let Some(connection) = self.connections.get_mut(id) {
                if std::mem::take(&mut connection.flags.is_held) {
                    // `head_timeout` and `keepalive_timeout` begin when it can send.
                    connection.since = now.monotonic;
                    self.rearm(id);
                }
                return Some(id);
            }
        }
        let resumed = self.resume_paused(now);
        self.end_step(now);
        if resumed.is_none() {
            self.turn.begin_new_input();
        }
        resumed
    }

    /// The next connection whose sending side is to be shut down (`SHUT_WR`). Continue to read from
    /// it; what the client sends is dropped. `None`: no more in this turn.
    pub fn next_to_shut(&mut self) -> Option<ConnectionId> {
        while let Some(id) = self.to_shut.pop_front() {
            let connection = self.connections.get(id);
            if connection.is_some_and(|connection| matches!(connection.phase, Phase::Lingering)) {
                return Some(id);
            }
        }
        None
    }

    /// The next connection to close: ask [`Server::is_cut_short`], close the socket, then call
    /// [`Server::closed`]. `None`: no more in this turn.
    pub fn next_to_close(&mut self) -> Option<ConnectionId> {
        self.to_close.pop_front()
    }

    /// Whether to close the socket of this connection with a reset. In HTTP/1.0 the end of the
    /// connection may be the end of the answer; with a normal close the client would take the part
    /// that it got for the whole.
    pub fn is_cut_short(&self, id: ConnectionId) -> bool {
        let phase = &self.connections[id].phase;
        matches!(phase, Phase::Condemned { is_cut_short: true })
    }

    /// Reports that the socket of a connection from [`Server::next_to_close`] is closed. The id is
    /// vacant from now on; [`Server::accepted`] may assign it again.
    ///
    /// # Panics
    /// [`Server::next_to_close`] has not returned the connection.
    pub fn closed(&mut self, id: ConnectionId) {
        let connection = self.connections.remove(id);
        assert!(connection.is_condemned(), "only condemned connections are closed");
        assert!(connection.subscriptions.is_empty(), "a closed connection has left its channels");
        self.addresses.release(connection.client);
        self.request_log.remove(id);
        self.timers.cancel(id.0);
        self.admission.internal_count -= usize::from(self.is_internal(connection.listener));
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// The counters since the start, for the events that the reactor counts.
    pub fn counters(&mut self) -> &mut Counters {
        &mut self.counters
    }

    /// Number of connections, those that are being closed included.
    pub fn connection_count(&self) -> usize {
        self.connections.len()
    }
}

fn padding_max(faces: &[Box<dyn Face>]) -> u32 {
    faces.iter().map(|face| face.padding_max()).max().unwrap_or(0)
}

fn head_limits(limits: &Limits) -> HeadLimits {
    HeadLimits {
        head_bytes_max: limits.head_bytes_max,
        target_bytes_max: limits.target_bytes_max,
        header_count_max: limits.header_count_max,
    }
}
