//! The ends of steps, of subscriptions, of connections and of the server.

use super::connection::{ConnectionId, Phase};
use super::state::State;
use crate::broker::{Feed, Transport};
use crate::config::Config;
use crate::hub::{Draft, Storing};
use crate::time::Now;
use crate::transports::{GoodbyeReason, Profile};

impl State {
    /// Ends a subscriber's response completely: with what is pending, the goodbye and the end of
    /// the body.
    pub(super) fn end_subscriber(&mut self, id: ConnectionId, now: Now) {
        if self.is_stopping() {
            self.connections[id].exchange.keeps_alive = false;
        }
        self.deliver_pending(id, now);
        let subscriber = match &self.connections[id].phase {
            Phase::Subscriber(subscriber) => subscriber,
            // It was a long-polling request, which a pending message has just answered.
            Phase::Head { .. } if self.is_stopping() => return self.drain(id, now),
            Phase::Head { .. }
            | Phase::Body(_)
            | Phase::Draining
            | Phase::Lingering
            | Phase::Condemned { .. } => return,
        };
        if matches!(subscriber.transport, Transport::LongPoll(_)) {
            return self.time_out_long_poll(id, now);
        }
        if subscriber.profile.control.is_some() {
            return self.say_goodbye(id, GoodbyeReason::Shutdown, now);
        }
        let reason = if self.is_stopping() { "the daemon stops" } else { "ended by the daemon" };
        self.log_stream_end(id, reason, now);
        let Phase::Subscriber(subscriber) = &self.connections[id].phase else { return };
        let profile = subscriber.profile.clone();
        profile.goodbye.iter().for_each(|goodbye| self.push_item(id, goodbye, now));
        self.end_body(id, &profile, now);
        self.begin_unsubscribe(id);
        self.end_exchange(id, now);
        self.resume_requests(id);
    }

    /// Queues the end of a subscriber's body, or the close frame of its WebSocket.
    fn end_body(&mut self, id: ConnectionId, profile: &Profile, now: Now) {
        let connection = &mut self.connections[id];
        let Phase::Subscriber(subscriber) = &mut connection.phase else { return };
        if let Transport::Stream { checksum, .. } = &mut subscriber.transport
            && let Some(checksum) = checksum.take()
        {
            match connection.outbox.feed() {
                // The checksum is known at the end of the replay.
                Some(Feed::Replay(replay)) => return replay.end_stream(checksum),
                Some(Feed::Listing(_)) | None => {
                    let trailer = checksum.trailer();
                    self.push(id, trailer.into(), now);
                }
            }
        }
        self.push(id, profile.end.clone(), now);
    }

    /// Ends the subscriber phase, and puts the connection into the list of those that are
    /// unsubscribed at the end of the step.
    pub(super) fn begin_unsubscribe(&mut self, id: ConnectionId) {
        let connection = &mut self.connections[id];
        if matches!(connection.phase, Phase::Subscriber(_)) {
            connection.phase = Phase::Head { scanned: 0 };
            self.end_session(id);
            self.connections.subscriber_count -= 1;
            self.subscriber_ended(id);
        }
        let connection = &mut self.connections[id];
        if !connection.subscriptions.is_empty()
            && !std::mem::replace(&mut connection.flags.is_unsubscribing, true)
        {
            self.lists.to_unsubscribe.push(id);
        }
    }

    /// Ends a step, one report or one visit of a member: unsubscribes connections, publishes the
    /// hub's events as far as there is room and time, and counts encodings as work.
    pub(super) fn end_step(&mut self, now: Now) {
        while let Some(id) = self.lists.to_unsubscribe.pop() {
            self.unsubscribe(id, now);
        }
        while self.broker.hub.has_events() && !self.turn.is_spent() && self.publish_event(now) {}
        // Those of requests without a body are counted already; these were made for complete
        // bodies, deadlines and reloads.
        self.turn.work.add_made(self.broker.formats.take_made());
    }

    /// Publishes events that had to wait. A turn does that before it reads, which may raise more.
    pub(super) fn publish_waiting_events(&mut self, now: Now) {
        self.turn.begin_quarter();
        while !self.turn.is_quarter_spent() && self.publish_event(now) {}
    }

    /// Publishes the next event. False: there is none, or it waits for room as any publication.
    fn publish_event(&mut self, now: Now) -> bool {
        let Some(channel) = self.broker.hub.events_channel() else { return false };
        if !self.broker.hub.has_events() || self.is_backlog_full() || self.is_crowded(channel) {
            return false;
        }
        let Some((channel, event)) = self.broker.hub.next_event() else { return false };
        let text = event.text();
        let draft = Draft {
            text: text.as_bytes().into(),
            event_type: Some(event.kind.word().as_bytes().into()),
            storing: Storing::Always,
            ..Draft::default()
        };
        // If the memory account is full, the event is lost, and counted as refused.
        let _ = self.publish(channel, &draft, now);
        true
    }

