//! Channels, their subscribers and their stored messages, and how long each of them lives. Knows
//! ids only: no bytes on the wire, no sockets; time comes in as an argument.

mod account;
mod age;
mod channel;
mod check;
mod events;
mod history;
mod inspect;
mod lifecycle;
mod members;
mod names;
mod publish;
mod replay;
mod settings;
mod visitors;
mod walk;

pub use account::Full;
pub use events::{Event, EventKind};
pub use history::{Resume, Since};
pub use inspect::{ChannelInfo, Totals};
pub use members::{Left, Member, SubscriberId, Subscriptions};
pub use publish::{Draft, Stamp};
pub use replay::{Resumed, Stretch};
pub use settings::{HubSettings, IdleLife};
pub use walk::{Walk, Walked};

use crate::message::{ChannelName, Position};
use crate::time::{Millis, Now};
use crate::timer_wheel::TimerWheel;
use account::{MemoryAccount, Trash};
use age::Age;
use channel::Channel;
use lifecycle::Deleted;
use members::Members;
use names::Names;
use slab::Slab;
use std::collections::BTreeMap;
use visitors::Evictable;

/// Index of a channel in the hub. Reused after the channel has been removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(pub u32);

/// On whose behalf a channel or a message is created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Maker {
    /// The application: it publishes to the channel, or has signed a subscribe token for it.
    #[default]
    Application,
    /// A subscriber of a location, which can name any channel; also when it
    /// publishes through its WebSocket.
    Visitor,
}

/// Why a channel could not be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateError {
    /// One of the limits on the number of channels is reached.
    TooMany,
    /// The memory account is full.
    Full,
}

/// All channels, with their subscribers and stored messages.
#[derive(Debug)]
pub struct Hub {
    settings: HubSettings,
    channels: Slab<Channel>,
    names: Names,
    /// The channels sorted by name, for lists of channels.
    by_name: BTreeMap<ChannelName, ChannelId>,
    age: Age,
    members: Members,
    /// Each channel's next deadline: its oldest message expires, or the idle channel is removed.
    lifecycle: TimerWheel,
    /// Channels whose deadline has passed and that [`Hub::sweep`] has not processed yet, in reverse
    /// order. They have no other deadline until then.
    due: Vec<u32>,
    deleted: Vec<Deleted>,
    /// When deleted channels and the trash are processed next.
    sweep_at: Option<Millis>,
    trash: Trash,
    account: MemoryAccount,
    evictable: Evictable,
    visitor_channel_count: usize,
    events_channel: Option<ChannelId>,
    events: events::Waiting,
    totals: Totals,
    serial: u64,
    /// Second and tag of the last publication: one counter for the whole server.
    last_time: u64,
    last_tag: u32,
    /// Position of the last publication.
    last_position: Position,
    /// Position of the last message of all channels that have been removed: the floor of those that
    /// are created from now on, as they may have existed before.
    floor: Position,
}

impl Hub {
    /// A hub without channels, except the events channel if there is one.
    pub fn new(settings: HubSettings, now: Now) -> Hub {
        let account = MemoryAccount::new(settings.store_bytes_max, settings.keeps_trash_charged);
        let mut hub = Hub {
            settings,
            channels: Slab::new(),
            names: Names::default(),
            by_name: BTreeMap::new(),
            age: Age::default(),
            members: Members::default(),
            lifecycle: TimerWheel::new(Millis(1000), now.monotonic),
            due: Vec::new(),
            deleted: Vec::new(),
            sweep_at: None,
            trash: Trash::default(),
            account,
            evictable: Evictable::default(),
            visitor_channel_count: 0,
            events_channel: None,
            events: events::Waiting::default(),
            totals: Totals::default(),
            serial: 0,
            last_time: 0,
            last_tag: 0,
            last_position: Position::START,
            floor: Position::START,
        };
        hub.make_events_channel(now);
        hub
    }

    /// Applies new settings. Channels and messages stay, and so does the size of an
    /// account that charges the trash.
    pub fn reconfigure(&mut self, settings: HubSettings, now: Now) {
        if !settings.keeps_trash_charged {
            self.account.resize(settings.store_bytes_max);
        }
        self.settings = settings;
        self.make_events_channel(now);
        self.recount(now.monotonic);
    }

    /// Counts everything again: another prefix or events channel changes the kind of channels.
    fn recount(&mut self, now: Millis) {
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

    fn make_events_channel(&mut self, now: Now) {
        let id: ChannelName = self.settings.events_channel_id.as_slice().into();
        self.events_channel = None;
        if id.is_empty() {
            return self.events.clear();
        }
        let channel = match self.find(&id) {
            Some(channel) => channel,
            None => {
                self.account.charge_always(account::channel_cost(&id));
                self.insert(id, Maker::Application, now)
            }
        };
        self.adopt(channel);
        self.events_channel = Some(channel);
        // The events channel is never removed: cancel its deadline.
        self.schedule(channel, now.monotonic);
    }

    /// Whether this is the name of the events channel.
    pub fn is_events_channel(&self, name: &[u8]) -> bool {
        !self.settings.events_channel_id.is_empty() && name == self.settings.events_channel_id
    }

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

    fn create(&mut self, name: &[u8], maker: Maker, now: Now) -> ChannelId {
        let channel = self.insert(name.into(), maker, now);
        self.raise(EventKind::ChannelCreated, channel);
        channel
    }

    fn insert(&mut self, name: ChannelName, maker: Maker, now: Now) -> ChannelId {
        self.serial += 1;
        let is_wildcard = self.is_wildcard(&name);
        if is_wildcard {
            self.totals.wildcard_channels += 1;
        } else {
            self.totals.channels += 1;
        }
        let key = self.channels.insert(Channel {
            is_wildcard,
            is_visitors: maker == Maker::Visitor,
            ..Channel::new(name.clone(), self.serial, self.floor, now.monotonic)
        });
        self.visitor_channel_count += usize::from(maker == Maker::Visitor);
        let channel = ChannelId(u32::try_from(key).expect("channels_max is below 2^32"));
        self.by_name.insert(name, channel);
        self.age.append(channel, &mut self.channels);
        self.names.insert(channel, &self.channels);
        self.mark_if_evictable(channel);
        self.schedule(channel, now.monotonic);
        channel
    }

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
        if entry.history.is_empty() {
            self.lifecycle.cancel(channel.0);
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

#[cfg(test)]
mod tests;
