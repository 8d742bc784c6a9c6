//! How things end: subscriptions, connections, the server; and how it takes a new configuration.

use super::ConnectionId;
use super::connection::Phase;
use super::{Server, head_limits, padding_max};
use crate::auth::TokenKey;
use crate::broker::{Feed, Transport};
use crate::config::Config;
use crate::hub::{Draft, HubSettings};
use crate::time::Now;
use crate::transports::{FormatId, Profile};
use std::collections::HashSet;
use std::rc::Rc;

impl Server {
    /// Ends a subscriber's response properly: what was published before still comes first.
    pub(super) fn end_subscriber(&mut self, id: ConnectionId, now: Now) {
        if self.is_stopping() {
            self.connections[id].exchange.keeps_alive = false;
        }
        self.deliver_pending(id, now);
        let subscriber = match &self.connections[id].phase {
            Phase::Subscriber(subscriber) => subscriber,
            // It waited for a message and has just got it.
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

    /// What ends a subscriber's response, or its WebSocket.
    fn end_body(&mut self, id: ConnectionId, profile: &Profile, now: Now) {
        let connection = &mut self.connections[id];
        let Phase::Subscriber(subscriber) = &mut connection.phase else { return };
        if let Transport::Stream { checksum, .. } = &mut subscriber.transport
            && let Some(checksum) = checksum.take()
        {
            match connection.outbox.feed() {
                // Its end is only known when the replay has been made.
                Some(Feed::Replay(replay)) => return replay.end_stream(checksum),
                Some(Feed::Listing(_)) | None => {
                    let trailer = checksum.trailer();
                    self.push(id, trailer.into(), now);
                }
            }
        }
        self.push(id, profile.end.clone(), now);
    }

    /// Puts the connection on the list of those whose subscriptions end with this step.
    pub(super) fn begin_unsubscribe(&mut self, id: ConnectionId) {
        let connection = &mut self.connections[id];
        if matches!(connection.phase, Phase::Subscriber(_)) {
            connection.phase = Phase::Head { scanned: 0 };
            self.subscriber_count -= 1;
        }
        if !connection.subscriptions.is_empty()
            && !std::mem::replace(&mut connection.flags.is_unsubscribing, true)
        {
            self.to_unsubscribe.push(id);
        }
    }

    /// Brings the hub up to date with what this step did, and publishes its events as far as there
    /// is room and time. Leaving changes the order of other members; a member that moves takes its
    /// messages first, so that no pass misses it.
    pub(super) fn end_step(&mut self, now: Now) {
        while let Some(id) = self.to_unsubscribe.pop() {
            self.unsubscribe(id, now);
        }
        while self.broker.hub.has_events() && !self.turn.is_spent() && self.publish_event(now) {}
        // Also encodings made for a body that came after its head, for a deadline or for a reload.
        self.turn.work.add_made(self.broker.formats.take_made());
    }

    /// Publishes events that had to wait, before anything is read that may cause more of them.
    pub(super) fn publish_waiting_events(&mut self, now: Now) {
        self.turn.begin_quarter();
        while !self.turn.is_quarter_spent() && self.publish_event(now) {}
    }

    /// Publishes the next event. False: there is none, or it waits for room as any publication
    /// does.
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
            is_stored: true,
            ..Draft::default()
        };
        // With the memory account full the event is lost, and counted.
        let _ = self.publish(channel, &draft, now);
        true
    }

