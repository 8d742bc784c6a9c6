//! Parses requests, hands them to the faces, sends answers; pauses connections (back-pressure).

use super::connection::{Pause, Phase};
use super::face::{Context, Next};
use super::{ConnectionId, Server};
use crate::broker::Transport;
use crate::http::{Exchange, Head, HeadStorage, Response, Status, empty_lines, parse_head};
use crate::time::Now;

/// How much of its input one step of reading used.
pub(super) enum Consumed {
    /// This many bytes; the next step may use more.
    Bytes(usize),
    /// None: nothing more can be done with the input that there is.
    Nothing,
}

impl Server {
    /// Appends new bytes to the unused input, uses as much of it as possible, and keeps the
    /// remainder.
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
        // The request arrived after the server began to stop.
        if self.is_stopping() && matches!(self.connections[id].phase, Phase::Subscriber(_)) {
            self.end_subscriber(id, now);
        }
    }

    /// Uses the input that was kept while the connection was paused.
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

    /// Keeps input that could not be used yet, or drops it if it can never be used.
    fn keep_unused(&mut self, id: ConnectionId, mut unused: Vec<u8>) {
        let connection = &mut self.connections[id];
        if let Phase::Subscriber(subscriber) = &connection.phase
            && !unused.is_empty()
            && (matches!(subscriber.transport, Transport::Framed)
                || unused.len() > self.config.limits.head_bytes_max)
        {
            // After a stream of the API, which never ends, input cannot be used; after other
            // streams, no more than the next request is kept. What is dropped would be missing
            // later, so the connection ends with the stream.
            connection.exchange.keeps_alive = false;
        }
        connection.input = match connection.phase {
            Phase::Draining | Phase::Lingering | Phase::Condemned { .. } => Vec::new(),
            // Input after the last request of a connection is never used, but frames are.
            Phase::Subscriber(ref subscriber)
                if !connection.exchange.keeps_alive && !subscriber.is_websocket() =>
            {
                Vec::new()
            }
            _ => {
                // Gives back the memory of what was used; all of it if nothing is left.
                unused.shrink_to(2 * unused.len());
                unused
            }
        };
    }

    /// Uses as much of the input as possible; returns how many bytes.
    fn process(&mut self, id: ConnectionId, input: &[u8], now: Now) -> usize {
        let mut used = 0;
        loop {
            let unused = &input[used..];
            let consumed = match &self.connections[id].phase {
                Phase::Head { .. } if self.connections[id].flags.is_paused() => Consumed::Nothing,
                Phase::Head { scanned } => {
                    let scanned = *scanned;
                    self.read_head(id, unused, scanned as usize, now)
                }
                Phase::Body(_) => self.read_body(id, unused, now),
                Phase::Subscriber(subscriber) if subscriber.is_websocket() => {
                    return used + self.read_frames(id, unused, now);
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

    /// Refuses a request whose end is unknown, and closes the connection: its further input cannot
    /// be trusted.
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

    /// Offers a request to the faces, and answers it or begins to read its body. Returns how many
    /// bytes behind the head it used.
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

    /// Answers a request whose body is not needed. Returns how many bytes of the body it used.
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

    /// Queues the answer. The exchange ends with it or, if the request's body is still being
    /// dropped, with the body.
    fn answer(&mut self, id: ConnectionId, response: Response, body: &[u8], now: Now) {
        if matches!(self.connections[id].phase, Phase::Body(_)) {
            self.write_response(id, response, body, now);
        } else {
            self.respond(id, response, body, now);
        }
    }

    /// Answers a request and ends the exchange. The request has been read to its end, or the
    /// connection is closed after the answer.
    pub(super) fn respond(&mut self, id: ConnectionId, response: Response, body: &[u8], now: Now) {
        self.write_response(id, response, body, now);
        self.end_exchange(id, now);
    }

    fn write_response(&mut self, id: ConnectionId, response: Response, body: &[u8], now: Now) {
        let exchange = self.connections[id].exchange;
        let status = response.status();
        self.log_answer(id, status, response.reason(), now);
        let response = response.date(&self.date).content_length(body.len()).connection(exchange);
        let bytes = if exchange.is_head || status.is_bodiless() {
            response.finish()
        } else {
            response.finish_with(body)
        };
        self.push(id, bytes.into(), now);
    }

    /// Begins an answer of unknown length, which in HTTP/1.0 ends with the connection. Returns what
    /// its framing depends on.
    pub(super) fn begin_unsized_exchange(&mut self, id: ConnectionId) -> Exchange {
        let exchange = &mut self.connections[id].exchange;
        exchange.begin_unsized();
        *exchange
    }

    /// Ends the exchange after its answer is queued: continues with the next request, or closes the
    /// connection.
    pub(super) fn end_exchange(&mut self, id: ConnectionId, now: Now) {
        let connection = &mut self.connections[id];
        connection.since = now.monotonic;
        if connection.exchange.keeps_alive {
            connection.phase = Phase::Head { scanned: 0 };
            // A long-polling request may have had no deadline.
            self.rearm(id);
        } else {
            self.drain(id, now);
        }
    }

    /// Whether one more request may be carried out: the connection's outbox has room, the server is
    /// not congested, and the connection's share of the turn is not spent.
    fn can_answer(&self, id: ConnectionId) -> bool {
        self.has_outbox_room(id) && !self.is_congested() && !self.turn.is_connection_share_spent()
    }

    /// Whether the outbox is at most half full and has no replay or list in progress.
    pub(super) fn has_outbox_room(&self, id: ConnectionId) -> bool {
        let outbox = &self.connections[id].outbox;
        outbox.cost() <= self.config.limits.outbox_bytes_max / 2 && !outbox.is_fed()
    }

    /// Continues with the next requests after a response that lasted, such as a stream: those that
    /// have arrived since are read now.
    pub(super) fn resume_requests(&mut self, id: ConnectionId) {
        let connection = &self.connections[id];
        if !connection.flags.is_held {
            self.to_read.push_back(id);
        }
        if matches!(connection.phase, Phase::Head { .. }) && !connection.input.is_empty() {
            self.pause(id);
        }
        // A subscriber may have had no deadline.
        self.rearm(id);
    }

    /// Pauses a connection: it is not read until its outbox and the publish backlog have room and
    /// the turn has time (back-pressure).
    pub(super) fn pause(&mut self, id: ConnectionId) {
        let flags = &mut self.connections[id].flags;
        if !flags.is_paused() {
            flags.pause = Pause::ForRoom;
        }
        self.resume_if_room(id);
    }

    /// If the outbox of a paused connection has room, puts it into the list of those that continue
    /// when the backlog has room and the turn has time.
    pub(super) fn resume_if_room(&mut self, id: ConnectionId) {
        let flags = &self.connections[id].flags;
        if flags.pause == Pause::ForRoom && self.has_outbox_room(id) {
            self.connections[id].flags.pause = Pause::Listed;
            self.resumable.push(id, self.is_internal_peer(id));
        }
    }

    /// Whether a paused connection can continue as soon as a turn has time for it.
    pub fn has_resumable(&self) -> bool {
        !self.resumable.is_empty() && !self.is_congested()
    }

    /// Continues with the connection that has been paused longest: with its waiting publication,
    /// then with its kept input. `None`: there is none that may continue in this turn, the backlog
    /// is full, or the share of the paused connections is spent.
    pub(super) fn resume_paused(&mut self, now: Now) -> Option<ConnectionId> {
        while self.resumes_left > 0 && self.can_publish() {
            self.resumes_left -= 1;
            let id = self.resumable.pop()?;
            let Some(connection) = self.connections.get_mut(id) else { continue };
            // The entry may be of a connection that is gone, and this one be paused for a reason of
            // its own.
            if connection.flags.pause != Pause::Listed {
                continue;
            }
            connection.flags.pause = Pause::No;
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
