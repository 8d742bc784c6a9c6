//! A daemon without an operating system: the real [`Server`] between simulated sockets and a clock that a
//! test moves. Turns run as in `src/reactor/mod.rs`. Nothing here judges; the tests do.

#![allow(dead_code, reason = "every test binary uses another part of it")]

mod client;
mod lines;
mod no_files;
mod wire;

pub use client::Client;
pub use lines::log_lines;
pub use no_files::NoFiles;

use rpushd::config::{Config, ListenerId};
use rpushd::server::{ConnectionId, Host, Server};
use rpushd::stats::Counters;
use rpushd::time::{Millis, Now};
use std::cell::RefCell;
use std::io::IoSlice;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use wire::Wire;

/// When every daemon starts, in seconds since 1970.
pub const STARTED_AT: u64 = 1_776_181_200;
/// The same moment as the `Date` field has it.
pub const DATE: &str = "Tue, 14 Apr 2026 15:40:00 GMT";
/// Where clients come from that say nothing else (RFC 5737).
pub const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
/// What the process is said to have in RAM.
pub const RESIDENT_BYTES: u64 = 7_348_224;

/// Bytes read from one socket before others have their turn, and frames in one gathered write.
const READ_BYTES: usize = 64 * 1024;
const READ_BYTES_LATE: usize = 4 * 1024;
const SLICES: usize = 64;
/// A server that still has something to do after so many turns goes round in circles.
const TURNS_MAX: usize = 100_000;

/// A running daemon. Clients keep a share of it, so that they can be used on their own.
pub struct Daemon {
    world: Rc<RefCell<World>>,
}

struct World {
    server: Server,
    now: Now,
    wires: Vec<Wire>,
    /// The wire of each open connection, by its id.
    wire_of: Vec<Option<usize>>,
    /// How often it ran until there was nothing more to do.
    run_count: usize,
    /// What the dearest half of a turn has cost, in estimated nanoseconds.
    dearest_half: u64,
    /// The wire that is read first in the next turn.
    next_read: usize,
}

impl Daemon {
    /// Starts a daemon at [`STARTED_AT`].
    pub fn new(config: Config) -> Daemon {
        let host = Host {
            name: "test-host".to_owned(),
            process_id: 4711,
            resident_bytes: || RESIDENT_BYTES,
        };
        // A start other than 0 shows who mistakes points in time for spans.
        let now =
            Now { monotonic: Millis::from_seconds(64), unix: Millis::from_seconds(STARTED_AT) };
        let server = Server::new(config, host, now);
        let world = World {
            server,
            now,
            wires: Vec::new(),
            wire_of: Vec::new(),
            run_count: 0,
            dearest_half: 0,
            next_read: 0,
        };
        Daemon { world: Rc::new(RefCell::new(world)) }
    }

    /// Connects a client to the first listener.
    pub fn connect(&self) -> Client {
        self.connect_to(0).expect("the server takes one more connection")
    }

    /// Connects a client to a listener; none: the server refuses.
    pub fn connect_to(&self, listener: u16) -> Option<Client> {
        self.connect_from(listener, Some(PEER))
    }

    /// Connects a client of this address to a listener; none: the server refuses.
    pub fn connect_from(&self, listener: u16, peer: Option<IpAddr>) -> Option<Client> {
        let mut world = self.world.borrow_mut();
        let wire = world.accept(ListenerId(listener), peer)?;
        world.run();
        Some(Client::new(self.world.clone(), wire))
    }

    /// Connects a client to the first listener, between two turns.
    pub fn dial(&self) -> Client {
        let wire = self.world.borrow_mut().accept(ListenerId(0), Some(PEER));
        Client::new(self.world.clone(), wire.expect("the server takes one more connection"))
    }

    /// Lets time pass: the daemon wakes whenever it asked to be woken.
    pub fn advance(&self, millis: u64) {
        self.world.borrow_mut().advance(Millis(millis));
    }

    /// Lets time pass while the whole machine sleeps: nothing runs before all of it has passed.
    pub fn sleep(&self, millis: u64) {
        let mut world = self.world.borrow_mut();
        world.pass(Millis(millis));
        world.run();
    }

    /// Lets time pass for turns that the test runs itself.
    pub fn pass(&self, millis: u64) {
        self.world.borrow_mut().pass(Millis(millis));
    }

    /// Sets the wall clock back.
    pub fn set_clock_back(&self, millis: u64) {
        let now = &mut self.world.borrow_mut().now;
        now.unix = now.unix.since(Millis(millis));
    }

    /// Runs turns until there is nothing to do before time passes or a client does something.
    pub fn run(&self) {
        self.world.borrow_mut().run();
    }

    /// Runs one turn of the loop.
    pub fn turn(&self) {
        self.world.borrow_mut().turn();
    }

    /// What the reactor does on SIGTERM.
    pub fn stop(&self) {
        self.with_server(Server::stop);
    }

    /// What the reactor does on SIGHUP.
    pub fn reconfigure(&self, config: Config) {
        self.with_server(|server, now| server.reconfigure(config, now));
    }

    /// What the dearest half of a turn has cost so far, in estimated nanoseconds.
    pub fn dearest_half(&self) -> u64 {
        self.world.borrow().dearest_half
    }

