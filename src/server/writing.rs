//! Chooses the connection to write to, and runs the fan-out, which queues messages for subscribers.

use super::connection::{ConnectionId, Phase};
use super::state::State;
use crate::time::Now;

/// Maximum number of answers written before deliveries or the fan-out have their turn.
const ANSWERS_IN_ROW: usize = 16;

impl State {
    /// The next connection that has bytes to write and whose socket accepts them. `None`: the
    /// fan-out has its turn, or nothing more is written in this turn of the loop.
    ///
    /// Answers and deliveries alternate, so neither delays the other by more than `ANSWERS_IN_ROW`
    /// writes.
    pub(super) fn next_to_write(&mut self) -> Option<ConnectionId> {
        while !self.turn.is_spent() {
            let is_deliveries_turn =
                self.lists.answered.is_empty() || self.lists.answers_in_row >= ANSWERS_IN_ROW;
            let next = if is_deliveries_turn { self.lists.delivered.pop_front() } else { None };
            if is_deliveries_turn && next.is_none() {
                if self.can_fan_out() {
                    return None;
                }
                self.lists.answers_in_row = 0;
            }
            let id = match next {
                Some(id) => id,
                None => {
                    let id = self.lists.answered.pop_front()?;
                    self.lists.answers_in_row += 1;
                    id
                }
            };
            if self.is_ready_to_write(id) {
                return Some(id);
            }
        }
        None
    }

    /// Runs one round of the fan-out, within the budget that [`State::tick`] began: makes more of
    /// replays and lists whose queues are empty, and visits some subscribers. False: nothing is
    /// left to do, or the budget is spent.
    pub(super) fn fan_out(&mut self, now: Now) -> bool {
        if self.turn.is_spent() || !self.can_fan_out() {
            return false;
        }
        self.lists.answers_in_row = 0;
        while !self.turn.is_spent()
            && let Some(id) = self.lists.to_feed.pop_front()
        {
            self.feed_empty_queue(id, now);
        }
        // Whatever replays and lists have cost: a round is visited in any case.
        self.visit_members(now);
        true
    }

    fn can_fan_out(&self) -> bool {
        !self.broker.fanout.is_idle() || !self.lists.to_feed.is_empty()
    }

    /// Whether a connection that was taken from a list of connections to write to has bytes to
    /// write and its socket accepts them.
    fn is_ready_to_write(&mut self, id: ConnectionId) -> bool {
        let Some(connection) = self.connections.get_mut(id) else { return false };
        let was_pending = std::mem::take(&mut connection.flags.is_pending);
        let takes = !connection.flags.is_blocked && !connection.is_condemned();
        if !was_pending || !takes || connection.outbox.is_empty() {
            return false;
        }
        let is_writable = connection.outbox.is_writable();
        if !is_writable {
            // Everything made so far of its replay or list is written.
            connection.flags.is_pending = true;
            self.lists.to_feed.push_back(id);
        }
        is_writable
    }

    /// Makes more of a replay or list of which everything made so far is written.
    fn feed_empty_queue(&mut self, id: ConnectionId, now: Now) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let was_pending = std::mem::take(&mut connection.flags.is_pending);
        if !was_pending || connection.is_condemned() {
            return;
        }
        self.feed_more(id, now);
        self.continue_writing(id, now);
    }

    /// Continues after a write or a feed: requests a write for what is left in the queue. With an
    /// empty queue, a draining connection is shut down.
    pub(super) fn continue_writing(&mut self, id: ConnectionId, now: Now) {
        let connection = &self.connections[id];
        if !connection.outbox.is_empty() {
            // Deliveries are written before the next round, so that the queue of a member does not
            // fill up only because others are visited.
            let is_delivery = matches!(connection.phase, Phase::Subscriber(_));
            if is_delivery && !connection.outbox.is_fed() {
                self.request_delivery(id);
            } else {
                self.request_write(id);
            }
        } else if matches!(connection.phase, Phase::Draining) {
            self.shut(id, now);
        }
        self.resume_if_room(id);
    }

    /// Visits the members of one round: queues what is pending for each. The `retain` loop reads a
    /// field of each connection first: they are scattered over memory, and so the CPU fetches
    /// several at a time.
    fn visit_members(&mut self, now: Now) {
        let mut visits = std::mem::take(&mut self.visits);
        self.broker.fanout.next_round(&self.broker.hub, &mut visits);
        let latest = self.broker.fanout.sequence();
        self.turn.work.visits += visits.len() as u64;
        visits.retain(|one| self.connections[ConnectionId::from(*one)].delivered != latest);
        for visited in visits.drain(..) {
            self.deliver_pending(visited.into(), now);
            self.end_step(now);
        }
        self.visits = visits;
    }
}
