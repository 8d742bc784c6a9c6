//! Brings messages to subscribers: publish, fan out, and what each transport does with a message.

use super::Server;
use super::connection::{Connection, Phase, Subscriber, Transport};
use super::lines::SlowReader;
use super::outbox::{FRAME_COST, Overflow};
use super::pending::Pending;
use crate::hub::{ChannelId, Draft, Full, SubscriberId};
use crate::message::Message;
use crate::stats::Counters;
use crate::time::Now;
use crate::transports::{Encoded, Formats, Frame, MessageSizes};
use std::rc::Rc;

impl Server {
    /// Publishes to a channel: the message gets its place in the order at once, its way to the
    /// members begins with the next writes.
    ///
    /// # Errors
    /// The memory account is full; nothing has happened.
    pub(super) fn publish(
        &mut self,
        channel: ChannelId,
        draft: &Draft,
        now: Now,
    ) -> Result<Rc<Message>, Full> {
        self.turn.work.publications += 1;
        self.turn.work.bytes += draft.text.len() as u64;
        let published = self.hub.publish(channel, draft, now);
        let message = published.inspect_err(|Full| self.report_full_store(now))?;
        if !self.hub.members(channel).is_empty() {
            let queue_bytes = self.queue_bytes(message.channel.len(), draft);
            self.fanout.add(channel, message.clone(), queue_bytes);
        }
        Ok(message)
    }

    /// About the most that a publication takes in a subscriber's queue: itself in the largest wire
    /// format, and a padding.
    fn queue_bytes(&self, channel_bytes: usize, draft: &Draft) -> usize {
        let padding = match self.padding_max {
            0 => 0,
            max => (FRAME_COST + max as usize).saturating_sub(draft.text.len()),
        };
        FRAME_COST + self.formats.bytes_max(&sizes(channel_bytes, draft)) + padding
    }

    /// Whether every wire format can hold this publication. One that is refused for it has not been
    /// published to any channel, so it is asked once for all channels, with the longest name.
    pub(super) fn can_encode(&self, channel_bytes: usize, draft: &Draft) -> bool {
        self.formats.fit(self.config.limits.encoded_bytes_max, &sizes(channel_bytes, draft))
    }

    /// Makes the connection a member of the channel. It gets each message that is published from
    /// now on `times` times, as often as its path names the channel.
    ///
    /// # Errors
    /// The memory account is full; nothing has happened.
    pub(super) fn subscribe(
        &mut self,
        id: u32,
        channel: ChannelId,
        times: u32,
        now: Now,
    ) -> Result<(), Full> {
        self.turn.work.channels += 1;
        let connection = &mut self.connections[id as usize];
        connection.delivered = self.fanout.sequence();
        let subscriptions = &mut connection.subscriptions;
        let subscribed = self.hub.subscribe(SubscriberId(id), subscriptions, channel, times, now);
        subscribed.inspect_err(|Full| self.report_full_store(now))
    }

    /// From now on the connection takes messages instead of requests.
    pub(super) fn begin_subscriber(&mut self, id: u32, subscriber: Subscriber) {
        self.subscriber_count += 1;
        self.counters.stream_connections_total += 1;
        self.connections[id as usize].phase = Phase::Subscriber(subscriber);
    }

    /// Queues bytes that are not a message: an answer, a heartbeat.
    pub(super) fn push(&mut self, id: u32, frame: Frame, now: Now) {
        self.connections[id as usize].outbox.push(frame, now.monotonic);
        self.request_write(id);
    }

    /// Queues an item of a subscriber's response: a ping, a footer.
    pub(super) fn push_item(&mut self, id: u32, item: &Encoded, now: Now) {
        if let Phase::Subscriber(subscriber) = &mut self.connections[id as usize].phase {
            subscriber.say(item);
        }
        self.push(id, item.frame.clone(), now);
    }

