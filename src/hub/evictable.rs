//! The idle channels that only visitors use, sorted by idle time.

use super::ChannelId;
use crate::time::Moment;
use std::collections::BTreeSet;

/// The channels that may be evicted, normal and wildcard ones, each sorted by idle time.
#[derive(Debug, Default)]
pub(super) struct Evictable {
    kinds: [BTreeSet<(Moment, ChannelId)>; 2],
    bytes: usize,
}

impl Evictable {
    /// The one that has been idle for longest, of one kind (`true`: wildcard) or of any.
    pub(super) fn oldest(&self, kind: Option<bool>) -> Option<(Moment, ChannelId)> {
        let kinds = match kind {
            Some(is_wildcard) => &self.kinds[usize::from(is_wildcard)..][..1],
            None => &self.kinds[..],
        };
        kinds.iter().filter_map(|set| set.first()).min().copied()
    }

    /// Adds a channel that costs `bytes`, unless it is there already.
    pub(super) fn insert(
        &mut self,
        is_wildcard: bool,
        since: Moment,
        channel: ChannelId,
        bytes: usize,
    ) {
        if self.kinds[usize::from(is_wildcard)].insert((since, channel)) {
            self.bytes += bytes;
        }
    }

    /// Removes a channel that costs `bytes`, if it is there.
    pub(super) fn remove(
        &mut self,
        is_wildcard: bool,
        since: Moment,
        channel: ChannelId,
        bytes: usize,
    ) {
        if self.kinds[usize::from(is_wildcard)].remove(&(since, channel)) {
            self.bytes -= bytes;
        }
    }

    pub(super) fn len(&self) -> usize {
        self.kinds.iter().map(BTreeSet::len).sum()
    }

    /// Their cost in the memory account.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn contains(&self, is_wildcard: bool, since: Moment, channel: ChannelId) -> bool {
        self.kinds[usize::from(is_wildcard)].contains(&(since, channel))
    }
}
