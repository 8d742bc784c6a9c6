//! One turn of the loop: what the reactor does between sockets and server, with simulated sockets, and a
//! look at everything that the server queues.

use crate::bounds::Call;
use crate::checks;
use crate::client::{Answers, Client, State};
use crate::observer::{Moment, digest};
use crate::world::World;
use rpushd::config::ListenerId;
use rpushd::server::ConnectionId;
use std::io::IoSlice;
use std::net::{IpAddr, Ipv4Addr};

/// Turns in which a server may be busy without anything to show for it.
const IDLE_TURNS_MAX: usize = 4;

/// Clients of a Unix socket, of a trusted proxy, and of the two kinds of addresses.
fn peer(number: usize) -> Option<IpAddr> {
    match number % 4 {
        0 => None,
        1 => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        2 => Some(IpAddr::from([198, 51, 100, 7])),
        _ => Some(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 7])),
    }
}

/// What a gathered write writes.
pub fn joined(slices: &[IoSlice<'_>]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(slices.iter().map(|slice| slice.len()).sum());
    slices.iter().for_each(|slice| bytes.extend_from_slice(slice));
    bytes
}

impl World {
    /// One turn of the loop, as the reactor makes it.
    pub fn turn(&mut self) {
        self.is_active = false;
        self.turns += 1;
        self.resume();
        checks::no_connection_is_left_waiting(self);
        self.take_events();
        self.accept();
        self.read();
        self.measure(Call::Tick, |server, now| server.tick(now));
        for client in &mut self.clients {
            client.answers.is_late |= checks::is_late(client, &self.strict, self.now.monotonic);
        }
        self.observe_all(true);
        self.server.assert_consistent();
        self.write();
        self.close();
        self.server.assert_consistent();
        checks::memory_is_bounded(self);
        checks::messages_reach_free_subscribers(self);
        if self.is_at_rest() {
            checks::nothing_is_left_undone(self);
        } else {
            self.idle_turns = if self.is_active { 0 } else { self.idle_turns + 1 };
            assert!(self.idle_turns <= IDLE_TURNS_MAX, "the server is busy with nothing");
        }
    }

    /// Neither the server nor the reactor has anything to do now.
    pub fn is_at_rest(&self) -> bool {
        let is_due = self.server.next_wake(self.now).is_some_and(|at| at <= self.now.monotonic);
        let is_blocked_in_vain = |client: &Client| {
            let socket = &client.socket;
            client.id().is_some() && socket.is_blocked && socket.in_flight < socket.window
        };
        let has_event = |client: &Client| client.id().is_some() && client.socket.has_event;
        let is_busy = |client: &Client| is_blocked_in_vain(client) || has_event(client);
        !is_due && self.readable.is_empty() && !self.clients.iter().any(is_busy)
    }

    pub fn open(&self) -> Vec<(usize, u32)> {
        let clients = self.clients.iter().enumerate();
        clients.filter_map(|(number, client)| client.id().map(|id| (number, id))).collect()
    }

    fn take_events(&mut self) {
        for (number, id) in self.open() {
            if !self.server.wants_input(ConnectionId(id)) {
                self.clients[number].answers.last_waiting = self.now.monotonic;
            }
            let socket = &mut self.clients[number].socket;
            let has_room = socket.in_flight < socket.window;
            if has_room && (socket.is_blocked || self.random.one_in(50)) {
                self.is_active |= std::mem::take(&mut socket.is_blocked);
                self.server.writable(ConnectionId(id));
            }
        }
        let mut events = self.open();
        events.retain(|(number, _)| self.clients[*number].socket.has_event);
        events.sort_by_key(|(number, _)| self.clients[*number].socket.arrived);
        for (number, id) in events {
            let socket = &mut self.clients[number].socket;
            (socket.has_event, socket.is_readable) = (false, true);
            let was_listed = socket.is_listed;
            self.request_read(id);
            let socket = &mut self.clients[number].socket;
            socket.listed_in = (socket.is_listed && !was_listed).then_some(self.turns);
        }
    }

    fn request_read(&mut self, id: u32) {
        let Some(&Some(number)) = self.links.get(id as usize) else { return };
        let socket = &mut self.clients[number].socket;
        if socket.is_readable && !socket.is_listed && self.server.wants_input(ConnectionId(id)) {
            (socket.is_listed, socket.listed_in) = (true, None);
            self.readable.push(id);
        }
    }

    fn accept(&mut self) {
        for _ in 0..self.config.limits.accepts_per_turn {
            let waiting = self.clients.iter().position(|client| client.state == State::Waiting);
            let Some(number) = waiting else { return };
            let client = &mut self.clients[number];
            match self.server.accepted(ListenerId(client.listener), peer(number), self.now) {
                Ok(ConnectionId(id)) => {
                    let index = id as usize;
                    if index >= self.links.len() {
                        self.links.resize(index + 1, None);
                    }
                    assert_eq!(self.links[index], None, "an id is free before it is used again");
                    self.links[index] = Some(number);
                    client.state = State::Open(id);
                    client.answers = Answers::new(self.now.monotonic);
                    self.is_active = true;
                    self.log(|| format!("client {number} is connection {id}"));
                }
                Err(_) => {
                    let is_full = self.is_full_for(self.clients[number].listener);
                    assert!(is_full || self.server.is_stopping(), "there is room for a connection");
                    self.coverage.count("refused connections", 1);
                    return;
                }
            }
        }
    }

    fn is_full_for(&self, listener: u16) -> bool {
        let limits = &self.config.limits;
        let is_public = |listener: u16| !self.config.listeners[usize::from(listener)].is_internal;
        let reserved = match self.config.has_internal_listener() {
            true => limits.connections_reserved.min(limits.connections_max / 2),
            false => 0,
        };
        let open = self.links.iter().flatten().map(|number| self.clients[*number].listener);
        let public_count = open.filter(|listener| is_public(*listener)).count();
        self.server.connection_count() >= limits.connections_max
            || is_public(listener) && public_count + reserved >= limits.connections_max
    }

    /// What was left over comes before new events.
    fn resume(&mut self) {
        // Time may have made a leap since they were paused: they have until then and a whole limit more.
        for (number, id) in self.open() {
            if !self.server.wants_input(ConnectionId(id)) {
                self.clients[number].answers.last_waiting = self.now.monotonic;
            }
        }
        self.server.begin_turn(self.now);
        self.costs.begin_half();
        while let Some(ConnectionId(id)) =
            self.measure(Call::NextToRead, |server, now| server.next_to_read(now))
        {
            self.observe_all(false);
            self.server.assert_consistent();
            self.request_read(id);
        }
    }

    fn read(&mut self) {
        let count = self.readable.len().min(self.random.between(1, 8));
        for _ in 0..count {
            if self.server.is_turn_spent() {
                self.coverage.count("turns spent by reading", 1);
                return;
            }
            let id = self.readable.remove(0);
            self.read_one(id);
            self.server.assert_consistent();
        }
    }

    fn read_one(&mut self, id: u32) {
        let Some(&Some(number)) = self.links.get(id as usize) else { return };
        let connection = ConnectionId(id);
        self.clients[number].socket.is_listed = false;
        if !self.server.wants_input(connection) {
            return;
        }
        checks::nothing_older_is_unread(self, number);
        let client = &mut self.clients[number];
        self.is_active = true;
        let socket = &mut client.socket;
        let available = socket.sent - socket.received;
        if socket.is_broken {
            (socket.is_readable, socket.is_end_known) = (false, true);
            self.log(|| format!("connection {id} is reset"));
            self.measure(Call::Left, |server, now| server.hung_up(connection, now));
            return self.observe_all(false);
        }
        if available == 0 {
            socket.is_readable = false;
            if socket.has_finished {
                socket.is_end_known = true;
                self.log(|| format!("connection {id} ends its input"));
                self.measure(Call::Left, |server, now| server.input_ended(connection, now));
                self.observe_all(false);
            }
            return;
        }
        let count = available.min(self.read_bytes);
        let from = socket.received;
        socket.received += count;
        socket.is_readable = count < available || count == self.read_bytes || socket.has_finished;
        if count == available && !socket.has_finished {
            socket.arrived = None;
        }
        client.answers.last_received = self.now.monotonic;
        // Empty lines between requests are nothing that a time limit starts anew for.
        let is_line_end = |byte: &u8| b"\r\n".contains(byte);
        let bytes = &client.script.bytes;
        if !bytes[from..from + count].iter().all(is_line_end) {
            client.answers.last_request_byte = self.now.monotonic;
        }
        // The rest of a body whose request is answered already begins no request.
        let next = client.script.requests.get(client.answers.ends.len());
        if next.is_some_and(|next| from + count > next.start) {
            client.answers.request_began.get_or_insert(self.now.monotonic);
        }
        let before = next.and_then(|next| bytes.get(next.start..from));
        if before.is_some_and(|before| before.iter().all(is_line_end)) {
            client.answers.request_line_began = self.now.monotonic;
        }
        let bytes = &client.script.bytes[from..from + count];
        self.steps.add(format!(
            "{} ms: connection {id} receives {:?}",
            self.now.monotonic.0,
            String::from_utf8_lossy(&bytes[..count.min(100)])
        ));
        let bytes = bytes.to_vec();
        self.measure(Call::Received(count), |server, now| server.received(connection, &bytes, now));
        self.observe(number, id, false);
        self.observe_all(false);
        self.request_read(id);
    }

    /// Looks at everything that the server has newly queued.
    pub fn observe_all(&mut self, is_tick: bool) {
        self.batch += u64::from(is_tick);
        for (number, id) in self.open() {
            self.observe(number, id, is_tick);
        }
    }

    fn observe(&mut self, number: usize, id: u32, is_tick: bool) {
        let client = &mut self.clients[number];
        let known = client.answers.queued.len();
        let mut few = [IoSlice::new(&[]); 32];
        let mut many = Vec::new();
        let mut slices = &mut few[..];
        let mut count = self.server.unsent(ConnectionId(id), slices);
        if count == slices.len() {
            many.resize(8192, IoSlice::new(&[]));
            slices = &mut many;
            count = self.server.unsent(ConnectionId(id), slices);
            assert!(count < slices.len(), "there is room for all slices");
        }
        let length: usize = slices[..count].iter().map(|slice| slice.len()).sum();
        if length >= known {
            client.answers.queued_frames = count;
        }
        if length < known {
            // It is going to be closed; that is when the reason is asked for.
            assert_eq!(length, 0, "connection {id}: queued bytes have vanished");
            return;
        }
        if length == known {
            return;
        }
        let mut fresh = Vec::with_capacity(length - known);
        let mut skipped = 0;
        for slice in &slices[..count] {
            let from = (known - skipped).min(slice.len());
            skipped += from;
            fresh.extend_from_slice(&slice[from..]);
        }
        let moment = Moment {
            now: self.now.monotonic,
            strict: &self.strict,
            accepted_secrets: &self.accepted_secrets,
            is_stopping: self.server.is_stopping(),
            batch: is_tick.then_some(self.batch),
            client: number,
        };
        digest(client, &mut self.model, &fresh, &moment);
    }

    fn write(&mut self) {
        let mut left_count = self.config.limits.writes_per_turn;
        while left_count > 0 {
            let room = self.random.between(1, left_count.min(16));
            let mut batch = Vec::new();
            while batch.len() < room {
                let next = self.measure(Call::NextToWrite, |server, now| server.next_to_write(now));
                self.observe_all(false);
                let Some(ConnectionId(id)) = next else { break };
                batch.push(id);
            }
            if batch.is_empty() {
                return;
            }
            left_count -= batch.len();
            self.is_active = true;
            for id in &batch {
                self.write_one(*id, room == 1);
            }
            self.server.assert_consistent();
        }
    }

    /// `is_alone`: nothing else happened since it was said to have something.
    fn write_one(&mut self, id: u32, is_alone: bool) {
        let number = self.links[id as usize].expect("only open connections are written to");
        let connection = ConnectionId(id);
        let client = &mut self.clients[number];
        if client.socket.is_broken && self.random.one_in(2) {
            client.socket.is_end_known = true;
            self.log(|| format!("connection {id} breaks"));
            self.measure(Call::Left, |server, now| server.hung_up(connection, now));
            return self.observe_all(false);
        }
        let mut slices = [IoSlice::new(&[]); 64];
        let used = self.server.unsent(connection, &mut slices[..self.slices]);
        let bytes = joined(&slices[..used]);
        assert!(!is_alone || !bytes.is_empty(), "connection {id} has something to write");
        if bytes.is_empty() {
            return;
        }
        let socket = &mut client.socket;
        let mut count = bytes.len().min(socket.window - socket.in_flight);
        match self.random.below(20) {
            0 => count = 0,
            1..=3 if count > 0 => count = self.random.between(1, count),
            _ => {}
        }
        let expected: Vec<u8> = client.answers.queued.drain(..count).collect();
        assert!(expected == bytes[..count], "connection {id}: bytes are lost, doubled or changed");
        socket.in_flight += count;
        if count > 0 {
            client.answers.last_taken = self.now.monotonic;
            self.measure(Call::Sent, |server, now| server.sent(connection, count, now));
        }
        if count < bytes.len() {
            self.clients[number].socket.is_blocked = true;
            self.server.blocked(connection);
        }
        self.log(|| format!("connection {id} takes {count} of {} bytes", bytes.len()));
    }

    fn close(&mut self) {
        while let Some(ConnectionId(id)) = self.server.next_to_shut() {
            self.is_active = true;
            let number = self.links[id as usize].expect("only open connections are shut");
            let client = &self.clients[number];
            assert!(client.answers.queued.is_empty(), "connection {id} is shut with bytes queued");
            checks::may_end(self, number);
            self.clients[number].socket.shut_at.get_or_insert(self.now.monotonic);
            checks::stream_has_ended(&self.clients[number], number);
            self.log(|| format!("connection {id} is shut"));
        }
        while let Some(ConnectionId(id)) = self.server.next_to_close() {
            self.is_active = true;
            let number = self.links[id as usize].take().expect("a connection is closed once");
            checks::may_end(self, number);
            self.clients[number].state = State::Over;
            self.server.closed(ConnectionId(id));
            // A connection that has its id next is read when its own bytes come.
            self.readable.retain(|listed| *listed != id);
            self.log(|| format!("connection {id} is closed"));
        }
    }
}
