//! The hooks of this world: what it draws and checks in each turn of the loop.

use super::client::{Client, Mode, Phase, Publishing, Request, Role, Said};
use super::model::What;
use super::world::World;
use crate::order;
use crate::reactor::{Call, SimReactor, Turns};
use std::collections::VecDeque;

impl Turns for World {
    fn reactor(&mut self) -> &mut SimReactor {
        &mut self.reactor
    }

    fn slice_max(&mut self, number: usize) -> usize {
        self.random.between(1, self.clients[number].slice_max)
    }

    fn reads_max(&mut self) -> usize {
        usize::MAX
    }

    fn batch_max(&mut self, left_count: usize) -> usize {
        self.random.between(1, left_count.min(16))
    }

    fn taken(&mut self, _: usize, count: usize) -> usize {
        if count > 0 && self.random.one_in(6) { self.random.between(1, count) } else { count }
    }

    fn before(&mut self, call: Call, number: Option<usize>) {
        if let (Call::Left, Some(number)) = (call, number) {
            self.clients[number].phase = Phase::Over;
        }
        self.costs.before(&self.reactor.server, self.reactor.now, call);
    }

    fn after(&mut self, call: Call, number: Option<usize>) {
        self.costs.after(&self.reactor.server, self.reactor.now, call);
        match (call, number) {
            (Call::Sent, _) => return,
            (Call::Received(_) | Call::NextToRead, Some(number)) => self.progress(number),
            (Call::Left, Some(number)) => self.clients[number].publishing.clear(),
            (Call::Tick, _) => self.model.swept_at = self.reactor.now.monotonic,
            _ => {}
        }
        self.observe_all();
        if matches!(call, Call::Tick | Call::Whole) {
            self.reactor.server.assert_consistent();
        }
    }

    fn turn_begins(&mut self) {
        self.costs.begin_half();
    }

    fn resumed(&mut self) {
        self.no_connection_is_left_waiting();
    }

    fn events_come(&mut self) {
        self.reactor.note_wanted();
        for number in 0..self.clients.len() {
            if self.clients[number].has_shut && !self.reactor.sockets[number].is_broken {
                self.reactor.break_off(number);
            }
            // The remainder of a long answer may take a while.
            let socket = &mut self.reactor.sockets[number];
            socket.is_delayed = socket.to_server.len() >= 100 && !self.random.one_in(3);
        }
    }

    fn reading_is_over(&mut self) {
        self.coverage.count("turns spent by reading", 1);
    }

    fn reading(&mut self, number: usize) {
        order::nothing_older_is_unread(&self.reactor, number);
    }

    fn receiving(&mut self, number: usize, bytes: &[u8]) {
        self.clients[number].received += bytes.len();
    }

    fn was_read(&mut self, _: usize) {
        self.reactor.server.assert_consistent();
    }

    fn writing(&mut self, number: usize) {
        // Old messages may have been generated since, if the client is listed twice.
        self.observe(number);
    }

    fn wrote(&mut self, number: usize, bytes: &[u8], count: usize) {
        let client = &mut self.clients[number];
        let expected: Vec<u8> = client.queued.drain(..count).collect();
        assert!(expected == bytes[..count], "client {number}: bytes are lost, doubled or changed");
        client.written += count as u64;
    }

    fn batch_written(&mut self) {
        self.reactor.server.assert_consistent();
    }

    fn shutting(&mut self, number: usize) {
        self.may_end(number);
        self.clients[number].has_shut = true;
    }

    fn closing(&mut self, number: usize) {
        self.may_end(number);
        self.clients[number].publishing.clear();
        self.clients[number].phase = Phase::Over;
        self.log(|| format!("client {number} is closed"));
    }

    fn turn_ends(&mut self) {
        self.reactor.server.assert_consistent();
        self.messages_reach_free_subscribers();
    }
}

impl World {
    /// Records the publications of this client that the server may have carried out.
    fn take_published_of(&mut self, number: usize) {
        let client = &mut self.clients[number];
        let mut publishing = std::mem::take(&mut client.publishing);
        // What it sent after that may have been published in the same call.
        let said = client.said.iter().filter(|(_, said)| matches!(said, Said::Text(_))).count();
        let channels = client.live().map(|live| live.grouped().into_iter().cloned().collect());
        let channels: Vec<String> = channels.unwrap_or_default();
        let behind: Vec<String> = std::iter::repeat_n(channels, said).flatten().collect();
        self.take_published(&mut publishing, &behind);
        self.coverage.count("publications that waited", u64::from(!publishing.is_empty()));
        self.clients[number].publishing = publishing;
    }

