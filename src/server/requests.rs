//! From bytes to requests: heads, bodies, and what becomes of a body that nobody wants.

use super::connection::{Pause, Phase};
use super::face::{Context, Next};
use super::{ConnectionId, Server};
use crate::broker::Transport;
use crate::http::{Exchange, Head, HeadStorage, Response, Status, empty_lines, parse_head};
use crate::time::Now;

/// What one step of reading did.
pub(super) enum Consumed {
    /// It used so many bytes; there may be more to do.
    Bytes(usize),
    /// Nothing more can be done with what there is.
    Nothing,
}

impl Server {
    /// Puts new bytes behind what was left over and uses as many as it can.
    pub(super) fn read(&mut self, id: ConnectionId, bytes: &[u8], now: Now) {
        self.turn.begin_connection_share();
        let connection = &mut self.connections[id];
        match connection.phase {
            Phase::Draining | Phase::Lingering | Phase::Condemned { .. } => return,
            Phase::Head { .. } if connection.input.is_empty() => connection.since = now.monotonic,
            _ => {}
        }
        if connection.input.is_empty() {
            let used = self.process(id, bytes, now);
            self.keep_unused(id, bytes[used..].to_vec());
        } else {
            let mut input = std::mem::take(&mut connection.input);
            input.extend_from_slice(bytes);
            let used = self.process(id, &input, now);
            input.drain(..used);
            self.keep_unused(id, input);
        }
        // A request that was on its way when the stop came.
        if self.is_stopping() && matches!(self.connections[id].phase, Phase::Subscriber(_)) {
            self.end_subscriber(id, now);
        }
    }

    /// Goes on with what was left over.
    pub(super) fn resume_input(&mut self, id: ConnectionId, now: Now) {
        let connection = &mut self.connections[id];
        connection.since = now.monotonic;
        if let Phase::Subscriber(subscriber) = &mut connection.phase
            && let Transport::WebSocket { reader, .. } = &mut subscriber.transport
        {
            reader.resume(now.monotonic, self.config.limits.body_timeout);
        }
        self.read(id, &[], now);
        self.rearm(id);
    }

    fn keep_unused(&mut self, id: ConnectionId, mut rest: Vec<u8>) {
        let connection = &mut self.connections[id];
        if let Phase::Subscriber(subscriber) = &connection.phase
            && !rest.is_empty()
            && (matches!(subscriber.transport, Transport::Framed)
                || rest.len() > self.config.limits.head_bytes_max)
        {
            // Behind a stream of the API, which has no end of its own, it can never be used; and
            // behind others more than the next request is not kept. It is dropped, so that what
            // follows could not be understood.
            connection.exchange.keeps_alive = false;
        }
        connection.input = match connection.phase {
            Phase::Draining | Phase::Lingering | Phase::Condemned { .. } => Vec::new(),
            // Nothing behind the last request of a connection is ever read; frames wait for room.
            Phase::Subscriber(ref subscriber)
                if !connection.exchange.keeps_alive && !subscriber.is_websocket() =>
            {
                Vec::new()
            }
            _ => {
                // What was used has left room that is not needed; all of it, if nothing is left.
                rest.shrink_to(2 * rest.len());
                rest
            }
        };
    }

    fn process(&mut self, id: ConnectionId, input: &[u8], now: Now) -> usize {
        let mut used = 0;
        loop {
            let rest = &input[used..];
            let consumed = match &self.connections[id].phase {
                Phase::Head { .. } if self.connections[id].flags.is_paused() => Consumed::Nothing,
                Phase::Head { scanned } => {
                    let scanned = *scanned;
                    self.read_head(id, rest, scanned as usize, now)
                }
                Phase::Body(_) => self.read_body(id, rest, now),
                Phase::Subscriber(subscriber) if subscriber.is_websocket() => {
                    return used + self.read_frames(id, rest, now);
                }
                Phase::Subscriber(_)
                | Phase::Draining
                | Phase::Lingering
                | Phase::Condemned { .. } => Consumed::Nothing,
            };
            match consumed {
                Consumed::Bytes(count) => used += count,
                Consumed::Nothing => return used,
            }
        }
    }