    /// The same with the padding that its length asks for: messages that the server makes itself.
    pub(super) fn push_padded(&mut self, id: u32, item: &Encoded, now: Now) {
        self.push_item(id, item, now);
        let Phase::Subscriber(subscriber) = &self.connections[id as usize].phase else { return };
        if let Some(padding) = subscriber.padding(item.text_bytes, &mut self.formats) {
            self.push_item(id, &padding, now);
        }
    }

    /// Puts the connection on the list of those to write to.
    pub(super) fn request_write(&mut self, id: u32) {
        let flags = &mut self.connections[id as usize].flags;
        if !flags.is_blocked && !std::mem::replace(&mut flags.is_pending, true) {
            self.answered.push_back(id);
        }
    }

    /// The same for a subscriber that a fan-out gave messages to.
    pub(super) fn request_delivery(&mut self, id: u32) {
        let flags = &mut self.connections[id as usize].flags;
        if !flags.is_blocked && !std::mem::replace(&mut flags.is_pending, true) {
            self.delivered.push_back(id);
        }
    }

    /// Gives a subscriber everything that is pending on all its channels, in the order of
    /// publication.
    pub(super) fn collect(&mut self, id: u32, now: Now) {
        let connection = &mut self.connections[id as usize];
        let latest = self.fanout.sequence();
        let delivered = std::mem::replace(&mut connection.delivered, latest);
        let Phase::Subscriber(subscriber) = &connection.phase else { return };
        if delivered == latest {
            return;
        }
        if matches!(subscriber.transport, Transport::LongPoll(_)) {
            return self.collect_waiting(id, delivered, now);
        }
        let subscriptions = &connection.subscriptions;
        let result = match self.hub.only_channel_of(subscriptions) {
            Some(channel) => self.take_from(id, channel, delivered, now),
            None => {
                let all: Vec<_> = self.hub.channels_of(subscriptions).collect();
                self.take_from_all(id, &all, delivered, now)
            }
        };
        self.turn.work.add_made(self.formats.take_made());
        match result {
            Ok(()) if self.connections[id as usize].outbox.is_empty() => {}
            Ok(()) => self.request_delivery(id),
            Err(Overflow) => self.close_slow(id, SlowReader::Overflow, now),
        }
    }

    /// A reader that is too slow loses its connection, never a message in the middle.
    pub(super) fn close_slow(&mut self, id: u32, why: SlowReader, now: Now) {
        self.counters.slow_subscribers_closed_total += 1;
        self.report_slow(id, why, now);
        self.condemn(id);
    }

    /// A waiting request takes the first message and no other (push-stream spec, section 12.2).
    fn collect_waiting(&mut self, id: u32, delivered: u64, now: Now) {
        let connection = &self.connections[id as usize];
        let channels = self.hub.channels_of(&connection.subscriptions);
        let fanout = &self.fanout;
        let first = channels
            .filter_map(|(channel, _)| Some((fanout.first_after(channel, delivered)?, channel)))
            .min();
        let Some((sequence, channel)) = first else { return };
        self.answer_with_publication(id, channel, sequence, now);
    }

    fn take_from(
        &mut self,
        id: u32,
        channel: ChannelId,
        delivered: u64,
        now: Now,
    ) -> Result<(), Overflow> {
        let connection = &self.connections[id as usize];
        let Phase::Subscriber(subscriber) = &connection.phase else { return Ok(()) };
        if subscriber.takes_batches()
            && let Some(batch) =
                self.fanout.batch(channel, delivered, subscriber.profile.format, &mut self.formats)
            && connection.outbox.cost() + batch.frame.len() <= self.config.limits.outbox_bytes_max
        {
            let (frame, count) = (batch.frame.clone(), batch.count);
            self.counters.oversized_frames_skipped_total += batch.skipped;
            return self.take_batch(id, frame, count, now);
        }
        let mut delivery = Delivery {
            connection: &mut self.connections[id as usize],
            formats: &mut self.formats,
            counters: &mut self.counters,
            bytes_max: self.config.limits.outbox_bytes_max,
            made: 0,
            frames: 0,
            now,
        };
        let Some(pending) = self.fanout.pending(channel) else { return Ok(()) };
        let start = pending.partition_point(|entry| entry.sequence <= delivered);
        let result = pending.range_mut(start..).try_for_each(|entry| delivery.deliver(entry, 1));
        let (made, frames) = (delivery.made, delivery.frames);
        self.fanout.grow(made);
        self.turn.work.deliveries += frames;
        result
    }

