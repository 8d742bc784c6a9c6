//! A reactor without an operating system: a [`Server`] between simulated sockets and a clock that
//! the test moves. [`Turns`] runs one turn of the loop, in the order of `src/reactor/mod.rs`, with
//! hooks that draw faults and check what the server does.

#![allow(dead_code, unused_imports, reason = "every test binary uses another part of it")]

// The reactor's own: it decides in which order sockets are read.
#[path = "../../../src/reactor/readable.rs"]
mod readable;
mod socket;
mod turn;

pub use socket::{Socket, State};
pub use turn::{Call, Turns, WRITES_AT_ONCE};

use readable::Readable;
use rpushd::config::{Config, ListenerId};
use rpushd::server::{ConnectionId, Host, Refused, Server};
use rpushd::time::{Millis, Now, UnixMillis};
use std::collections::VecDeque;
use std::io::IoSlice;
use std::net::IpAddr;

/// The same value as in the reactor.
pub const READ_BYTES: usize = 64 * 1024;
const SLICES: usize = 16;

/// A server and everything that a reactor owns.
pub struct SimReactor {
    pub server: Server,
    pub now: Now,
    /// In the order in which they connected; none is ever removed.
    pub sockets: Vec<Socket>,
    /// The socket of each open connection, by its id.
    links: Vec<Option<usize>>,
    /// Sockets that wait to be accepted.
    backlog: VecDeque<usize>,
    /// Sockets with something to report.
    events: Vec<usize>,
    /// Sockets on the list to be read.
    readable: Readable,
    /// How many times bytes or the end arrived at a socket that had been read completely.
    arrivals: u64,
    pub turns: u64,
    /// Whether bytes were moved in this turn.
    pub is_active: bool,
    /// The most bytes of one read, and the most frames of one gathered write.
    pub read_bytes: usize,
    pub slices: usize,
    /// The bytes of the current write.
    buffer: Vec<u8>,
}

impl SimReactor {
    pub fn new(config: Config, host: Host, now: Now) -> SimReactor {
        SimReactor {
            server: Server::new(config, rpushd::faces::all, host, now),
            now,
            sockets: Vec::new(),
            links: Vec::new(),
            backlog: VecDeque::new(),
            events: Vec::new(),
            readable: Readable::default(),
            arrivals: 0,
            turns: 0,
            is_active: false,
            read_bytes: READ_BYTES,
            slices: SLICES,
            buffer: Vec::new(),
        }
    }

    /// Connects a client to a listener. It waits in the backlog until it is accepted. Returns the
    /// number of its socket.
    pub fn connect(&mut self, listener: ListenerId, peer: Option<IpAddr>) -> usize {
        let number = self.sockets.len();
        self.sockets.push(Socket::new(listener, peer));
        self.backlog.push_back(number);
        number
    }

    /// Disconnects a client before it is accepted.
    pub fn leave_backlog(&mut self, number: usize) {
        assert_eq!(self.sockets[number].state, State::Waiting, "it has not been accepted");
        self.sockets[number].state = State::Closed;
        self.backlog.retain(|waiting| *waiting != number);
    }

    /// Accepts a waiting client, as the reactor does in each turn.
    ///
    /// # Errors
    /// The server has no room: the client stays in the backlog.
    pub fn accept(&mut self, number: usize) -> Result<ConnectionId, Refused> {
        let socket = &mut self.sockets[number];
        assert_eq!(socket.state, State::Waiting, "a client is accepted once");
        let id = self.server.accepted(socket.listener, socket.peer, self.now)?;
        socket.state = State::Open(id);
        let index = id.0 as usize;
        if index >= self.links.len() {
            self.links.resize(index + 1, None);
        }
        assert_eq!(self.links[index], None, "an id is free before it is used again");
        self.links[index] = Some(number);
        self.backlog.retain(|waiting| *waiting != number);
        Ok(id)
    }

