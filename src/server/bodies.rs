//! Bodies of requests: read for whoever needs them, or dropped because the answer does not depend
//! on them.

use super::ConnectionId;
use super::Server;
use super::connection::{Incoming, Phase};
use super::face::{BodyHandler, Context};
use super::requests::Consumed;
use crate::http::{BodyReader, Framing, Head, Response, Status};
use crate::time::Now;

impl Server {
    /// Reads the body for somebody. One that is all there is handed over as it lies.
    pub(super) fn begin_body(
        &mut self,
        id: ConnectionId,
        head: &Head<'_>,
        behind: &[u8],
        handler: Box<dyn BodyHandler>,
        bytes_max: usize,
        now: Now,
    ) -> usize {
        if let Framing::Length(length) = head.framing {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if length > bytes_max {
                let (response, body) = handler.too_large();
                return self.answer_from_head(id, head, behind, response, &body, now);
            }
            if let Some(body) = behind.get(..length) {
                handler.complete(&mut Context::new(self, id, now), body);
                return length;
            }
        }
        if head.expects_continue && behind.is_empty() {
            self.push(id, Response::new(Status::CONTINUE).finish().into(), now);
        }
        self.expect_body(id, head.framing, Some(handler), bytes_max, now);
        0
    }

    fn expect_body(
        &mut self,
        id: ConnectionId,
        framing: Framing,
        handler: Option<Box<dyn BodyHandler>>,
        bytes_max: usize,
        now: Now,
    ) {
        self.connections[id].phase = Phase::Body(Box::new(Incoming {
            handler,
            reader: BodyReader::new(framing),
            body: Vec::new(),
            bytes_max,
            began: now.monotonic,
            last_arrival: now.monotonic,
        }));
    }

    /// The answer is known before the body has come. A short body is read and dropped, so that the
    /// connection can be used again; in front of a long one, or one that the client may never send
    /// because it waits for `100 Continue` (RFC 9110, section 10.1.1), the connection is closed.
    pub(super) fn skip_body(
        &mut self,
        id: ConnectionId,
        head: &Head<'_>,
        behind: &[u8],
        now: Now,
    ) -> usize {
        let bytes_max = self.config.limits.body_bytes_max;
        let length = match head.framing {
            Framing::Length(length) => usize::try_from(length).unwrap_or(usize::MAX),
            Framing::Chunked => 0,
        };
        if head.framing == Framing::Length(0) {
            return 0;
        }
        if head.framing != Framing::Chunked && behind.len() >= length {
            return length;
        }
        if length > bytes_max || head.expects_continue {
            self.connections[id].exchange.keeps_alive = false;
        } else {
            self.expect_body(id, head.framing, None, bytes_max, now);
        }
        0
    }

    pub(super) fn read_body(&mut self, id: ConnectionId, input: &[u8], now: Now) -> Consumed {
        let Phase::Body(incoming) = &mut self.connections[id].phase else {
            return Consumed::Nothing;
        };
        let keeps_data = incoming.handler.is_some();
        let mut used = 0;
        while !incoming.reader.is_complete() {
            let Ok(step) = incoming.reader.next(&input[used..]) else {
                self.broken_body(id, now);
                return Consumed::Nothing;
            };
            if step.consumed == 0 {
                break;
            }
            used += step.consumed;
            incoming.last_arrival = now.monotonic;
            if step.data.len() > incoming.bytes_max {
                self.oversized_body(id, now);
                return Consumed::Nothing;
            }
            match keeps_data {
                true if incoming.body.len() + step.data.len() > incoming.bytes_max => {
                    self.oversized_body(id, now);
                    return Consumed::Nothing;
                }
                true => incoming.body.extend_from_slice(step.data),
                // A dropped body is bounded too: the rest of the allowance shrinks.
                false => incoming.bytes_max -= step.data.len(),
            }
        }
        let is_complete = incoming.reader.is_complete();
        let is_publication = incoming.handler.as_ref().is_some_and(|one| one.is_publication());
        if is_complete && is_publication && !self.can_publish() {
            self.pause(id);
        }
        if !is_complete || self.connections[id].flags.is_paused() {
            return if used > 0 { Consumed::Bytes(used) } else { Consumed::Nothing };
        }
        let phase = Phase::Head { scanned: 0 };
        let phase = std::mem::replace(&mut self.connections[id].phase, phase);
        if let Phase::Body(incoming) = phase {
            match incoming.handler {
                None => self.end_exchange(id, now),
                Some(handler) => {
                    handler.complete(&mut Context::new(self, id, now), &incoming.body);
                }
            }
        }
        Consumed::Bytes(used)
    }

    /// The chunk framing is broken: where the next request begins is unknown.
    fn broken_body(&mut self, id: ConnectionId, now: Now) {
        self.counters.malformed_requests_total += 1;
        match self.take_handler(id) {
            // The answer has been given already.
            None => self.drain(id, now),
            Some(_) => self.refuse_framing(id, Status::BAD_REQUEST, "malformed body", now),
        }
    }

    fn oversized_body(&mut self, id: ConnectionId, now: Now) {
        match self.take_handler(id) {
            None => self.drain(id, now),
            Some(handler) => {
                self.connections[id].exchange.keeps_alive = false;
                let (response, body) = handler.too_large();
                self.respond(id, response, &body, now);
            }
        }
    }

    fn take_handler(&mut self, id: ConnectionId) -> Option<Box<dyn BodyHandler>> {
        let phase = &mut self.connections[id].phase;
        match std::mem::replace(phase, Phase::Head { scanned: 0 }) {
            Phase::Body(incoming) => incoming.handler,
            other => {
                *phase = other;
                None
            }
        }
    }
}
