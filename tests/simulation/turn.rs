//! The hooks of this world: what it draws and checks in each turn of the loop.

use crate::checks;
use crate::client::{Answers, Client};
use crate::observer::{Context, digest};
use crate::order;
use crate::reactor::{Call, SimReactor, Socket, Turns};
use crate::world::{self, World};
use rpushd::config::ListenerId;
use rpushd::server::ConnectionId;

/// The most turns in which a server may be busy without visible progress.
const IDLE_TURNS_MAX: usize = 4;

impl Turns for World {
    fn reactor(&mut self) -> &mut SimReactor {
        &mut self.reactor
    }

    fn reads_max(&mut self) -> usize {
        self.random.between(1, 8)
    }

    fn slice_max(&mut self, _: usize) -> usize {
        usize::MAX
    }

    fn batch_max(&mut self, left_count: usize) -> usize {
        self.random.between(1, left_count.min(16))
    }

    fn taken(&mut self, _: usize, count: usize) -> usize {
        match self.random.below(20) {
            0 => 0,
            1..=3 if count > 0 => self.random.between(1, count),
            _ => count,
        }
    }

    fn notices_break(&mut self, _: usize) -> bool {
        self.random.one_in(2)
    }

    fn before(&mut self, call: Call, number: Option<usize>) {
        if let (Call::Left, Some(number)) = (call, number) {
            let way = if self.reactor.sockets[number].is_broken { "breaks" } else { "ends input" };
            self.log(|| format!("client {number} {way}"));
        }
        self.costs.before(&self.reactor.server, self.reactor.now, call);
    }

    fn after(&mut self, call: Call, number: Option<usize>) {
        self.costs.after(&self.reactor.server, self.reactor.now, call);
        match (call, number) {
            (Call::Sent, _) | (Call::NextToRead, None) => return,
            (Call::Received(_), Some(number)) => {
                let id = self.reactor.sockets[number].id().expect("it is open");
                self.observe(number, id, false);
            }
            (Call::Tick, _) => self.note_late(),
            _ => {}
        }
        self.observe_all(call == Call::Tick);
        if matches!(call, Call::NextToRead | Call::Tick | Call::Whole) {
            self.reactor.server.assert_consistent();
        }
    }

    fn turn_begins(&mut self) {
        self.note_waiting();
        self.costs.begin_half();
    }

    fn resumed(&mut self) {
        self.observe_all(false);
        checks::no_connection_is_left_waiting(self);
    }

    fn events_come(&mut self) {
        self.note_waiting();
        self.reactor.note_wanted();
        for (number, _) in Vec::from_iter(self.reactor.open()) {
            let socket = &self.reactor.sockets[number];
            if socket.room > 0 && !socket.is_blocked && self.random.one_in(50) {
                self.reactor.wake(number);
            }
        }
    }

    fn accepted(&mut self, number: usize) {
        self.clients[number].answers = Answers::new(self.reactor.now.monotonic);
        let id = self.reactor.sockets[number].id().map(|id| id.0);
        self.log(|| format!("client {number} is connection {id:?}"));
    }

    fn refused(&mut self, number: usize) {
        let is_full = self.is_full_for(self.reactor.sockets[number].listener);
        let is_stopping = self.reactor.server.is_stopping();
        assert!(is_full || is_stopping, "there is room for a connection");
        self.coverage.count("refused connections", 1);
    }

    fn reading_is_over(&mut self) {
        self.coverage.count("turns spent by reading", 1);
    }

    fn reading(&mut self, number: usize) {
        order::nothing_older_is_unread(&self.reactor, number);
        self.reactor.is_active = true;
    }

