//! Replay: which stored messages a subscriber requests, and what is left of them while it reads.

use super::{ChannelId, Hub, Resume};
use crate::message::Message;
use std::rc::Rc;

/// A range of one channel's stored messages that is still to be sent to a subscriber. It holds no
/// message, so its messages may leave the store before they are sent.
#[derive(Clone, Copy, Debug)]
pub struct Stretch {
    /// The channel.
    pub channel: ChannelId,
    /// The channel's serial number, which is never reused.
    pub serial: u64,
    /// Id of the first message.
    pub next: i64,
    /// Id of the last message.
    pub last: i64,
}

impl Hub {
    /// The stored messages of a channel that a subscriber requests; `None` if there are none.
    pub fn asked(&self, channel: ChannelId, resume: &Resume<'_>) -> Option<Stretch> {
        let entry = &self.channels[channel.0 as usize];
        let (next, last) = entry.history.asked(resume)?;
        Some(Stretch { channel, serial: entry.serial, next, last })
    }

    /// Approximate number of messages that [`Hub::asked`] examines.
    pub fn scanned_for(&self, channel: ChannelId, resume: &Resume<'_>) -> usize {
        let is_scanned = resume.backtrack == 0 && resume.event_id.is_some();
        if is_scanned { self.stored_count(channel) } else { 1 }
    }

    /// The messages of a stretch, oldest first. `None`: its first message is no longer stored.
    pub fn stored(
        &self,
        stretch: &Stretch,
    ) -> Option<impl DoubleEndedIterator<Item = &Rc<Message>> + Clone> {
        let entry = self.channels.get(stretch.channel.0 as usize)?;
        let is_same = entry.serial == stretch.serial;
        is_same.then(|| entry.history.between(stretch.next, stretch.last)).flatten()
    }
}
