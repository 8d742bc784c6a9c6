//! Bodies of requests: kept for what needs them, or dropped because the answer does not depend on
//! them.

use super::connection::{ConnectionId, Incoming, Phase, Purpose};
use super::state::State;
use crate::http::{BodyReader, Framing, Head, Status};
use crate::time::Now;

/// How much of its input one step of reading used.
pub(super) enum Consumed {
    /// This many bytes; the next step may use more.
    Bytes(usize),
    /// None: nothing more can be done with the input that there is.
    Nothing,
}

/// What input has made of a body.
pub(super) enum BodyInput {
    /// More is needed, or there is no room yet for what is published with it.
    Unfinished(Consumed),
    /// It is complete, and this many bytes of the input were used. The connection is in the phase
    /// of the next head.
    Complete { used: usize, body: Vec<u8> },
    /// Its chunks are malformed.
    Broken,
    /// It is larger than allowed.
    TooLarge,
}

impl State {
    /// Begins to read a body.
    pub(super) fn expect_body(
        &mut self,
        id: ConnectionId,
        framing: Framing,
        purpose: Purpose,
        bytes_max: usize,
        now: Now,
    ) {
        self.connections[id].phase = Phase::Body(Box::new(Incoming {
            purpose,
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
        // A connection that is closed after the answer need not be read any further.
        if head.framing == Framing::Length(0) || !self.connections[id].exchange.keeps_alive {
            return 0;
        }
        if head.framing != Framing::Chunked && behind.len() >= length {
            return length;
        }
        if length > bytes_max || head.expects_continue {
            self.connections[id].exchange.keeps_alive = false;
        } else {
            self.expect_body(id, head.framing, Purpose::Drop, bytes_max, now);
        }
        0
    }

    /// Uses input for the body of the request.
    pub(super) fn read_body(&mut self, id: ConnectionId, input: &[u8], now: Now) -> BodyInput {
        let Phase::Body(incoming) = &mut self.connections[id].phase else {
            return BodyInput::Unfinished(Consumed::Nothing);
        };
        let mut used = 0;
        while !incoming.reader.is_complete() {
            let Ok(step) = incoming.reader.next(&input[used..]) else { return BodyInput::Broken };
            if step.consumed == 0 {
                break;
            }
            used += step.consumed;
            incoming.last_arrival = now.monotonic;
            if step.data.len() > incoming.bytes_max {
                return BodyInput::TooLarge;
            }
            if incoming.purpose == Purpose::Drop {
                // The size of a dropped body is limited, too.
                incoming.bytes_max -= step.data.len();
            } else if incoming.body.len() + step.data.len() > incoming.bytes_max {
                return BodyInput::TooLarge;
            } else {
                incoming.body.extend_from_slice(step.data);
            }
        }
        let is_complete = incoming.reader.is_complete();
        let is_publication = incoming.purpose == Purpose::Publication;
        if is_complete && is_publication && !self.can_publish() {
            self.pause(id);
        }
        let connection = &mut self.connections[id];
        if !is_complete || connection.flags.is_paused() {
            let consumed = if used > 0 { Consumed::Bytes(used) } else { Consumed::Nothing };
            return BodyInput::Unfinished(consumed);
        }
        match std::mem::replace(&mut connection.phase, Phase::Head { scanned: 0 }) {
            Phase::Body(incoming) => BodyInput::Complete { used, body: incoming.body },
            _ => BodyInput::Unfinished(Consumed::Bytes(used)),
        }
    }

    /// Ends a request whose body is not read to its end, and closes the connection, because the
    /// beginning of the next request is unknown. Returns whether the request is still to be
    /// answered.
    pub(super) fn stop_reading_body(&mut self, id: ConnectionId, now: Now) -> bool {
        let connection = &mut self.connections[id];
        connection.exchange.keeps_alive = false;
        let phase = std::mem::replace(&mut connection.phase, Phase::Head { scanned: 0 });
        let is_answered =
            matches!(phase, Phase::Body(incoming) if incoming.purpose == Purpose::Drop);
        if is_answered {
            self.drain(id, now);
        }
        !is_answered
    }

    /// Refuses a body whose chunks are malformed.
    pub(super) fn refuse_body(&mut self, id: ConnectionId, now: Now) {
        self.counters.malformed_requests_total += 1;
        if self.stop_reading_body(id, now) {
            self.refuse_framing(id, Status::BAD_REQUEST, "malformed body", now);
        }
    }
}
