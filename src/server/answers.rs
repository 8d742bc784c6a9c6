//! Answers to requests, and what follows in their connections.

use super::connection::{ConnectionId, Phase};
use super::state::State;
use crate::http::{Exchange, Head, Response, Status};
use crate::time::Now;

impl State {
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
}
