//! Stored messages that give way when memory is short. What is removed raises the channel's floor,
//! so a client that resumes learns of the gap.

use super::{ChannelId, Hub, Maker};
use crate::time::Now;

/// Messages removed at once, which bounds the work.
const MESSAGES_MAX: usize = 64;
/// How many times messages are removed for one publication.
const REMOVALS_MAX: usize = 16;

impl Hub {
    /// Removes the older half of the messages of one channel, at most 64: of a channel without
    /// subscribers if there is one with messages, and of those of its kind the one that was
    /// published to longest ago. Returns the number of messages; 0: none are stored.
    pub fn evict_history(&mut self, now: Now) -> usize {
        let Some(channel) = self.history_order.first() else { return 0 };
        let count = self.channels[channel.0 as usize].history.len().div_ceil(2).min(MESSAGES_MAX);
        self.discard_oldest(channel, count, now.monotonic);
        self.schedule(channel, now.monotonic);
        count
    }

    /// Removes stored messages so that one of the application finds room in the account, and
    /// charges it. False: it has no room, so it is published without being stored. Messages of
    /// visitors displace no others.
    pub(super) fn make_room(&mut self, cost: usize, maker: Maker, now: Now) -> bool {
        if maker == Maker::Visitor || cost > self.account.limit() {
            return false;
        }
        for _ in 0..REMOVALS_MAX {
            if self.evict_history(now) == 0 {
                return false;
            }
            if self.charge_message(cost, maker, now).is_ok() {
                return true;
            }
        }
        false
    }

    /// Removes stored messages for a channel or subscriber that finds no room in the account.
    /// False: none are stored, or they do not give way.
    pub(super) fn give_way(&mut self, now: Now) -> bool {
        !self.settings.refuses_when_full && self.evict_history(now) > 0
    }

    /// Number of messages that were to be stored and were not, for want of room in the account.
    pub fn unstored_count(&self) -> u64 {
        self.unstored_count
    }

    /// Puts a channel in the order in which stored messages give way. To be called after its
    /// members or messages have changed.
    pub(super) fn place_history(&mut self, channel: ChannelId, is_published_to: bool) {
        self.history_order.place(channel, is_published_to, &mut self.channels);
    }
}
