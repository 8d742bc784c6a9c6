//! What must hold between two calls of the server; the simulation asks after every step.

use super::connection::{Pause, Phase};
use super::{ConnectionId, Server, Work};
use crate::time::Now;

impl Server {
    /// Checks the whole state; for tests, as it takes as long as there are connections.
    ///
    /// # Panics
    /// Something does not hold.
    pub fn assert_consistent(&self) {
        self.broker.hub.assert_consistent();
        self.broker.fanout.assert_consistent();
        let mut subscriber_count = 0;
        let ipv6_count = self.connections.iter().filter(|(_, one)| one.client.is_ipv6()).count();
        assert_eq!(self.addresses.len(), ipv6_count, "each address has its connection");
        for (id, connection) in self.connections.iter() {
            connection.outbox.assert_consistent();
            let is_subscriber = matches!(connection.phase, Phase::Subscriber(_));
            subscriber_count += usize::from(is_subscriber);
            assert_eq!(
                is_subscriber,
                !connection.subscriptions.is_empty(),
                "connection {id}: subscribers, and only they, have subscriptions"
            );
            // A new configuration may put a deadline into the past: then nothing fires earlier.
            let deadline = connection.deadline(&self.config.limits) + super::TICK;
            let soonest = self.timers.next_due().unwrap_or_default();
            assert!(
                self.timers.due(id.0) <= deadline.max(soonest) || self.expired.contains(&id.0),
                "connection {id}: its deadline is watched"
            );
            let is_waiting = connection.outbox.is_empty() || connection.flags.is_blocked;
            assert!(
                is_waiting || connection.flags.is_pending,
                "connection {id}: what is queued is going to be written"
            );
            let flags = &connection.flags;
            assert!(
                flags.pause != Pause::Listed || self.resumable.contains(id),
                "connection {id} goes on"
            );
            assert!(
                flags.pause != Pause::ForRoom
                    || connection.is_condemned()
                    || !self.has_outbox_room(id),
                "connection {id}: paused for a reason"
            );
            let is_held = self.broker.fanout.is_held(id.into());
            assert!(!connection.flags.is_held || is_held, "connection {id}: is read again");
            assert!(!connection.flags.is_unsubscribing, "connection {id}: it has left");
            if let Phase::Body(incoming) = &connection.phase {
                assert!(incoming.body.len() <= incoming.bytes_max, "connection {id}: body");
            }
        }
        assert_eq!(self.subscriber_count, subscriber_count, "subscribers are counted");
        assert!(self.to_unsubscribe.is_empty(), "everybody who leaves has left");
    }

    /// Bytes that are queued or buffered for all connections together; for tests.
    pub fn buffered_bytes(&self) -> usize {
        self.connections
            .iter()
            .map(|(_, connection)| connection.outbox.bytes() + connection.unfinished_bytes())
            .sum()
    }

    /// Bytes that came from this client and have not been used yet; for tests.
    pub fn unread_bytes(&self, id: ConnectionId) -> usize {
        self.connections[id].input.len()
    }

    /// Whether the connection is paused and goes on in the next turn: it has had its share of this
    /// one, or the paused connections have had theirs; for tests.
    pub fn resumes_in_next_turn(&self, id: ConnectionId) -> bool {
        let is_listed = self.connections[id].flags.pause == Pause::Listed;
        is_listed && (self.resumes_left == 0 || self.turn.is_paused_share_spent)
    }

    /// The id of the channel's last message; for tests.
    pub fn last_message_id(&self, channel: &[u8], now: Now) -> Option<u64> {
        self.broker.hub.find(channel).map(|channel| self.broker.hub.info(channel, now).published)
    }

    /// Bytes of everything that was published and not handed to all subscribers yet; for tests.
    pub fn backlog_bytes(&self) -> usize {
        self.broker.fanout.backlog_bytes()
    }

    /// Bytes of events that are still to be published; for tests.
    pub fn event_bytes(&self) -> usize {
        self.broker.hub.event_bytes()
    }

    /// What the backlog counts for publications alone, without their encodings; for tests.
    pub fn pending_bytes(&self) -> usize {
        self.broker.fanout.pending_bytes()
    }

    /// The work of the half of a turn that [`Server::begin_turn`] or [`Server::tick`] has ended;
    /// for tests.
    pub fn previous_work(&self) -> Work {
        self.turn.previous
    }

    /// Whether something that this client publishes waits for room; for tests.
    pub fn is_publishing(&self, id: ConnectionId) -> bool {
        self.waiting_publications.contains(id)
    }

    /// Whether nothing is left: no connection, no timer, nothing to hand out; for tests.
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
            && self.timers.is_empty()
            && self.broker.fanout.is_idle()
            && self.resumable.is_empty()
            && self.waiting_publications.is_empty()
            && !self.broker.hub.has_events()
            && self.broker.hub.totals().subscriptions == 0
    }
}
