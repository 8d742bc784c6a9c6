//! Channels that only visitors use: subscribers of locations, which can name any number of
//! channels. They are limited to half of the memory account and half of `channels_max`. Those
//! without subscribers and messages are idle: the most recent ones are kept, in a sixteenth of the
//! account, and they are evicted when anything else needs room.

use super::account::{self, Full};
use super::{ChannelId, EventKind, Hub, Maker};
use crate::time::Now;

/// Maximum number of channels evicted for one publication, which bounds its work.
const EVICTED_COUNT_MAX: usize = 64;
/// Idle channels of visitors may use one part in this many of the memory account.
const EVICTABLE_SHARE: usize = 16;

impl Hub {
    /// To be called before a channel's members, messages, times or kind change;
    /// [`Hub::mark_if_evictable`] after it.
    pub(super) fn unmark_evictable(&mut self, channel: ChannelId) {
        let entry = &self.channels[channel.0 as usize];
        if entry.is_evictable() {
            let cost = account::channel_cost(&entry.name);
            self.evictable.remove(entry.is_wildcard, entry.last_activity, channel, cost);
        }
    }

    pub(super) fn mark_if_evictable(&mut self, channel: ChannelId) {
        let entry = &self.channels[channel.0 as usize];
        if entry.is_evictable() {
            let cost = account::channel_cost(&entry.name);
            self.evictable.insert(entry.is_wildcard, entry.last_activity, channel, cost);
        }
    }

    /// Marks a channel as used by the application: from now on it is charged like publications.
    pub(super) fn adopt(&mut self, channel: ChannelId) {
        if !self.channels[channel.0 as usize].is_visitors {
            return;
        }
        self.unmark_evictable(channel);
        let entry = &mut self.channels[channel.0 as usize];
        entry.is_visitors = false;
        self.visitor_channel_count -= 1;
        let cost = account::channel_cost(&entry.name);
        self.account.set_visitors(self.account.visitors() - cost);
    }

    /// Keeps an idle channel from being evicted during this request, which is about to use it.
    pub fn keep(&mut self, channel: ChannelId, now: Now) {
        if self.channels[channel.0 as usize].is_evictable() {
            self.unmark_evictable(channel);
            self.channels[channel.0 as usize].touch_use(now.monotonic);
            self.mark_if_evictable(channel);
            self.schedule(channel, now.monotonic);
        }
    }

    /// Evicts the channel that has been idle for longest, of one kind or of any. Channels used at
    /// this very time are kept, as the current request may be about to join them. Returns whether a
    /// channel was evicted.
    pub(super) fn evict_idle(&mut self, kind: Option<bool>, now: Now) -> bool {
        let oldest = self.evictable.oldest(kind).filter(|(since, _)| *since < now.monotonic);
        let Some((_, channel)) = oldest else { return false };
        let entry = self.remove(channel);
        self.account.release_visitors(account::channel_cost(&entry.name));
        self.raise_named(EventKind::ChannelDestroyed, entry.name);
        true
    }

    /// Called when one more channel may be idle: evicts the longest idle ones beyond their share.
    pub(super) fn limit_evictable(&mut self, now: Now) {
        // Two, because there may be too many of them since a time at which none could be evicted.
        for _ in 0..2 {
            if self.evictable.bytes() <= self.account.limit() / EVICTABLE_SHARE
                || !self.evict_idle(None, now)
            {
                return;
            }
        }
    }

    /// Creates the idle channel that a poll names, as the module does. The poll does not need it,
    /// so it is created only while there is room without evicting anything.
    pub fn create_if_room(&mut self, name: &[u8], now: Now) {
        let cost = account::channel_cost(name);
        let has_room = self.evictable.bytes() + cost <= self.account.limit() / EVICTABLE_SHARE
            && self.limit_reached_for(name, Maker::Visitor).is_none()
            && self.find(name).is_none();
        if has_room && self.account.charge_visitors(cost).is_ok() {
            self.create(name, Maker::Visitor, now);
        }
    }

    /// `Some`: a limit on the number of channels is reached. Then only evicting a channel of this
    /// kind (`true`: wildcard) makes room, or of any kind if it is `None`.
    pub(super) fn limit_reached_for(&self, name: &[u8], maker: Maker) -> Option<Option<bool>> {
        let is_wildcard = self.is_wildcard(name);
        let (count, max) = if is_wildcard {
            (self.totals.wildcard_channels, self.settings.max_wildcard_channels)
        } else {
            (self.totals.channels, self.settings.max_channels)
        };
        if max.is_some_and(|max| count >= max as usize) {
            return Some(Some(is_wildcard));
        }
        let visitors_max = self.settings.channels_max.div_ceil(2);
        let is_share_used_up =
            maker == Maker::Visitor && self.visitor_channel_count >= visitors_max;
        (is_share_used_up || self.channels.len() >= self.settings.channels_max).then_some(None)
    }

    /// Charges a publication or subscriber.
    pub(super) fn charge(&mut self, bytes: usize, now: Now) -> Result<(), Full> {
        let mut charged = self.account.charge(bytes);
        while charged.is_err() && self.give_way(now) {
            charged = self.account.charge(bytes);
        }
        charged?;
        self.evict_to_limit(now);
        Ok(())
    }

    /// Charges a message. Visitors' messages may not use the part left to publishers.
    pub(super) fn charge_message(
        &mut self,
        bytes: usize,
        maker: Maker,
        now: Now,
    ) -> Result<(), Full> {
        match maker {
            Maker::Application => self.account.charge(bytes)?,
            Maker::Visitor => self.account.charge_visitors_message(bytes)?,
        }
        self.evict_to_limit(now);
        Ok(())
    }

    /// Charges a channel that a visitor creates, and evicts others to make room. If there are none,
    /// stored messages give way, as long as visitors have not used up their share.
    pub(super) fn charge_visitors_channel(&mut self, cost: usize, now: Now) -> bool {
        while self.account.charge_visitors(cost).is_err() {
            let is_in_share = self.account.is_in_visitors_share(cost);
            let has_evicted = self.evict_idle(None, now)
                || self.evict_event(now)
                || is_in_share && self.give_way(now);
            if !has_evicted {
                return false;
            }
        }
        true
    }

    /// Charges an event that is to be stored. Visitors cause events, so the oldest stored
    /// events are evicted.
    pub(super) fn charge_event(&mut self, cost: usize, now: Now) -> bool {
        while self.account.charge_visitors(cost).is_err() {
            if !self.evict_event(now) {
                return false;
            }
        }
        true
    }

    fn evict_event(&mut self, now: Now) -> bool {
        let Some(events) = self.events_channel else { return false };
        if self.channels[events.0 as usize].history.is_empty() {
            return false;
        }
        self.discard_oldest(events, 1, now.monotonic);
        self.schedule(events, now.monotonic);
        true
    }

    /// Evicts what visitors hold until the account is within its limit again. Publications are
    /// charged first, because they always have room whatever visitors hold.
    pub(super) fn evict_to_limit(&mut self, now: Now) {
        for _ in 0..EVICTED_COUNT_MAX {
            if !self.account.is_exceeded() || !self.evict_idle(None, now) && !self.evict_event(now)
            {
                return;
            }
        }
    }

    /// Bytes of the memory account that visitors cause.
    pub fn visitor_bytes(&self) -> usize {
        self.account.visitors()
    }
}
