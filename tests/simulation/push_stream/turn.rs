//! One turn of the loop with simulated sockets, as the reactor makes it.

use super::client::{Client, Mode, Phase, Publishing, Request, Role, Said};
use super::model::What;
use super::world::World;
use crate::bounds::Call;
use crate::turn::joined;
use rpushd::config::ListenerId;
use rpushd::server::ConnectionId;
use std::collections::VecDeque;
use std::io::IoSlice;

impl World {
    pub fn accept(&mut self, mut client: Client) {
        let id = self.server.accepted(ListenerId(0), None, self.now).expect("there is room");
        client.id = Some(id.0);
        self.log(|| {
            format!("client {} is connection {}, {:?}", self.clients.len(), id.0, client.role)
        });
        self.clients.push(client);
    }

    pub fn turn(&mut self) {
        self.is_active = false;
        self.turns += 1;
        self.server.begin_turn(self.now);
        self.costs.begin_half();
        self.resume();
        // Old messages may have been made since a write.
        self.observe_all();
        self.no_connection_is_left_waiting();
        self.take_events();
        self.read();
        self.measure(Call::Tick, |server, now| server.tick(now));
        self.model.swept_at = self.now.monotonic;
        self.observe_all();
        self.server.assert_consistent();
        self.write();
        self.close();
        self.server.assert_consistent();
        self.messages_reach_free_subscribers();
    }

    /// What was left over comes before new events.
    fn resume(&mut self) {
        while let Some(id) = self.measure(Call::NextToRead, |server, now| server.next_to_read(now))
        {
            let number = self.clients.iter().position(|client| client.id == Some(id.0));
            let number = number.expect("only open connections are read");
            self.progress(number);
            self.observe_all();
            self.request_read(number);
        }
    }

    fn take_events(&mut self) {
        let mut events = Vec::new();
        for (number, client) in self.clients.iter_mut().enumerate() {
            if client.has_shut && !client.is_broken {
                client.break_off();
            }
            // Of what is long, the rest may take a while.
            let has_come = client.to_server.len() < 100 || self.random.one_in(3);
            if client.id.is_some() && client.has_event && has_come {
                events.push(number);
            }
        }
        events.iter().for_each(|number| self.note_arrival(*number));
        events.sort_by_key(|number| self.clients[*number].arrived);
        for number in events {
            let client = &mut self.clients[number];
            (client.has_event, client.is_readable) = (false, true);
            let was_listed = client.is_listed;
            self.request_read(number);
            let client = &mut self.clients[number];
            client.listed_in = (client.is_listed && !was_listed).then_some(self.turns);
        }
        (0..self.clients.len()).for_each(|number| self.wake(number));
    }

    fn request_read(&mut self, number: usize) {
        let client = &mut self.clients[number];
        let Some(id) = client.id.map(ConnectionId) else { return };
        if client.is_readable && !client.is_listed && self.server.wants_input(id) {
            (client.is_listed, client.listed_in) = (true, None);
            self.readable.push_back(number);
        }
    }

    fn read(&mut self) {
        for _ in 0..self.readable.len() {
            if self.server.is_turn_spent() {
                return self.coverage.count("turns spent by reading", 1);
            }
            let Some(number) = self.readable.pop_front() else { return };
            self.clients[number].is_listed = false;
            self.receive(number);
        }
    }

    fn wake(&mut self, number: usize) {
        let client = &mut self.clients[number];
        if let Some(id) = client.id
            && client.is_blocked
            && client.in_flight < client.window
        {
            client.is_blocked = false;
            self.is_active = true;
            self.server.writable(ConnectionId(id));
        }
    }

    fn receive(&mut self, number: usize) {
        let Some(id) = self.clients[number].id.map(ConnectionId) else { return };
        if !self.server.wants_input(id) {
            return;
        }
        self.nothing_older_is_unread(number);
        let client = &mut self.clients[number];
        if client.is_broken {
            self.is_active = true;
            client.is_readable = false;
            client.phase = Phase::Over;
            self.measure(Call::Left, |server, now| server.hung_up(id, now));
            self.clients[number].publishing.clear();
            return self.observe_all();
        }
        if client.to_server.is_empty() {
            client.is_readable = false;
            return;
        }
        self.is_active = true;
        let count = client.to_server.len().min(self.random.between(1, client.slice_max));
        let bytes: Vec<u8> = client.to_server.drain(..count).collect();
        client.received += count;
        if client.to_server.is_empty() {
            (client.is_readable, client.arrived) = (false, None);
        }
        self.measure(Call::Received(count), |server, now| server.received(id, &bytes, now));
        self.progress(number);
        self.observe_all();
        self.request_read(number);
        self.server.assert_consistent();
    }

