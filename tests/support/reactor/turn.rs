//! One turn of the loop, in the order in which `src/reactor/mod.rs` runs it with real sockets. All
//! tests use this one.

use super::{SimReactor, Socket, State};
use rpushd::server::{ConnectionId, Server};
use rpushd::time::{Millis, Now};
use std::io::IoSlice;

/// The same value as in the reactor.
const READ_BYTES_LATE: usize = 4 * 1024;
const READS_PER_TURN: usize = 1024;
pub const WRITES_AT_ONCE: usize = 16;
/// A server that still has something to do after this many turns never becomes idle.
const TURNS_MAX: usize = 100_000;

/// A few, so that tables often grow after they were shrunk.
const TURNS_PER_SHRINK: u64 = 16;

/// A call of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// This many bytes were received.
    Received(usize),
    NextToRead,
    /// A client has closed its side, or its connection has broken.
    Left,
    Tick,
    FanOut,
    Sent,
    /// A new configuration or a stop, which affect every connection.
    Whole,
}

/// A reactor, with hooks that draw faults and check each of its turns. Sockets are identified by
/// their numbers.
pub trait Turns: Sized {
    fn reactor(&mut self) -> &mut SimReactor;

    // Hooks that draw. By default they do what the reactor does, without faults.

    /// The most sockets to read in this turn.
    fn reads_max(&mut self) -> usize {
        READS_PER_TURN
    }

    /// The most bytes of this read. Input that is paused after reading takes memory, so less of it
    /// is read.
    fn slice_max(&mut self, _number: usize) -> usize {
        if self.reactor().server.is_input_delayed() { READ_BYTES_LATE } else { usize::MAX }
    }

    /// How many connections the server names before the first of them is written to.
    fn batch_max(&mut self, left_count: usize) -> usize {
        left_count.min(WRITES_AT_ONCE)
    }

    /// How many bytes the kernel accepts of those that it has room for.
    fn taken(&mut self, _number: usize, count: usize) -> usize {
        count
    }

    /// Whether a write fails because the client has broken the connection.
    fn notices_break(&mut self, _number: usize) -> bool {
        true
    }

    // Hooks that check.

    /// The server is about to be called, for the connection with this number if there is one.
    fn before(&mut self, _call: Call, _number: Option<usize>) {}

    /// The server has been called.
    fn after(&mut self, _call: Call, _number: Option<usize>) {}

    fn turn_begins(&mut self) {}

    /// The server has named all connections that are to be read again.
    fn resumed(&mut self) {}

    /// Events are about to be taken.
    fn events_come(&mut self) {}

    fn accepted(&mut self, _number: usize) {}

    fn refused(&mut self, _number: usize) {}

    /// The turn has no time left for the remaining sockets.
    fn reading_is_over(&mut self) {}

    /// A socket is about to be read.
    fn reading(&mut self, _number: usize) {}

    /// These bytes are about to be passed to the server.
    fn receiving(&mut self, _number: usize, _bytes: &[u8]) {}

    /// A socket is not read any more in this turn.
    fn was_read(&mut self, _number: usize) {}

    /// A socket is about to be written to.
    fn writing(&mut self, _number: usize) {}

    /// The kernel has accepted `count` of these bytes; the server has not been informed yet.
    fn wrote(&mut self, _number: usize, _bytes: &[u8], _count: usize) {}

    /// All connections of a batch have been written to.
    fn batch_written(&mut self) {}

    /// The server's side of a connection is about to be closed.
    fn shutting(&mut self, _number: usize) {}

    /// A socket is about to be closed.
    fn closing(&mut self, _number: usize) {}

    fn turn_ends(&mut self) {}

    /// There is nothing to do unless time passes or a client acts.
    fn rested(&mut self) {}

    // The loop.

    /// Calls the server, between the two hooks.
    fn call<T>(
        &mut self,
        call: Call,
        number: Option<usize>,
        run: impl FnOnce(&mut Server, Now) -> T,
    ) -> T {
        self.before(call, number);
        let reactor = self.reactor();
        let result = run(&mut reactor.server, reactor.now);
        self.after(call, number);
        result
    }

    /// Runs one turn of the loop.
    fn turn(&mut self) {
        let reactor = self.reactor();
        reactor.is_active = false;
        reactor.turns += 1;
        self.turn_begins();
        resume_reading(self);
        self.events_come();
        self.reactor().take_events();
        accept(self);
        read(self);
        self.call(Call::Tick, None, Server::tick);
        write(self);
        close(self);
        // The reactor does so when much memory was freed.
        if self.reactor().turns.is_multiple_of(TURNS_PER_SHRINK) {
            self.reactor().server.shrink();
        }
        self.turn_ends();
    }

    /// Runs turns until there is nothing to do unless time passes or a client acts.
    fn run(&mut self) {
        for _ in 0..TURNS_MAX {
            self.turn();
            if self.reactor().is_at_rest() {
                return self.rested();
            }
        }
        panic!("the server is still busy after {TURNS_MAX} turns");
    }

