//! Finds a channel by its name. The table holds ids only and compares names in the channels: 5
//! bytes per bucket, where a map keyed by names would take 25.

use super::ChannelId;
use super::channel::Channel;
use hashbrown::HashTable;
use slab::Slab;
use std::hash::{BuildHasher, RandomState};

#[derive(Debug, Default)]
pub(super) struct Names {
    table: HashTable<ChannelId>,
    /// Randomly seeded: clients choose names and must not be able to choose hash buckets.
    hasher: RandomState,
}

impl Names {
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn find(&self, name: &[u8], channels: &Slab<Channel>) -> Option<ChannelId> {
        let has_name = |channel: &ChannelId| *name_of(*channel, channels) == *name;
        self.table.find(self.hasher.hash_one(name), has_name).copied()
    }

    /// Adds a channel whose name is not in the table yet.
    pub(super) fn insert(&mut self, channel: ChannelId, channels: &Slab<Channel>) {
        let hash = |channel: &ChannelId| self.hasher.hash_one(name_of(*channel, channels));
        self.table.insert_unique(hash(&channel), channel, hash);
    }

    pub(super) fn shrink(&mut self, channels: &Slab<Channel>) {
        self.table.shrink_to_fit(|channel| self.hasher.hash_one(name_of(*channel, channels)));
    }

    /// Must be called before the channel is removed from the slab.
    pub(super) fn remove(&mut self, channel: ChannelId, channels: &Slab<Channel>) {
        let hash = self.hasher.hash_one(name_of(channel, channels));
        let found = self.table.find_entry(hash, |other| *other == channel);
        found.expect("every channel is found by its name").remove();
    }
}

fn name_of(channel: ChannelId, channels: &Slab<Channel>) -> &[u8] {
    &channels[channel.0 as usize].name
}