    /// The server may have carried out some of what this client publishes.
    fn take_published_of(&mut self, number: usize) {
        let client = &mut self.clients[number];
        let mut publishing = std::mem::take(&mut client.publishing);
        // What it said behind that may have been published in the same call.
        let said = client.said.iter().filter(|(_, said)| matches!(said, Said::Text(_))).count();
        let channels = client.live().map(|live| live.grouped().into_iter().cloned().collect());
        let channels: Vec<String> = channels.unwrap_or_default();
        let behind: Vec<String> = std::iter::repeat_n(channels, said).flatten().collect();
        self.take_published(&mut publishing, &behind);
        self.coverage.count("publications that waited", u64::from(!publishing.is_empty()));
        self.clients[number].publishing = publishing;
    }

    /// As many of these as the server has carried out since it was last asked, in their order.
    fn take_published(&mut self, publishing: &mut VecDeque<Publishing>, behind: &[String]) {
        let published = self.server.counters().publish_requests_total;
        let count = (published - self.published).min(publishing.len() as u64);
        self.published += count;
        let behind = &behind[..behind.len().min((published - self.published) as usize)];
        let fresh: Vec<Publishing> = publishing.drain(..count as usize).collect();
        for (index, (channel, text, is_stored)) in fresh.iter().enumerate() {
            let later = fresh[index + 1..].iter().map(|later| &later.0).chain(behind);
            let later = later.filter(|later| *later == channel).count();
            let last = self.server.last_message_id(channel.as_bytes(), self.now);
            let id = last.map(|last| last as i64 - later as i64);
            self.publish(channel, text, *is_stored, id);
        }
    }

    /// The server may have carried out what a client sent.
    fn progress(&mut self, number: usize) {
        self.take_published_of(number);
        let client = &mut self.clients[number];
        let Some(id) = client.id.map(ConnectionId) else { return };
        let received = client.received - self.server.unread_bytes(id);
        while self.clients[number].said.front().is_some_and(|(end, _)| *end <= received)
            && let Some((_, said)) = self.clients[number].said.pop_front()
        {
            self.carry_out(number, said);
            self.take_published_of(number);
        }
        let is_paused = !self.server.wants_input(id) && self.server.unread_bytes(id) > 0;
        let client = &mut self.clients[number];
        if client.to_server.is_empty()
            && !is_paused
            && let Phase::Asking(request) = &client.phase
        {
            if let Request::Publish { channels, text, is_stored } = request {
                let text = if client.wraps_json { format!("\"{text}\"") } else { text.clone() };
                let one = |channel: &String| (channel.clone(), text.clone(), *is_stored);
                client.publishing = channels.iter().map(one).collect();
            }
            client.phase = Phase::Asked(request.clone());
            self.take_published_of(number);
        }
        let published = self.server.counters().publish_requests_total;
        assert_eq!(self.published, published, "client {number} publishes what it was not asked to");
        self.observe(number);
        if let Phase::Asked(request @ Request::Subscribe { .. }) = &self.clients[number].phase {
            let request = request.clone();
            self.wait(number, &request);
        }
    }

    fn carry_out(&mut self, number: usize, said: Said) {
        let client = &mut self.clients[number];
        let publishes = client.publishes;
        let Phase::Streaming(live) = &mut client.phase else { return };
        match said {
            Said::Ping(payload) => client.pongs.push_back(payload),
            Said::Close => {
                live.may_end = true;
                live.is_answered = true;
                live.expected.iter_mut().for_each(|one| one.is_optional = true);
            }
            Said::Text(text) if publishes => {
                // A deleted channel is not one of its channels any more.
                let one = |channel: &String| (channel.clone(), text.clone(), true);
                client.publishing.extend(live.grouped().into_iter().map(one));
                self.coverage.count("publications of WebSocket clients", 1);
            }
            Said::Text(_) => {}
        }
    }

    /// Something was published to this channel.
    fn publish(&mut self, channel: &str, text: &str, is_stored: bool, id: Option<i64>) {
        let number = self.model.publish(channel, text, is_stored, id, self.now);
        for live in self.clients.iter_mut().filter_map(Client::live) {
            live.publish(channel, number);
            let age = self.now.monotonic.since(live.since);
            if self.settings.stream_ttl.is_some_and(|ttl| age >= ttl) {
                // Its end may stand behind old messages already.
                let last = live.expected.iter_mut().rev();
                last.take_while(|one| one.what == What::Message(number))
                    .for_each(|one| one.is_optional = true);
            }
        }
    }

    /// Looks at everything that the server has newly queued.
    pub fn observe_all(&mut self) {
        for number in 0..self.clients.len() {
            self.observe(number);
        }
    }

