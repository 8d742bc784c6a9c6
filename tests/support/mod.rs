//! A daemon without an operating system: the real [`Server`] between simulated sockets and a clock
//! that the test moves. It asserts nothing; the tests do.

#![allow(dead_code, reason = "every test binary uses another part of it")]

mod client;
mod lines;
mod no_files;
pub mod reactor;
pub mod wire;

pub use client::Client;
pub use lines::log_lines;
pub use no_files::NoFiles;

use reactor::{Call, SimReactor, Turns};
use rpushd::config::{Config, ListenerId};
use rpushd::server::{Host, Server};
use rpushd::stats::Counters;
use rpushd::time::{Millis, Moment, Now, UnixMillis};
use std::cell::{Cell, RefCell};
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

/// Start time of every daemon, in seconds since 1970.
pub const STARTED_AT: u64 = 1_776_181_200;
/// The same time in the form of the `Date` field.
pub const DATE: &str = "Tue, 14 Apr 2026 15:40:00 GMT";
/// Address of clients by default (RFC 5737).
pub const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
/// Resident memory that the process reports.
pub const RESIDENT_BYTES: u64 = 7_348_224;

thread_local! {
    /// Each test runs, with its daemons, in its own thread.
    static HEAP_BYTES: Cell<u64> = const { Cell::new(0) };
}

/// Sets how much memory the daemons of this test use from now on.
pub fn set_heap_bytes(bytes: u64) {
    HEAP_BYTES.set(bytes);
}

/// A running daemon. Clients share it, so they can be used independently.
pub struct Daemon {
    world: Rc<RefCell<World>>,
}

struct World {
    reactor: SimReactor,
    /// How many times it has run until it was idle.
    run_count: usize,
    /// Cost of the most expensive half of a turn, in estimated nanoseconds.
    dearest_half: u64,
}

impl Daemon {
    /// Starts a daemon at [`STARTED_AT`].
    pub fn new(config: Config) -> Daemon {
        let host = Host {
            name: "test-host".to_owned(),
            process_id: 4711,
            resident_bytes: || RESIDENT_BYTES,
            heap_bytes: || HEAP_BYTES.get(),
            fixed_bytes: 0,
            memory_bytes: u64::MAX,
            random: [7; 16],
        };
        // A start other than 0 reveals code that confuses points in time with durations.
        let now = Now { monotonic: Moment(64_000), unix: UnixMillis(STARTED_AT * 1000) };
        let reactor = SimReactor::new(config, host, now);
        let world = World { reactor, run_count: 0, dearest_half: 0 };
        Daemon { world: Rc::new(RefCell::new(world)) }
    }

    /// Connects a client to the first listener.
    pub fn connect(&self) -> Client {
        self.connect_to(0).expect("the server takes one more connection")
    }

    /// Connects a client to a listener; `None`: the server refuses it.
    pub fn connect_to(&self, listener: u16) -> Option<Client> {
        self.connect_from(listener, Some(PEER))
    }

    /// Connects a client with this address to a listener; `None`: the server refuses it.
    pub fn connect_from(&self, listener: u16, peer: Option<IpAddr>) -> Option<Client> {
        let mut world = self.world.borrow_mut();
        let number = world.connect(ListenerId(listener), peer)?;
        world.run();
        Some(Client::new(self.world.clone(), number))
    }

    /// Connects a client to the first listener, between two turns.
    pub fn dial(&self) -> Client {
        let number = self.world.borrow_mut().connect(ListenerId(0), Some(PEER));
        Client::new(self.world.clone(), number.expect("the server takes one more connection"))
    }

    /// Lets time pass: the daemon wakes up whenever it has requested to.
    pub fn advance(&self, millis: u64) {
        self.world.borrow_mut().advance(Millis(millis));
    }

    /// Lets time pass while the machine is suspended: nothing runs until all of it has passed.
    pub fn sleep(&self, millis: u64) {
        let mut world = self.world.borrow_mut();
        world.reactor.pass(Millis(millis));
        world.run();
    }

    /// Lets time pass for turns that the test runs itself.
    pub fn pass(&self, millis: u64) {
        self.world.borrow_mut().reactor.pass(Millis(millis));
    }

    /// Sets the wall clock back.
    pub fn set_clock_back(&self, millis: u64) {
        let now = &mut self.world.borrow_mut().reactor.now;
        now.unix = UnixMillis(now.unix.0 - millis);
    }

    /// Sets the wall clock forward, as if the process had been stopped for a while.
    pub fn set_clock_forward(&self, millis: u64) {
        let now = &mut self.world.borrow_mut().reactor.now;
        now.unix = UnixMillis(now.unix.0 + millis);
    }

    /// Runs turns until there is nothing to do unless time passes or a client acts.
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

    /// Cost of the most expensive half of a turn so far, in estimated nanoseconds.
    pub fn dearest_half(&self) -> u64 {
        self.world.borrow().dearest_half
    }

    /// Bytes that are queued or buffered for all connections together.
    pub fn buffered_bytes(&self) -> usize {
        self.world.borrow().reactor.server.buffered_bytes()
    }

    /// Bytes of all publications that have not been delivered to all subscribers yet.
    pub fn backlog_bytes(&self) -> usize {
        self.world.borrow().reactor.server.backlog_bytes()
    }

    /// Bytes of events that are still to be published.
    pub fn event_bytes(&self) -> usize {
        self.world.borrow().reactor.server.event_bytes()
    }

    /// Connections that are open.
    pub fn connection_count(&self) -> usize {
        self.world.borrow().reactor.server.connection_count()
    }

    /// The server's counters.
    pub fn counters(&self) -> Counters {
        *self.world.borrow_mut().reactor.server.counters()
    }

    /// Calls a function with the server, then runs turns.
    pub fn with_server<T>(&self, act: impl FnOnce(&mut Server, Now) -> T) -> T {
        let mut world = self.world.borrow_mut();
        let now = world.reactor.now;
        let result = act(&mut world.reactor.server, now);
        world.run();
        result
    }
}

impl World {
    fn connect(&mut self, listener: ListenerId, peer: Option<IpAddr>) -> Option<usize> {
        let number = self.reactor.connect(listener, peer);
        if self.reactor.accept(number).is_err() {
            self.reactor.leave_backlog(number);
            return None;
        }
        Some(number)
    }

    fn note_half(&mut self) {
        let cost = self.reactor.server.work().nanoseconds();
        self.dearest_half = self.dearest_half.max(cost);
    }
}

impl Turns for World {
    fn reactor(&mut self) -> &mut SimReactor {
        &mut self.reactor
    }

    fn before(&mut self, call: Call, _: Option<usize>) {
        if call == Call::Tick {
            self.note_half();
        }
    }

    fn turn_ends(&mut self) {
        self.note_half();
    }

    fn rested(&mut self) {
        // The check examines everything, so it runs only now and then in tests with thousands of
        // turns.
        self.run_count += 1;
        if self.run_count < 500 || self.run_count.is_multiple_of(1000) {
            self.reactor.server.assert_consistent();
        }
    }
}
