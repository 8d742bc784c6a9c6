//! Heads of requests: what a connection takes from them, before a face gets them.

use super::clients::Source;
use super::connection::{ConnectionId, Phase};
use super::state::State;
use crate::http::{Exchange, Head, forwarded_for};
use crate::time::Now;

impl State {
    /// Begins a request with its well-formed head.
    pub(super) fn begin_request(&mut self, id: ConnectionId, head: &Head<'_>, now: Now) {
        self.counters.requests_total += 1;
        let connection = &mut self.connections[id];
        connection.requests = connection.requests.saturating_add(1);
        connection.exchange = Exchange::of(head);
        connection.phase = Phase::Head { scanned: 0 };
        self.update_client(id, head);
        self.record_request(id, head, now);
        if self.is_last_request(id) {
            self.connections[id].exchange.keeps_alive = false;
        }
    }

    fn is_last_request(&self, id: ConnectionId) -> bool {
        let max = self.config.limits.keepalive_requests_max;
        self.is_stopping() || max > 0 && self.connections[id].requests >= max
    }

    /// Updates the client's address from the head of a request. A connection of a trusted proxy
    /// carries requests of many clients, each with its client's address in the head. Until a
    /// request has that field, the client is the other end of the socket, for example a publisher
    /// on this machine.
    fn update_client(&mut self, id: ConnectionId, head: &Head<'_>) {
        let source = self.connections[id].client.source();
        if source == Source::Peer {
            return;
        }
        let trusted = &self.config.trusted_proxies;
        let is_trusted = |address| trusted.contains(Some(address));
        let named = forwarded_for(head.values("x-forwarded-for"), is_trusted);
        // This request may be of another client than the one before.
        if named.is_some() || source == Source::Named {
            self.connections.set_client(id, named, Source::Named);
        }
    }
}
