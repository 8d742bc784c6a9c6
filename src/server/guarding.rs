//! Limits against storms of clients and single visitors: subscribers per address, streams per
//! second, failed tokens.

use super::clients::Source;
use super::connection::{Connection, ConnectionId, Phase};
use super::counts::Counts;
use super::guard::{Busy, Limit};
use super::network::Network;
use super::state::State;
use crate::time::Now;

impl State {
    /// Whether the client of this connection may begin a stream. Publications, statistics and
    /// requests that are answered with one message do not ask.
    pub(super) fn admit_stream(&mut self, id: ConnectionId, now: Now) -> Result<(), Busy> {
        self.admit_subscriber(id)?;
        let max = self.config.limits.connects_per_second_max;
        if max == 0 || self.is_internal(self.connections[id].listener) {
            return Ok(());
        }
        let begun = self.guard.begin_stream(max, now.monotonic);
        begun.inspect_err(|_| self.counters.subscribers_refused_rate_total += 1)
    }

    /// Whether the client of this connection may be one more subscriber of its address.
    pub(super) fn admit_subscriber(&mut self, id: ConnectionId) -> Result<(), Busy> {
        let max = self.config.limits.connections_per_address_max;
        if max == 0 {
            return Ok(());
        }
        let network = self.counted_network(&self.connections[id]);
        if network.is_none_or(|network| self.guard.addresses.of(&network) < max) {
            return Ok(());
        }
        self.counters.subscribers_refused_address_total += 1;
        Err(self.guard.no_place(Limit::Address))
    }

    /// Whether there may be one more subscriber with this subject.
    pub(super) fn admit_subject(&mut self, subject: &str) -> Result<(), Busy> {
        let max = self.config.limits.connections_per_subject_max;
        let admitted = self.guard.admit_subject(subject, max);
        admitted.inspect_err(|_| self.counters.subscribers_refused_subject_total += 1)
    }

    /// Counts a token of this client that has failed.
    ///
    /// # Errors
    /// There have been too many from its address.
    pub(super) fn token_failed(&mut self, id: ConnectionId, now: Now) -> Result<(), Busy> {
        let Some(network) = self.counted_network(&self.connections[id]) else { return Ok(()) };
        let slowed = self.guard.token_failed(network, now.monotonic);
        slowed.inspect_err(|_| self.counters.auth_failures_slowed_total += 1)
    }

    /// Counts a connection that has become a subscriber.
    pub(super) fn subscriber_began(&mut self, id: ConnectionId) {
        if self.config.limits.connections_per_address_max > 0
            && let Some(network) = self.counted_network(&self.connections[id])
        {
            self.guard.addresses.add(network);
        }
    }

    /// Counts a connection that is a subscriber no more. Its client is still the same.
    pub(super) fn subscriber_ended(&mut self, id: ConnectionId) {
        if self.config.limits.connections_per_address_max > 0
            && let Some(network) = self.counted_network(&self.connections[id])
        {
            self.guard.addresses.remove(&network);
        }
    }

    /// Counts all subscribers again: a reload may have switched the limit on or off, or have made a
    /// listener internal or public.
    pub(super) fn recount_subscribers(&mut self) {
        self.guard.addresses = self.count_subscribers();
        self.guard.subjects = self.count_subjects();
    }

    /// The subscribers by the subject of their token.
    pub(super) fn count_subjects(&self) -> Counts<Box<str>> {
        if self.config.limits.connections_per_subject_max == 0 {
            return Counts::default();
        }
        let identities = self.connections.iter().filter_map(|(id, _)| self.identity(id));
        identities.filter_map(|identity| identity.subject.map(Box::from)).collect()
    }

    /// The subscribers by the network of their client.
    pub(super) fn count_subscribers(&self) -> Counts<Network> {
        if self.config.limits.connections_per_address_max == 0 {
            return Counts::default();
        }
        let connections = self.connections.iter().map(|(_, connection)| connection);
        connections
            .filter(|connection| matches!(connection.phase, Phase::Subscriber(_)))
            .filter_map(|connection| self.counted_network(connection))
            .collect()
    }

    /// The network by which the client of this connection is counted. None: an internal listener's,
    /// or one without an address. A trusted proxy that does not name its client has no address
    /// either: its own would be that of all visitors.
    fn counted_network(&self, connection: &Connection) -> Option<Network> {
        if self.is_internal(connection.listener)
            || connection.client.source() == Source::TrustedPeer
        {
            return None;
        }
        self.connections.address_of(connection.client).map(Network::from)
    }
}
