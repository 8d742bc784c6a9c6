//! Finding and creating channels.

use super::channel::Channel;
use super::{ChannelId, EventKind, Hub, Maker, account, retention};
use crate::message::ChannelName;
use crate::time::Now;

/// Why a channel could not be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateError {
    /// One of the limits on the number of channels is reached.
    TooMany,
    /// The memory account is full.
    Full,
}

impl Hub {
    /// Whether this is the name of a wildcard channel.
    pub fn is_wildcard(&self, name: &[u8]) -> bool {
        let prefix = &self.settings.wildcard_channel_prefix;
        !prefix.is_empty() && name.starts_with(prefix)
    }

    /// The live channel with this name.
    pub fn find(&self, name: &[u8]) -> Option<ChannelId> {
        self.names.find(name, &self.channels)
    }

    /// Finds the live channel with this name, or creates it. A channel that a visitor requests
    /// cannot be evicted before the clock advances, so that the visitor can join it; one that the
    /// application requests is never evicted.
    ///
    /// # Errors
    /// A limit on channels or memory is reached.
    pub fn find_or_create(
        &mut self,
        name: &[u8],
        maker: Maker,
        now: Now,
    ) -> Result<ChannelId, CreateError> {
        if let Some(channel) = self.find(name) {
            match maker {
                Maker::Application => self.adopt(channel),
                Maker::Visitor => self.keep(channel, now),
            }
            return Ok(channel);
        }
        while let Some(kind) = self.limit_reached_for(name, maker) {
            if !self.evict_idle(kind, now) {
                return Err(CreateError::TooMany);
            }
        }
        let cost = account::channel_cost(name);
        let is_charged = match maker {
            Maker::Application => self.charge(cost, now).is_ok(),
            Maker::Visitor => self.charge_visitors_channel(cost, now),
        };
        if !is_charged {
            return Err(CreateError::Full);
        }
        let channel = self.create(name, maker, now);
        self.limit_evictable(now);
        Ok(channel)
    }

    pub(super) fn create(&mut self, name: &[u8], maker: Maker, now: Now) -> ChannelId {
        let channel = self.insert(name.into(), maker, now);
        self.raise(EventKind::ChannelCreated, channel);
        channel
    }

    pub(super) fn insert(&mut self, name: ChannelName, maker: Maker, now: Now) -> ChannelId {
        self.serial += 1;
        let is_wildcard = self.is_wildcard(&name);
        if is_wildcard {
            self.totals.wildcard_channels += 1;
        } else {
            self.totals.channels += 1;
        }
        let key = self.channels.insert(Channel {
            is_wildcard,
            policy: retention::policy_for(&name, &self.settings.policies),
            is_visitors: maker == Maker::Visitor,
            ..Channel::new(name.clone(), self.serial, self.floor, now.monotonic)
        });
        self.name_bytes += name.len();
        self.visitor_channel_count += usize::from(maker == Maker::Visitor);
        let channel = ChannelId(u32::try_from(key).expect("channels_max is below 2^32"));
        self.by_name.insert(name, channel);
        self.age.append(channel, &mut self.channels);
        self.names.insert(channel, &self.channels);
        self.mark_if_evictable(channel);
        self.schedule(channel, now.monotonic);
        channel
    }
}