    fn observe(&mut self, number: usize) {
        let client = &mut self.clients[number];
        let Some(id) = client.id.map(ConnectionId) else { return };
        let mut few = [IoSlice::new(&[]); 32];
        let mut many = Vec::new();
        let mut slices = &mut few[..];
        let mut count = self.server.unsent(id, slices);
        if count == slices.len() {
            many.resize(4096, IoSlice::new(&[]));
            slices = &mut many;
            count = self.server.unsent(id, slices);
            assert!(count < slices.len(), "there is room for all slices");
        }
        let length: usize = slices[..count].iter().map(|slice| slice.len()).sum();
        // Nothing is queued any more for who is about to be closed.
        let is_websocket = client.role == Role::Subscriber(Mode::WebSocket);
        if length == 0 || length <= client.queued.len() && !is_websocket {
            return;
        }
        let all = joined(&slices[..count]);
        if client.drop_superseded(&all) {
            self.coverage.count("pongs superseded", 1);
        }
        let known = client.queued.len();
        if all.len() <= known {
            return;
        }
        client.queued.extend(&all[known..]);
        client.reader.feed(&all[known..]);
        // What a client asked for before it vanished is carried out.
        if client.is_broken && !matches!(client.phase, Phase::Asked(_)) {
            return;
        }
        while let Some(event) = self.clients[number].reader.next() {
            self.take(number, event);
        }
    }

    fn write(&mut self) {
        let mut left_count = self.config.limits.writes_per_turn;
        while left_count > 0 {
            let room = self.random.between(1, left_count.min(16));
            let mut batch = Vec::new();
            while batch.len() < room {
                let next = self.measure(Call::NextToWrite, |server, now| server.next_to_write(now));
                self.observe_all();
                let Some(id) = next else { break };
                batch.push(id);
            }
            if batch.is_empty() {
                return;
            }
            left_count -= batch.len();
            self.is_active = true;
            for id in &batch {
                let number = self.clients.iter().position(|client| client.id == Some(id.0));
                let number = number.expect("only open connections are written to");
                self.write_one(number, *id, room == 1);
            }
            self.server.assert_consistent();
        }
    }

    /// `is_alone`: nothing else happened since it was said to have something.
    fn write_one(&mut self, number: usize, id: ConnectionId, is_alone: bool) {
        // Old messages may have been made since, if it is among them twice.
        self.observe(number);
        let client = &mut self.clients[number];
        if client.is_broken {
            self.measure(Call::Left, |server, now| server.hung_up(id, now));
            self.clients[number].publishing.clear();
            return self.observe_all();
        }
        let mut slices = [IoSlice::new(&[]); 64];
        let used = self.server.unsent(id, &mut slices);
        let bytes = joined(&slices[..used]);
        assert!(!is_alone || !bytes.is_empty(), "client {number} has something to read");
        if bytes.is_empty() {
            return;
        }
        let mut count = bytes.len().min(client.window - client.in_flight);
        if count > 0 && self.random.one_in(6) {
            count = self.random.between(1, count);
        }
        let expected: Vec<u8> = client.queued.drain(..count).collect();
        assert!(expected == bytes[..count], "client {number}: bytes are lost, doubled or changed");
        client.in_flight += count;
        client.written += count as u64;
        if count > 0 {
            self.measure(Call::Sent, |server, now| server.sent(id, count, now));
        }
        if count < bytes.len() {
            self.clients[number].is_blocked = true;
            self.server.blocked(id);
        }
    }

    fn close(&mut self) {
        while let Some(id) = self.server.next_to_shut() {
            self.is_active = true;
            let number = self.may_end(id);
            self.clients[number].has_shut = true;
        }
        while let Some(id) = self.server.next_to_close() {
            self.is_active = true;
            let number = self.may_end(id);
            self.clients[number].publishing.clear();
            self.clients[number].id = None;
            self.clients[number].phase = Phase::Over;
            self.server.closed(id);
            self.log(|| format!("client {number} is closed"));
        }
    }

    /// Panics unless there is a reason to end this connection.
    fn may_end(&mut self, id: ConnectionId) -> usize {
        let number = self.clients.iter().position(|client| client.id == Some(id.0));
        let number = number.expect("a connection is closed once");
        let client = &self.clients[number];
        let is_too_slow =
            client.is_slow && !client.queued.is_empty() || self.settings.has_small_queues;
        let is_over = client.is_broken || matches!(client.phase, Phase::Over);
        assert!(
            is_over || is_too_slow || self.server.is_stopping(),
            "client {number} is cut off without a reason"
        );
        number
    }
}
