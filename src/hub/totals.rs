//! The hub's counts.

/// Sums over the whole hub (push-stream spec, section 20.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Live normal channels.
    pub channels: usize,
    /// Live wildcard channels.
    pub wildcard_channels: usize,
    /// Messages published since the start, without those of the events channel.
    pub published: u64,
    /// Stored messages, without those of the events channel.
    pub stored: usize,
    /// Messages in the trash.
    pub messages_in_trash: u64,
    /// Deleted channels that the next sweep moves to the trash.
    pub channels_in_delete: usize,
    /// Channels in the trash.
    pub channels_in_trash: u64,
    /// Current subscriptions.
    pub subscriptions: usize,
    /// Channels with at least one subscription.
    pub active_channels: usize,
}
