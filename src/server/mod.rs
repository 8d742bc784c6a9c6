//! The state machine: bytes and time in, bytes and deadlines out. It has no socket and no clock;
//! the reactor has those, and in tests a simulation does.
//!
//! Read it in this order: this file is the seam; `requests` and `bodies` take bytes apart; `api`
//! carries out the requests of one face and `push_stream` those of the other; `fanout` and
//! `delivery` bring messages to subscribers, `replay` makes old ones ready, `feed` lets large
//! answers be made as they are read, `outbox` holds what is to be written, `writing` chooses the
//! next connection to write to, and `turn` limits the work of one turn; `publishing` holds
//! publications that wait for room; `admission` decides who may connect; `clients` keeps the
//! addresses of clients, `lines` and `request_log` write the log; `deadlines` is what happens by
//! itself; `lifecycle` is how connections, subscriptions and the server end.

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
use crate::time::{Millis, Now};
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

/// Messages and channels removed in one turn because their time is over: about 2 ms. All that
/// visitors make in a second ends in a second, too.
const SWEPT_PER_TURN: usize = 1024;

/// What the core cannot know by itself.
#[derive(Clone, Debug)]
pub struct Host {
    /// The machine's name.
    pub name: String,
    /// The process id.
    pub process_id: u32,
    /// Bytes of the process that are in RAM; asked when statistics are.
    pub resident_bytes: fn() -> u64,
}

/// The whole daemon, but for the operating system.
pub struct Server {
    config: Config,
    /// Listeners at the start, which are bound: the first ones of the configuration, also after a
    /// reload.
    bound_count: usize,
    head_limits: HeadLimits,
    token_keys: Vec<TokenKey>,
    host: Host,
    started: Now,
    /// When the configuration in force was taken.
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
    stops_at: Option<Millis>,
    turn: Turn,
    /// Connections to write to, each with a flag in its connection: those with answers, and
    /// subscribers that a fan-out gave messages to. The two take turns.
    answered: VecDeque<ConnectionId>,
    delivered: VecDeque<ConnectionId>,
    /// Connections written to from `answered` since a fan-out or `delivered` last had its turn.
    answers_in_row: usize,
    /// Work left for later in the turn, each entry with a flag in its connection.
    to_unsubscribe: Vec<ConnectionId>,
    /// Connections whose queue is empty and whose replay or list is not at its end.
    to_feed: VecDeque<ConnectionId>,
    resumable: Resumable,
    /// Of these, those that were on the list when the turn began: each goes on once in a turn.
    resumes_left: usize,
    /// Publications that wait for room in the backlog or for time.
    waiting_publications: WaitingPublications,
    to_read: VecDeque<ConnectionId>,
    to_shut: VecDeque<ConnectionId>,
    to_close: VecDeque<ConnectionId>,
    /// Connections whose deadline has come and that are still to be looked at, the first one last.
    expired: Vec<u32>,
    visits: Vec<SubscriberId>,
}

