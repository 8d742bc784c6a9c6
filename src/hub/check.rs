//! The invariants of the hub between two calls, part of the server's own check.

use super::recent_ids::RecentIds;
use super::{ChannelId, Hub, account, retention};

impl Hub {
    /// Checks the hub's invariants; for tests.
    ///
    /// # Panics
    /// An invariant does not hold.
    pub fn assert_consistent(&self) {
        let (mut memberships, mut subscriptions, mut active) = (0, 0, 0);
        let (mut stored, mut history_bytes, mut name_bytes) = (0, 0, 0);
        let mut wildcard_channels = 0;
        let mut accounted = self.trash.bytes();
        let (mut visitors, mut visitor_channels, mut evictable) = (0, 0, 0);
        let mut evictable_bytes = 0;
        for (key, entry) in &self.channels {
            let channel = ChannelId(key as u32);
            assert_eq!(self.find(&entry.name), Some(channel), "the index finds every channel");
            let is_listed = self.by_name.get(&entry.name) == Some(&channel);
            assert!(is_listed, "lists of channels find every channel");
            active += usize::from(!entry.members.is_empty());
            wildcard_channels += usize::from(entry.is_wildcard);
            memberships += entry.members.len();
            subscriptions += self.subscription_count(channel);
            let repeats = self.members.repeats_of(&entry.members);
            assert_eq!(entry.repeats, repeats, "repeated subscriptions are counted");
            self.members.assert_consistent(channel, &entry.members);
            let is_events = self.events_channel == Some(channel);
            if !is_events {
                stored += entry.history.len();
            }
            history_bytes += entry.history.memory();
            name_bytes += entry.name.len();
            visitors += if is_events { entry.history.cost() } else { 0 };
            if entry.is_visitors {
                visitor_channels += 1;
                visitors += account::channel_cost(&entry.name);
            }
            if entry.is_evictable() {
                evictable += 1;
                evictable_bytes += account::channel_cost(&entry.name);
                let is_found =
                    self.evictable.contains(entry.is_wildcard, entry.last_activity, channel);
                assert!(is_found, "an idle channel that only visitors use can be evicted");
            }
            accounted += account::channel_cost(&entry.name);
            accounted += entry.history.cost();
            assert!(entry.newest() <= self.last_position, "a floor is a position that was used");
            entry.history.assert_consistent();
            let policy = retention::policy_for(&entry.name, &self.settings.policies);
            assert_eq!(entry.policy, policy, "a channel has the policy for its name");
            let needs_timer = !entry.history.is_empty() || entry.members.is_empty() && !is_events;
            let is_due = self.due.contains(&channel.0);
            assert!(
                is_due || self.lifecycle.is_set(channel.0) == needs_timer,
                "a channel's end is scheduled"
            );
        }
        assert!(self.floor <= self.last_position, "a floor is a position that was used");
        for deleted in &self.deleted {
            stored += deleted.messages;
            accounted += deleted.bytes;
        }
        let index_sizes = [self.names.len(), self.by_name.len()];
        assert_eq!(index_sizes, [self.channels.len(); 2], "the indexes hold live channels only");
        self.age.assert_consistent(&self.channels);
        self.history_order.assert_consistent(&self.channels);
        self.events.assert_consistent();
        self.recent_ids.iter().for_each(RecentIds::assert_consistent);
        assert!(
            self.rates.channels().all(|channel| self.channels.contains(channel.0 as usize)),
            "rates are of live channels only"
        );
        assert_eq!(
            [self.totals.channels, self.totals.wildcard_channels, self.totals.channels_in_delete],
            [self.channels.len() - wildcard_channels, wildcard_channels, self.deleted.len()],
            "channels of each kind and deleted ones are counted"
        );
        assert_eq!(self.totals.active_channels, active, "active channels are counted");
        assert_eq!(self.members.len(), memberships, "subscriptions and members agree");
        assert_eq!(self.totals.subscriptions, subscriptions, "subscriptions are counted");
        assert_eq!(self.totals.stored, stored, "stored messages are counted");
        assert_eq!(self.history_bytes, history_bytes, "the bytes of stored messages are counted");
        assert_eq!(self.name_bytes, name_bytes, "the bytes of names are counted");
        assert_eq!(
            self.account.used(),
            accounted + self.members.subscriber_count() * account::SUBSCRIBER_COST,
            "every accounted byte is in use"
        );
        assert_eq!(self.account.visitors(), visitors, "the visitors' share is counted");
        assert_eq!(self.visitor_channel_count, visitor_channels, "visitors' channels are counted");
        assert_eq!(self.evictable.len(), evictable, "no other channel can be evicted");
        assert_eq!(
            self.evictable.bytes(),
            evictable_bytes,
            "the bytes of evictable channels are counted"
        );
        assert!(self.trash.next().is_none() || self.sweep_at.is_some(), "the trash is emptied");
    }
}