    /// A client's bytes arrive.
    pub fn send(&mut self, number: usize, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.sockets[number].to_server.extend(bytes);
            self.note_arrival(number);
        }
    }

    /// A client closes its sending side.
    pub fn end(&mut self, number: usize) {
        self.sockets[number].has_ended = true;
        self.note_arrival(number);
    }

    /// Breaks a client's connection, as with a reset: the server finds out when it reads or writes.
    pub fn break_off(&mut self, number: usize) {
        self.sockets[number].is_broken = true;
        self.note_arrival(number);
    }

    /// Lets a client read, which makes room for more. Returns the number of bytes read.
    pub fn read_by_client(&mut self, number: usize, count_max: usize) -> usize {
        let socket = &mut self.sockets[number];
        let count = socket.to_client.len().min(count_max);
        socket.to_client.drain(..count);
        let room = socket.room.saturating_add(count);
        self.set_room(number, room);
        count
    }

    /// Sets the number of bytes that the kernel still accepts from the server.
    pub fn set_room(&mut self, number: usize, room: usize) {
        self.sockets[number].room = room;
        self.report(number);
    }

    /// Reports that a socket has room, although no write was refused.
    pub fn wake(&mut self, number: usize) {
        self.sockets[number].is_woken = true;
        self.report(number);
    }

    fn note_arrival(&mut self, number: usize) {
        self.sockets[number].has_event = true;
        self.stamp(number);
        self.report(number);
    }

    fn stamp(&mut self, number: usize) {
        let socket = &mut self.sockets[number];
        if socket.arrived.is_none() {
            self.arrivals += 1;
            socket.arrived = Some(self.arrivals);
        }
    }

    /// Adds a socket to the list of those with an event, if it has one.
    fn report(&mut self, number: usize) {
        let socket = &mut self.sockets[number];
        if socket.is_due() && !std::mem::replace(&mut socket.is_reporting, true) {
            self.events.push(number);
        }
    }

    /// Socket numbers and ids of the open connections.
    pub fn open(&self) -> impl Iterator<Item = (usize, ConnectionId)> {
        let sockets = self.sockets.iter().enumerate();
        sockets.filter_map(|(number, socket)| socket.id().map(|id| (number, id)))
    }

    /// Records from which connections the server wants input, before it reads anything new.
    pub fn note_wanted(&mut self) {
        for socket in &mut self.sockets {
            socket.was_wanted = socket.id().is_some_and(|id| self.server.wants_input(id));
        }
    }

    /// The socket of an open connection.
    pub fn number(&self, id: ConnectionId) -> usize {
        self.links[id.0 as usize].expect("the connection is open")
    }

    /// Looks at everything that the server has queued for a connection.
    pub fn look_at_queued<T>(&self, id: ConnectionId, look: impl FnOnce(&[IoSlice<'_>]) -> T) -> T {
        let mut few = [IoSlice::new(&[]); 32];
        let count = self.server.unsent(id, &mut few);
        if count < few.len() {
            return look(&few[..count]);
        }
        let mut many = vec![IoSlice::new(&[]); 8192];
        let count = self.server.unsent(id, &mut many);
        assert!(count < many.len(), "there is room for all frames");
        look(&many[..count])
    }

    /// Whether the server has something to do at once.
    pub fn is_due(&self) -> bool {
        self.server.next_wake(self.now).is_some_and(|at| at <= self.now.monotonic)
    }

    /// Whether neither the server nor the reactor has anything to do unless time passes or a client
    /// acts.
    pub fn is_at_rest(&self) -> bool {
        let is_open = |number: &usize| self.sockets[*number].is_open();
        !self.is_due() && self.readable.is_empty() && !self.events.iter().any(is_open)
    }

    /// Time passes, for turns that the test runs itself.
    pub fn pass(&mut self, span: Millis) {
        self.now = later(self.now, span);
    }
}

/// Both clocks, a span later.
pub fn later(now: Now, span: Millis) -> Now {
    Now { monotonic: now.monotonic + span, unix: UnixMillis(now.unix.0 + span.0) }
}