    fn unsubscribe(&mut self, id: ConnectionId, now: Now) {
        let connection = &mut self.connections[id];
        connection.flags.is_unsubscribing = false;
        let mut subscriptions = std::mem::take(&mut connection.subscriptions);
        while let Some(left) = self.broker.hub.unsubscribe_next(&mut subscriptions, now) {
            self.turn.work.channels += 1;
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

    /// What is queued is still written; then the connection is closed.
    pub(super) fn drain(&mut self, id: ConnectionId, now: Now) {
        self.begin_unsubscribe(id);
        let connection = &mut self.connections[id];
        connection.input = Vec::new();
        connection.phase = Phase::Draining;
        if connection.outbox.is_empty() {
            self.shut(id, now);
        }
    }

    /// Everything is written: closes the sending side, or all of it if the client has closed its
    /// own.
    pub(super) fn shut(&mut self, id: ConnectionId, now: Now) {
        let connection = &mut self.connections[id];
        if connection.flags.has_input_ended {
            return self.condemn(id);
        }
        connection.phase = Phase::Lingering;
        connection.since = now.monotonic;
        self.to_shut.push_back(id);
        self.to_read.push_back(id);
        self.rearm(id);
    }

    /// The connection is over, whatever is queued. Its slot is freed when its socket is closed.
    pub(super) fn condemn(&mut self, id: ConnectionId) {
        self.begin_unsubscribe(id);
        let connection = &mut self.connections[id];
        if connection.is_condemned() {
            return;
        }
        // In HTTP/1.0 a body of unknown length ends with the connection: one that is cut short must
        // not end as one that is whole.
        let is_unfinished = !connection.outbox.is_empty();
        let is_cut_short = connection.exchange.is_http_1_0 && is_unfinished;
        connection.phase = Phase::Condemned { is_cut_short };
        connection.outbox.clear();
        connection.input = Vec::new();
        self.waiting_publications.take(id);
        self.timers.cancel(id.0);
        self.to_close.push_back(id);
    }

    pub(super) fn condemn_all(&mut self) {
        let all = self.connections.ids();
        all.into_iter().for_each(|id| self.condemn(id));
    }

    /// Whether [`Server::stop`] was called.
    pub fn is_stopping(&self) -> bool {
        self.stops_at.is_some()
    }

    /// Ends every stream properly, lets answers be finished and closes what is idle. After
    /// `Limits::stop_timeout` whatever is left is cut off. The server is stopped when there are no
    /// connections any more.
    pub fn stop(&mut self, now: Now) {
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

    /// As a reload of nginx does (push-stream spec, section 22.1).
    fn end_subscribers_at_reload(&mut self, now: Now) {
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

    /// Takes a new configuration without closing a stream. The listeners stay those that are bound:
    /// the new configuration says what they answer.
    pub fn reconfigure(&mut self, mut config: Config, now: Now) {
        for warning in config.keep_listeners(&self.config.listeners[..self.bound_count]) {
            log::warn!("{warning}");
        }
        self.head_limits = head_limits(&config.limits);
        self.token_keys = config.subscribe_secrets.iter().map(TokenKey::new).collect();
        let memory_size = config.push_stream.shared_memory_size;
        if memory_size.is_some() && memory_size != self.config.push_stream.shared_memory_size {
            // The module's words (push-stream spec, section 3); there is one zone, with its usual
            // name.
            log::warn!(
                "Cannot change memory area size without restart, ignoring change on zone: \
                 push_stream_module"
            );
        }
        self.broker.hub.reconfigure(HubSettings::from(&config), now);
        let faces = self.faces.iter();
        self.faces =
            faces.map(|face| face.reconfigured(&config, &mut self.broker.formats)).collect();
        self.broker.padding_max = padding_max(&self.faces);
        self.config = config;
        self.configured = now;
        self.recount_internal();
        if self.config.push_stream.reload_ends_subscribers {
            self.end_subscribers_at_reload(now);
        }
        self.remove_unused_formats();
        // Shorter time limits are in force at once.
        let all = self.connections.ids();
        all.into_iter().for_each(|id| self.rearm(id));
        self.end_step(now);
    }

    /// Subscribers and replays keep those of the configuration that they began under.
    fn remove_unused_formats(&mut self) {
        let mut used: HashSet<FormatId> = HashSet::new();
        self.faces.iter().for_each(|face| used.extend(face.formats()));
        let mut seen = HashSet::new();
        for (_, connection) in self.connections.iter() {
            used.extend(connection.outbox.fed_format());
            if let Phase::Subscriber(subscriber) = &connection.phase
                && seen.insert(Rc::as_ptr(&subscriber.profile))
            {
                used.extend(subscriber.profile.formats());
            }
        }
        self.broker.formats.retain(|id| used.contains(&id));
    }
}
