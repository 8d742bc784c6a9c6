//! Publishes messages, and delivers what is pending to each subscriber that a pass visits.

use super::Broker;
use super::outbox::{FRAME_COST, Outbox, Overflow};
use super::pending::Pending;
use super::subscriber::Subscriber;
use super::work::Work;
use crate::hub::{ChannelId, Draft, Full, SubscriberId, Subscriptions};
use crate::message::Message;
use crate::stats::Counters;
use crate::time::Now;
use crate::transports::{EndedWait, FormatId, Formats, Frame, MessageSizes};
use std::rc::Rc;

/// A subscriber that is visited, with its queue.
pub struct Recipient<'a> {
    /// Its id.
    pub id: SubscriberId,
    /// How it is served.
    pub subscriber: &'a mut Subscriber,
    /// The queue of its connection.
    pub outbox: &'a mut Outbox,
    /// Its channels.
    pub subscriptions: &'a Subscriptions,
    /// It has been given every publication up to this sequence number.
    pub delivered: u64,
    /// The queue's limit in bytes.
    pub outbox_bytes_max: usize,
}

/// Where deliveries are counted.
pub struct Tally<'a> {
    /// Counts towards the turn's budget.
    pub work: &'a mut Work,
    /// For the statistics.
    pub counters: &'a mut Counters,
}

impl Broker {
    /// Publishes to a channel. The message gets its position in the order at once; its fan-out to
    /// the members begins with the next round.
    ///
    /// # Errors
    /// The memory account is full; nothing has changed.
    pub fn publish(
        &mut self,
        channel: ChannelId,
        draft: &Draft,
        work: &mut Work,
        now: Now,
    ) -> Result<Rc<Message>, Full> {
        work.publications += 1;
        work.bytes += draft.text.len() as u64;
        let message = self.hub.publish(channel, draft, now)?;
        if !self.hub.members(channel).is_empty() {
            let queue_bytes = self.queue_bytes(message.channel.len(), draft);
            self.fanout.add(channel, message.clone(), queue_bytes);
            if let Some(member) = draft.except {
                self.fanout.leave_out(channel, member);
            }
        }
        Ok(message)
    }

    /// Approximate upper bound of what a publication costs in a subscriber's queue: the message in
    /// its largest wire format, and padding.
    fn queue_bytes(&self, channel_bytes: usize, draft: &Draft) -> usize {
        let padding = match self.padding_max {
            0 => 0,
            max => (FRAME_COST + max as usize).saturating_sub(draft.text.len()),
        };
        FRAME_COST + self.formats.bytes_max(&sizes(channel_bytes, draft)) + padding
    }

    /// Whether no encoding of this publication is larger than `bytes_max` or twice its text,
    /// whichever is more. Checked once for all channels of a request, with the longest name: one
    /// that is refused must not have reached any channel.
    pub fn can_encode(&self, bytes_max: usize, channel_bytes: usize, draft: &Draft) -> bool {
        self.formats.fit(bytes_max, &sizes(channel_bytes, draft))
    }

    /// Sequence number and channel of the first publication after `delivered` that is pending on
    /// these channels.
    pub fn first_pending(
        &self,
        subscriptions: &Subscriptions,
        delivered: u64,
    ) -> Option<(u64, ChannelId)> {
        let channels = self.hub.channels_of(subscriptions);
        let first = |(channel, _)| Some((self.fanout.first_after(channel, delivered)?, channel));
        channels.filter_map(first).min()
    }

    /// Queues everything that is pending on a subscriber's channels, in the order of publication.
    ///
    /// # Errors
    /// Its queue is full: it is a slow consumer.
    pub fn deliver(
        &mut self,
        recipient: &mut Recipient<'_>,
        tally: &mut Tally<'_>,
        now: Now,
    ) -> Result<(), Overflow> {
        let result = match self.hub.only_channel_of(recipient.subscriptions) {
            Some(channel) => self.deliver_from(recipient, channel, tally, now),
            None => self.deliver_merged(recipient, tally, now),
        };
        tally.work.add_made(self.formats.take_made());
        result
    }

    /// The answer to a long-polling request, with the pending publication of this sequence number.
    /// `None`: it is not pending any more.
    pub fn answer(&mut self, ended: EndedWait, channel: ChannelId, sequence: u64) -> Option<Frame> {
        let pending = self.fanout.entry(channel, sequence)?;
        let frame = pending.answer(ended, &mut self.formats);
        self.fanout.recount(channel, sequence);
        Some(frame)
    }

    /// Everything that is pending on a subscriber's channels in one format, in the order of
    /// publication.
    pub fn pending_frames(
        &mut self,
        subscriptions: &Subscriptions,
        delivered: u64,
        format: FormatId,
    ) -> Vec<Frame> {
        let (mut made, mut frames) = (0, Vec::new());
        for (sequence, channel, _) in self.pending_on(subscriptions, delivered) {
            let Some(entry) = self.fanout.entry(channel, sequence) else { continue };
            let encoded = entry.encoded(format, &mut self.formats, &mut made);
            frames.extend(encoded.map(|encoded| encoded.frame.clone()));
        }
        self.fanout.count_encoded(made);
        frames
    }

