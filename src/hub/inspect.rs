//! What the hub reports to statistics.

use super::channel::Channel;
use super::rates::Rates;
use super::recent_ids::RecentIds;
use super::{ChannelId, Hub, Rate, Totals};
use crate::message::{ChannelName, Position};
use crate::time::{Millis, Moment, Now};

/// Memory of a stored message besides what the account charges for it: its place in the history.
const STORED_BYTES: usize = 16;
/// Memory of a channel in the indexes: the name's reference counts, its places in the table and in
/// the sorted list, and its timer.
const INDEXED_BYTES: usize = 96;
/// Memory of a subscription, in the channel's list and in the subscriber's.
const MEMBER_BYTES: usize = 28;

/// What the hub reports about one channel.
#[derive(Clone, Copy, Debug)]
pub struct ChannelInfo<'a> {
    /// The channel's name.
    pub name: &'a ChannelName,
    /// Number of messages ever published to it.
    pub published: u64,
    /// Number of messages stored now.
    pub stored: usize,
    /// Their size in the memory account.
    pub stored_bytes: usize,
    /// Position of the last message, stored or not. Without one, any before the next.
    pub newest: Position,
    /// Number of subscribers.
    pub subscribers: usize,
    /// Current subscriptions; a subscriber that names the channel twice counts twice.
    pub subscriptions: usize,
    /// Time since the last publication, subscription or end of a subscription.
    pub idle: Millis,
    id: ChannelId,
    rates: &'a Rates,
    now: Moment,
}

impl ChannelInfo<'_> {
    /// How much is published to it.
    pub fn rate(&self) -> Rate {
        self.rates.of(self.id, self.now)
    }
}

impl Hub {
    /// Number of messages that the channel has stored.
    pub fn stored_count(&self, channel: ChannelId) -> usize {
        self.channels[channel.0 as usize].history.len()
    }

    /// The channel's name.
    pub fn name(&self, channel: ChannelId) -> ChannelName {
        self.channels[channel.0 as usize].name.clone()
    }

    /// The channel's name and numbers.
    pub fn info(&self, channel: ChannelId, now: Now) -> ChannelInfo<'_> {
        let entry = &self.channels[channel.0 as usize];
        ChannelInfo {
            name: &entry.name,
            published: entry.published,
            stored: entry.history.len(),
            stored_bytes: entry.history.cost(),
            newest: entry.newest(),
            subscribers: entry.members.len(),
            subscriptions: self.subscription_count(channel),
            idle: now.monotonic.since(entry.last_activity),
            id: channel,
            rates: &self.rates,
            now: now.monotonic,
        }
    }

    /// Position of the last publication to any channel.
    pub fn position(&self) -> Position {
        self.last_position
    }

    /// Number of live channels.
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

    /// Limit of the memory account in bytes.
    pub fn account_bytes_max(&self) -> usize {
        self.account.limit()
    }

    /// Memory of all stored messages, in bytes.
    pub fn history_bytes(&self) -> usize {
        self.history_bytes + self.totals.stored * STORED_BYTES
    }

    /// Memory of all channels with their indexes, members and recent ids of publications, in bytes.
    pub fn channels_bytes(&self) -> usize {
        self.channels.capacity() * size_of::<Channel>()
            + self.channels.len() * INDEXED_BYTES
            + self.name_bytes
            + self.members.len() * MEMBER_BYTES
            + self.recent_ids.iter().map(RecentIds::bytes).sum::<usize>()
            + self.rates.bytes()
    }

    /// Bytes charged to the memory account.
    pub fn accounted_bytes(&self) -> usize {
        self.account.used()
    }
}