    fn take_batch(&mut self, id: u32, frame: Frame, count: u64, now: Now) -> Result<(), Overflow> {
        let connection = &mut self.connections[id as usize];
        if let Phase::Subscriber(subscriber) = &mut connection.phase {
            subscriber.restart_heartbeat(now.monotonic);
        }
        self.counters.deliveries_total += count;
        let bytes_max = self.config.limits.outbox_bytes_max;
        connection.outbox.push_live(frame, bytes_max, now.monotonic)
    }

    /// Several channels: their publications are merged by sequence. A channel that was named twice
    /// gives each of its publications twice.
    fn take_from_all(
        &mut self,
        id: u32,
        channels: &[(ChannelId, u32)],
        delivered: u64,
        now: Now,
    ) -> Result<(), Overflow> {
        let mut wanted: Vec<(u64, ChannelId, u32)> = Vec::new();
        for (channel, times) in channels {
            if let Some(pending) = self.fanout.pending(*channel) {
                let start = pending.partition_point(|entry| entry.sequence <= delivered);
                let sequences = pending.range(start..).map(|entry| entry.sequence);
                wanted.extend(sequences.map(|sequence| (sequence, *channel, *times)));
            }
        }
        wanted.sort_unstable();
        let mut delivery = Delivery {
            connection: &mut self.connections[id as usize],
            formats: &mut self.formats,
            counters: &mut self.counters,
            bytes_max: self.config.limits.outbox_bytes_max,
            made: 0,
            frames: 0,
            now,
        };
        let result = wanted.into_iter().try_for_each(|(sequence, channel, times)| {
            let entry = self.fanout.entry(channel, sequence);
            let entry = entry.expect("a publication stays pending while it is being delivered");
            delivery.deliver(entry, times)
        });
        let (made, frames) = (delivery.made, delivery.frames);
        self.fanout.grow(made);
        self.turn.work.deliveries += frames;
        result
    }
}

/// What the encodings of a publication depend on.
fn sizes(channel: usize, draft: &Draft) -> MessageSizes<'_> {
    let bytes = |part: &Option<Rc<[u8]>>| part.as_ref().map_or(0, |part| part.len());
    let event = bytes(&draft.event_id) + bytes(&draft.event_type);
    MessageSizes { text: &draft.text, channel, event }
}

/// What it takes to give messages to one subscriber.
struct Delivery<'a> {
    connection: &'a mut Connection,
    formats: &'a mut Formats,
    counters: &'a mut Counters,
    bytes_max: usize,
    /// Bytes of encodings that were made for it.
    made: usize,
    /// Frames queued.
    frames: u64,
    now: Now,
}

impl Delivery<'_> {
    fn deliver(&mut self, pending: &mut Pending, times: u32) -> Result<(), Overflow> {
        let Phase::Subscriber(subscriber) = &mut self.connection.phase else { return Ok(()) };
        let format = subscriber.profile.format;
        let Some(encoded) = pending.encoded(format, self.formats, &mut self.made) else {
            self.counters.oversized_frames_skipped_total += u64::from(times);
            return Ok(());
        };
        subscriber.restart_heartbeat(self.now.monotonic);
        for _ in 0..times {
            self.counters.deliveries_total += 1;
            self.frames += 1;
            subscriber.say(encoded);
            let outbox = &mut self.connection.outbox;
            outbox.push_live(encoded.frame.clone(), self.bytes_max, self.now.monotonic)?;
            let padding = subscriber.padding(encoded.text_bytes, self.formats);
            if let Some(padding) = padding {
                subscriber.say(&padding);
                outbox.push(padding.frame, self.now.monotonic);
            }
        }
        Ok(())
    }
}