impl Server {
    /// A server without connections.
    pub fn new(config: Config, make_faces: MakeFaces, host: Host, now: Now) -> Server {
        let mut formats = Formats::default();
        let faces = make_faces(&config, &mut formats);
        // Encodings made for the faces are not charged to the first turn.
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

    /// A turn of the loop begins: to be called before [`Server::next_to_read`].
    pub fn begin_turn(&mut self, now: Now) {
        self.resumes_left = self.resumable.len();
        self.date.refresh(now.unix_seconds());
        self.turn.begin_reading(self.config.limits.microseconds_per_turn);
        self.publish_waiting_events(now);
    }

    /// Whether what the turn may cost is spent: nothing more is to be read before the next turn.
    pub fn is_turn_spent(&self) -> bool {
        self.turn.is_spent()
    }

    /// Whether internal listeners have had their share of the time for reading.
    pub fn is_internal_share_spent(&self) -> bool {
        self.turn.is_internal_share_spent()
    }

    /// The work done since [`Server::begin_turn`] or, behind it, [`Server::tick`]; for tests.
    pub fn work(&self) -> Work {
        self.turn.work
    }

    /// A client connected. `peer` is the other end of its socket; a Unix socket has none.
    ///
    /// # Errors
    /// There are as many connections as there may be; try again when one has closed.
    pub fn accepted(
        &mut self,
        listener: ListenerId,
        peer: Option<IpAddr>,
        now: Now,
    ) -> Result<ConnectionId, Refused> {
        self.has_room(listener)?;
        self.admission.internal_count += usize::from(self.is_internal(listener));
        let peer = peer.map(|address| address.to_canonical());
        let source = match self.config.trusted_proxies.contains(peer) {
            true => Source::TrustedPeer,
            false => Source::Peer,
        };
        let client = self.addresses.keep(peer, source);
        let id = self.connections.insert(Connection::new(listener, client, now));
        self.counters.connections_total += 1;
        self.rearm(id);
        Ok(id)
    }

    /// Bytes came from a client.
    pub fn received(&mut self, id: ConnectionId, bytes: &[u8], now: Now) {
        self.counters.received_bytes_total += bytes.len() as u64;
        self.turn.work.bytes += bytes.len() as u64;
        self.date.refresh(now.unix_seconds());
        self.read(id, bytes, now);
        self.rearm(id);
        self.end_step(now);
    }

    /// The client closed its side: it will send nothing more.
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

    /// The connection broke.
    pub fn hung_up(&mut self, id: ConnectionId, now: Now) {
        self.log_disconnect(id, "the connection broke", now);
        self.condemn(id);
        self.end_step(now);
    }

    /// The kernel took so many of the [`Server::unsent`] bytes.
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

    /// The kernel takes nothing more for now; [`Server::writable`] will tell when it does again.
    pub fn blocked(&mut self, id: ConnectionId) {
        self.connections[id].flags.is_blocked = true;
        self.rearm(id);
    }

    /// The kernel takes bytes again.
    pub fn writable(&mut self, id: ConnectionId) {
        let connection = &mut self.connections[id];
        connection.flags.is_blocked = false;
        if !connection.outbox.is_empty() {
            self.request_write(id);
        }
    }

    /// Time went on: does what is due. Behind it comes the half of the turn in which messages are
    /// handed out.
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

    /// The bytes to write, oldest first; fills `slices` and returns how many it used.
    pub fn unsent<'a>(&'a self, id: ConnectionId, slices: &mut [IoSlice<'a>]) -> usize {
        self.connections[id].outbox.gather(slices)
    }

    /// Whether bytes from this client are of any use now. If not, [`Server::next_to_read`] tells
    /// when.
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
            // What a subscriber says is kept up to a limit and then dropped; but its end is to be
            // seen.
            _ => true,
        }
    }

    /// A connection that wants input again. A paused one goes on with what it had sent already. So
    /// all of them are to be asked for before anything new is read: what arrived earlier is carried
    /// out earlier, as far as their share of the turn has time for it.
    pub fn next_to_read(&mut self, now: Now) -> Option<ConnectionId> {
        let mut released = || self.broker.fanout.next_released().map(ConnectionId::from);
        while let Some(id) = self.to_read.pop_front().or_else(&mut released) {
            if let Some(connection) = self.connections.get_mut(id) {
                if std::mem::take(&mut connection.flags.is_held) {
                    // Its time for the next request begins when that can be read.
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

    /// A connection whose sending side is to be closed now.
    pub fn next_to_shut(&mut self) -> Option<ConnectionId> {
        while let Some(id) = self.to_shut.pop_front() {
            let connection = self.connections.get(id);
            if connection.is_some_and(|connection| matches!(connection.phase, Phase::Lingering)) {
                return Some(id);
            }
        }
        None
    }

    /// A connection that is over. Its socket is to be closed and [`Server::closed`] called.
    pub fn next_to_close(&mut self) -> Option<ConnectionId> {
        self.to_close.pop_front()
    }

    /// Whether the socket of a connection that is over is to be closed with a reset: the client
    /// must not take what it got for the whole answer.
    pub fn is_cut_short(&self, id: ConnectionId) -> bool {
        let phase = &self.connections[id].phase;
        matches!(phase, Phase::Condemned { is_cut_short: true })
    }

    /// The socket is closed: only now may the id be used again.
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

    /// What has been counted since the start; for the reactor's own counts.
    pub fn counters(&mut self) -> &mut Counters {
        &mut self.counters
    }

    /// Connections that are open.
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