    /// Adds to the model as many of these publications as the server has carried out since the last
    /// call, in order.
    fn take_published(&mut self, publishing: &mut VecDeque<Publishing>, behind: &[String]) {
        let published = self.reactor.server.counters().publish_requests_total;
        let count = (published - self.published).min(publishing.len() as u64);
        self.published += count;
        let behind = &behind[..behind.len().min((published - self.published) as usize)];
        let fresh: Vec<Publishing> = publishing.drain(..count as usize).collect();
        for (index, (channel, text, is_stored)) in fresh.iter().enumerate() {
            let later = fresh[index + 1..].iter().map(|later| &later.0).chain(behind);
            let later = later.filter(|later| *later == channel).count();
            let last = self.reactor.server.last_message_id(channel.as_bytes(), self.reactor.now);
            let id = last.map(|last| last as i64 - later as i64);
            self.publish(channel, text, *is_stored, id);
        }
    }

    /// Updates the model with what the server may have carried out of a client's input.
    fn progress(&mut self, number: usize) {
        self.take_published_of(number);
        let Some(id) = self.reactor.sockets[number].id() else { return };
        let received = self.clients[number].received - self.reactor.server.unread_bytes(id);
        while self.clients[number].said.front().is_some_and(|(end, _)| *end <= received)
            && let Some((_, said)) = self.clients[number].said.pop_front()
        {
            self.carry_out(number, said);
            self.take_published_of(number);
        }
        let is_paused =
            !self.reactor.server.wants_input(id) && self.reactor.server.unread_bytes(id) > 0;
        let client = &mut self.clients[number];
        if self.reactor.sockets[number].to_server.is_empty()
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
        let published = self.reactor.server.counters().publish_requests_total;
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
                // A deleted channel no longer counts as one of its channels.
                let one = |channel: &String| (channel.clone(), text.clone(), true);
                client.publishing.extend(live.grouped().into_iter().map(one));
                self.coverage.count("publications of WebSocket clients", 1);
            }
            Said::Text(_) => {}
        }
    }

    /// Handles a publication to this channel.
    fn publish(&mut self, channel: &str, text: &str, is_stored: bool, id: Option<i64>) {
        let number = self.model.publish(channel, text, is_stored, id, self.reactor.now);
        for live in self.clients.iter_mut().filter_map(Client::live) {
            live.publish(channel, number);
            let age = self.reactor.now.monotonic.since(live.since);
            if self.settings.stream_ttl.is_some_and(|ttl| age >= ttl) {
                // Its end may already be queued after old messages.
                let last = live.expected.iter_mut().rev();
                last.take_while(|one| one.what == What::Message(number))
                    .for_each(|one| one.is_optional = true);
            }
        }
    }

    /// Checks everything that the server has newly queued.
    pub fn observe_all(&mut self) {
        for number in 0..self.clients.len() {
            self.observe(number);
        }
    }

    fn observe(&mut self, number: usize) {
        let Some(id) = self.reactor.sockets[number].id() else { return };
        let client = &mut self.clients[number];
        // Nothing more is queued for a connection that is about to be closed.
        let is_websocket = client.role == Role::Subscriber(Mode::WebSocket);
        let all = self.reactor.look_at_queued(id, |frames| {
            let length: usize = frames.iter().map(|frame| frame.len()).sum();
            let is_new = length > 0 && (length > client.queued.len() || is_websocket);
            is_new
                .then(|| frames.iter().flat_map(|frame| frame.iter().copied()).collect::<Vec<u8>>())
        });
        let Some(all) = all else { return };
        if client.drop_superseded(&all) {
            self.coverage.count("pongs superseded", 1);
        }
        let known = client.queued.len();
        if all.len() <= known {
            return;
        }
        client.queued.extend(&all[known..]);
        client.reader.feed(&all[known..]);
        // Requests that a client sent before its connection broke are carried out.
        if self.reactor.sockets[number].is_broken && !matches!(client.phase, Phase::Asked(_)) {
            return;
        }
        while let Some(event) = self.clients[number].reader.next(false) {
            self.take(number, event);
        }
    }

    /// Panics unless there is a reason to close this connection.
    fn may_end(&self, number: usize) {
        let (client, socket) = (&self.clients[number], &self.reactor.sockets[number]);
        let is_too_slow =
            client.is_slow && !client.queued.is_empty() || self.settings.has_small_queues;
        let is_over = socket.is_broken || matches!(client.phase, Phase::Over);
        assert!(
            is_over || is_too_slow || self.reactor.server.is_stopping(),
            "client {number} is cut off without a reason"
        );
    }
}