    /// The sequence numbers and channels of what is pending on a subscriber's channels, and how
    /// often it named the channel; sorted.
    fn pending_on(
        &mut self,
        subscriptions: &Subscriptions,
        delivered: u64,
    ) -> Vec<(u64, ChannelId, u32)> {
        let mut wanted: Vec<(u64, ChannelId, u32)> = Vec::new();
        for (channel, times) in self.hub.channels_of(subscriptions) {
            if let Some(pending) = self.fanout.pending(channel) {
                let start = pending.partition_point(|entry| entry.sequence <= delivered);
                let sequences = pending.range(start..).map(|entry| entry.sequence);
                wanted.extend(sequences.map(|sequence| (sequence, channel, times)));
            }
        }
        wanted.sort_unstable();
        wanted
    }

    /// Delivers to a subscriber of one channel: as one batch, if there is one and room for it.
    fn deliver_from(
        &mut self,
        recipient: &mut Recipient<'_>,
        channel: ChannelId,
        tally: &mut Tally<'_>,
        now: Now,
    ) -> Result<(), Overflow> {
        let delivered = recipient.delivered;
        let format = recipient.subscriber.profile.format;
        if recipient.subscriber.takes_batches()
            && let Some(batch) =
                self.fanout.batch(channel, delivered, recipient.id, format, &mut self.formats)
            && recipient.outbox.cost() + batch.frame.len() <= recipient.outbox_bytes_max
        {
            tally.counters.oversized_frames_skipped_total += batch.skipped;
            tally.counters.deliveries_total += batch.count;
            return recipient.push_batch(batch.frame.clone(), now);
        }
        let Some(pending) = self.fanout.pending(channel) else { return Ok(()) };
        let start = pending.partition_point(|entry| entry.sequence <= delivered);
        let mut delivery = Delivery { recipient, formats: &mut self.formats, tally, made: 0, now };
        let result = pending.range_mut(start..).try_for_each(|entry| delivery.deliver(entry, 1));
        let made = delivery.made;
        self.fanout.count_encoded(made);
        result
    }

    /// Delivers to a subscriber of several channels: their publications are merged by sequence
    /// number. One on a channel that is named twice in the path is delivered twice.
    fn deliver_merged(
        &mut self,
        recipient: &mut Recipient<'_>,
        tally: &mut Tally<'_>,
        now: Now,
    ) -> Result<(), Overflow> {
        let wanted = self.pending_on(recipient.subscriptions, recipient.delivered);
        let mut delivery = Delivery { recipient, formats: &mut self.formats, tally, made: 0, now };
        let result = wanted.into_iter().try_for_each(|(sequence, channel, times)| {
            let entry = self.fanout.entry(channel, sequence);
            let entry = entry.expect("a publication stays pending while it is being delivered");
            delivery.deliver(entry, times)
        });
        let made = delivery.made;
        self.fanout.count_encoded(made);
        result
    }
}

/// The sizes that the size of an encoding depends on.
fn sizes(channel: usize, draft: &Draft) -> MessageSizes<'_> {
    let bytes = |part: &Option<Rc<[u8]>>| part.as_ref().map_or(0, |part| part.len());
    let event = bytes(&draft.event_id) + bytes(&draft.event_type);
    MessageSizes { text: &draft.text, is_json: draft.is_json, channel, event }
}

impl Recipient<'_> {
    fn push_batch(&mut self, frame: Frame, now: Now) -> Result<(), Overflow> {
        self.subscriber.restart_heartbeat(now.monotonic);
        self.outbox.push_live(frame, self.outbox_bytes_max, now.monotonic)
    }
}

/// The delivery of pending publications to one subscriber.
struct Delivery<'a, 'r, 't> {
    recipient: &'a mut Recipient<'r>,
    formats: &'a mut Formats,
    tally: &'a mut Tally<'t>,
    /// Bytes of the encodings made during this delivery.
    made: usize,
    now: Now,
}

impl Delivery<'_, '_, '_> {
    /// Queues one publication `times` times, with padding where the subscriber needs it.
    fn deliver(&mut self, pending: &mut Pending, times: u32) -> Result<(), Overflow> {
        if pending.except == Some(self.recipient.id) {
            return Ok(());
        }
        let Recipient { subscriber, outbox, outbox_bytes_max, .. } = &mut *self.recipient;
        let (work, counters) = (&mut *self.tally.work, &mut *self.tally.counters);
        let format = subscriber.profile.format;
        let Some(encoded) = pending.encoded(format, self.formats, &mut self.made) else {
            counters.oversized_frames_skipped_total += u64::from(times);
            return Ok(());
        };
        subscriber.restart_heartbeat(self.now.monotonic);
        for _ in 0..times {
            counters.deliveries_total += 1;
            work.deliveries += 1;
            subscriber.add_to_checksum(encoded);
            outbox.push_live(encoded.frame.clone(), *outbox_bytes_max, self.now.monotonic)?;
            if let Some(padding) = subscriber.padding(encoded.text_bytes, self.formats) {
                subscriber.add_to_checksum(&padding);
                outbox.push(padding.frame, self.now.monotonic);
            }
        }
        Ok(())
    }
}