    /// Lets time pass: the server wakes up whenever it has requested to.
    fn advance(&mut self, span: Millis) {
        let end = self.reactor().now.monotonic + span;
        loop {
            let reactor = self.reactor();
            let wake = reactor.server.next_wake(reactor.now).filter(|at| *at <= end);
            reactor.pass(wake.unwrap_or(end).since(reactor.now.monotonic));
            self.run();
            if wake.is_none() {
                return;
            }
        }
    }
}

impl Turns for SimReactor {
    fn reactor(&mut self) -> &mut SimReactor {
        self
    }
}

/// Makes the server accept a connection.
fn next(
    turns: &mut impl Turns,
    call: Call,
    ask: fn(&mut Server, Now) -> Option<ConnectionId>,
) -> Option<usize> {
    turns.before(call, None);
    let reactor = turns.reactor();
    let next = ask(&mut reactor.server, reactor.now);
    let number = next.map(|id| reactor.number(id));
    turns.after(call, number);
    number
}

fn resume_reading(turns: &mut impl Turns) {
    let reactor = turns.reactor();
    reactor.server.begin_turn(reactor.now);
    reactor.begin_reading();
    let count = reactor.readable.internal_count();
    for _ in 0..count {
        if turns.reactor().server.is_internal_share_spent() {
            break;
        }
        let Some(number) = turns.reactor().readable.pop_internal() else { break };
        read_one(turns, number as usize);
    }
    while let Some(number) = next(turns, Call::NextToRead, Server::next_to_read) {
        turns.reactor().request_read(number);
    }
    turns.resumed();
}

fn accept(turns: &mut impl Turns) {
    for _ in 0..turns.reactor().server.limits().accepts_per_turn {
        let Some(&number) = turns.reactor().backlog.front() else { return };
        if turns.reactor().accept(number).is_err() {
            return turns.refused(number);
        }
        turns.reactor().is_active = true;
        turns.accepted(number);
    }
}

fn read(turns: &mut impl Turns) {
    let count = turns.reactor().readable.arrived_count();
    for _ in 0..count.min(turns.reads_max()) {
        if turns.reactor().server.is_turn_spent() {
            return turns.reading_is_over();
        }
        let Some(number) = turns.reactor().readable.pop_arrived() else { return };
        read_one(turns, number as usize);
    }
}

fn read_one(turns: &mut impl Turns, number: usize) {
    let reactor = turns.reactor();
    let socket = &mut reactor.sockets[number];
    (socket.is_listed, socket.is_ahead) = (false, false);
    let id = socket.id().filter(|id| reactor.server.wants_input(*id));
    if let Some(id) = id {
        turns.reading(number);
        receive(turns, number, id);
    }
    turns.was_read(number);
}

fn receive(turns: &mut impl Turns, number: usize, id: ConnectionId) {
    let reactor = turns.reactor();
    let socket = &mut reactor.sockets[number];
    if socket.is_broken {
        socket.is_readable = false;
        return hang_up(turns, number, id);
    }
    if socket.to_server.is_empty() {
        socket.is_readable = false;
        if socket.has_ended {
            (socket.is_end_known, reactor.is_active) = (true, true);
            turns.call(Call::Left, Some(number), |server, now| server.input_ended(id, now));
        }
        return;
    }
    let slice_max = turns.slice_max(number);
    let bytes = turns.reactor().take_from_client(number, slice_max);
    turns.receiving(number, &bytes);
    let call = Call::Received(bytes.len());
    turns.call(call, Some(number), |server, now| server.received(id, &bytes, now));
    turns.reactor().request_read(number);
}

fn hang_up(turns: &mut impl Turns, number: usize, id: ConnectionId) {
    let reactor = turns.reactor();
    (reactor.sockets[number].is_end_known, reactor.is_active) = (true, true);
    turns.call(Call::Left, Some(number), |server, now| server.hung_up(id, now));
}

fn write(turns: &mut impl Turns) {
    let mut left_count = turns.reactor().server.limits().writes_per_turn;
    let mut batch = Vec::new();
    while left_count > 0 {
        let room = turns.batch_max(left_count);
        while batch.len() < room {
            let reactor = turns.reactor();
            let Some(id) = reactor.server.next_to_write() else { break };
            batch.push(reactor.number(id));
        }
        if batch.is_empty() {
            if turns.call(Call::FanOut, None, Server::fan_out) {
                continue;
            }
            return;
        }
        left_count -= batch.len();
        turns.reactor().is_active = true;
        batch.drain(..).for_each(|number| write_one(turns, number, room == 1));
        turns.batch_written();
    }
}