    fn read_head(
        &mut self,
        id: ConnectionId,
        input: &[u8],
        mut scanned: usize,
        now: Now,
    ) -> Consumed {
        if input.is_empty() {
            return Consumed::Nothing;
        }
        let skipped = empty_lines(input);
        if skipped > 0 {
            self.connections[id].phase = Phase::Head { scanned: 0 };
            return Consumed::Bytes(skipped);
        }
        if !self.can_answer(id) {
            self.pause(id);
            return Consumed::Nothing;
        }
        self.turn.work.requests += 1;
        let mut storage = HeadStorage::default();
        match parse_head(input, &mut scanned, &self.head_limits, &mut storage) {
            Ok(Some((head, length))) => {
                self.counters.requests_total += 1;
                let connection = &mut self.connections[id];
                connection.requests = connection.requests.saturating_add(1);
                connection.exchange = Exchange::of(&head);
                connection.phase = Phase::Head { scanned: 0 };
                self.update_client(id, &head);
                self.record_request(id, &head, now);
                if self.is_last_request(id) {
                    self.connections[id].exchange.keeps_alive = false;
                }
                let used = length + self.route(id, &head, &input[length..], now);
                self.turn.work.add_made(self.broker.formats.take_made());
                Consumed::Bytes(used)
            }
            Ok(None) => {
                let scanned = u32::try_from(scanned).unwrap_or(0);
                self.connections[id].phase = Phase::Head { scanned };
                Consumed::Nothing
            }
            Err(status) => {
                self.counters.malformed_requests_total += 1;
                self.record_malformed(id, input, now);
                self.refuse_framing(id, status, "malformed head", now);
                Consumed::Nothing
            }
        }
    }

    fn is_last_request(&self, id: ConnectionId) -> bool {
        let max = self.config.limits.keepalive_requests_max;
        self.is_stopping() || max > 0 && self.connections[id].requests >= max
    }

    /// Answers a request whose end is unknown: nothing that follows can be trusted.
    pub(super) fn refuse_framing(
        &mut self,
        id: ConnectionId,
        status: Status,
        reason: &'static str,
        now: Now,
    ) {
        let connection = &mut self.connections[id];
        connection.exchange = Exchange { keeps_alive: false, ..connection.exchange };
        self.respond(id, Response::new(status).because(reason), b"", now);
    }

    /// Asks the faces what a request is for, and answers it or begins to read its body. Returns how
    /// many of the bytes behind the head it used.
    fn route(&mut self, id: ConnectionId, head: &Head<'_>, behind: &[u8], now: Now) -> usize {
        let faces = self.faces.clone();
        let mut context = Context::new(self, id, now);
        match faces.iter().find_map(|face| face.route(&mut context, head)) {
            Some(Next::Answer(response, body)) => {
                self.answer_from_head(id, head, behind, response, &body, now)
            }
            Some(Next::Read { handler, bytes_max }) => {
                self.begin_body(id, head, behind, handler, bytes_max, now)
            }
            Some(Next::Done) => 0,
            None => {
                let response = Response::new(Status::NOT_FOUND);
                self.answer_from_head(id, head, behind, response, b"", now)
            }
        }
    }

    /// Answers a request whose body is not needed. Returns how many bytes of that it used.
    pub(super) fn answer_from_head(
        &mut self,
        id: ConnectionId,
        head: &Head<'_>,
        behind: &[u8],
        response: Response,
        body: &[u8],
        now: Now,
    ) -> usize {
        let used = self.skip_body(id, head, behind, now);
        self.answer(id, response, body, now);
        used
    }

    /// Answers now; if the request's body is still being dropped, the exchange ends with that.
    fn answer(&mut self, id: ConnectionId, response: Response, body: &[u8], now: Now) {
        if matches!(self.connections[id].phase, Phase::Body(_)) {
            self.write_response(id, response, body, now);
        } else {
            self.respond(id, response, body, now);
        }
    }

    /// Answers a request that has been read to its end, or after which the connection is closed.
    pub(super) fn respond(&mut self, id: ConnectionId, response: Response, body: &[u8], now: Now) {
        self.write_response(id, response, body, now);
        self.end_exchange(id, now);
    }

