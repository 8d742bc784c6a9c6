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
        /// Serial of the next one.
        next: u64,
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
        Walk::ByAge { next: 0, last: self.serial }
    }

    /// Goes on with a list: calls `take` with one channel after the other until it returns false, as it has
    /// enough for this time. Channels that have been removed meanwhile are left out. Returns whether the
    /// list is complete.
    pub fn walk(
        &self,
        walk: &mut Walk,
        now: Now,
        mut take: impl FnMut(&ChannelInfo<'_>) -> bool,
    ) -> bool {
        match walk {
            Walk::ByAge { next, last } => {
                let rest = self.by_age.range(*next..).take_while(|(serial, _)| **serial <= *last);
                for (serial, channel) in rest {
                    *next = serial + 1;
                    if !take(&self.info(*channel, now)) {
                        return false;
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
                    if !take(&self.info(*channel, now)) {
                        *after = Some(name.clone());
                        return false;
                    }
                }
            }
        }
        true
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
