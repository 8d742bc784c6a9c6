//! One server between simulated sockets and a clock. Turns run as in `src/reactor/mod.rs`, and
//! after each the whole state is checked.

use rpushd::config::{Config, ListenerId};
use rpushd::server::{ConnectionId, Host, Server};
use rpushd::time::{Millis, Now};
use std::collections::VecDeque;
use std::io::IoSlice;
use std::net::{IpAddr, Ipv4Addr};

/// As in the reactor.
const READ_BYTES_LATE: usize = 4 * 1024;
const READS_PER_TURN: usize = 1024;
const WRITES_AT_ONCE: usize = 16;
const SLICES: usize = 16;
/// As the configurations have it.
const CONNECTIONS_MAX: usize = 3;
/// An outbox at its limit, an answer of statistics, and all that a client may have sent: inputs
/// have at most 4 KiB, and a body is kept up to its limit only if all of it arrives.
const BUFFERED_BYTES_MAX: usize = 24 * 1024;
/// The limit, and a message of 4 KiB in all the forms in which it is read.
const BACKLOG_BYTES_MAX: usize = 64 * 1024;
/// A server that still has something to do after so many turns goes round in circles.
const TURNS_MAX: usize = 20_000;

pub struct World {
    pub server: Server,
    pub now: Now,
    /// By the id of their connection.
    sockets: Vec<Option<Socket>>,
    readable: VecDeque<u32>,
    pub clients: Vec<Client>,
    /// Bytes read from a socket at once.
    read_bytes: usize,
}

/// A client, which connects again whenever it has bytes to send and no connection.
pub struct Client {
    listener: ListenerId,
    peer: Option<IpAddr>,
    id: Option<u32>,
    /// All that was written to its latest connection.
    pub received: Vec<u8>,
}

/// A connection's socket with both directions of it.
struct Socket {
    client: usize,
    to_server: VecDeque<u8>,
    has_ended: bool,
    is_broken: bool,
    /// Bytes that the client's side has room for.
    room: usize,
    is_blocked: bool,
    is_readable: bool,
    is_listed: bool,
}

