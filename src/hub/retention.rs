//! How many messages a channel stores, and for how long.

use crate::config::{ChannelPattern, Config};
use crate::time::Millis;
use std::num::NonZeroU8;

/// Limits of one channel's stored messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Maximum number of messages.
    pub messages_max: Option<u32>,
    /// Maximum cost of all messages in the memory account.
    pub bytes_max: Option<usize>,
    /// Lifetime of a message.
    pub age: Millis,
}

/// The channels with a history of their own, which stores what the API publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The channels.
    pub channels: ChannelPattern,
    /// The limits of each.
    pub retention: Retention,
}

/// The number of a channel's policy, from 1.
pub(super) type PolicyNumber = NonZeroU8;

impl Retention {
    /// Whether some of the messages that the other one keeps are not kept.
    pub(super) fn is_stricter_than(&self, other: &Retention) -> bool {
        let is_less = |own: Option<usize>, other: Option<usize>| {
            own.is_some_and(|own| other.is_none_or(|other| own < other))
        };
        let count = |retention: &Retention| retention.messages_max.map(|max| max as usize);
        self.age < other.age
            || is_less(self.bytes_max, other.bytes_max)
            || is_less(count(self), count(other))
    }
}

/// The policies of a configuration, in the order in which they are tried.
pub(super) fn policies(config: &Config) -> Vec<Policy> {
    let policy = |block: &crate::config::HistoryBlock| Policy {
        channels: block.channels.clone(),
        retention: Retention {
            messages_max: block.messages,
            bytes_max: block.bytes.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
            age: block.age.unwrap_or(config.push_stream.message_ttl),
        },
    };
    config.history.iter().map(policy).collect()
}

/// The number of the first policy for a channel; none: the settings for all channels apply.
pub(super) fn policy_for(name: &[u8], policies: &[Policy]) -> Option<PolicyNumber> {
    let index = policies.iter().position(|policy| policy.channels.includes(name))?;
    let number = u8::try_from(index + 1).ok().and_then(PolicyNumber::new);
    Some(number.expect("there are at most 255 policies"))
}
