//! The neighbours of a channel in a list that is linked through the channels.

use super::ChannelId;

/// No neighbour.
pub(super) const NONE: u32 = u32::MAX;

/// A channel's neighbours in the list of channels by age.
#[derive(Debug)]
pub(super) struct Neighbours {
    pub(super) older: u32,
    pub(super) newer: u32,
}

impl Default for Neighbours {
    fn default() -> Neighbours {
        Neighbours { older: NONE, newer: NONE }
    }
}

impl Neighbours {
    pub(super) fn newer(&self) -> Option<ChannelId> {
        neighbour(self.newer)
    }
}

pub(super) fn neighbour(key: u32) -> Option<ChannelId> {
    (key != NONE).then_some(ChannelId(key))
}
