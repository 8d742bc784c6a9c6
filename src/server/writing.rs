//! Which connection is written to next. Connections with answers and subscribers of a fan-out
//! alternate.

use super::connection::Phase;
use super::{ConnectionId, Server};
use crate::time::Now;

/// Answers that are written before a fan-out has its turn, if there is one.
const ANSWERS_IN_ROW: usize = 16;

impl Server {
    /// The next connection that has something to write and whose socket accepts bytes. The caller
    /// may ask for several before it writes to the first; one of them may then have nothing left,
    /// because it was returned twice or has been closed. None: there is nothing to write, or the
    /// turn's budget is spent.
    ///
    /// Answers and a fan-out take turns, so neither can hold up the other for longer than
    /// `ANSWERS_IN_ROW` writes.
    pub fn next_to_write(&mut self, now: Now) -> Option<ConnectionId> {
        loop {
            if self.turn.is_spent() {
                return None;
            }
            if self.answered.is_empty() || self.answers_in_row >= ANSWERS_IN_ROW {
                if self.delivered.is_empty() && !self.broker.fanout.is_idle() {
                    self.answers_in_row = 0;
                    self.visit_some(now);
                }
                if let Some(id) = self.delivered.pop_front() {
                    match self.takes_bytes(id, now) {
                        true => return Some(id),
                        false => continue,
                    }
                }
                self.answers_in_row = 0;
            }
            match self.answered.pop_front() {
                Some(id) => {
                    self.answers_in_row += 1;
                    if self.takes_bytes(id, now) {
                        return Some(id);
                    }
                }
                None if self.delivered.is_empty() && self.broker.fanout.is_idle() => return None,
                None => {}
            }
        }
    }

    /// For a connection taken off its list of connections to write to: whether it has something to
    /// write and its socket accepts bytes.
    fn takes_bytes(&mut self, id: ConnectionId, now: Now) -> bool {
        let Some(connection) = self.connections.get_mut(id) else { return false };
        let was_pending = std::mem::take(&mut connection.flags.is_pending);
        let takes = !connection.flags.is_blocked && !connection.is_condemned();
        if !was_pending || !takes || connection.outbox.is_empty() {
            return false;
        }
        if connection.outbox.is_writable() {
            return true;
        }
        // All of a replay or list that was made is written.
        self.feed_more(id, now);
        let is_writable = self.connections[id].outbox.is_writable();
        if !is_writable {
            self.go_on_writing(id, now);
        }
        is_writable
    }

    /// Something was written, or nothing was there to be: what is left is written later; a
    /// connection that was only kept for that is shut down.
    pub(super) fn go_on_writing(&mut self, id: ConnectionId, now: Now) {
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
    fn visit_some(&mut self, now: Now) {
        let mut visits = std::mem::take(&mut self.visits);
        self.broker.fanout.next_round(&self.broker.hub, &mut visits);
        let latest = self.broker.fanout.sequence();
        self.turn.work.visits += visits.len() as u64;
        visits.retain(|one| self.connections[ConnectionId::from(*one)].delivered != latest);
        for visited in visits.drain(..) {
            self.collect(visited.into(), now);
            self.settle(now);
        }
        self.visits = visits;
    }
}
