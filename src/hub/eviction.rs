//! Stored messages that give way when memory is short. What is removed raises the channel's floor,
//! so a client that resumes learns of the gap.

use super::{ChannelId, Hub, Maker};
use crate::time::Now;

/// Channels that lose messages for one publication at most, and channels looked at for each.
const EVICTIONS_MAX: usize = 16;
const CHANNELS_MAX: usize = 256;

/// What one search for messages that give way has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evicted {
    /// Messages removed.
    pub messages: usize,
    /// Channels looked at.
    pub searched: usize,
}

impl Hub {
    /// Looks at up to `channels_max` channels for one whose stored messages give way, and removes
    /// the older half of them: first those of channels without subscribers and unused for a minute,
    /// then of all channels without subscribers, then of all.
    pub fn evict_history(&mut self, channels_max: usize, now: Now) -> Evicted {
        let end = self.channels.capacity();
        let searches = if self.all_stored_count() == 0 { 0 } else { channels_max };
        for searched in 1..=searches {
            let key = self.hand.advance(end, now.monotonic);
            let Some(channel) = self.channels.get(key) else { continue };
            if !self.hand.takes(channel, now.monotonic) {
                continue;
            }
            let messages = channel.history.len().div_ceil(2);
            let channel = ChannelId(u32::try_from(key).expect("channels_max is below 2^32"));
            self.discard_oldest(channel, messages, now.monotonic);
            self.schedule(channel, now.monotonic);
            return Evicted { messages, searched };
        }
        Evicted { messages: 0, searched: searches }
    }

    /// Removes stored messages so that one of the application finds room in the account, and
    /// charges it. False: it has no room, so it is published without being stored. Messages of
    /// visitors displace no others.
    pub(super) fn make_room(&mut self, cost: usize, maker: Maker, now: Now) -> bool {
        for _ in 0..EVICTIONS_MAX {
            if maker == Maker::Visitor || self.evict_history(CHANNELS_MAX, now).messages == 0 {
                return false;
            }
            if self.charge_message(cost, maker, now).is_ok() {
                return true;
            }
        }
        false
    }

    /// Number of stored messages, those of the events channel included.
    fn all_stored_count(&self) -> usize {
        let events = self.events_channel.map(|channel| &self.channels[channel.0 as usize]);
        self.totals.stored + events.map_or(0, |channel| channel.history.len())
    }
}
