//! Invariants that hold between calls of the server, checked by the simulation after every step,
//! and questions of the tests.

use super::connection::{ConnectionId, Pause, Phase};
use super::failed_tokens::NETWORKS_MAX;
use super::seam::Server;
use super::state::TICK;
use crate::broker::Work;
use crate::time::Now;

impl Server {
    /// Checks the whole state; for tests, as it examines all connections.
    ///
    /// # Panics
    /// An invariant is violated.
    pub fn assert_consistent(&self) {
        self.state.broker.hub.assert_consistent();
        self.state.broker.fanout.assert_consistent();
        let mut subscriber_count = 0;
        let ipv6_count =
            self.state.connections.iter().filter(|(_, one)| one.client.is_ipv6()).count();
        assert_eq!(
            self.state.connections.address_count(),
            ipv6_count,
            "each address has its connection"
        );
        let sessions = self.state.connections.iter();
        assert_eq!(
            self.state.sessions.identity_count(),
            sessions.filter(|(_, one)| one.session.has_identity()).count(),
            "each identity has its connection"
        );
        self.assert_presence_consistent();
        for (id, connection) in self.state.connections.iter() {
            connection.outbox.assert_consistent();
            let is_subscriber = matches!(connection.phase, Phase::Subscriber(_));
            subscriber_count += usize::from(is_subscriber);
            // A WebSocket client of the signed API may leave all channels and stay.
            let may_have_none = matches!(
                &connection.phase,
                Phase::Subscriber(subscriber)
                    if subscriber.is_websocket() && subscriber.profile.control.is_some()
            );
            assert!(
                is_subscriber != connection.subscriptions.is_empty() || may_have_none,
                "connection {id}: subscribers, and only they, have subscriptions"
            );
            // After a reload a deadline may be in the past. Then no timer fires earlier.
            let deadline = connection.deadline(&self.state.config.limits) + TICK;
            let soonest = self.state.timers.next_due().unwrap_or_default();
            assert!(
                self.state.timers.due(id.0) <= deadline.max(soonest)
                    || self.state.expired.contains(&id.0),
                "connection {id}: its deadline has a timer"
            );
            let is_waiting = connection.outbox.is_empty() || connection.flags.is_blocked;
            assert!(
                is_waiting || connection.flags.is_pending,
                "connection {id}: it has a queue, so it is in a list of connections to write to"
            );
            let flags = &connection.flags;
            assert!(
                flags.pause != Pause::Listed || self.state.lists.resumable.contains(id),
                "connection {id}: it is in the list of paused connections that can continue"
            );
            assert!(
                flags.pause != Pause::ForRoom
                    || connection.is_condemned()
                    || !self.state.has_outbox_room(id),
                "connection {id}: paused although its outbox has room"
            );
            let is_held = self.state.broker.fanout.is_held(id.into());
            assert!(
                !self.state.waiting_publications.contains(id) || flags.is_paused(),
                "connection {id}: its publication waits, and it is not read meanwhile"
            );
            assert!(!connection.flags.is_held || is_held, "connection {id}: it will be released");
            assert!(!connection.flags.is_unsubscribing, "connection {id}: it is unsubscribed");
            if let Phase::Body(incoming) = &connection.phase {
                assert!(incoming.body.len() <= incoming.bytes_max, "connection {id}: body");
            }
        }
        assert_eq!(
            self.state.connections.subscriber_count, subscriber_count,
            "subscribers are counted"
        );
        assert_eq!(
            self.state.guard.addresses,
            self.state.count_subscribers(),
            "subscribers are counted by their addresses"
        );
        assert_eq!(
            self.state.guard.subjects,
            self.state.count_subjects(),
            "subscribers are counted by the subjects of their tokens"
        );
        assert!(
            self.state.guard.failed_tokens.network_count() <= NETWORKS_MAX,
            "networks with failed tokens"
        );
        assert!(
            self.state.lists.to_unsubscribe.is_empty(),
            "the step has unsubscribed all connections"
        );
    }

