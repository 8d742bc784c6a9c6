//! Bodies of requests: read for their handlers, or dropped because the answer does not depend on
//! them.

use super::ConnectionId;
use super::Server;
use super::connection::{Incoming, Phase};
use super::face::{BodyHandler, Context};
use super::requests::Consumed;
use crate::http::{BodyReader, Framing, Head, Response, Status};
use crate::time::Now;

impl Server {
    /// Begins to read the body for its handler. If all of it has arrived, the handler gets it at
    /// once, without a copy. Returns how many bytes behind the head it used.
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

    /// Drops the body of a request that is answered without it. A short body is read, so that the
    /// connection can be used again. The connection is closed after the answer if the body is long,
    /// or if the client may never send it because it waits for `100 Continue` (RFC 9110, section
    /// 10.1.1). Returns how many bytes behind the head it used.
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
            if !keeps_data {
                // The size of a dropped body is limited, too.
                incoming.bytes_max -= step.data.len();
            } else if incoming.body.len() + step.data.len() > incoming.bytes_max {
                self.oversized_body(id, now);
                return Consumed::Nothing;
            } else {
                incoming.body.extend_from_slice(step.data);
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

    /// Refuses a body whose chunks are malformed. The connection is closed, because the beginning
    /// of the next request is unknown.
    fn broken_body(&mut self, id: ConnectionId, now: Now) {
        self.counters.malformed_requests_total += 1;
        match self.take_handler(id) {
            // The answer is queued already.
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
