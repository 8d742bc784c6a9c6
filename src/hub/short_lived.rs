//! The messages of one history that expire before their turn: their publisher gave them a shorter
//! lifetime than those before them have.

use crate::time::Moment;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Memory of one entry, with what the heap has in reserve.
const ENTRY_BYTES: usize = 32;
/// Entries of messages that have left the history are removed when they are this many more than
/// the messages.
const STALE_COUNT_MAX: usize = 16;

/// Expiry and id of these messages, the next one to expire first. Entries of messages that have
/// left the history otherwise are skipped.
#[derive(Debug, Default)]
pub(super) struct ShortLived(BinaryHeap<Reverse<(Moment, i64)>>);

impl ShortLived {
    pub(super) fn add(&mut self, expires: Moment, id: i64) {
        self.0.push(Reverse((expires, id)));
    }

    /// When the next of them expires.
    pub(super) fn next_expiry(&self) -> Option<Moment> {
        self.0.peek().map(|Reverse((expires, _))| *expires)
    }

    /// Removes the next one that has expired and returns its id.
    pub(super) fn pop_expired(&mut self, now: Moment) -> Option<i64> {
        let is_expired = self.next_expiry().is_some_and(|expires| expires <= now);
        is_expired.then(|| self.0.pop()).flatten().map(|Reverse((_, id))| id)
    }

    /// To be called after the oldest messages have left the history, of which `first` is the first
    /// id and `count` the number now.
    pub(super) fn remove_older(&mut self, first: i64, count: usize) {
        while self.0.peek().is_some_and(|Reverse((_, id))| *id < first) {
            self.0.pop();
        }
        if self.0.len() > 2 * count + STALE_COUNT_MAX {
            self.0.retain(|Reverse((_, id))| *id >= first);
            self.0.shrink_to(2 * self.0.len());
        }
    }

    pub(super) fn memory(&self) -> usize {
        self.0.len() * ENTRY_BYTES
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
