//! The event loop, and the only module that uses the operating system: sockets, signals, systemd
//! and clocks. It moves bytes between sockets and the [`Server`], which makes the decisions.

#![allow(unsafe_code, reason = "system calls that neither std nor mio offers")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "clocks, sockets and files are used here and nowhere else"
)]

mod accepting;
mod clock;
mod heap;
mod holes;
mod listen_socket;
mod listeners;
mod log_output;
mod process;
mod readable;
pub mod sandbox;
mod shortage;
mod signals;
mod socket;
mod sockets;
mod systemd;

pub use clock::Clock;
pub use heap::{CountedHeap, heap_bytes, set_heap_thresholds};
pub use listeners::{Bound, BoundListener, bind_all};
pub use log_output::{
    LOG_LINE_BYTES_MAX, count_dropped_log_line, is_standard_error_journal, open_log_file,
    takes_log_line,
};
pub use process::{host, raise_descriptor_limit, random_bytes};
pub use signals::{ReloadOutcome, request_reload};
pub use systemd::Notifier;

use crate::config::Config;
use crate::server::{ConnectionId, Server};
use crate::time::{Moment, Now};
use accepting::{Kind, Pauses};
use mio::event::Event;
use mio::{Events, Interest, Poll, Token};
use readable::{Pop, Readable};
use shortage::Shortage;
use signals::{Signal, Signals};
use socket::{Socket, Transfer, watch};
use sockets::Sockets;
use std::io;

/// Token of the first listener. Tokens of connections are their ids.
const FIRST_LISTENER: usize = 1 << 40;
const SIGNALS: Token = Token(FIRST_LISTENER - 1);
/// Most bytes read from one socket before the next one is read.
const READ_BYTES: usize = 64 * 1024;
/// The same while requests may be paused after reading, which keeps them in memory.
const READ_BYTES_LATE: usize = 4 * 1024;
/// Sockets that are looked up together before the first of them is written to.
const WRITES_AT_ONCE: usize = 16;
/// Most frames in one gathered write. More would make each write of a single frame 2 % slower.
const SLICES: usize = 16;

/// Reads the configuration for a reload; after an error the old one is kept.
pub type Reload<'a> = dyn FnMut() -> Result<Config, String> + 'a;

/// The event loop and all that it owns.
pub struct Reactor {
    poll: Poll,
    events: Events,
    server: Server,
    clock: Clock,
    signals: Signals,
    notifier: Notifier,
    listeners: Vec<BoundListener>,
    sockets: Sockets,
    readable: Readable,
    /// Buffer for the connections written to next; empty between turns.
    writable: Vec<ConnectionId>,
    buffer: Box<[u8]>,
    pauses: Pauses,
    /// Number of descriptors that the daemon uses besides those of its connections.
    own_descriptors: u64,
    shortage: Shortage,
    trimming: heap::Trimming,
    /// When the signal to stop arrived.
    stop_began: Option<Moment>,
}

impl Reactor {
    /// Takes over bound listeners, which accept from the first turn on.
    ///
    /// # Errors
    /// The operating system refuses an epoll or signal descriptor.
    pub fn new(
        server: Server,
        listeners: Vec<BoundListener>,
        clock: Clock,
        notifier: Notifier,
    ) -> io::Result<Reactor> {
        let poll = Poll::new()?;
        let signals = Signals::new()?;
        watch(&poll, &signals, SIGNALS, Interest::READABLE)?;
        for (index, listener) in listeners.iter().enumerate() {
            let token = Token(FIRST_LISTENER + index);
            watch(&poll, &listener.socket, token, Interest::READABLE)?;
        }
        listeners::set_peer_timeout(&listeners, server.limits().peer_timeout);
        let own_descriptors = process::open_descriptors();
        Ok(Reactor {
            poll,
            events: Events::with_capacity(1024),
            server,
            clock,
            signals,
            notifier,
            listeners,
            sockets: Sockets::default(),
            readable: Readable::default(),
            writable: Vec::with_capacity(WRITES_AT_ONCE),
            buffer: vec![0; READ_BYTES].into_boxed_slice(),
            pauses: Pauses::default(),
            own_descriptors,
            shortage: Shortage::default(),
            trimming: heap::Trimming::default(),
            stop_began: None,
        })
    }

