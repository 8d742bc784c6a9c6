//! Lists of channels, produced piece by piece: between two pieces a list keeps only a position,
//! however many channels there are.

use super::{ChannelId, ChannelInfo, Hub};
use crate::message::ChannelName;
use crate::time::Now;
use std::ops::Bound;

/// A list of channels in progress: which channels, in which order, and the current position.
#[derive(Clone, Debug)]
pub enum Walk {
    /// All channels that existed when the list began, in order of creation.
    ByAge {
        /// The next channel and its serial number, as its id may be reused by then. `None`: no
        /// more channels.
        next: Option<(ChannelId, u64)>,
        /// Serial number of the newest channel when the list began.
        last: u64,
    },
    /// All channels whose names start with a prefix, in byte order of their names.
    ByName {
        /// The prefix.
        prefix: Vec<u8>,
        /// Name of the last channel listed.
        after: Option<ChannelName>,
    },
}

/// The outcome of one call of [`Hub::walk`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// Whether the list is complete.
    pub is_complete: bool,
    /// Number of channels listed.
    pub listed: u64,
    /// Slab entries examined to find where the list continues.
    pub searched: u64,
}

impl Walk {
    /// All channels, in byte order of their names.
    pub fn by_name() -> Walk {
        Walk::with_prefix(Vec::new())
    }

    /// The channels whose names start with a prefix, in byte order of their names.
    pub fn with_prefix(prefix: Vec<u8>) -> Walk {
        Walk::ByName { prefix, after: None }
    }
}

impl Hub {
    /// The channels that exist now, in order of creation.
    pub fn walk_by_age(&self) -> Walk {
        Walk::ByAge { next: self.aged(self.age.oldest()), last: self.serial }
    }

    /// Continues a list: calls `take` for each next channel until it returns false because its
    /// piece is full. Channels removed in the meantime are left out.
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

    /// The oldest channel that is newer than a removed one. Examines all channels: it rarely
    /// happens that just the next channel is removed between two pieces of a list, and a sorted
    /// index would take 25 bytes per channel.
    fn oldest_since(&self, serial: u64) -> Option<(ChannelId, u64)> {
        let rest = self.channels.iter().filter(|(_, entry)| entry.serial >= serial);
        let (key, oldest) = rest.min_by_key(|(_, entry)| entry.serial)?;
        Some((ChannelId(key as u32), oldest.serial))
    }

    /// The channels whose names start with a prefix, in order of creation. `None`: the list would
    /// be larger than `bytes_max`, where each channel counts for its name and `channel_bytes`.
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
