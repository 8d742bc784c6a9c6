//! What happens because time went on: heartbeats, and the end of whoever took too long.

use super::ConnectionId;
use super::Server;
use super::connection::Phase;
use super::lines::SlowReader;
use crate::broker::Transport;
use crate::http::Status;
use crate::time::{Millis, Now};

/// Deadlines that are looked at in each turn, whatever they cost: most are looked at in vain.
const DEADLINES_MIN: usize = 16;

impl Server {
    /// When [`Server::tick`] is to be called at the latest. None: only when something happens.
    pub fn next_wake(&self, now: Now) -> Option<Millis> {
        if self.has_work() {
            return Some(now.monotonic);
        }
        let stops_at = self.stops_at.filter(|_| !self.connections.is_empty());
        let candidates = [self.timers.next_due(), self.broker.hub.next_sweep(), stops_at];
        candidates.into_iter().flatten().min()
    }

    /// Whether something can be done without waiting for anything.
    fn has_work(&self) -> bool {
        !self.answered.is_empty()
            || !self.delivered.is_empty()
            || !self.to_feed.is_empty()
            || !self.broker.fanout.is_idle()
            || !self.to_read.is_empty()
            || self.broker.fanout.has_released()
            || !self.expired.is_empty()
            || self.broker.hub.has_events()
            || !self.to_shut.is_empty()
            || !self.to_close.is_empty()
            || self.has_resumable()
    }

    /// Sees to it that the connection is looked at by its next deadline. A deadline that moved back
    /// is left as it is: it is looked at once in vain and set anew, which is cheaper than moving it
    /// with every message.
    pub(super) fn rearm(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get(id) else { return };
        self.timers.bring_forward(id.0, connection.deadline(&self.config.limits));
    }

    pub(super) fn expire(&mut self, now: Now) {
        if self.expired.is_empty() {
            self.timers.advance(now.monotonic, &mut self.expired);
            self.expired.reverse();
        }
        // Whatever the turn has cost so far: under load deadlines are kept, too.
        self.turn.begin_quarter();
        let mut count = 0;
        while (count < DEADLINES_MIN || !self.turn.is_quarter_spent())
            && let Some(id) = self.expired.pop().map(ConnectionId)
        {
            count += 1;
            // It may have ended meanwhile, and another may have its place, whose deadline has not
            // come.
            if self.connections.contains(id) {
                self.turn.work.expired += 1;
                self.expire_one(id, now);
                self.rearm(id);
                self.end_step(now);
            }
        }
        if self.stops_at.is_some_and(|at| at <= now.monotonic) {
            self.condemn_all();
        }
    }

    fn expire_one(&mut self, id: ConnectionId, now: Now) {
        let limits = &self.config.limits;
        let connection = &mut self.connections[id];
        let is_waiting = connection.flags.is_blocked && !connection.outbox.is_empty();
        if is_waiting && connection.stalls_at(limits) <= now.monotonic {
            self.counters.stalled_connections_closed_total += 1;
            self.report_slow(id, SlowReader::Stall, now);
            return self.condemn(id);
        }
        if connection.deadline(limits) > now.monotonic {
            return;
        }
        if connection.pong_due_at(limits) <= now.monotonic {
            self.counters.stalled_connections_closed_total += 1;
            log::debug!("connection {id}: closed, its client answers no ping");
            self.log_stream_end(id, "its client has vanished", now);
            return self.condemn(id);
        }
        let has_taken_too_long = connection.unfinished_until(limits) <= now.monotonic;
        match &mut connection.phase {
            Phase::Head { .. } if connection.input.is_empty() => self.drain(id, now),
            Phase::Head { .. } | Phase::Body(_) => {
                self.counters.timed_out_requests_total += 1;
                self.time_out_request(id, now);
            }
            Phase::Subscriber(_) if has_taken_too_long => self.time_out_frame(id, now),
            Phase::Subscriber(_) => self.send_heartbeat_or_end(id, now),
            Phase::Lingering => self.condemn(id),
            Phase::Draining | Phase::Condemned { .. } => {}
        }
    }

    fn time_out_request(&mut self, id: ConnectionId, now: Now) {
        let connection = &mut self.connections[id];
        let is_answered = matches!(
            &connection.phase,
            Phase::Body(incoming) if incoming.handler.is_none()
        );
        let input = std::mem::take(&mut connection.input);
        let is_head = matches!(connection.phase, Phase::Head { .. });
        if is_head {
            self.record_malformed(id, &input, now);
        }
        match is_answered {
            true => self.drain(id, now),
            false => {
                self.refuse_framing(id, Status::REQUEST_TIMEOUT, "it did not arrive in time", now)
            }
        }
    }

    fn send_heartbeat_or_end(&mut self, id: ConnectionId, now: Now) {
        let Phase::Subscriber(subscriber) = &mut self.connections[id].phase else {
            return;
        };
        if subscriber.ends_at <= now.monotonic {
            self.log_stream_end(id, "its time is over", now);
            return self.end_subscriber(id, now);
        }
        let interval = subscriber.profile.heartbeat_interval.get();
        // From the moment it was due, not from now: the interval stays even. After a long sleep of
        // the machine it starts anew.
        subscriber.next_beat = match subscriber.next_beat + interval {
            next if next > now.monotonic => next,
            _ => now.monotonic + interval,
        };
        self.send_heartbeat(id, now);
    }

    /// Sends a heartbeat or ping; not to a subscriber that has other bytes waiting, as it would
    /// tell nothing.
    fn send_heartbeat(&mut self, id: ConnectionId, now: Now) {
        let connection = &self.connections[id];
        let Phase::Subscriber(subscriber) = &connection.phase else { return };
        if !connection.outbox.is_empty() {
            return;
        }
        let Some(ping) = subscriber.profile.heartbeat.clone() else { return };
        // Only a ping in message form is padded (push-stream spec, section 18).
        match ping.text_bytes {
            0 => self.push_item(id, &ping, now),
            _ => self.push_padded(id, &ping, now),
        }
        let connection = &mut self.connections[id];
        if let Phase::Subscriber(subscriber) = &mut connection.phase
            && let Transport::WebSocket { owes_pong, .. } = &mut subscriber.transport
            && !std::mem::replace(owes_pong, true)
        {
            connection.since = now.monotonic;
        }
    }
}
