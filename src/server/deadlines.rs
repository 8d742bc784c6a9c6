//! When the next turn begins, and what deadlines cause: heartbeats, the end of subscriptions,
//! time-outs.

use super::connection::{ConnectionId, Phase, Purpose};
use super::lines::SlowConsumer;
use super::state::State;
use crate::broker::{End, Transport};
use crate::http::Status;
use crate::time::{Moment, Now};
use crate::transports::GoodbyeReason;

/// Maximum number of expired messages and idle channels removed in one turn: about 2 ms of work. It
/// suffices to remove in a second all channels that visitors can create in a second.
const SWEPT_PER_TURN: usize = 1024;
/// Minimum number of expired timers handled in each turn, whatever they cost. Most of them belong
/// to a deadline that has been moved.
const DEADLINES_MIN: usize = 16;

impl State {
    /// Handles what is due, and begins the half of the turn that is for fan-out and writing.
    pub(super) fn tick(&mut self, now: Now) {
        self.date.refresh(now.unix_seconds());
        self.expire(now);
        self.log_suppressed(now);
        self.guard.failed_tokens.sweep(now.monotonic);
        if self.broker.hub.next_sweep().is_some_and(|at| at <= now.monotonic) {
            self.turn.work.channels += self.broker.hub.sweep(SWEPT_PER_TURN, now) as u64;
            self.broker.pieces.remove_unused();
        }
        self.end_revoked(now);
        self.end_step(now);
        self.announce(now);
        self.turn.begin_half(self.config.limits.microseconds_per_turn);
    }

    /// When the next turn must begin at the latest; `now` if work is left over. `None`: only when
    /// there is something to report.
    pub(super) fn next_wake(&self, now: Now) -> Option<Moment> {
        if self.has_work() {
            return Some(now.monotonic);
        }
        let stops_at = self.stops_at.filter(|_| !self.connections.is_empty());
        let presence = self.presence.next_wake();
        let candidates = [self.timers.next_due(), self.broker.hub.next_sweep(), stops_at, presence];
        candidates.into_iter().flatten().min()
    }

    /// Whether work is left that waits neither for an event nor for a deadline.
    fn has_work(&self) -> bool {
        self.lists.has_work()
            || !self.broker.fanout.is_idle()
            || self.broker.fanout.has_released()
            || !self.expired.is_empty()
            || self.broker.hub.has_events()
            || self.has_resumable()
    }

    /// Sets the connection's timer to its next deadline, unless it fires earlier anyway. A timer
    /// that fires too early is set again then, which is cheaper than moving it with every message.
    pub(super) fn rearm(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get(id) else { return };
        self.timers.bring_forward(id.0, connection.deadline(&self.config.limits));
    }

    /// Handles expired timers, as far as a quarter of the half turn suffices.
    fn expire(&mut self, now: Now) {
        if self.expired.is_empty() {
            self.timers.advance(now.monotonic, &mut self.expired);
            self.expired.reverse();
        }
        // Deadlines have a share of their own, so that they are kept under load, too.
        self.turn.begin_quarter();
        let mut count = 0;
        while (count < DEADLINES_MIN || !self.turn.is_quarter_spent())
            && let Some(id) = self.expired.pop().map(ConnectionId)
        {
            count += 1;
            // The connection may have ended since. Another one may have its id; its deadline has
            // not passed, so nothing happens.
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
            self.report_slow(id, SlowConsumer::Stall, now);
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

    /// Ends a request whose head or body has not arrived in time.
    fn time_out_request(&mut self, id: ConnectionId, now: Now) {
        let connection = &mut self.connections[id];
        let is_answered = matches!(
            &connection.phase,
            Phase::Body(incoming) if incoming.purpose == Purpose::Drop
        );
        let input = std::mem::take(&mut connection.input);
        let is_head = matches!(connection.phase, Phase::Head { .. });
        if is_head {
            self.record_malformed(id, &input, now);
        }
        if is_answered {
            self.drain(id, now);
        } else {
            self.refuse_framing(id, Status::REQUEST_TIMEOUT, "it did not arrive in time", now);
        }
    }

    fn send_heartbeat_or_end(&mut self, id: ConnectionId, now: Now) {
        let Phase::Subscriber(subscriber) = &mut self.connections[id].phase else {
            return;
        };
        if subscriber.acts_at() <= now.monotonic {
            match subscriber.end() {
                End::TimeToLive => {
                    self.log_stream_end(id, "its time is over", now);
                    return self.end_subscriber(id, now);
                }
                End::Expiry if subscriber.ends_at > now.monotonic => {
                    return self.warn_of_expiry(id, now);
                }
                End::Expiry | End::ExpiryWarned => {
                    return self.say_goodbye(id, GoodbyeReason::Expired, now);
                }
                End::Age => return self.say_goodbye(id, GoodbyeReason::Age, now),
            }
        }
        let interval = subscriber.profile.heartbeat_interval.get();
        // Counted from the moment that it was due, so that intervals stay even. After a long sleep
        // of the machine they are counted from now.
        subscriber.next_heartbeat = match subscriber.next_heartbeat + interval {
            next if next > now.monotonic => next,
            _ => now.monotonic + interval,
        };
        self.send_heartbeat(id, now);
    }

    /// Queues a heartbeat or ping. A subscriber with a non-empty queue gets none: the queued bytes
    /// show as much.
    fn send_heartbeat(&mut self, id: ConnectionId, now: Now) {
        let connection = &self.connections[id];
        let Phase::Subscriber(subscriber) = &connection.phase else { return };
        if !connection.outbox.is_empty() {
            return;
        }
        let has_pending = || {
            let (subscriptions, delivered) = (&connection.subscriptions, connection.delivered);
            self.broker.first_pending(subscriptions, delivered).is_some()
        };
        if subscriber.profile.control.is_some() && has_pending() {
            // The cursor of a heartbeat must not name a message that is not queued yet.
            return self.deliver_pending(id, now);
        }
        let position = self.broker.hub.position();
        let formats = &mut self.broker.formats;
        let profile = &subscriber.profile;
        let with_cursor = profile.heartbeat_with_cursor(position, formats);
        let Some(ping) = with_cursor.or_else(|| profile.heartbeat.clone()) else { return };
        // Only a ping in message form is padded (push-stream spec, section 18).
        match ping.text_bytes {
            0 => self.push_item(id, &ping, now),
            _ => self.push_padded(id, &ping, now),
        }
        let connection = &mut self.connections[id];
        if let Phase::Subscriber(subscriber) = &mut connection.phase
            && let Transport::WebSocket { awaits_pong, .. } = &mut subscriber.transport
            && !std::mem::replace(awaits_pong, true)
        {
            connection.since = now.monotonic;
        }
    }
}
