//! Shortens stored messages to the stricter limits of a reload, in the sweeps after it.

use super::{ChannelId, Hub};
use crate::time::Now;

/// Maximum number of messages removed for one publication while histories are being shortened.
const REMOVED_FOR_PUBLICATION_MAX: usize = 64;

impl Hub {
    /// Continues with the channels that a reload has given stricter limits, and processes about
    /// `count_max` of their messages. Returns how many, at most `count_max`.
    pub(super) fn shorten(&mut self, count_max: usize, now: Now) -> usize {
        let mut count = 0;
        while count < count_max
            && let Some(key) = self.to_shorten.pop()
        {
            // The channel may be gone by now. If another one has its id, shortening it to its own
            // limits does no harm.
            let Some(entry) = self.channels.get(key as usize) else { continue };
            let retention = self.settings.retention(entry.policy);
            let excess = entry.history.excess(&retention, count_max - count);
            let channel = ChannelId(key);
            self.discard_oldest(channel, excess, now.monotonic);
            count += excess;
            if count == count_max {
                // There may be more.
                self.to_shorten.push(key);
                break;
            }
            let history = &mut self.channels[key as usize].history;
            let memory = history.memory();
            history.limit_age(retention.age, now);
            self.history_bytes = self.history_bytes + history.memory() - memory;
            count += history.len() + 1;
            self.schedule(channel, now.monotonic);
        }
        count.min(count_max)
    }

    /// Maximum number of messages removed for one publication. Without a reload, it makes room for
    /// itself only.
    pub(super) fn excess_count_max(&self) -> usize {
        if self.to_shorten.is_empty() { usize::MAX } else { REMOVED_FOR_PUBLICATION_MAX }
    }
}
