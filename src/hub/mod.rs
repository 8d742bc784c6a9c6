//! Who listens to what, and what was said: channels, subscriptions, stored messages and their life.
//! Knows ids only, never bytes on a wire, never sockets; time comes in as an argument.

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
mod settings;
mod visitors;
mod walk;

pub use account::Full;
pub use events::{Event, EventKind};
pub use history::{Resume, Since, Stretch};
pub use inspect::{ChannelInfo, Totals};
pub use members::{Left, Member, SubscriberId, Subscriptions};
pub use settings::{HubSettings, IdleLife};
pub use walk::{Walk, Walked};

use crate::message::{ChannelName, Message};
use crate::time::{Millis, Now};
use crate::timer_wheel::TimerWheel;
use account::{MemoryAccount, Trash};
use age::Age;
use channel::Channel;
use lifecycle::Deleted;
use members::Members;
use names::Names;
use slab::Slab;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use visitors::Spare;

/// Index of a channel in the hub. It is used again after the channel's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(pub u32);

/// Who makes a channel or a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Maker {
    /// The application: it publishes there, or has signed a subscribe token for this channel.
    #[default]
    Application,
    /// A subscriber of a location, which can name any channel. What it publishes through its WebSocket
    /// changes nothing about that.
    Visitor,
}

/// Why a channel could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateError {
    /// One of the maxima of channels is reached.
    TooMany,
    /// The memory account is full.
    Full,
}

/// What a publisher gives.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// Any bytes. They are shared by the messages of all channels that this is published to.
    pub text: Rc<[u8]>,
    /// `Event-Id`.
    pub event_id: Option<Rc<[u8]>>,
    /// `Event-Type`.
    pub event_type: Option<Rc<[u8]>>,
    /// Kept for later subscribers.
    pub is_stored: bool,
    /// Who publishes it.
    pub maker: Maker,
}

/// All channels.
#[derive(Debug)]
pub struct Hub {
    settings: HubSettings,
    channels: Slab<Channel>,
    names: Names,
    /// The same in order, for lists of channels.
    by_name: BTreeMap<ChannelName, ChannelId>,
    age: Age,
    members: Members,
    /// Each channel's next moment: its oldest message expires, or it has been idle for long enough.
    lifecycle: TimerWheel,
    /// Channels whose moment has come and that are still to be looked at, the first one last.
    /// They have no other moment until then.
    due: Vec<u32>,
    deleted: Vec<Deleted>,
    /// When deleted channels and the trash are next looked at.
    sweep_at: Option<Millis>,
    trash: Trash,
    account: MemoryAccount,
    spare: Spare,
    visitor_channel_count: usize,
    events_channel: Option<ChannelId>,
    events: VecDeque<Event>,
    totals: Totals,
    serial: u64,
    /// The last publication's second and tag: one counter for the whole server.
    last_time: u64,
    last_tag: u32,
}

