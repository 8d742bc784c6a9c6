//! What statistics may know of the hub.

use super::{ChannelId, Hub};
use crate::message::ChannelName;
use crate::time::{Millis, Now};

/// What a statistics endpoint may know of a channel.
#[derive(Clone, Copy, Debug)]
pub struct ChannelInfo<'a> {
    /// Its name.
    pub name: &'a ChannelName,
    /// Messages ever published to it.
    pub published: u64,
    /// Messages stored now.
    pub stored: usize,
    /// Subscriptions now; a subscriber that names it twice counts twice.
    pub subscriptions: usize,
    /// Since the last publication, subscription or end of one.
    pub idle: Millis,
}

/// Sums over the whole hub (push-stream spec, section 20.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Live normal channels.
    pub channels: usize,
    /// Live wildcard channels.
    pub wildcard_channels: usize,
    /// Publications since the start, events left out.
    pub published: u64,
    /// Stored messages, those of the events channel left out.
    pub stored: usize,
    /// Messages resting in the trash.
    pub messages_in_trash: u64,
    /// Deleted channels that the next sweep moves to the trash.
    pub channels_in_delete: usize,
    /// Channels resting in the trash.
    pub channels_in_trash: u64,
    /// Subscriptions now.
    pub subscriptions: usize,
    /// Channels with at least one subscription.
    pub active_channels: usize,
}

impl Hub {
    /// Messages that the channel has stored.
    pub fn stored_count(&self, channel: ChannelId) -> usize {
        self.channels[channel.0 as usize].history.len()
    }

    /// The channel's name.
    pub fn name(&self, channel: ChannelId) -> ChannelName {
        self.channels[channel.0 as usize].name.clone()
    }

    /// What is known of a channel.
    pub fn info(&self, channel: ChannelId, now: Now) -> ChannelInfo<'_> {
        let entry = &self.channels[channel.0 as usize];
        ChannelInfo {
            name: &entry.name,
            published: entry.published,
            stored: entry.history.len(),
            subscriptions: self.subscription_count(channel),
            idle: now.monotonic.since(entry.last_activity),
        }
    }

    /// Live channels.
    pub fn channel_count(&self) -> usize {
        self.channels.len()
    }

    /// Sums over the whole hub.
    pub fn totals(&self) -> Totals {
        Totals {
            messages_in_trash: self.trash.messages(),
            channels_in_trash: self.trash.channels(),
            ..self.totals
        }
    }

    /// Size of the memory account.
    pub fn account_bytes_max(&self) -> usize {
        self.account.limit()
    }

    /// Bytes in the memory account.
    pub fn accounted_bytes(&self) -> usize {
        self.account.used()
    }
}
