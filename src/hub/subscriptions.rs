//! Subscribing and unsubscribing.

use super::{ChannelId, EventKind, Full, Hub, Left, Member, SubscriberId, Subscriptions, account};
use crate::time::Now;

impl Hub {
    /// Adds the subscriber to the channel, which its path names `times` times. It
    /// must not be a member yet.
    ///
    /// # Errors
    /// The memory account is full; nothing has changed.
    pub fn subscribe(
        &mut self,
        subscriber: SubscriberId,
        subscriptions: &mut Subscriptions,
        channel: ChannelId,
        times: u32,
        now: Now,
    ) -> Result<(), Full> {
        if subscriptions.is_empty() {
            self.charge(account::SUBSCRIBER_COST, now)?;
        }
        self.unmark_evictable(channel);
        let entry = &mut self.channels[channel.0 as usize];
        entry.touch_use(now.monotonic);
        self.totals.active_channels += usize::from(entry.members.is_empty());
        self.members.add(subscriber, subscriptions, channel, times, &mut entry.members);
        entry.repeats += times - 1;
        self.totals.subscriptions += times as usize;
        let is_first = entry.members.len() == 1;
        if entry.history.is_empty() {
            self.lifecycle.cancel(channel.0);
        }
        if is_first {
            self.place_history(channel, false);
        }
        (0..times).for_each(|_| self.raise(EventKind::ClientSubscribed, channel));
        Ok(())
    }

    /// Ends one of the subscriber's subscriptions; `None` if it has none. The last member of the
    /// channel's list takes the place of the one that left.
    pub fn unsubscribe_next(
        &mut self,
        subscriptions: &mut Subscriptions,
        now: Now,
    ) -> Option<Left> {
        let channel = self.members.first_channel(subscriptions)?;
        let entry = &mut self.channels[channel.0 as usize];
        let (position, moved, times) = self.members.remove_first(subscriptions, &mut entry.members);
        entry.repeats -= times - 1;
        entry.touch(now.monotonic);
        let is_now_empty = entry.members.is_empty();
        self.totals.active_channels -= usize::from(is_now_empty);
        self.totals.subscriptions -= times as usize;
        if subscriptions.is_empty() {
            self.account.release(account::SUBSCRIBER_COST);
        }
        if is_now_empty {
            self.mark_if_evictable(channel);
            self.place_history(channel, false);
            self.schedule(channel, now.monotonic);
            self.limit_evictable(now);
        }
        (0..times).for_each(|_| self.raise(EventKind::ClientUnsubscribed, channel));
        Some(Left { channel, position, moved })
    }

    /// Ends the subscription to this channel; `None` if the subscriber has none there.
    pub fn unsubscribe_from(
        &mut self,
        subscriptions: &mut Subscriptions,
        channel: ChannelId,
        now: Now,
    ) -> Option<Left> {
        self.members.bring_to_front(subscriptions, channel)?;
        self.unsubscribe_next(subscriptions, now)
    }

    /// Number of subscriptions to the channel: a subscriber that named it twice counts twice.
    pub fn subscription_count(&self, channel: ChannelId) -> usize {
        let entry = self.channels.get(channel.0 as usize);
        entry.map_or(0, |entry| entry.members.len() + entry.repeats as usize)
    }

    /// The subscribers of the channel.
    pub fn members(&self, channel: ChannelId) -> &[Member] {
        self.channels.get(channel.0 as usize).map_or(&[], |entry| &entry.members)
    }

    /// The subscriber's channel, if it has exactly one subscription and named that channel once.
    pub fn only_channel_of(&self, subscriptions: &Subscriptions) -> Option<ChannelId> {
        self.members.only_channel(subscriptions)
    }

    /// The subscriber's channels in the order in which it subscribed, and how often it named each.
    pub fn channels_of(
        &self,
        subscriptions: &Subscriptions,
    ) -> impl Iterator<Item = (ChannelId, u32)> {
        self.members.channels(subscriptions)
    }
}
