//! Ids of recent publications, so that a message that is published twice is delivered once.

use crate::message::Position;
use crate::time::{Millis, Moment};
use hashbrown::HashTable;
use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};

/// Expired ids removed for each one that is added, so that there are never many more than valid
/// ones.
const REMOVED_PER_ID: usize = 4;

/// Channel and id as two hashes with secret seeds, 128 bits together: whatever the length of an id,
/// it takes the same memory, and no two of them are confused.
type Key = [u64; 2];

/// The ids within the window, at most a given number.
#[derive(Debug, Default)]
pub(super) struct RecentIds {
    table: HashTable<Entry>,
    /// Oldest first. One that was published again after the window is in it twice.
    order: VecDeque<(Key, Moment)>,
    hashers: [RandomState; 2],
}

#[derive(Debug)]
struct Entry {
    key: Key,
    published: Moment,
    position: Position,
}

impl RecentIds {
    fn key(&self, channel: &[u8], id: &[u8]) -> Key {
        [0, 1].map(|index| self.hashers[index].hash_one((channel, id)))
    }

    /// Position of the message that was published to the channel with this id within the window.
    pub(super) fn find(
        &self,
        channel: &[u8],
        id: &[u8],
        window: Millis,
        now: Moment,
    ) -> Option<Position> {
        let key = self.key(channel, id);
        let entry = self.table.find(key[0], |entry| entry.key == key)?;
        (now < entry.published + window).then_some(entry.position)
    }

    /// Adds an id that is not in it, or not within the window. The oldest one makes room for it.
    pub(super) fn add(
        &mut self,
        channel: &[u8],
        id: &[u8],
        position: Position,
        limits: Limits,
        now: Moment,
    ) {
        self.remove_expired(limits.window, REMOVED_PER_ID, now);
        if limits.count_max == 0 || limits.window == Millis(0) {
            return;
        }
        // A reload may have lowered the number.
        for _ in 0..REMOVED_PER_ID {
            if self.order.len() >= limits.count_max {
                self.remove_oldest();
            }
        }
        let key = self.key(channel, id);
        if let Ok(expired) = self.table.find_entry(key[0], |entry| entry.key == key) {
            expired.remove();
        }
        self.table
            .insert_unique(key[0], Entry { key, published: now, position }, |entry| entry.key[0]);
        self.order.push_back((key, now));
    }

    /// Removes expired ids, up to a maximum. Returns how many.
    pub(super) fn remove_expired(&mut self, window: Millis, max: usize, now: Moment) -> usize {
        let mut count = 0;
        while count < max && self.oldest().is_some_and(|oldest| oldest + window <= now) {
            self.remove_oldest();
            count += 1;
        }
        if self.order.is_empty() && count > 0 {
            self.table = HashTable::new();
            self.order = VecDeque::new();
        }
        count
    }

    /// When the oldest id was published.
    pub(super) fn oldest(&self) -> Option<Moment> {
        self.order.front().map(|(_, published)| *published)
    }

    fn remove_oldest(&mut self) {
        let Some((key, published)) = self.order.pop_front() else { return };
        let is_it = |entry: &Entry| entry.key == key && entry.published == published;
        if let Ok(entry) = self.table.find_entry(key[0], is_it) {
            entry.remove();
        }
    }

    /// Memory of all ids.
    pub(super) fn bytes(&self) -> usize {
        self.table.allocation_size() + self.order.capacity() * size_of::<(Key, Moment)>()
    }

    /// Checks the ids; for tests.
    ///
    /// # Panics
    /// Both lists do not agree.
    pub(super) fn assert_consistent(&self) {
        assert!(self.table.len() <= self.order.len(), "every id leaves");
        let is_sorted = self.order.iter().is_sorted_by_key(|(_, published)| published);
        assert!(is_sorted, "the oldest id leaves first");
    }
}

/// How many ids are kept, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) count_max: usize,
    pub(super) window: Millis,
}
