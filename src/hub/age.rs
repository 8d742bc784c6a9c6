//! The channels in order of creation: a list linked through the channels, 8 bytes each.

use super::ChannelId;
use super::channel::Channel;
use super::neighbours::{NONE, Neighbours, neighbour};
use slab::Slab;

/// Both ends of the list.
#[derive(Debug)]
pub(super) struct Age {
    oldest: u32,
    newest: u32,
}

impl Default for Age {
    fn default() -> Age {
        Age { oldest: NONE, newest: NONE }
    }
}

impl Age {
    pub(super) fn oldest(&self) -> Option<ChannelId> {
        neighbour(self.oldest)
    }

    /// All channels, the oldest first.
    pub(super) fn all(&self, channels: &Slab<Channel>) -> impl Iterator<Item = ChannelId> {
        let newer = |channel: &ChannelId| channels[channel.0 as usize].neighbours.newer();
        std::iter::successors(self.oldest(), newer)
    }

    /// Appends the newest channel.
    pub(super) fn append(&mut self, channel: ChannelId, channels: &mut Slab<Channel>) {
        let older = std::mem::replace(&mut self.newest, channel.0);
        channels[channel.0 as usize].neighbours = Neighbours { older, newer: NONE };
        match older {
            NONE => self.oldest = channel.0,
            older => channels[older as usize].neighbours.newer = channel.0,
        }
    }

    /// Must be called before the channel is removed from the slab.
    pub(super) fn remove(&mut self, channel: ChannelId, channels: &mut Slab<Channel>) {
        let entry = &mut channels[channel.0 as usize];
        let Neighbours { older, newer } = std::mem::take(&mut entry.neighbours);
        match older {
            NONE => self.oldest = newer,
            older => channels[older as usize].neighbours.newer = newer,
        }
        match newer {
            NONE => self.newest = older,
            newer => channels[newer as usize].neighbours.older = older,
        }
    }

    /// Checks the list; for tests.
    ///
    /// # Panics
    /// The list is broken.
    pub(super) fn assert_consistent(&self, channels: &Slab<Channel>) {
        let (mut older, mut serial, mut count) = (NONE, 0, 0);
        let mut next = self.oldest;
        while next != NONE {
            let entry = &channels[next as usize];
            assert_eq!(entry.neighbours.older, older, "neighbours agree");
            assert!(entry.serial > serial, "channels are listed in order of creation");
            (older, serial, count) = (next, entry.serial, count + 1);
            next = entry.neighbours.newer;
        }
        assert_eq!((self.newest, count), (older, channels.len()), "every channel is listed by age");
    }
}