    /// Unsubscribes a connection from all channels. The last member of a channel moves to the
    /// vacated position; if the pass will not visit it there, it is given its messages now.
    fn unsubscribe(&mut self, id: ConnectionId, now: Now) {
        let connection = &mut self.connections[id];
        connection.flags.is_unsubscribing = false;
        let mut subscriptions = std::mem::take(&mut connection.subscriptions);
        while let Some(left) = self.broker.hub.unsubscribe_next(&mut subscriptions, now) {
            self.turn.work.channels += 1;
            self.count_unsubscription(id, left.channel);
            let member_count = self.broker.hub.members(left.channel).len();
            let is_visited_later =
                self.broker.fanout.member_left(left.channel, left.position, member_count);
            if let Some(moved) = left.moved.map(ConnectionId::from)
                && moved != id
                && !is_visited_later
            {
                self.deliver_pending(moved, now);
            }
        }
    }

    /// Closes the connection after what is queued has been written.
    pub(super) fn drain(&mut self, id: ConnectionId, now: Now) {
        self.begin_unsubscribe(id);
        let connection = &mut self.connections[id];
        connection.input = Box::default();
        connection.phase = Phase::Draining;
        if connection.outbox.is_empty() {
            self.shut(id, now);
        }
    }

    /// Shuts down the sending side after everything is written, or closes the connection if the
    /// client has closed its own side.
    pub(super) fn shut(&mut self, id: ConnectionId, now: Now) {
        let connection = &mut self.connections[id];
        if connection.flags.has_input_ended {
            return self.condemn(id);
        }
        connection.phase = Phase::Lingering;
        connection.since = now.monotonic;
        self.lists.to_shut.push_back(id);
        self.lists.to_read.push_back(id);
        self.rearm(id);
    }

    /// Drops what is queued and has the connection closed at the end of the turn. Its id is vacant
    /// when its socket is closed.
    pub(super) fn condemn(&mut self, id: ConnectionId) {
        self.begin_unsubscribe(id);
        let connection = &mut self.connections[id];
        if connection.is_condemned() {
            return;
        }
        // In HTTP/1.0 a body of unknown length ends with the connection. A body that is cut short
        // must not look complete.
        let is_unfinished = !connection.outbox.is_empty();
        let is_cut_short = connection.exchange.is_http_1_0 && is_unfinished;
        connection.phase = Phase::Condemned { is_cut_short };
        connection.outbox.clear();
        connection.input = Box::default();
        self.waiting_publications.take(id);
        self.timers.cancel(id.0);
        self.lists.to_close.push_back(id);
    }

    pub(super) fn condemn_all(&mut self) {
        let all = self.connections.ids();
        all.into_iter().for_each(|id| self.condemn(id));
    }

    /// Whether [`State::stop`] was called.
    pub(super) fn is_stopping(&self) -> bool {
        self.stops_at.is_some()
    }

    /// Begins to stop: ends every stream with its goodbye, lets requests in progress be answered,
    /// closes idle connections and refuses new ones. After `stop_timeout` the connections that are
    /// left are closed.
    pub(super) fn stop(&mut self, now: Now) {
        if self.is_stopping() {
            return;
        }
        self.stops_at = Some(now.monotonic + self.config.limits.stop_timeout);
        let all = self.connections.ids();
        for id in all {
            match &self.connections[id].phase {
                Phase::Subscriber(_) => self.end_subscriber(id, now),
                Phase::Head { .. } if !self.connections[id].flags.is_paused() => {
                    self.drain(id, now);
                }
                Phase::Head { .. } | Phase::Body(_) => {
                    self.connections[id].exchange.keeps_alive = false;
                }
                Phase::Draining | Phase::Lingering | Phase::Condemned { .. } => {}
            }
        }
        self.end_step(now);
    }

    /// Warns about changes that need a restart, and undoes those of listeners.
    pub(super) fn keep_what_needs_a_restart(&self, config: &mut Config) {
        for warning in config.keep_listeners(&self.config.listeners[..self.bound_count]) {
            log::warn!("{warning}");
        }
        let memory_size = config.push_stream.shared_memory_size;
        if memory_size.is_some() && memory_size != self.config.push_stream.shared_memory_size {
            // The module's words (push-stream spec, section 3); there is one zone, with its usual
            // name.
            log::warn!(
                "Cannot change memory area size without restart, ignoring change on zone: \
                 push_stream_module"
            );
        }
    }

    /// Ends the subscribers of locations, as a reload of nginx does (push-stream spec, section
    /// 22.1).
    pub(super) fn end_subscribers_at_reload(&mut self, now: Now) {
        let all = self.connections.ids();
        for id in all {
            if let Phase::Subscriber(subscriber) = &self.connections[id].phase
                && subscriber.profile.ends_at_reload
            {
                self.log_stream_end(id, "the configuration was reloaded", now);
                self.end_subscriber(id, now);
            }
        }
    }
}