    /// Bytes that are queued or buffered for all connections together.
    pub fn buffered_bytes(&self) -> usize {
        self.world.borrow().server.buffered_bytes()
    }

    /// Bytes of everything that was published and not handed to all subscribers yet.
    pub fn backlog_bytes(&self) -> usize {
        self.world.borrow().server.backlog_bytes()
    }

    /// Bytes of events that are still to be published.
    pub fn event_bytes(&self) -> usize {
        self.world.borrow().server.event_bytes()
    }

    /// Connections that are open.
    pub fn connection_count(&self) -> usize {
        self.world.borrow().server.connection_count()
    }

    /// What the server has counted.
    pub fn counters(&self) -> Counters {
        *self.world.borrow_mut().server.counters()
    }

    /// Does something with the server itself, then runs.
    pub fn with_server<T>(&self, act: impl FnOnce(&mut Server, Now) -> T) -> T {
        let mut world = self.world.borrow_mut();
        let now = world.now;
        let result = act(&mut world.server, now);
        world.run();
        result
    }
}

impl World {
    fn accept(&mut self, listener: ListenerId, peer: Option<IpAddr>) -> Option<usize> {
        let id = self.server.accepted(listener, peer, self.now).ok()?;
        let index = id.0 as usize;
        if index >= self.wire_of.len() {
            self.wire_of.resize(index + 1, None);
        }
        self.wire_of[index] = Some(self.wires.len());
        self.wires.push(Wire::new(id));
        Some(self.wires.len() - 1)
    }

    fn advance(&mut self, span: Millis) {
        let end = self.now.monotonic + span;
        while let Some(at) = self.server.next_wake(self.now).filter(|at| *at <= end) {
            self.pass(at.since(self.now.monotonic));
            self.run();
        }
        self.pass(end.since(self.now.monotonic));
        self.run();
    }

    fn pass(&mut self, span: Millis) {
        self.now = Now { monotonic: self.now.monotonic + span, unix: self.now.unix + span };
    }

    fn run(&mut self) {
        for _ in 0..TURNS_MAX {
            self.turn();
            let is_awake =
                self.server.next_wake(self.now).is_some_and(|at| at <= self.now.monotonic);
            if !is_awake && !self.wires.iter().any(|wire| wire.is_readable(&self.server)) {
                // It looks at everything: tests that run thousands of times pay only now and then.
                self.run_count += 1;
                if self.run_count < 500 || self.run_count.is_multiple_of(1000) {
                    self.server.assert_consistent();
                }
                return;
            }
        }
        panic!("the server is still busy after {TURNS_MAX} turns");
    }

    fn turn(&mut self) {
        self.server.begin_turn(self.now);
        self.read();
        self.dearest_half = self.dearest_half.max(self.server.work().nanoseconds());
        self.server.tick(self.now);
        self.write();
        self.dearest_half = self.dearest_half.max(self.server.work().nanoseconds());
        self.close();
    }

    fn read(&mut self) {
        while self.server.next_to_read(self.now).is_some() {}
        // As the reactor does it: whoever is not read in this turn comes first in the next.
        let (first, count) = (self.next_read, self.wires.len());
        self.next_read = 0;
        for index in (first..count).chain(0..first.min(count)) {
            let wire = &mut self.wires[index];
            if !wire.is_readable(&self.server) {
                continue;
            }
            if self.server.is_turn_spent() {
                self.next_read = index;
                return;
            }
            if wire.is_broken {
                self.server.hung_up(wire.id, self.now);
            } else if wire.to_server.is_empty() {
                wire.is_end_told = true;
                self.server.input_ended(wire.id, self.now);
            } else {
                let room = if self.server.is_late() { READ_BYTES_LATE } else { READ_BYTES };
                let count = wire.to_server.len().min(room);
                let bytes: Vec<u8> = wire.to_server.drain(..count).collect();
                self.server.received(wire.id, &bytes, self.now);
            }
        }
    }

    fn write(&mut self) {
        for _ in 0..self.server.limits().writes_per_turn {
            let Some(id) = self.server.next_to_write(self.now) else { return };
            self.write_one(id);
        }
    }

    fn write_one(&mut self, id: ConnectionId) {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let count = self.server.unsent(id, &mut slices);
        let bytes: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
        let wire = &mut self.wires[self.wire_of[id.0 as usize].expect("the connection is open")];
        if wire.is_broken {
            return self.server.hung_up(id, self.now);
        }
        let taken = bytes.len().min(wire.room);
        wire.room -= taken;
        wire.to_client.extend_from_slice(&bytes[..taken]);
        if taken > 0 {
            self.server.sent(id, taken, self.now);
        }
        if taken < bytes.len() {
            self.server.blocked(id);
        }
    }

    fn close(&mut self) {
        while let Some(id) = self.server.next_to_shut() {
            let wire = self.wire_of[id.0 as usize].expect("the connection is open");
            self.wires[wire].is_shut = true;
        }
        while let Some(id) = self.server.next_to_close() {
            let wire = self.wire_of[id.0 as usize].take().expect("the connection is open");
            self.wires[wire].is_closed = true;
            self.wires[wire].is_reset = self.server.is_cut_short(id);
            self.server.closed(id);
        }
    }
}
