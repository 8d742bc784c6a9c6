//! Which connection is written to next, and the fan-out, which queues what there is to write.

use super::connection::Phase;
use super::{ConnectionId, Server};
use crate::time::Now;

/// Answers that are written before a fan-out has its turn, if there is one.
const ANSWERS_IN_ROW: usize = 16;

impl Server {
    /// The next connection that has something to write and whose socket accepts bytes. The caller
    /// may ask for several before it writes to the first; one of them may then have nothing left,
    /// because it was returned twice or has been closed. None: the budget is spent, or
    /// [`Server::fan_out`] is to be called before there is more to write.
    ///
    /// Answers and a fan-out alternate, so neither can hold up the other for longer than
    /// `ANSWERS_IN_ROW` writes.
    pub fn next_to_write(&mut self) -> Option<ConnectionId> {
        while !self.turn.is_spent() {
            let is_deliveries_turn =
                self.answered.is_empty() || self.answers_in_row >= ANSWERS_IN_ROW;
            let next = if is_deliveries_turn { self.delivered.pop_front() } else { None };
            if is_deliveries_turn && next.is_none() {
                if self.can_fan_out() {
                    return None;
                }
                self.answers_in_row = 0;
            }
            let id = match next {
                Some(id) => id,
                None => {
                    let id = self.answered.pop_front()?;
                    self.answers_in_row += 1;
                    id
                }
            };
            if self.is_ready_to_write(id) {
                return Some(id);
            }
        }
        None
    }

    /// One step of the fan-out, within the budget of the half that [`Server::tick`] began: makes
    /// more of replays and lists whose queues are empty, and visits some subscribers. False: there
    /// is nothing to do now, or the budget is spent.
    pub fn fan_out(&mut self, now: Now) -> bool {
        if self.turn.is_spent() || !self.can_fan_out() {
            return false;
        }
        self.answers_in_row = 0;
        while let Some(id) = self.to_feed.pop_front() {
            self.feed_empty_queue(id, now);
            if self.turn.is_spent() {
                return true;
            }
        }
        self.visit_members(now);
        true
    }

    fn can_fan_out(&self) -> bool {
        !self.broker.fanout.is_idle() || !self.to_feed.is_empty()
    }

    /// For a connection taken off its list of connections to write to: whether it has something to
    /// write and its socket accepts bytes.
    fn is_ready_to_write(&mut self, id: ConnectionId) -> bool {
        let Some(connection) = self.connections.get_mut(id) else { return false };
        let was_pending = std::mem::take(&mut connection.flags.is_pending);
        let takes = !connection.flags.is_blocked && !connection.is_condemned();
        if !was_pending || !takes || connection.outbox.is_empty() {
            return false;
        }
        let is_writable = connection.outbox.is_writable();
        if !is_writable {
            // All of a replay or list that was made is written.
            connection.flags.is_pending = true;
            self.to_feed.push_back(id);
        }
        is_writable
    }

    /// Makes more of a replay or list of which everything that was made is written.
    fn feed_empty_queue(&mut self, id: ConnectionId, now: Now) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let was_pending = std::mem::take(&mut connection.flags.is_pending);
        if !was_pending || connection.is_condemned() {
            return;
        }
        self.feed_more(id, now);
        self.continue_writing(id, now);
    }

    /// Something was written, or nothing was there to be: what is left is written later; a
    /// connection that was only kept for that is shut down.
    pub(super) fn continue_writing(&mut self, id: ConnectionId, now: Now) {
        let connection = &self.connections[id];
        if !connection.outbox.is_empty() {
            // Before the next round, those of the last one are given all that they take: a member's
            // queue must not fill up because others were visited meanwhile.
            let is_delivery = matches!(connection.phase, Phase::Subscriber(_));
            match is_delivery && !connection.outbox.is_fed() {
                true => self.request_delivery(id),
                false => self.request_write(id),
            }
        } else if matches!(connection.phase, Phase::Draining) {
            self.shut(id, now);
        }
        self.resume_if_room(id);
    }

    /// Queues what is pending for some subscribers. A first loop reads a field of each: connections
    /// are scattered over memory, and so the CPU fetches several at a time.
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