impl World {
    /// A server with as many clients as there are listeners, one at each. `read_bytes`: the most
    /// that is read from a socket at once.
    pub fn new(config: Config, read_bytes: usize) -> World {
        // A start other than 0 shows where points in time are mistaken for spans.
        let unix = Millis::from_seconds(1_795_315_656);
        let now = Now { monotonic: Millis::from_seconds(64), unix };
        let host = Host { name: "fuzz".to_owned(), process_id: 1, resident_bytes: || 0 };
        let clients = (0..config.listeners.len()).map(|index| Client {
            listener: ListenerId(index as u16),
            peer: (index > 0).then_some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, index as u8))),
            id: None,
            received: Vec::new(),
        });
        World {
            clients: clients.collect(),
            server: Server::new(config, rpushd::faces::all, host, now),
            now,
            sockets: Vec::new(),
            readable: VecDeque::new(),
            read_bytes,
        }
    }

    /// A client's bytes arrive. Without room for its connection they are dropped.
    pub fn send(&mut self, client: usize, bytes: &[u8]) {
        if self.clients[client].id.is_none() {
            self.connect(client);
        }
        if let Some(socket) = self.socket(client).filter(|socket| !socket.has_ended) {
            socket.to_server.extend(bytes);
            socket.is_readable |= !bytes.is_empty();
        }
    }

    /// A client closes its sending side.
    pub fn end(&mut self, client: usize) {
        if let Some(socket) = self.socket(client) {
            (socket.has_ended, socket.is_readable) = (true, true);
        }
    }

    /// A client vanishes with all that it has not sent.
    pub fn vanish(&mut self, client: usize) {
        if let Some(socket) = self.socket(client) {
            (socket.is_broken, socket.is_readable) = (true, true);
        }
    }

    /// From now on a client reads only so many more bytes.
    pub fn read_only(&mut self, client: usize, room: usize) {
        if let Some(socket) = self.socket(client) {
            socket.room = room;
        }
    }

    /// Time passes: the server wakes whenever it asked to be woken.
    pub fn advance(&mut self, span: Millis) {
        let end = self.now.monotonic + span;
        while let Some(at) = self.server.next_wake(self.now).filter(|at| *at <= end) {
            self.pass(at.since(self.now.monotonic));
            self.run();
        }
        self.pass(end.since(self.now.monotonic));
        self.run();
    }

    /// Turns, until there is nothing to do before time passes or a client does something.
    pub fn run(&mut self) {
        for _ in 0..TURNS_MAX {
            self.turn();
            let is_due = self.server.next_wake(self.now).is_some_and(|at| at <= self.now.monotonic);
            let sockets = self.sockets.iter().flatten();
            let is_writable =
                sockets.into_iter().any(|socket| socket.is_blocked && socket.room > 0);
            if !is_due && !is_writable && self.readable.is_empty() {
                return;
            }
        }
        panic!("the server is still busy after {TURNS_MAX} turns");
    }

    fn pass(&mut self, span: Millis) {
        self.now = Now { monotonic: self.now.monotonic + span, unix: self.now.unix + span };
    }

    fn socket(&mut self, client: usize) -> Option<&mut Socket> {
        self.sockets[self.clients[client].id? as usize].as_mut()
    }

    fn connect(&mut self, number: usize) {
        let client = &mut self.clients[number];
        if self.server.is_stopping() {
            return;
        }
        if self.server.has_room(client.listener).is_err() {
            self.server.make_room(client.listener, self.now);
            return;
        }
        let accepted = self.server.accepted(client.listener, client.peer, self.now);
        let ConnectionId(id) = accepted.expect("there is room");
        client.id = Some(id);
        client.received.clear();
        let index = id as usize;
        if index >= self.sockets.len() {
            self.sockets.resize_with(index + 1, || None);
        }
        assert!(self.sockets[index].is_none(), "an id is free before it is used again");
        self.sockets[index] = Some(Socket {
            client: number,
            to_server: VecDeque::new(),
            has_ended: false,
            is_broken: false,
            room: usize::MAX,
            is_blocked: false,
            is_readable: false,
            is_listed: false,
        });
    }

    fn turn(&mut self) {
        self.server.begin_turn(self.now);
        while let Some(ConnectionId(id)) = self.server.next_to_read(self.now) {
            self.request_read(id);
        }
        self.take_events();
        self.read();
        self.server.tick(self.now);
        self.server.assert_consistent();
        self.write();
        self.close();
        self.server.assert_consistent();
        self.assert_bounded();
    }

    /// No input makes much more of itself than the limits allow for a connection and a backlog.
    fn assert_bounded(&self) {
        let count = self.server.connection_count();
        assert!(count <= CONNECTIONS_MAX, "{count} connections");
        let bytes = self.server.buffered_bytes();
        assert!(bytes <= count * BUFFERED_BYTES_MAX, "{bytes} bytes for {count} connections");
        let bytes = self.server.backlog_bytes();
        assert!(bytes <= BACKLOG_BYTES_MAX, "{bytes} bytes to be handed out");
    }

    fn take_events(&mut self) {
        for id in 0..self.sockets.len() as u32 {
            let Some(socket) = &mut self.sockets[id as usize] else { continue };
            if socket.is_blocked && socket.room > 0 {
                socket.is_blocked = false;
                self.server.writable(ConnectionId(id));
            }
            self.request_read(id);
        }
    }

    fn request_read(&mut self, id: u32) {
        let Some(Some(socket)) = self.sockets.get_mut(id as usize) else { return };
        if socket.is_readable && !socket.is_listed && self.server.wants_input(ConnectionId(id)) {
            socket.is_listed = true;
            self.readable.push_back(id);
        }
    }

    fn read(&mut self) {
        for _ in 0..self.readable.len().min(READS_PER_TURN) {
            if self.server.is_turn_spent() {
                return;
            }
            let Some(id) = self.readable.pop_front() else { return };
            self.read_one(id);
            self.server.assert_consistent();
        }
    }

    fn read_one(&mut self, id: u32) {
        let Some(Some(socket)) = self.sockets.get_mut(id as usize) else { return };
        socket.is_listed = false;
        let connection = ConnectionId(id);
        if !self.server.wants_input(connection) {
            return;
        }
        if socket.is_broken {
            socket.is_readable = false;
            return self.server.hung_up(connection, self.now);
        }
        let room = match self.server.is_late() {
            true => self.read_bytes.min(READ_BYTES_LATE),
            false => self.read_bytes,
        };
        let count = socket.to_server.len().min(room);
        if count > 0 {
            let bytes: Vec<u8> = socket.to_server.drain(..count).collect();
            socket.is_readable = count == room || socket.has_ended;
            self.server.received(connection, &bytes, self.now);
            return self.request_read(id);
        }
        socket.is_readable = false;
        if socket.has_ended {
            self.server.input_ended(connection, self.now);
        }
    }

    fn write(&mut self) {
        let mut left_count = self.server.limits().writes_per_turn;
        while left_count > 0 {
            let room = left_count.min(WRITES_AT_ONCE);
            let next = std::iter::from_fn(|| self.server.next_to_write(self.now));
            let batch: Vec<ConnectionId> = next.take(room).collect();
            if batch.is_empty() {
                return;
            }
            left_count -= batch.len();
            batch.into_iter().for_each(|id| self.write_one(id));
            self.server.assert_consistent();
        }
    }

    fn write_one(&mut self, id: ConnectionId) {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let count = self.server.unsent(id, &mut slices);
        let bytes: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
        if bytes.is_empty() {
            return;
        }
        let socket = self.sockets[id.0 as usize].as_mut().expect("it is open");
        if socket.is_broken {
            return self.server.hung_up(id, self.now);
        }
        let taken = bytes.len().min(socket.room);
        socket.room -= taken;
        let received = &mut self.clients[socket.client].received;
        received.extend_from_slice(&bytes[..taken]);
        let beginning = b"HTTP/1.1 ";
        let known = received.len().min(beginning.len());
        assert!(received.starts_with(&beginning[..known]), "what comes first is an answer");
        if taken > 0 {
            self.server.sent(id, taken, self.now);
        }
        if taken < bytes.len() {
            socket.is_blocked = true;
            self.server.blocked(id);
        }
    }

    fn close(&mut self) {
        while let Some(id) = self.server.next_to_shut() {
            assert_eq!(self.server.unsent(id, &mut [IoSlice::new(&[])]), 0, "all is written");
        }
        while let Some(id) = self.server.next_to_close() {
            let socket = self.sockets[id.0 as usize].take().expect("a connection is closed once");
            self.clients[socket.client].id = None;
            self.server.is_cut_short(id);
            self.server.closed(id);
        }
    }
}
