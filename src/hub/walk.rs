//! Lists of channels, made piece by piece: between two pieces a list holds a position and nothing else, however
//! many channels there are.

use super::{ChannelId, ChannelInfo, Hub};
use crate::message::ChannelName;
use crate::time::Now;
use std::ops::Bound;

/// A list of channels in progress: which channels, in which order, and the position.
#[derive(Clone, Debug)]
pub enum Walk {
    /// All that there were when it began, in the order in which they were made.
    ByAge {
        /// The next one and its serial, as its id may be used again before its turn. None: no more.
        next: Option<(ChannelId, u64)>,
        /// Serial of the last channel made when it began.
        last: u64,
    },
    /// All whose names begin with a prefix, in the order of the bytes of their names.
    ByName {
        /// The prefix.
        prefix: Vec<u8>,
        /// Name of the last one listed.
        after: Option<ChannelName>,
    },
}

/// What [`Hub::walk`] has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// Whether the list is complete.
    pub is_complete: bool,
    /// Channels that were listed.
    pub listed: u64,
    /// Places of channels looked at to find where the list goes on.
    pub searched: u64,
}

impl Walk {
    /// All channels, in the order of their names.
    pub fn by_name() -> Walk {
        Walk::with_prefix(Vec::new())
    }

    /// The channels whose names begin with a prefix, in the order of their names.
    pub fn with_prefix(prefix: Vec<u8>) -> Walk {
        Walk::ByName { prefix, after: None }
    }
}

impl Hub {
    /// The channels that there are now, in the order in which they were made.
    pub fn walk_by_age(&self) -> Walk {
        Walk::ByAge { next: self.aged(self.age.oldest()), last: self.serial }
    }

    /// Goes on with a list: calls `take` with one channel after the other until it returns false,
    /// as it has enough for this time. Channels that have been removed meanwhile are left out.
    pub fn walk(
        &self,
        walk: &mut Walk,
        now: Now,
        mut take: impl FnMut(&ChannelInfo<'_>) -> bool,
    ) -> Walked {
        let mut walked = Walked::default();
        match walk {
            Walk::ByAge { next, last } => {
                if let Some((channel, serial)) = *next
                    && serial <= *last
                    && !self.is_still(channel, serial)
                {
                    *next = self.oldest_since(serial);
                    walked.searched = self.channels.capacity() as u64;
                }
                while let Some((channel, serial)) = *next
                    && serial <= *last
                {
                    *next = self.aged(self.channels[channel.0 as usize].neighbours.newer());
                    walked.listed += 1;
                    if !take(&self.info(channel, now)) {
                        return walked;
                    }
                }
            }
            Walk::ByName { prefix, after } => {
                let start = match after {
                    Some(name) => Bound::Excluded(&name[..]),
                    None => Bound::Included(&prefix[..]),
                };
                let rest = self.by_name.range::<[u8], _>((start, Bound::Unbounded));
                for (name, channel) in rest.take_while(|(name, _)| name.starts_with(prefix)) {
                    walked.listed += 1;
                    if !take(&self.info(*channel, now)) {
                        *after = Some(name.clone());
                        return walked;
                    }
                }
            }
        }
        walked.is_complete = true;
        walked
    }

    fn aged(&self, channel: Option<ChannelId>) -> Option<(ChannelId, u64)> {
        channel.map(|channel| (channel, self.channels[channel.0 as usize].serial))
    }

    fn is_still(&self, channel: ChannelId, serial: u64) -> bool {
        self.channels.get(channel.0 as usize).is_some_and(|entry| entry.serial == serial)
    }

    /// The oldest channel that is younger than a removed one. All are looked at: rarely is just the
    /// next channel removed between two pieces of a list, and a sorted index has 25 bytes per
    /// channel.
    fn oldest_since(&self, serial: u64) -> Option<(ChannelId, u64)> {
        let rest = self.channels.iter().filter(|(_, entry)| entry.serial >= serial);
        let (key, oldest) = rest.min_by_key(|(_, entry)| entry.serial)?;
        Some((ChannelId(key as u32), oldest.serial))
    }

    /// The channels whose names begin with a prefix, in the order in which they were made. None: there are
    /// too many for a short list, where each counts for its name and `channel_bytes`.
    pub fn few_with_prefix(
        &self,
        prefix: &[u8],
        channel_bytes: usize,
        bytes_max: usize,
    ) -> Option<Vec<ChannelId>> {
        let (mut bytes, mut few) = (0, Vec::new());
        let start = (Bound::Included(prefix), Bound::Unbounded);
        let found = self.by_name.range::<[u8], _>(start);
        for (name, channel) in found.take_while(|(name, _)| name.starts_with(prefix)) {
            bytes += name.len() + channel_bytes;
            if bytes > bytes_max {
                return None;
            }
            few.push(*channel);
        }
        few.sort_unstable_by_key(|channel| self.channels[channel.0 as usize].serial);
        Some(few)
    }
}