    /// Runs until a signal has stopped the server and its last connection is closed.
    ///
    /// # Errors
    /// Those of epoll itself. An error on a connection only closes that connection.
    pub fn run(&mut self, reload: &mut Reload<'_>) -> io::Result<()> {
        self.notifier.start(self.clock.now().monotonic);
        loop {
            let now = self.wait()?;
            self.retry_transfers(now);
            self.resume_reading(now);
            self.take_events(now, reload);
            self.accept(now);
            self.read(now);
            self.server.tick(now);
            self.write(now);
            self.close();
            self.log_recovery(now);
            self.notifier.turn(now.monotonic);
            let counters = self.server.counters();
            counters.log_lines_dropped_total = log_output::dropped_log_lines();
            (counters.process_pauses_total, counters.process_paused_seconds_total) =
                self.clock.pauses();
            if self.trimming.is_due_for(&self.server, now.monotonic) {
                self.sockets.shrink();
                self.server.shrink();
                self.trimming.trim(now.monotonic);
            }
            if self.server.is_stopping() && self.server.connection_count() == 0 {
                let began = self.stop_began.unwrap_or(now.monotonic);
                let took = self.clock.now().monotonic.since(began);
                log::info!("stopped after {} ms", took.0);
                return Ok(());
            }
        }
    }