    fn receiving(&mut self, number: usize, bytes: &[u8]) {
        let now = self.reactor.now.monotonic;
        let client = &mut self.clients[number];
        let from = client.received;
        client.received += bytes.len();
        client.answers.last_received = now;
        // Empty lines between requests do not restart a time limit.
        let is_line_end = |byte: &u8| b"\r\n".contains(byte);
        if !bytes.iter().all(is_line_end) {
            client.answers.last_request_byte = now;
        }
        // The remaining body of an answered request does not begin a request.
        let next = client.script.requests.get(client.answers.ends.len());
        if next.is_some_and(|next| client.received > next.start) {
            client.answers.request_began.get_or_insert(now);
        }
        let before = next.and_then(|next| client.script.bytes.get(next.start..from));
        if before.is_some_and(|before| before.iter().all(is_line_end)) {
            client.answers.request_line_began = now;
        }
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(100)]);
        self.log(|| format!("client {number}'s {shown:?} is received"));
    }

    fn was_read(&mut self, _: usize) {
        self.reactor.server.assert_consistent();
    }

    fn wrote(&mut self, number: usize, bytes: &[u8], count: usize) {
        let answers = &mut self.clients[number].answers;
        let expected: Vec<u8> = answers.queued.drain(..count).collect();
        assert!(expected == bytes[..count], "client {number}: bytes are lost, doubled or changed");
        if count > 0 {
            answers.last_taken = self.reactor.now.monotonic;
        }
        self.log(|| format!("client {number}'s kernel takes {count} of {} bytes", bytes.len()));
    }

    fn batch_written(&mut self) {
        // A write may have made room for the next part of a long answer.
        self.observe_all(false);
        self.reactor.server.assert_consistent();
    }

    fn shutting(&mut self, number: usize) {
        let is_written = self.clients[number].answers.queued.is_empty();
        assert!(is_written, "client {number} is shut with bytes queued");
        checks::may_end(self, number);
        self.clients[number].shut_at.get_or_insert(self.reactor.now.monotonic);
        checks::stream_has_ended(&self.clients[number], number);
        self.log(|| format!("client {number} is shut"));
    }

    fn closing(&mut self, number: usize) {
        checks::may_end(self, number);
        self.log(|| format!("client {number} is closed"));
    }

    fn turn_ends(&mut self) {
        self.reactor.server.assert_consistent();
        checks::memory_is_bounded(self);
        checks::messages_reach_free_subscribers(self);
        if self.reactor.is_at_rest() {
            checks::nothing_is_left_undone(self);
        } else {
            self.idle_turns = if self.reactor.is_active { 0 } else { self.idle_turns + 1 };
            assert!(self.idle_turns <= IDLE_TURNS_MAX, "the server is busy with nothing");
        }
    }
}

impl World {
    /// Each client with its number and its socket.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, &Client, &Socket)> {
        let pairs = self.clients.iter().zip(&self.reactor.sockets).enumerate();
        pairs.map(|(number, (client, socket))| (number, client, socket))
    }

    /// Time may have jumped since they were paused: they have until then and another full limit.
    fn note_waiting(&mut self) {
        for (number, id) in self.reactor.open() {
            if !self.reactor.server.wants_input(id) {
                self.clients[number].answers.last_waiting = self.reactor.now.monotonic;
            }
        }
    }

    fn note_late(&mut self) {
        for client in &mut self.clients {
            let now = self.reactor.now.monotonic;
            client.answers.is_late |= checks::is_late(client, &self.strict, now);
        }
    }

    fn is_full_for(&self, listener: ListenerId) -> bool {
        let limits = &self.config.limits;
        let is_public = |of: ListenerId| !self.config.listeners[usize::from(of.0)].is_internal;
        let reserved = if self.config.has_internal_listener() {
            limits.connections_reserved.min(limits.connections_max / 2)
        } else {
            0
        };
        let open = self.reactor.open().map(|(number, _)| self.reactor.sockets[number].listener);
        let public_count = open.filter(|listener| is_public(*listener)).count();
        self.reactor.server.connection_count() >= limits.connections_max
            || is_public(listener) && public_count + reserved >= limits.connections_max
    }

    /// Checks everything that the server has newly queued.
    pub fn observe_all(&mut self, is_tick: bool) {
        self.batch += u64::from(is_tick);
        for (number, id) in Vec::from_iter(self.reactor.open()) {
            self.observe(number, id, is_tick);
        }
    }

    fn observe(&mut self, number: usize, id: ConnectionId, is_tick: bool) {
        let client = &mut self.clients[number];
        let known = client.answers.queued.len();
        let fresh = self.reactor.look_at_queued(id, |frames| {
            let length: usize = frames.iter().map(|frame| frame.len()).sum();
            if length >= known {
                client.answers.queued_frames = frames.len();
            }
            // It is going to be closed, and the reason is checked then.
            assert!(length >= known || length == 0, "client {number}: queued bytes have vanished");
            let mut fresh = Vec::with_capacity(length.saturating_sub(known));
            let mut skipped = 0;
            for frame in frames {
                let from = (known - skipped).min(frame.len());
                skipped += from;
                fresh.extend_from_slice(&frame[from..]);
            }
            fresh
        });
        if fresh.is_empty() {
            return;
        }
        let context = Context {
            now: self.reactor.now.monotonic,
            strict: &self.strict,
            accepted_secrets: &self.accepted_secrets,
            is_stopping: self.reactor.server.is_stopping(),
            has_address_limit: self.has_address_limit && world::is_counted(number),
            batch: is_tick.then_some(self.batch),
            client: number,
        };
        digest(client, &mut self.model, &fresh, &context);
    }
}