    fn write_response(&mut self, id: ConnectionId, response: Response, body: &[u8], now: Now) {
        let exchange = self.connections[id].exchange;
        let status = response.status();
        self.log_answer(id, status, response.reason(), now);
        let response = response
            .date(&self.date)
            .content_length(body.len())
            .connection(exchange.keeps_alive, exchange.is_http_1_0);
        let bytes = match exchange.is_head || status.is_bodiless() {
            true => response.finish(),
            false => response.finish_with(body),
        };
        self.push(id, bytes.into(), now);
    }

    /// Begins an answer of unknown length: in HTTP/1.0 it ends with the connection.
    pub(super) fn begin_unsized_exchange(&mut self, id: ConnectionId) -> Exchange {
        let exchange = &mut self.connections[id].exchange;
        exchange.begin_unsized();
        *exchange
    }

    /// After an answer: the next request, or the end.
    pub(super) fn end_exchange(&mut self, id: ConnectionId, now: Now) {
        let connection = &mut self.connections[id];
        connection.since = now.monotonic;
        match connection.exchange.keeps_alive {
            true => {
                connection.phase = Phase::Head { scanned: 0 };
                // Who was allowed to wait for ever has had no deadline so far.
                self.rearm(id);
            }
            false => self.drain(id, now),
        }
    }

    /// Whether there is room for one more request: the client reads what it gets, the subscribers
    /// have taken most of what was published, and the turn has time for one more of this client.
    fn can_answer(&self, id: ConnectionId) -> bool {
        self.has_outbox_room(id) && !self.is_congested() && !self.turn.is_connection_share_spent()
    }

    /// Whether the client has read most of what it was sent.
    pub(super) fn has_outbox_room(&self, id: ConnectionId) -> bool {
        let outbox = &self.connections[id].outbox;
        outbox.cost() <= self.config.limits.outbox_bytes_max / 2 && !outbox.is_fed()
    }

    /// After a response that took its time: requests that came meanwhile are read now.
    pub(super) fn resume_requests(&mut self, id: ConnectionId) {
        let connection = &self.connections[id];
        if !connection.flags.is_held {
            self.to_read.push_back(id);
        }
        if matches!(connection.phase, Phase::Head { .. }) && !connection.input.is_empty() {
            self.pause(id);
        }
        // It may have had no deadline while it waited for messages.
        self.rearm(id);
    }

    /// Reads no more of a connection until there is room for what follows from it.
    pub(super) fn pause(&mut self, id: ConnectionId) {
        let flags = &mut self.connections[id].flags;
        if !flags.is_paused() {
            flags.pause = Pause::ForRoom;
        }
        self.resume_if_room(id);
    }

    /// Puts a paused connection on the list of those that can go on, unless its own outbox is in
    /// the way.
    pub(super) fn resume_if_room(&mut self, id: ConnectionId) {
        let flags = &self.connections[id].flags;
        if flags.pause == Pause::ForRoom && self.has_outbox_room(id) {
            self.connections[id].flags.pause = Pause::Listed;
            self.resumable.push(id, self.is_internal_peer(id));
        }
    }

    /// Whether a connection waits for nothing but its turn.
    pub fn has_resumable(&self) -> bool {
        !self.resumable.is_empty() && !self.is_congested()
    }

    /// Lets the connection that has been paused longest go on. None: there is none, the time for it
    /// has not come, or the rest of the time for reading is that of connections that have sent
    /// something new.
    pub(super) fn resume_paused(&mut self, now: Now) -> Option<ConnectionId> {
        while self.resumes_left > 0 && self.can_publish() {
            self.resumes_left -= 1;
            let id = self.resumable.pop()?;
            let Some(connection) = self.connections.get_mut(id) else { continue };
            if std::mem::take(&mut connection.flags.pause) != Pause::Listed {
                continue;
            }
            self.turn.begin_connection_share();
            if let Some(publishing) = self.waiting_publications.take(id) {
                self.continue_publishing(id, publishing, now);
            }
            if !self.connections[id].flags.is_paused() {
                self.resume_input(id, now);
            }
            let flags = &self.connections[id].flags;
            if flags.has_input_ended && !flags.is_paused() {
                self.input_ended(id, now);
            }
            return Some(id);
        }
        None
    }
}