    /// Sleeps until the next event or deadline, not at all while work is left over. Returns the
    /// time after it.
    fn wait(&mut self) -> io::Result<Now> {
        let now = self.clock.now();
        let has_work = !self.readable.is_empty() || self.can_accept(now);
        let wakes = [
            has_work.then_some(now.monotonic),
            self.server.next_wake(now),
            self.pauses.next_wake(now.monotonic),
            self.trimming.due(),
            self.notifier.next_wake(now.monotonic),
            self.shortage.due(),
        ];
        let timeout = wakes.into_iter().flatten().min().map(|at| self.clock.until(at));
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(self.clock.now_after(timeout)),
        }
    }

    /// Repeats transfers that the kernel had no memory for.
    fn retry_transfers(&mut self, now: Now) {
        for id in self.shortage.take_due(now.monotonic) {
            if let Some(socket) = self.sockets.get_mut(id) {
                socket.is_short = false;
                self.server.writable(ConnectionId(id));
                self.request_read(id);
            }
        }
    }

    /// Lets a transfer wait that the kernel has no memory for.
    fn postpone_transfer(&mut self, id: u32, error: &io::Error, now: Now) {
        self.server.counters().kernel_memory_shortages_total += 1;
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if !std::mem::replace(&mut socket.is_short, true) {
            self.shortage.add(id, error, now.monotonic);
        }
    }

    fn take_events(&mut self, now: Now, reload: &mut Reload<'_>) {
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            match event.token() {
                SIGNALS => self.take_signals(now, reload),
                Token(token) if token >= FIRST_LISTENER => {
                    // A signal of the same batch may have closed the listeners.
                    if let Some(listener) = self.listeners.get_mut(token - FIRST_LISTENER) {
                        listener.is_ready = true;
                    }
                }
                Token(token) => self.take_socket_event(token as u32, event),
            }
        }
        self.events = events;
    }

    fn take_socket_event(&mut self, id: u32, event: &Event) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if event.is_writable() {
            self.server.writable(ConnectionId(id));
        }
        if socket.notices(event) {
            self.request_read(id);
        }
    }

    fn take_signals(&mut self, now: Now, reload: &mut Reload<'_>) {
        while let Some(signal) = self.signals.next() {
            match signal {
                Signal::Stop => {
                    log::info!("stopping: closing {} connections", self.server.connection_count());
                    self.notifier.stopping();
                    self.stop_began.get_or_insert(now.monotonic);
                    self.listeners.clear();
                    self.server.stop(now);
                }
                Signal::Reload(requester) => {
                    self.notifier.reloading();
                    let reloaded = reload();
                    let is_taken = reloaded.is_ok();
                    match reloaded {
                        Ok(config) => {
                            self.server.reconfigure(config, now);
                            let timeout = self.server.limits().peer_timeout;
                            listeners::set_peer_timeout(&self.listeners, timeout);
                            log::info!("reloaded: the new configuration is in force");
                        }
                        Err(error) => log::error!("reload failed, old configuration kept: {error}"),
                    }
                    self.notifier.ready();
                    if let Some(requester) = requester {
                        requester.answer(is_taken);
                    }
                }
            }
        }
    }

    fn can_accept(&self, now: Now) -> bool {
        let is_over = |kind| self.pauses.is_over(kind, now.monotonic);
        self.listeners.iter().any(|one| one.is_ready && is_over(self.kind(one)))
    }

    fn kind(&self, listener: &BoundListener) -> Kind {
        if self.server.is_internal(listener.id) { Kind::Internal } else { Kind::Public }
    }

    /// Accepts from internal listeners first: publishers and health checks are few, visitors may be
    /// many.
    fn accept(&mut self, now: Now) {
        if !self.can_accept(now) {
            return;
        }
        let descriptors = process::descriptors_for_connections(self.own_descriptors);
        self.server.limit_connections(descriptors);
        for kind in [Kind::Internal, Kind::Public] {
            for index in 0..self.listeners.len() {
                if self.kind(&self.listeners[index]) == kind {
                    self.accept_some(index, kind, now);
                }
            }
        }
    }

    fn accept_some(&mut self, index: usize, kind: Kind, now: Now) {
        for _ in 0..self.server.limits().accepts_per_turn {
            let can = self.listeners[index].is_ready && self.pauses.is_over(kind, now.monotonic);
            if !can || !self.accept_one(index, kind, now) {
                return;
            }
        }
    }

    /// Accepts one connection. Returns false if accepting is over for this turn.
    fn accept_one(&mut self, index: usize, kind: Kind, now: Now) -> bool {
        let listener = &mut self.listeners[index];
        let id = listener.id;
        if let Err(refused) = self.server.has_room(id) {
            // If no client waits now, epoll reports the next one.
            listener.is_ready = listener.socket.has_client();
            if listener.is_ready && !self.server.make_room(id, now) {
                self.pause_accepting(kind, now, &refused.to_string());
            }
            return false;
        }
        let (socket, peer) = match listener.socket.accept() {
            Ok(accepted) => accepted,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                listener.is_ready = false;
                return false;
            }
            Err(error) if socket::concerns_one_client(&error) => {
                log::debug!("accept failed for one connection: {error}");
                return true;
            }
            // Descriptors or memory have run out, or the listener itself is broken.
            Err(error) => {
                self.server.make_room(id, now);
                self.pause_accepting(kind, now, &error.to_string());
                return false;
            }
        };
        match self.server.accepted(id, peer, now) {
            Ok(connection) => self.register(connection, socket, kind, now),
            // The socket is dropped.
            Err(_) => true,
        }
    }

    /// Adds a new connection to epoll. If that fails (fs.epoll.max_user_watches is reached, or the
    /// kernel has no memory), closes it, pauses accepting, as the next would fail, too, and returns
    /// false.
    fn register(&mut self, id: ConnectionId, socket: Socket, kind: Kind, now: Now) -> bool {
        let interest = Interest::READABLE | Interest::WRITABLE;
        let watched = watch(&self.poll, &socket, Token(id.0 as usize), interest);
        self.sockets.insert(id.0, socket);
        if let Err(error) = &watched {
            self.server.hung_up(id, now);
            let why =
                format!("epoll refuses more sockets: {error}; raise fs.epoll.max_user_watches");
            self.pause_accepting(kind, now, &why);
        }
        watched.is_ok()
    }

    /// Pauses accepting for a moment; new clients wait in the backlog.
    fn pause_accepting(&mut self, kind: Kind, now: Now, why: &str) {
        if self.pauses.begin(kind, now.monotonic) {
            log::warn!("accept paused: {why}");
        }
        self.server.counters().accept_pauses_total += 1;
    }

    fn log_recovery(&mut self, now: Now) {
        let (server, listeners) = (&self.server, &self.listeners);
        let can_take = |listener: &BoundListener| server.has_room(listener.id).is_ok();
        let has_room = || !listeners.is_empty() && listeners.iter().all(can_take);
        if let Some(line) = self.pauses.recovered(now.monotonic, has_room) {
            log::info!("{line}");
        }
    }

    /// Resumes left-over reads before new events are handled, so that input is read in order of
    /// arrival. Internal listeners have a third of the reading time, paused connections what then
    /// remains of its first half, new input at least the second half.
    fn resume_reading(&mut self, now: Now) {
        self.server.begin_turn(now);
        let (server, readable) = (&self.server, &mut self.readable);
        readable.begin_turn(server.has_resumable(), |id| server.is_internal_peer(ConnectionId(id)));
        let count = self.readable.internal_count();
        self.read_each(count, Server::is_internal_share_spent, Readable::pop_internal, now);
        while let Some(id) = self.server.next_to_read(now) {
            self.request_read(id.0);
        }
    }

    /// Puts a readable connection on the list of those to read, if the server wants its input.
    fn request_read(&mut self, id: u32) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if socket.is_readable && !socket.is_listed && self.server.wants_input(ConnectionId(id)) {
            socket.is_listed = true;
            self.readable.push(id, self.server.is_internal_peer(ConnectionId(id)));
        }
    }

    /// Reads each ready socket once while there is time. Sockets with more input are read again in
    /// the next turn.
    fn read(&mut self, now: Now) {
        let count = self.readable.arrived_count();
        self.read_each(count, Server::is_turn_spent, Readable::pop_arrived, now);
    }

    fn read_each(&mut self, count: usize, is_spent: fn(&Server) -> bool, pop: Pop, now: Now) {
        for _ in 0..count {
            if is_spent(&self.server) {
                return;
            }
            let Some(id) = pop(&mut self.readable) else { return };
            self.read_one(id, now);
        }
    }

    fn read_one(&mut self, id: u32, now: Now) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        socket.is_listed = false;
        let connection = ConnectionId(id);
        if !self.server.wants_input(connection) {
            return;
        }
        // Input that is paused after reading takes memory, so less of it is read.
        let room = if self.server.is_input_delayed() { READ_BYTES_LATE } else { READ_BYTES };
        match socket.read(&mut self.buffer[..room]) {
            Transfer::Some(count) => {
                // A partly filled buffer has emptied the socket (epoll(7)), except for its end.
                socket.is_readable = count == room || socket.is_ending;
                self.server.received(connection, &self.buffer[..count], now);
                self.request_read(id);
            }
            Transfer::Blocked => socket.is_readable = false,
            Transfer::Ended => {
                socket.is_readable = false;
                self.server.input_ended(connection, now);
            }
            Transfer::Short(error) => self.postpone_transfer(id, &error, now),
            Transfer::Broken(error) => {
                log::debug!("connection {id}: {error}");
                self.server.hung_up(connection, now);
            }
        }
    }

    fn write(&mut self, now: Now) {
        let mut left_count = self.server.limits().writes_per_turn;
        let mut batch = std::mem::take(&mut self.writable);
        while left_count > 0 {
            let room = left_count.min(WRITES_AT_ONCE);
            batch.extend(std::iter::from_fn(|| self.server.next_to_write()).take(room));
            if batch.is_empty() && !self.server.fan_out(now) {
                break;
            }
            left_count -= batch.len();
            // Looking up sockets in a batch overlaps their cache misses. One after the other, each
            // write would wait for its own.
            batch.retain(|id| self.sockets.get(id.0).is_some());
            batch.drain(..).for_each(|id| self.write_one(id, now));
        }
        self.writable = batch;
    }

    fn write_one(&mut self, id: ConnectionId, now: Now) {
        let Some(socket) = self.sockets.get_mut(id.0) else { return };
        let mut slices = [io::IoSlice::new(&[]); SLICES];
        let count = self.server.unsent(id, &mut slices);
        let wanted: usize = slices[..count].iter().map(|slice| slice.len()).sum();
        if wanted == 0 {
            return;
        }
        match socket.write(&slices[..count]) {
            Transfer::Some(count) => {
                self.server.sent(id, count, now);
                // The kernel's buffer is full (epoll(7)).
                if count < wanted {
                    self.server.blocked(id);
                }
            }
            Transfer::Blocked => self.server.blocked(id),
            Transfer::Short(error) => {
                self.server.blocked(id);
                self.postpone_transfer(id.0, &error, now);
            }
            Transfer::Ended => self.server.hung_up(id, now),
            Transfer::Broken(error) => {
                log::debug!("connection {}: {error}", id.0);
                self.server.hung_up(id, now);
            }
        }
    }

    fn close(&mut self) {
        while let Some(id) = self.server.next_to_shut() {
            if let Some(socket) = self.sockets.get(id.0) {
                socket.shut();
            }
        }
        while let Some(id) = self.server.next_to_close() {
            // Closing the descriptor removes it from epoll.
            let socket = self.sockets.remove(id.0);
            if self.server.is_cut_short(id) {
                socket.iter().for_each(Socket::reset_at_close);
            }
            drop(socket);
            self.server.closed(id);
        }
    }
}