impl Hub {
    /// An empty hub, but for the events channel if there is one.
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
            spare: Spare::default(),
            visitor_channel_count: 0,
            events_channel: None,
            events: VecDeque::new(),
            totals: Totals::default(),
            serial: 0,
            last_time: 0,
            last_tag: 0,
        };
        hub.make_events_channel(now);
        hub
    }

    /// Takes new settings; channels, messages and the size of a charged account stay as they are.
    pub fn reconfigure(&mut self, settings: HubSettings, now: Now) {
        if !settings.keeps_trash_charged {
            self.account.resize(settings.store_bytes_max);
        }
        self.settings = settings;
        self.make_events_channel(now);
        self.recount(now.monotonic);
    }

    /// Another prefix or another events channel changes what counts as what.
    fn recount(&mut self, now: Millis) {
        (self.totals.channels, self.totals.wildcard_channels) = (0, 0);
        self.totals.stored = self.deleted.iter().map(|deleted| deleted.messages).sum();
        self.spare = Spare::default();
        let mut visitor_bytes = 0;
        let all: Vec<ChannelId> = self.age.all(&self.channels).collect();
        for channel in all {
            let is_wildcard = self.is_wildcard(&self.channels[channel.0 as usize].name);
            let entry = &mut self.channels[channel.0 as usize];
            entry.is_wildcard = is_wildcard;
            match is_wildcard {
                true => self.totals.wildcard_channels += 1,
                false => self.totals.channels += 1,
            }
            match self.events_channel == Some(channel) {
                true => visitor_bytes += entry.history.cost(),
                false => self.totals.stored += entry.history.len(),
            }
            if entry.is_visitors {
                visitor_bytes += account::channel_cost(&entry.name);
            }
            self.put_to_spare(channel);
            self.schedule(channel, now);
        }
        self.account.set_visitors(visitor_bytes);
    }

    fn make_events_channel(&mut self, now: Now) {
        let id: ChannelName = self.settings.events_channel_id.as_slice().into();
        self.events_channel = None;
        if id.is_empty() {
            return;
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
        // From now on it has no end.
        self.schedule(channel, now.monotonic);
    }

    /// Whether this name is the events channel's.
    pub fn is_events_channel(&self, name: &[u8]) -> bool {
        !self.settings.events_channel_id.is_empty() && name == self.settings.events_channel_id
    }

    /// Whether this channel is the events channel.
    pub fn is_events_channel_id(&self, channel: ChannelId) -> bool {
        self.events_channel == Some(channel)
    }

    /// Whether this name is a wildcard channel's.
    pub fn is_wildcard(&self, name: &[u8]) -> bool {
        let prefix = &self.settings.wildcard_channel_prefix;
        !prefix.is_empty() && name.starts_with(prefix)
    }

    /// The live channel of this name.
    pub fn find(&self, name: &[u8]) -> Option<ChannelId> {
        self.names.find(name, &self.channels)
    }

    /// The live channel of this name, made if need be. One that a visitor wants does not give way before the
    /// clock has gone on, so that it can be joined; one that the application wants never does.
    ///
    /// # Errors
    /// There is no room for one more.
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
        while let Some(kind) = self.lacks_place_for(name, maker) {
            if !self.give_way(kind, now) {
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
        self.limit_spare(now);
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
        match is_wildcard {
            true => self.totals.wildcard_channels += 1,
            false => self.totals.channels += 1,
        }
        let key = self.channels.insert(Channel {
            is_wildcard,
            is_visitors: maker == Maker::Visitor,
            ..Channel::new(name.clone(), self.serial, now.monotonic)
        });
        self.visitor_channel_count += usize::from(maker == Maker::Visitor);
        let channel = ChannelId(u32::try_from(key).expect("channels_max is below 2^32"));
        self.by_name.insert(name, channel);
        self.age.append(channel, &mut self.channels);
        self.names.insert(channel, &self.channels);
        self.put_to_spare(channel);
        self.schedule(channel, now.monotonic);
        channel
    }

    /// Gives the message its id, time and tag and stores it if asked to. Handing it to the members is the
    /// caller's affair. An event for which there is no room is not stored.
    ///
    /// # Errors
    /// The memory account is full; nothing has happened.
    pub fn publish(
        &mut self,
        channel: ChannelId,
        draft: &Draft,
        now: Now,
    ) -> Result<Rc<Message>, Full> {
        let cost = account::cost(&draft.text, &draft.event_id, &draft.event_type);
        // The room that the message needs must not be the channel's own.
        self.keep(channel, now);
        let is_event = self.events_channel == Some(channel);
        let is_stored = draft.is_stored && (!is_event || self.charge_event(cost, now));
        let is_charged = !is_event && (is_stored || self.account.charges_trash());
        if is_charged {
            self.charge_message(cost, draft.maker, now)?;
        }
        let (time, tag) = self.stamp(now);
        self.take_from_spare(channel);
        let entry = &mut self.channels[channel.0 as usize];
        entry.published += 1;
        entry.touch_use(now.monotonic);
        let message = Rc::new(Message {
            id: i64::try_from(entry.published).unwrap_or(i64::MAX),
            time,
            tag,
            channel: entry.name.clone(),
            text: draft.text.clone(),
            event_id: draft.event_id.clone(),
            event_type: draft.event_type.clone(),
        });
        if !is_event {
            self.totals.published += 1;
        }
        if is_stored {
            let expires = now.monotonic + self.settings.message_ttl;
            entry.history.push(message.clone(), expires);
            if !is_event {
                self.totals.stored += 1;
            }
            let excess = match self.settings.max_stored_messages {
                Some(max) => entry.history.len().saturating_sub(max as usize),
                None => 0,
            };
            self.discard_oldest(channel, excess, now.monotonic);
            self.schedule(channel, now.monotonic);
        } else {
            self.discard(1, if is_charged { cost } else { 0 }, now.monotonic);
        }
        self.put_to_spare(channel);
        Ok(message)
    }

    /// Section 1.1: tags order the messages of one second over the whole server. The clock may be set
    /// back; time and tag then go on from where they were.
    fn stamp(&mut self, now: Now) -> (u64, u32) {
        let second = now.unix_seconds();
        match second > self.last_time {
            true => (self.last_time, self.last_tag) = (second, 1),
            false => self.last_tag = self.last_tag.saturating_add(1),
        }
        (self.last_time, self.last_tag)
    }

    /// Where a subscriber goes on that has seen everything published so far: before the first message of
    /// this second, as in the module, or behind the last message if the clock was set back behind it.
    pub fn position(&self, now: Now) -> (u64, u32) {
        let second = now.unix_seconds();
        match self.last_time > second {
            true => (self.last_time, self.last_tag),
            false => (second, 0),
        }
    }

    /// Makes the subscriber a member of the channel, which its path names `times` times. It must
    /// not be a member already.
    ///
    /// # Errors
    /// The memory account is full; nothing has happened.
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
        self.take_from_spare(channel);
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

    /// Ends one of a subscriber's subscriptions; none when it has no more. The last member of the list
    /// takes the place of the one that left.
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
        let is_deserted = entry.members.is_empty();
        self.totals.active_channels -= usize::from(is_deserted);
        self.totals.subscriptions -= times as usize;
        if subscriptions.is_empty() {
            self.account.release(account::SUBSCRIBER_COST);
        }
        if is_deserted {
            self.put_to_spare(channel);
            self.schedule(channel, now.monotonic);
            self.limit_spare(now);
        }
        (0..times).for_each(|_| self.raise(EventKind::ClientUnsubscribed, channel));
        Some(Left { channel, position, moved })
    }

    /// Ends one subscription to this channel; none if the subscriber has none there.
    pub fn unsubscribe_from(
        &mut self,
        subscriptions: &mut Subscriptions,
        channel: ChannelId,
        now: Now,
    ) -> Option<Left> {
        self.members.bring_to_front(subscriptions, channel)?;
        self.unsubscribe_next(subscriptions, now)
    }

    /// Subscriptions to the channel: a subscriber that named it twice counts twice.
    pub fn subscription_count(&self, channel: ChannelId) -> usize {
        let entry = self.channels.get(channel.0 as usize);
        entry.map_or(0, |entry| entry.members.len() + entry.repeats as usize)
    }

    /// Who is subscribed to the channel.
    pub fn members(&self, channel: ChannelId) -> &[Member] {
        self.channels.get(channel.0 as usize).map_or(&[], |entry| &entry.members)
    }

    /// The channel of a subscriber that has exactly one subscription, and named its channel once.
    pub fn only_channel_of(&self, subscriptions: &Subscriptions) -> Option<ChannelId> {
        self.members.only_channel(subscriptions)
    }

    /// The channels of a subscriber, in the order in which it subscribed, and how often it named each.
    pub fn channels_of(
        &self,
        subscriptions: &Subscriptions,
    ) -> impl Iterator<Item = (ChannelId, u32)> {
        self.members.channels(subscriptions)
    }

    /// The stored messages of a channel that a subscriber asks for; none if there are none.
    pub fn asked(&self, channel: ChannelId, resume: &Resume<'_>) -> Option<Stretch> {
        let entry = &self.channels[channel.0 as usize];
        let (next, last) = entry.history.asked(resume)?;
        Some(Stretch { channel, serial: entry.serial, next, last })
    }

    /// About how many messages [`Hub::asked`] looks at.
    pub fn scanned_for(&self, channel: ChannelId, resume: &Resume<'_>) -> usize {
        let is_scanned = resume.backtrack == 0 && resume.event_id.is_some();
        if is_scanned { self.stored_count(channel) } else { 1 }
    }

    /// The messages of a stretch, oldest first. None: the first has left the store.
    pub fn stored(
        &self,
        stretch: &Stretch,
    ) -> Option<impl DoubleEndedIterator<Item = &Rc<Message>> + Clone> {
        let entry = self.channels.get(stretch.channel.0 as usize)?;
        let is_same = entry.serial == stretch.serial;
        is_same.then(|| entry.history.between(stretch.next, stretch.last)).flatten()
    }

    fn raise(&mut self, kind: EventKind, channel: ChannelId) {
        if self.events_channel.is_some_and(|events| events != channel) {
            let name = self.channels[channel.0 as usize].name.clone();
            self.events.push_back(Event { kind, channel: name });
        }
    }

    fn raise_named(&mut self, kind: EventKind, channel: ChannelName) {
        if self.events_channel.is_some() {
            self.events.push_back(Event { kind, channel });
        }
    }

    /// The next thing to be told on the events channel, with that channel's id.
    pub fn next_event(&mut self) -> Option<(ChannelId, Event)> {
        let channel = self.events_channel?;
        self.events.pop_front().map(|event| (channel, event))
    }
}

#[cfg(test)]
mod tests;
