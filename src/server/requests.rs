//! Input of connections: finds the requests in it, has the faces carry them out, and reads the
//! frames of WebSocket clients.

use super::bodies::{BodyInput, Consumed};
use super::connection::{ConnectionId, Pause, Phase, Purpose};
use super::face::{BodyHandler, Context, Next};
use super::publish_task::Progress;
use super::seam::Server;
use crate::http::{Framing, Head, HeadStorage, Response, Status, empty_lines, parse_head};
use crate::time::Now;

impl Server {
    /// Appends new bytes to the unused input, uses as much of it as possible, and keeps the
    /// remainder.
    pub(super) fn read(&mut self, id: ConnectionId, bytes: &[u8], now: Now) {
        self.state.turn.begin_connection_share();
        let connection = &mut self.state.connections[id];
        match connection.phase {
            Phase::Draining | Phase::Lingering | Phase::Condemned { .. } => return,
            Phase::Head { .. } if connection.input.is_empty() => connection.since = now.monotonic,
            _ => {}
        }
        if connection.input.is_empty() {
            let used = self.process(id, bytes, now);
            self.state.keep_unused(id, bytes[used..].to_vec());
        } else {
            let mut input = std::mem::take(&mut connection.input).into_vec();
            input.extend_from_slice(bytes);
            let used = self.process(id, &input, now);
            input.drain(..used);
            self.state.keep_unused(id, input);
        }
        // The request arrived after the server began to stop.
        let phase = &self.state.connections[id].phase;
        if self.state.is_stopping() && matches!(phase, Phase::Subscriber(_)) {
            self.state.end_subscriber(id, now);
        }
    }

