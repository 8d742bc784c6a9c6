//! Subscribing, the queue of a connection, and the delivery of pending messages to a subscriber.

use super::connection::{ConnectionId, Phase};
use super::lines::SlowConsumer;
use super::publish_task::SubscribeError;
use super::state::State;
use crate::broker::{Overflow, Recipient, Subscriber, Tally, Transport};
use crate::hub::{ChannelId, Full};
use crate::time::Now;
use crate::transports::{Encoded, Frame};

impl State {
    /// Subscribes the connection to the channel. It gets each message published from now on `times`
    /// times, which is how often its path names the channel.
    ///
    /// # Errors
    /// There is no memory for a subscriber; nothing has changed.
    pub(super) fn subscribe(
        &mut self,
        id: ConnectionId,
        channel: ChannelId,
        times: u32,
        now: Now,
    ) -> Result<(), SubscribeError> {
        self.turn.work.channels += 1;
        if self.connections[id].subscriptions.is_empty() && self.refuses_subscribers(now) {
            return Err(SubscribeError::Short);
        }
        let connection = &mut self.connections[id];
        connection.delivered = self.broker.fanout.sequence();
        let subscriptions = &mut connection.subscriptions;
        let subscribed = self.broker.hub.subscribe(id.into(), subscriptions, channel, times, now);
        subscribed.map_err(|Full| {
            self.report_full_store(now);
            SubscribeError::Full
        })?;
        self.count_subscription(id, channel);
        Ok(())
    }

    /// Makes the connection a subscriber, which gets messages. Its further requests wait.
    pub(super) fn begin_subscriber(&mut self, id: ConnectionId, subscriber: Subscriber) {
        self.connections.subscriber_count += 1;
        self.counters.stream_connections_total += 1;
        self.connections[id].phase = Phase::Subscriber(subscriber);
        self.subscriber_began(id);
    }

    /// Queues bytes that are not a message: an answer, a heartbeat.
    pub(super) fn push(&mut self, id: ConnectionId, frame: Frame, now: Now) {
        self.connections[id].outbox.push(frame, now.monotonic);
        self.request_write(id);
    }

    /// Queues an item of a subscriber's response, such as a ping or a footer, and adds it to the
    /// checksum.
    pub(super) fn push_item(&mut self, id: ConnectionId, item: &Encoded, now: Now) {
        if let Phase::Subscriber(subscriber) = &mut self.connections[id].phase {
            subscriber.add_to_checksum(item);
        }
        self.push(id, item.frame.clone(), now);
    }

    /// Queues a message that the server makes itself, with the padding that its length requires.
    pub(super) fn push_padded(&mut self, id: ConnectionId, item: &Encoded, now: Now) {
        self.push_item(id, item, now);
        let Phase::Subscriber(subscriber) = &self.connections[id].phase else { return };
        if let Some(padding) = subscriber.padding(item.text_bytes, &mut self.broker.formats) {
            self.push_item(id, &padding, now);
        }
    }

    /// Puts the connection into the list of those to write to, unless its socket is blocked.
    pub(super) fn request_write(&mut self, id: ConnectionId) {
        let flags = &mut self.connections[id].flags;
        if !flags.is_blocked && !std::mem::replace(&mut flags.is_pending, true) {
            self.lists.answered.push_back(id);
        }
    }

    /// Puts a subscriber that has messages queued into the list of those to write to, unless its
    /// socket is blocked.
    pub(super) fn request_delivery(&mut self, id: ConnectionId) {
        let flags = &mut self.connections[id].flags;
        if !flags.is_blocked && !std::mem::replace(&mut flags.is_pending, true) {
            self.lists.delivered.push_back(id);
        }
    }

    /// Queues everything pending on all channels of a subscriber, in the order of publication.
    pub(super) fn deliver_pending(&mut self, id: ConnectionId, now: Now) {
        let connection = &mut self.connections[id];
        let latest = self.broker.fanout.sequence();
        let delivered = std::mem::replace(&mut connection.delivered, latest);
        let Phase::Subscriber(subscriber) = &mut connection.phase else { return };
        if delivered == latest {
            return;
        }
        if matches!(subscriber.transport, Transport::LongPoll(_)) {
            return self.deliver_to_long_poll(id, delivered, now);
        }
        let mut recipient = Recipient {
            id: id.into(),
            subscriber,
            outbox: &mut connection.outbox,
            subscriptions: &connection.subscriptions,
            delivered,
            outbox_bytes_max: self.config.limits.outbox_bytes_max,
        };
        let mut tally = Tally { work: &mut self.turn.work, counters: &mut self.counters };
        match self.broker.deliver(&mut recipient, &mut tally, now) {
            Ok(()) if self.connections[id].outbox.is_empty() => {}
            Ok(()) => self.request_delivery(id),
            Err(Overflow) => self.close_slow(id, SlowConsumer::Overflow, now),
        }
    }

    /// Closes a slow consumer, instead of dropping messages from the middle of its stream.
    pub(super) fn close_slow(&mut self, id: ConnectionId, why: SlowConsumer, now: Now) {
        self.counters.slow_subscribers_closed_total += 1;
        self.report_slow(id, why, now);
        if !self.say_goodbye_to_slow(id, why, now) {
            self.condemn(id);
        }
    }

    /// Answers a waiting long-polling request: of a location, with the first pending message and no
    /// other (push-stream spec, section 12.2); of the signed API, with all.
    fn deliver_to_long_poll(&mut self, id: ConnectionId, delivered: u64, now: Now) {
        if let Some(format) = self.listed_format(id) {
            return self.answer_with_all(id, delivered, format, now);
        }
        let subscriptions = &self.connections[id].subscriptions;
        let first = self.broker.first_pending(subscriptions, delivered);
        let Some((sequence, channel)) = first else { return };
        self.answer_with_publication(id, channel, sequence, now);
    }
}
