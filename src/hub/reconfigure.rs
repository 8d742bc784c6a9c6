//! New settings while the server runs.

use super::evictable::Evictable;
use super::{ChannelId, Hub, HubSettings, account, retention};
use crate::time::{Moment, Now};

impl Hub {
    /// Applies new settings. Channels and messages stay, and so does the size of an
    /// account that charges the trash.
    pub fn reconfigure(&mut self, settings: HubSettings, now: Now) {
        if !settings.keeps_trash_charged {
            self.account.resize(settings.store_bytes_max);
        }
        let old = std::mem::replace(&mut self.settings, settings);
        self.apply_policies(&old);
        self.make_events_channel(now);
        self.recount(now.monotonic);
    }

    /// Gives each channel its limits of stored messages. Of the channels with a history of their
    /// own, before or now, those with stricter limits are shortened by the next sweeps. In others,
    /// a message keeps the lifetime that it was published with, as in the module.
    fn apply_policies(&mut self, old: &HubSettings) {
        if self.settings.policies.is_empty() && old.policies.is_empty() {
            return;
        }
        for (key, entry) in &mut self.channels {
            let before = entry.policy;
            entry.policy = retention::policy_for(&entry.name, &self.settings.policies);
            let is_ruled = before.is_some() || entry.policy.is_some();
            if is_ruled && !entry.history.is_empty() {
                let retention = self.settings.retention(entry.policy);
                if retention.is_stricter_than(&old.retention(before)) {
                    self.to_shorten.push(key as u32);
                }
            }
        }
        // Those of an earlier reload may still be there.
        self.to_shorten.sort_unstable();
        self.to_shorten.dedup();
    }

    /// Counts everything again: another prefix or events channel changes the kind of channels.
    fn recount(&mut self, now: Moment) {
        (self.totals.channels, self.totals.wildcard_channels) = (0, 0);
        self.totals.stored = self.deleted.iter().map(|deleted| deleted.messages).sum();
        self.evictable = Evictable::default();
        let mut visitor_bytes = 0;
        let all: Vec<ChannelId> = self.age.all(&self.channels).collect();
        for channel in all {
            let is_wildcard = self.is_wildcard(&self.channels[channel.0 as usize].name);
            let entry = &mut self.channels[channel.0 as usize];
            entry.is_wildcard = is_wildcard;
            if is_wildcard {
                self.totals.wildcard_channels += 1;
            } else {
                self.totals.channels += 1;
            }
            if self.events_channel == Some(channel) {
                visitor_bytes += entry.history.cost();
            } else {
                self.totals.stored += entry.history.len();
            }
            if entry.is_visitors {
                visitor_bytes += account::channel_cost(&entry.name);
            }
            self.mark_if_evictable(channel);
            self.schedule(channel, now);
        }
        self.account.set_visitors(visitor_bytes);
    }
}