    /// Uses as much of the input as possible; returns how many bytes.
    fn process(&mut self, id: ConnectionId, input: &[u8], now: Now) -> usize {
        let mut used = 0;
        loop {
            let unused = &input[used..];
            let connection = &self.state.connections[id];
            let consumed = match &connection.phase {
                Phase::Head { .. } if connection.flags.is_paused() => Consumed::Nothing,
                Phase::Head { scanned } => {
                    let scanned = *scanned;
                    self.read_head(id, unused, scanned as usize, now)
                }
                Phase::Body(_) => self.read_body(id, unused, now),
                Phase::Subscriber(subscriber) if subscriber.is_websocket() => {
                    let (read, command) = self.state.read_frames(id, unused, now);
                    used += read;
                    match command {
                        Some(text) => self.carry_out_command(id, &text, now),
                        None => return used,
                    }
                    Consumed::Bytes(0)
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

    /// Has a face carry out a message of a WebSocket client.
    fn carry_out_command(&mut self, id: ConnectionId, text: &str, now: Now) {
        let mut context = Context::new(&mut self.state, id, now);
        let next = self.faces.iter().find_map(|face| face.command(&mut context, text));
        if let Some(next) = next {
            self.carry_out(id, next, now);
        }
        self.state.end_step(now);
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
        let state = &mut self.state;
        let skipped = empty_lines(input);
        if skipped > 0 {
            state.connections[id].phase = Phase::Head { scanned: 0 };
            return Consumed::Bytes(skipped);
        }
        if !state.can_answer(id) {
            state.pause(id);
            return Consumed::Nothing;
        }
        state.turn.work.requests += 1;
        let mut storage = HeadStorage::default();
        match parse_head(input, &mut scanned, &state.head_limits, &mut storage) {
            Ok(Some((head, length))) => {
                state.begin_request(id, &head, now);
                let used = length + self.route(id, &head, &input[length..], now);
                let state = &mut self.state;
                state.turn.work.add_made(state.broker.formats.take_made());
                Consumed::Bytes(used)
            }
            Ok(None) => {
                let scanned = u32::try_from(scanned).unwrap_or(0);
                state.connections[id].phase = Phase::Head { scanned };
                Consumed::Nothing
            }
            Err(status) => {
                state.counters.malformed_requests_total += 1;
                state.record_malformed(id, input, now);
                state.refuse_framing(id, status, "malformed head", now);
                Consumed::Nothing
            }
        }
    }

    /// Offers a request to the faces, and answers it or begins to read its body. Returns how many
    /// bytes behind the head it used.
    fn route(&mut self, id: ConnectionId, head: &Head<'_>, behind: &[u8], now: Now) -> usize {
        let mut context = Context::new(&mut self.state, id, now);
        let next = self.faces.iter().find_map(|face| face.route(&mut context, head));
        match next {
            Some(Next::Answer(response, body)) => {
                self.state.answer_from_head(id, head, behind, response, &body, now)
            }
            Some(Next::Read { handler, bytes_max }) => {
                self.begin_body(id, head, behind, handler, bytes_max, now)
            }
            Some(next) => {
                self.carry_out(id, next, now);
                0
            }
            None => {
                let response = Response::new(Status::NOT_FOUND);
                self.state.answer_from_head(id, head, behind, response, b"", now)
            }
        }
    }

    /// Does what comes next for a request that has been read to its end.
    fn carry_out(&mut self, id: ConnectionId, mut next: Next, now: Now) {
        loop {
            next = match next {
                Next::Answer(response, body) => {
                    return self.state.respond(id, response, &body, now);
                }
                Next::Later { task, handler } => {
                    match self.state.continue_publishing(id, task, now) {
                        Progress::Waits => {
                            self.publication_handlers.insert(id, handler);
                            return;
                        }
                        Progress::Ended(result) => {
                            handler.published(&mut Context::new(&mut self.state, id, now), result)
                        }
                    }
                }
                Next::Done => return,
                Next::Read { .. } => unreachable!("a body is read after a head, and once"),
            }
        }
    }

    /// Continues with a request whose publication has ended.
    fn publication_progressed(&mut self, id: ConnectionId, progress: Progress, now: Now) {
        let Progress::Ended(result) = progress else { return };
        match self.publication_handlers.remove(&id) {
            Some(handler) => {
                let mut context = Context::new(&mut self.state, id, now);
                let next = handler.published(&mut context, result);
                self.carry_out(id, next, now);
            }
            None => self.state.websocket_message_published(id, result.map(drop), now),
        }
    }

    /// Begins to read the body for its handler. If all of it has arrived, the handler gets it at
    /// once, without a copy. Returns how many bytes behind the head it used.
    fn begin_body(
        &mut self,
        id: ConnectionId,
        head: &Head<'_>,
        behind: &[u8],
        handler: Box<dyn BodyHandler>,
        bytes_max: usize,
        now: Now,
    ) -> usize {
        let bytes_max = bytes_max.min(self.state.memory.single_bytes_max());
        if let Framing::Length(length) = head.framing {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if length > bytes_max {
                let (response, body) = handler.too_large();
                return self.state.answer_from_head(id, head, behind, response, &body, now);
            }
            if let Some(body) = behind.get(..length) {
                self.complete(id, handler, body, now);
                return length;
            }
        }
        if head.expects_continue && behind.is_empty() {
            self.state.push(id, Response::new(Status::CONTINUE).finish().into(), now);
        }
        let purpose =
            if handler.is_publication() { Purpose::Publication } else { Purpose::Request };
        self.body_handlers.insert(id, handler);
        self.state.expect_body(id, head.framing, purpose, bytes_max, now);
        0
    }

    /// Carries out a request with its complete body.
    fn complete(&mut self, id: ConnectionId, handler: Box<dyn BodyHandler>, body: &[u8], now: Now) {
        let next = handler.complete(&mut Context::new(&mut self.state, id, now), body);
        self.carry_out(id, next, now);
    }

    fn read_body(&mut self, id: ConnectionId, input: &[u8], now: Now) -> Consumed {
        let (used, body) = match self.state.read_body(id, input, now) {
            BodyInput::Unfinished(consumed) => return consumed,
            BodyInput::Complete { used, body } => (used, body),
            BodyInput::Broken => {
                self.body_handlers.remove(&id);
                self.state.refuse_body(id, now);
                return Consumed::Nothing;
            }
            BodyInput::TooLarge => {
                if self.state.stop_reading_body(id, now)
                    && let Some(handler) = self.body_handlers.remove(&id)
                {
                    let (response, body) = handler.too_large();
                    self.state.respond(id, response, &body, now);
                }
                return Consumed::Nothing;
            }
        };
        match self.body_handlers.remove(&id) {
            None => self.state.end_exchange(id, now),
            Some(handler) => self.complete(id, handler, &body, now),
        }
        Consumed::Bytes(used)
    }

    /// Continues with the connection that has been paused longest: with its waiting publication,
    /// then with its kept input. `None`: there is none that may continue in this turn, the backlog
    /// is full, or the share of the paused connections is spent.
    pub(super) fn resume_paused(&mut self, now: Now) -> Option<ConnectionId> {
        while self.state.lists.resumes_left > 0 && self.state.can_publish() {
            self.state.lists.resumes_left -= 1;
            let id = self.state.lists.resumable.pop()?;
            let Some(connection) = self.state.connections.get_mut(id) else { continue };
            // The entry may be of a connection that is gone, and this one be paused for a reason of
            // its own.
            if connection.flags.pause != Pause::Listed {
                continue;
            }
            connection.flags.pause = Pause::No;
            self.state.turn.begin_connection_share();
            if let Some(task) = self.state.waiting_publications.take(id) {
                let progress = self.state.continue_publishing(id, task, now);
                self.publication_progressed(id, progress, now);
            }
            if !self.state.connections[id].flags.is_paused() {
                self.resume_input(id, now);
            }
            let flags = &self.state.connections[id].flags;
            if flags.has_input_ended && !flags.is_paused() {
                self.input_ended(id, now);
            }
            return Some(id);
        }
        None
    }

    /// Uses the input that was kept while the connection was paused.
    fn resume_input(&mut self, id: ConnectionId, now: Now) {
        self.state.resume_frames(id, now);
        self.read(id, &[], now);
        self.state.rearm(id);
    }
}