    /// Each subscription and each subject is counted once per channel.
    fn assert_presence_consistent(&self) {
        let (hub, sessions) = (&self.state.broker.hub, &self.state.sessions);
        let present = self.state.connections.iter().flat_map(|(_, connection)| {
            let identity = sessions.identity(connection.session);
            let subject = identity.and_then(|identity| identity.subject);
            hub.channels_of(&connection.subscriptions).flat_map(move |(channel, _)| {
                let subject = subject.map(|subject| (hub.name(channel), Some(subject)));
                std::iter::once((hub.name(channel), None)).chain(subject)
            })
        });
        self.state.presence.assert_consistent(present);
    }

    /// Bytes that are queued or buffered for all connections together; for tests.
    pub fn buffered_bytes(&self) -> usize {
        self.state
            .connections
            .iter()
            .map(|(_, connection)| connection.outbox.bytes() + connection.unfinished_bytes())
            .sum()
    }

    /// Bytes received from this client and not used yet; for tests.
    pub fn unread_bytes(&self, id: ConnectionId) -> usize {
        self.state.connections[id].input.len()
    }

    /// Whether the connection is paused and continues in the next turn, because its own share of
    /// this turn or that of all paused connections is spent; for tests.
    pub fn resumes_in_next_turn(&self, id: ConnectionId) -> bool {
        let is_listed = self.state.connections[id].flags.pause == Pause::Listed;
        is_listed && (self.state.lists.resumes_left == 0 || self.state.turn.is_paused_share_spent)
    }

    /// Number of messages that the channel has stored; for tests.
    pub fn stored_count(&self, channel: &[u8]) -> usize {
        let hub = &self.state.broker.hub;
        hub.find(channel).map_or(0, |channel| hub.stored_count(channel))
    }

    /// The id of the channel's last message; for tests.
    pub fn last_message_id(&self, channel: &[u8], now: Now) -> Option<u64> {
        self.state
            .broker
            .hub
            .find(channel)
            .map(|channel| self.state.broker.hub.info(channel, now).published)
    }

    /// Size of the publish backlog: everything published and not yet queued for all subscribers;
    /// for tests.
    pub fn backlog_bytes(&self) -> usize {
        self.state.broker.fanout.backlog_bytes()
    }

    /// Memory used by events that are not published yet; for tests.
    pub fn event_bytes(&self) -> usize {
        self.state.broker.hub.event_bytes()
    }

    /// Number of joins and leaves that have been announced; for tests.
    pub fn announced_count(&self) -> u64 {
        self.state.presence.published
    }

    /// The part of the publish backlog that is publications, without their encodings; for tests.
    pub fn pending_bytes(&self) -> usize {
        self.state.broker.fanout.pending_bytes()
    }

    /// The work of the previous half of a turn, which [`Server::begin_turn`] or [`Server::tick`]
    /// has ended; for tests.
    pub fn previous_work(&self) -> Work {
        self.state.turn.previous
    }

    /// What the parts of the memory budget count, in the order of the statistics; for tests.
    pub fn memory_parts(&mut self) -> [u64; 6] {
        let memory = self.state.memory_parts();
        [
            memory.memory_connections_bytes,
            memory.memory_requests_bytes,
            memory.memory_queues_bytes,
            memory.memory_encodings_bytes,
            memory.memory_history_bytes,
            memory.memory_channels_bytes,
        ]
    }

    /// Whether a publication of this client waits for room; for tests.
    pub fn is_publishing(&self, id: ConnectionId) -> bool {
        self.state.waiting_publications.contains(id)
    }

    /// Whether nothing is left: no connection, timer, subscription or pending publication; for
    /// tests.
    pub fn is_empty(&self) -> bool {
        self.state.connections.is_empty()
            && self.state.timers.is_empty()
            && self.state.broker.fanout.is_idle()
            && self.state.lists.resumable.is_empty()
            && self.state.waiting_publications.is_empty()
            && !self.state.broker.hub.has_events()
            && self.state.broker.hub.totals().subscriptions == 0
            && self.state.guard.addresses.is_empty()
            && self.state.guard.subjects.is_empty()
    }
}
