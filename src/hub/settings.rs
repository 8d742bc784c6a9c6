//! The hub's settings, taken from the configuration.

use super::retention::{self, Policy, PolicyNumber, Retention};
use crate::config::Config;
use crate::time::Millis;

/// The part of the configuration that the hub uses: limits and lifetimes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubSettings {
    /// Maximum number of channels of any kind.
    pub channels_max: usize,
    /// Maximum number of normal channels (`max_number_of_channels`).
    pub max_channels: Option<u32>,
    /// Maximum number of wildcard channels (`max_number_of_wildcard_channels`).
    pub max_wildcard_channels: Option<u32>,
    /// Maximum number of stored messages per channel (`max_messages_stored_per_channel`).
    pub max_stored_messages: Option<u32>,
    /// Lifetime of a stored message (`message_ttl`).
    pub message_ttl: Millis,
    /// The channels with limits of their own, of which the first applies.
    pub policies: Vec<Policy>,
    /// How long a message is recognised that is published again with the same id.
    pub publication_id_window: Millis,
    /// Maximum number of ids that are kept for that.
    pub publication_ids_max: usize,
    /// Lifetime of an unused channel that the rpushd API has used.
    pub api_idle: IdleLife,
    /// Lifetime of an unused channel that only locations have used.
    pub location_idle: IdleLife,
    /// Prefix of wildcard channels; empty: none.
    pub wildcard_channel_prefix: Vec<u8>,
    /// Id of the events channel; empty: none.
    pub events_channel_id: Vec<u8>,
    /// Size of the memory account in bytes.
    pub store_bytes_max: usize,
    /// Whether a message that finds no room in the account is refused, as in the module's shared
    /// memory. Otherwise older messages are removed for it.
    pub refuses_when_full: bool,
    /// Whether the trash stays charged to the account, as in the module's shared memory.
    pub keeps_trash_charged: bool,
}

impl HubSettings {
    /// The limits of a channel's stored messages.
    pub(super) fn retention(&self, policy: Option<PolicyNumber>) -> Retention {
        match policy {
            Some(number) => self.policies[usize::from(number.get()) - 1].retention,
            None => Retention {
                messages_max: self.max_stored_messages,
                bytes_max: None,
                age: self.message_ttl,
            },
        }
    }
}

/// How long a channel without subscribers and stored messages is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdleLife {
    /// Time since its last use.
    pub ttl: Millis,
    /// Whether the end of a subscription counts as a use (rpushd) or only a publication or a new
    /// subscription (push-stream's `channel_inactivity_time`).
    pub counts_end_of_subscription: bool,
}

/// The module's default of `channel_inactivity_time`.
const INACTIVITY_TIME_DEFAULT: Millis = Millis(30_000);

impl From<&Config> for HubSettings {
    fn from(config: &Config) -> HubSettings {
        let push_stream = &config.push_stream;
        let store_bytes_max = match push_stream.shared_memory_size {
            Some(bytes) => usize::try_from(bytes).unwrap_or(usize::MAX),
            None => config.limits.store_bytes_max,
        };
        let given = push_stream.channel_inactivity_time;
        let as_in_the_module = |ttl| IdleLife { ttl, counts_end_of_subscription: false };
        let api_default =
            IdleLife { ttl: config.channel_idle_ttl, counts_end_of_subscription: true };
        HubSettings {
            channels_max: config.limits.channels_max,
            max_channels: push_stream.max_number_of_channels,
            max_wildcard_channels: push_stream.max_number_of_wildcard_channels,
            max_stored_messages: push_stream.max_messages_stored_per_channel,
            message_ttl: push_stream.message_ttl,
            policies: retention::policies(config),
            publication_id_window: config.limits.publication_id_window,
            publication_ids_max: config.limits.publication_ids_max,
            api_idle: given.map_or(api_default, as_in_the_module),
            location_idle: as_in_the_module(given.unwrap_or(INACTIVITY_TIME_DEFAULT)),
            wildcard_channel_prefix: push_stream.wildcard_channel_prefix.clone(),
            events_channel_id: push_stream.events_channel_id.clone(),
            store_bytes_max,
            refuses_when_full: push_stream.shared_memory_size.is_some(),
            keeps_trash_charged: push_stream.shared_memory_size.is_some(),
        }
    }
}
