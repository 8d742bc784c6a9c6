//! The memory account and the trash: what stored messages, channels and subscribers cost, and
//! removed ones whose memory is still charged (push-stream spec, sections 20 and 22.4).

use crate::message::{ChannelName, Message};
use crate::time::Moment;
use std::collections::VecDeque;
use std::rc::Rc;

/// The module's own figures, so that a memory size from an nginx configuration has the same effect.
const MESSAGE_COST: usize = 168;
/// Overhead of an event id or event type: reference counts and allocator.
const FIELD_COST: usize = 32;
const CHANNEL_COST: usize = 270;
pub(super) const SUBSCRIBER_COST: usize = 400;

/// Cost of a message with these fields.
pub(super) fn cost(
    text: &[u8],
    event_id: &Option<Rc<[u8]>>,
    event_type: &Option<Rc<[u8]>>,
) -> usize {
    let fields = [event_id, event_type].into_iter().flatten();
    MESSAGE_COST + text.len() + fields.map(|bytes| FIELD_COST + bytes.len()).sum::<usize>()
}

pub(super) fn message_cost(message: &Message) -> usize {
    cost(&message.text, &message.event_id, &message.event_type)
}

/// As [`message_cost`], without a text that another message has, too.
pub(super) fn memory_cost(message: &Message) -> usize {
    message_cost(message) - if message.shares_text { message.text.len() } else { 0 }
}

pub(super) fn channel_cost(name: &[u8]) -> usize {
    CHANNEL_COST + name.len()
}

/// Messages of WebSocket clients leave one part in this many of the account to publishers.
const PUBLISHERS_SHARE: usize = 4;

/// The memory account has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Bytes used by messages, channels and subscribers. What visitors cause (channels that only they
/// use, stored events) is limited to a share of its own, half of the account. It never takes room
/// from publications and subscribers: if they need that room, the account exceeds its limit by at
/// most the visitors' share.
#[derive(Debug)]
pub(super) struct MemoryAccount {
    used: usize,
    /// The part of `used` that visitors cause.
    visitors: usize,
    limit: usize,
    charges_trash: bool,
}

impl MemoryAccount {
    pub(super) fn new(limit: usize, charges_trash: bool) -> MemoryAccount {
        MemoryAccount { used: 0, visitors: 0, limit, charges_trash }
    }

    pub(super) fn resize(&mut self, limit: usize) {
        self.limit = limit;
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn used(&self) -> usize {
        self.used
    }

    pub(super) fn charges_trash(&self) -> bool {
        self.charges_trash
    }

    /// Charges publications and subscribers.
    pub(super) fn charge(&mut self, bytes: usize) -> Result<(), Full> {
        if self.limit.saturating_sub(self.used - self.visitors) < bytes {
            return Err(Full);
        }
        self.used += bytes;
        Ok(())
    }

    /// Charges a visitor's message. A stored message stays until it expires, so a
    /// part is left to publishers.
    pub(super) fn charge_visitors_message(&mut self, bytes: usize) -> Result<(), Full> {
        let part = self.limit - self.limit / PUBLISHERS_SHARE;
        if part.saturating_sub(self.used - self.visitors) < bytes {
            return Err(Full);
        }
        self.used += bytes;
        Ok(())
    }

    /// Charges what visitors cause.
    pub(super) fn charge_visitors(&mut self, bytes: usize) -> Result<(), Full> {
        let share = (self.limit / 2).saturating_sub(self.visitors);
        if share.min(self.limit.saturating_sub(self.used)) < bytes {
            return Err(Full);
        }
        self.used += bytes;
        self.visitors += bytes;
        Ok(())
    }

    /// Whether visitors have not used up their share, so that they only lack room.
    pub(super) fn is_in_visitors_share(&self, bytes: usize) -> bool {
        (self.limit / 2).saturating_sub(self.visitors) >= bytes
    }

    pub(super) fn visitors(&self) -> usize {
        self.visitors
    }

    /// Sets the visitors' part after a recount.
    pub(super) fn set_visitors(&mut self, bytes: usize) {
        self.visitors = bytes;
    }

    pub(super) fn is_exceeded(&self) -> bool {
        self.used > self.limit
    }

    /// Charges regardless of the limit, for what the server cannot do without.
    pub(super) fn charge_always(&mut self, bytes: usize) {
        self.used += bytes;
    }

    pub(super) fn release(&mut self, bytes: usize) {
        self.used -= bytes;
    }

    /// Releases what visitors caused. It is never charged while in the trash, where it would
    /// take room from publications.
    pub(super) fn release_visitors(&mut self, bytes: usize) {
        self.visitors -= bytes;
        self.used -= bytes;
    }

    /// Moves removed items to the trash. Their bytes are released at once, or
    /// when the trash is emptied.
    pub(super) fn move_to_trash(
        &mut self,
        trash: &mut Trash,
        until: Moment,
        messages: usize,
        channels: usize,
        bytes: usize,
    ) {
        let kept = if self.charges_trash { bytes } else { 0 };
        self.release(bytes - kept);
        trash.add(Batch {
            until,
            messages: messages as u64,
            channels: channels as u64,
            bytes: kept,
        });
    }
}

/// A channel that was deleted and will be removed by the next sweep.
#[derive(Debug)]
pub(super) struct Deleted {
    pub(super) name: ChannelName,
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

/// Removed items, added up per time at which they leave, so that its size does not grow with
/// the rate of publication.
#[derive(Debug, Default)]
pub(super) struct Trash(VecDeque<Batch>);

#[derive(Debug)]
struct Batch {
    until: Moment,
    messages: u64,
    channels: u64,
    bytes: usize,
}

impl Trash {
    fn add(&mut self, batch: Batch) {
        match self.0.back_mut() {
            Some(last) if last.until >= batch.until => {
                last.messages += batch.messages;
                last.channels += batch.channels;
                last.bytes += batch.bytes;
            }
            _ => self.0.push_back(batch),
        }
    }

    /// Drops the batches whose time has come; returns the bytes that were still charged.
    pub(super) fn empty(&mut self, now: Moment) -> usize {
        let mut freed = 0;
        while self.0.front().is_some_and(|batch| batch.until <= now)
            && let Some(batch) = self.0.pop_front()
        {
            freed += batch.bytes;
        }
        freed
    }

    pub(super) fn next(&self) -> Option<Moment> {
        self.0.front().map(|batch| batch.until)
    }

    pub(super) fn messages(&self) -> u64 {
        self.0.iter().map(|batch| batch.messages).sum()
    }

    pub(super) fn channels(&self) -> u64 {
        self.0.iter().map(|batch| batch.channels).sum()
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.iter().map(|batch| batch.bytes).sum()
    }
}