/// `is_alone`: nothing has happened since the server requested this write.
fn write_one(turns: &mut impl Turns, number: usize, is_alone: bool) {
    turns.writing(number);
    let Some(id) = turns.reactor().sockets[number].id() else { return };
    if turns.reactor().sockets[number].is_broken && turns.notices_break(number) {
        return hang_up(turns, number, id);
    }
    let bytes = turns.reactor().gather(id);
    assert!(!is_alone || !bytes.is_empty(), "socket {number}: there is something to write");
    if !bytes.is_empty() {
        let room = turns.reactor().sockets[number].room;
        let count = turns.taken(number, bytes.len().min(room));
        turns.wrote(number, &bytes, count);
        turns.reactor().take_from_server(number, &bytes[..count]);
        if count > 0 {
            turns.call(Call::Sent, Some(number), |server, now| server.sent(id, count, now));
        }
        if count < bytes.len() {
            turns.reactor().block(number, id);
        }
    }
    turns.reactor().buffer = bytes;
}

fn close(turns: &mut impl Turns) {
    while let Some(id) = turns.reactor().server.next_to_shut() {
        let number = turns.reactor().number(id);
        turns.reactor().is_active = true;
        turns.shutting(number);
        turns.reactor().sockets[number].is_shut = true;
    }
    while let Some(id) = turns.reactor().server.next_to_close() {
        let number = turns.reactor().number(id);
        turns.reactor().is_active = true;
        turns.closing(number);
        turns.reactor().close(number, id);
    }
}

impl SimReactor {
    fn take_events(&mut self) {
        let mut reporting = std::mem::take(&mut self.events);
        reporting.sort_unstable();
        let mut arrived = Vec::new();
        for number in reporting {
            let socket = &mut self.sockets[number];
            socket.is_reporting = false;
            let State::Open(id) = socket.state else {
                // A client that waits to be accepted is reported when it has been.
                if socket.state == State::Waiting {
                    self.report(number);
                }
                continue;
            };
            if socket.room > 0 && (socket.is_blocked || socket.is_woken) {
                self.is_active |= std::mem::take(&mut socket.is_blocked);
                self.server.writable(id);
            }
            socket.is_woken = false;
            if socket.has_event && !socket.is_delayed {
                socket.has_event = false;
                self.stamp(number);
                arrived.push(number);
            }
            self.report(number);
        }
        arrived.sort_by_key(|number| self.sockets[*number].arrived);
        for number in arrived {
            self.sockets[number].is_readable = true;
            let was_listed = self.sockets[number].is_listed;
            self.request_read(number);
            let socket = &mut self.sockets[number];
            socket.listed_in = (socket.is_listed && !was_listed).then_some(self.turns);
        }
    }

    fn begin_reading(&mut self) {
        let (server, sockets) = (&self.server, &self.sockets);
        self.readable.begin_turn(server.has_resumable(), |number| {
            let id = sockets[number as usize].id();
            id.is_some_and(|id| server.is_internal_peer(id))
        });
    }

    /// Adds a readable socket to the list of those to read, if the server wants its input.
    fn request_read(&mut self, number: usize) {
        let socket = &mut self.sockets[number];
        let Some(id) = socket.id() else { return };
        if socket.is_readable && !socket.is_listed && self.server.wants_input(id) {
            (socket.is_listed, socket.listed_in) = (true, None);
            let ahead_count = self.readable.internal_count();
            self.readable.push(number as u32, self.server.is_internal_peer(id));
            self.sockets[number].is_ahead = self.readable.internal_count() > ahead_count;
        }
    }

    fn take_from_client(&mut self, number: usize, slice_max: usize) -> Vec<u8> {
        let Socket { to_server, has_ended, arrived, is_readable, .. } = &mut self.sockets[number];
        let count = to_server.len().min(self.read_bytes).min(slice_max);
        let bytes = to_server.drain(..count).collect();
        // If the buffer is only partly filled, the socket is empty, except for an end of input.
        *is_readable = count == self.read_bytes || !to_server.is_empty() || *has_ended;
        if to_server.is_empty() && !*has_ended {
            *arrived = None;
        }
        self.is_active = true;
        bytes
    }

    /// The bytes of one gathered write.
    fn gather(&mut self, id: ConnectionId) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.buffer);
        bytes.clear();
        let mut slices = [IoSlice::new(&[]); 64];
        let count = self.server.unsent(id, &mut slices[..self.slices]);
        slices[..count].iter().for_each(|slice| bytes.extend_from_slice(slice));
        bytes
    }

    fn take_from_server(&mut self, number: usize, bytes: &[u8]) {
        let socket = &mut self.sockets[number];
        socket.room -= bytes.len();
        socket.to_client.extend_from_slice(bytes);
    }

    fn block(&mut self, number: usize, id: ConnectionId) {
        self.sockets[number].is_blocked = true;
        self.server.blocked(id);
        self.report(number);
    }

    fn close(&mut self, number: usize, id: ConnectionId) {
        self.links[id.0 as usize] = None;
        self.sockets[number].state = State::Closed;
        self.sockets[number].is_reset = self.server.is_cut_short(id);
        self.server.closed(id);
    }
}
