//! Replay: which stored messages a subscriber requests, and what is left of them while it reads.

use super::history::Requested;
use super::{ChannelId, Hub, Resume};
use crate::message::Message;
use std::rc::Rc;

/// A range of one channel's stored messages that is still to be sent to a subscriber. It holds no
/// message, so its messages may leave the store before they are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stretch {
    /// The channel.
    pub channel: ChannelId,
    /// The channel's serial number, which is never reused.
    pub serial: u64,
    /// Id of the first message.
    pub next: i64,
    /// Id of the last message.
    pub last: i64,
    /// Number of messages that had left the history from the middle when the replay began. If the
    /// number changes, encodings of the same messages may no longer be shared.
    pub gap_count: u32,
}

/// What a channel has for a subscriber that resumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resumed {
    /// Nothing is newer than its cursor, or it requests nothing.
    UpToDate,
    /// All that it requests, and nothing is missing before it.
    From(Stretch),
    /// Messages that it may have missed are not stored; what is left of them, if anything. A cursor
    /// by position finds exactly the channels with a gap, those created since a channel was removed
    /// aside; a cursor by time or event id also suspects messages that the subscriber has seen.
    Gap(Option<Stretch>),
}

impl Resumed {
    /// The stored messages, where it makes no difference whether others are missing.
    pub fn stretch(self) -> Option<Stretch> {
        match self {
            Resumed::UpToDate => None,
            Resumed::From(stretch) => Some(stretch),
            Resumed::Gap(stretch) => stretch,
        }
    }
}

impl Hub {
    /// What a channel has for a subscriber that resumes.
    pub fn resume(&self, channel: ChannelId, resume: &Resume<'_>) -> Resumed {
        let entry = &self.channels[channel.0 as usize];
        let Requested { ids, has_gap } = entry.history.requested(resume, entry.floor);
        let stretch = ids.map(|(next, last)| {
            let gap_count = entry.history.gap_count();
            Stretch { channel, serial: entry.serial, next, last, gap_count }
        });
        match stretch {
            stretch if has_gap => Resumed::Gap(stretch),
            Some(stretch) => Resumed::From(stretch),
            None => Resumed::UpToDate,
        }
    }

    /// Approximate number of messages that [`Hub::resume`] examines.
    pub fn scanned_for(&self, channel: ChannelId, resume: &Resume<'_>) -> usize {
        let is_scanned = resume.backtrack == 0 && resume.event_id.is_some();
        if is_scanned { self.stored_count(channel) } else { 1 }
    }

    /// The messages of a stretch, oldest first. `None`: its first message is no longer stored, or
    /// another one may have expired since the replay began.
    pub fn stored(
        &self,
        stretch: &Stretch,
    ) -> Option<impl DoubleEndedIterator<Item = &Rc<Message>> + Clone> {
        let entry = self.channels.get(stretch.channel.0 as usize)?;
        let is_same = entry.serial == stretch.serial;
        is_same
            .then(|| entry.history.between(stretch.next, stretch.last, stretch.gap_count))
            .flatten()
    }
}
