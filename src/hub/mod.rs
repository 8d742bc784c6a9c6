//! Who listens to what, and what was said: channels, subscriptions, stored messages and their life.
//! Knows ids only, never bytes on a wire, never sockets; time comes in as an argument.

mod account;
mod channel;
mod events;
mod history;
mod members;
mod settings;

pub use account::Full;
pub use events::{Event, EventKind};
pub use history::{Resume, Since};
pub use members::{Left, Member, SubscriberId, Subscriptions};
pub use settings::HubSettings;

use crate::message::{ChannelName, Message};
use crate::time::{Millis, Now};
use crate::timer_wheel::TimerWheel;
use account::{MemoryAccount, Trash};
use channel::Channel;
use members::Members;
use slab::Slab;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

/// Index of a channel in the hub. It is used again after the channel's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(pub u32);

/// Stored messages and the trash are looked at on this grid, as the module's sweeps are (push-stream
/// spec, section 20.1).
const SWEEP: Millis = Millis(4000);
/// How long removed messages and channels rest in the trash (section 1).
const TRASH_TIME: Millis = Millis(10_000);

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
pub struct Draft<'a> {
    /// Any bytes.
    pub text: &'a [u8],
    /// `Event-Id`.
    pub event_id: Option<&'a [u8]>,
    /// `Event-Type`.
    pub event_type: Option<&'a [u8]>,
    /// Kept for later subscribers.
    pub is_stored: bool,
}

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
}

/// A channel that was deleted and waits for the sweep.
#[derive(Debug)]
struct Deleted {
    name: ChannelName,
    messages: usize,
    bytes: usize,
}

/// All channels.
#[derive(Debug)]
pub struct Hub {
    settings: HubSettings,
    channels: Slab<Channel>,
    names: HashMap<ChannelName, ChannelId>,
    members: Members,
    /// Each channel's next moment: its oldest message expires, or it has been idle for long enough.
    lifecycle: TimerWheel,
    due: Vec<u32>,
    deleted: Vec<Deleted>,
    /// When deleted channels and the trash are next looked at.
    sweep_at: Option<Millis>,
    trash: Trash,
    account: MemoryAccount,
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
            names: HashMap::new(),
            members: Members::default(),
            lifecycle: TimerWheel::new(Millis(1000), now.monotonic),
            due: Vec::new(),
            deleted: Vec::new(),
            sweep_at: None,
            trash: Trash::default(),
            account,
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
        let prefix = &self.settings.wildcard_channel_prefix;
        for (key, entry) in &mut self.channels {
            entry.is_wildcard = !prefix.is_empty() && entry.name.starts_with(prefix);
            match entry.is_wildcard {
                true => self.totals.wildcard_channels += 1,
                false => self.totals.channels += 1,
            }
            if self.events_channel != Some(ChannelId(key as u32)) {
                self.totals.stored += entry.history.len();
            }
        }
        for channel in self.channels() {
            self.schedule(channel, now);
        }
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
                self.insert(id, now)
            }
        };
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
        self.names.get(name).copied()
    }

    /// The live channel of this name, made if need be.
    ///
    /// # Errors
    /// There is no room for one more.
    pub fn find_or_create(&mut self, name: &[u8], now: Now) -> Result<ChannelId, CreateError> {
        if let Some(channel) = self.find(name) {
            return Ok(channel);
        }
        let (count, max) = match self.is_wildcard(name) {
            true => (self.totals.wildcard_channels, self.settings.max_wildcard_channels),
            false => (self.totals.channels, self.settings.max_channels),
        };
        if max.is_some_and(|max| count >= max as usize)
            || self.channels.len() >= self.settings.channels_max
        {
            return Err(CreateError::TooMany);
        }
        let cost = account::channel_cost(name);
        self.account.charge(cost).map_err(|Full| CreateError::Full)?;
        let channel = self.insert(name.into(), now);
        self.raise(EventKind::ChannelCreated, channel);
        Ok(channel)
    }

    fn insert(&mut self, name: ChannelName, now: Now) -> ChannelId {
        self.serial += 1;
        let is_wildcard = self.is_wildcard(&name);
        match is_wildcard {
            true => self.totals.wildcard_channels += 1,
            false => self.totals.channels += 1,
        }
        let key = self.channels.insert(Channel {
            is_wildcard,
            ..Channel::new(name.clone(), self.serial, now.monotonic)
        });
        let channel = ChannelId(u32::try_from(key).expect("channels_max is below 2^32"));
        self.names.insert(name, channel);
        self.schedule(channel, now.monotonic);
        channel
    }

    /// Gives the message its id, time and tag and stores it if asked to. Handing it to the members is the
    /// caller's affair.
    ///
    /// # Errors
    /// The memory account is full; nothing has happened.
    pub fn publish(
        &mut self,
        channel: ChannelId,
        draft: &Draft<'_>,
        now: Now,
    ) -> Result<Rc<Message>, Full> {
        let cost = account::message_cost(draft.text.len());
        let is_charged = draft.is_stored || self.account.charges_trash();
        if is_charged {
            self.account.charge(cost)?;
        }
        let (time, tag) = self.stamp(now);
        let is_event = self.events_channel == Some(channel);
        let entry = &mut self.channels[channel.0 as usize];
        entry.published += 1;
        entry.touch_use(now.monotonic);
        let message = Rc::new(Message {
            id: i64::try_from(entry.published).unwrap_or(i64::MAX),
            time,
            tag,
            channel: entry.name.clone(),
            text: draft.text.into(),
            event_id: draft.event_id.map(Into::into),
            event_type: draft.event_type.map(Into::into),
        });
        if !is_event {
            self.totals.published += 1;
        }
        if draft.is_stored {
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

    /// Makes the subscriber a member of the channel, once more if it is one already.
    ///
    /// # Errors
    /// The memory account is full; nothing has happened.
    pub fn subscribe(
        &mut self,
        subscriber: SubscriberId,
        subscriptions: &mut Subscriptions,
        channel: ChannelId,
        now: Now,
    ) -> Result<(), Full> {
        if subscriptions.is_empty() {
            self.account.charge(account::SUBSCRIBER_COST)?;
        }
        let entry = &mut self.channels[channel.0 as usize];
        entry.touch_use(now.monotonic);
        self.members.add(subscriber, subscriptions, channel, &mut entry.members);
        self.totals.subscriptions += 1;
        if entry.history.is_empty() {
            self.lifecycle.cancel(channel.0);
        }
        self.raise(EventKind::ClientSubscribed, channel);
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
        let moved = self.members.remove_first(subscriptions, &mut entry.members);
        entry.touch(now.monotonic);
        let is_deserted = entry.members.is_empty();
        self.totals.subscriptions -= 1;
        if subscriptions.is_empty() {
            self.account.release(account::SUBSCRIBER_COST);
        }
        if is_deserted {
            self.schedule(channel, now.monotonic);
        }
        self.raise(EventKind::ClientUnsubscribed, channel);
        Some(Left { channel, moved })
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

    /// Who is subscribed to the channel.
    pub fn members(&self, channel: ChannelId) -> &[Member] {
        self.channels.get(channel.0 as usize).map_or(&[], |entry| &entry.members)
    }

    /// The channel of a subscriber that has exactly one subscription.
    pub fn only_channel_of(&self, subscriptions: &Subscriptions) -> Option<ChannelId> {
        self.members.only_channel(subscriptions)
    }

    /// The channels of a subscriber, in the order in which it subscribed; one that it named twice comes
    /// twice.
    pub fn channels_of(&self, subscriptions: &Subscriptions) -> impl Iterator<Item = ChannelId> {
        self.members.channels(subscriptions)
    }

    /// The stored messages of a channel that a subscriber asks for, oldest first.
    pub fn replay(&self, channel: ChannelId, resume: &Resume<'_>) -> Vec<Rc<Message>> {
        self.channels[channel.0 as usize].history.since(resume)
    }

    /// Takes a channel out of the index: its name is free, its messages go with the next sweep. All members
    /// must have left.
    pub fn delete(&mut self, channel: ChannelId, now: Now) {
        let entry = &self.channels[channel.0 as usize];
        assert!(entry.members.is_empty(), "the members of a deleted channel have left");
        assert!(self.events_channel != Some(channel), "the events channel stays");
        let entry = self.remove(channel);
        let bytes = entry.history.cost() + account::channel_cost(&entry.name);
        self.totals.channels_in_delete += 1;
        self.deleted.push(Deleted { messages: entry.history.len(), name: entry.name, bytes });
        self.request_sweep(next_sweep(now.monotonic));
    }

    fn remove(&mut self, channel: ChannelId) -> Channel {
        self.lifecycle.cancel(channel.0);
        let entry = self.channels.remove(channel.0 as usize);
        self.names.remove(&entry.name);
        match entry.is_wildcard {
            true => self.totals.wildcard_channels -= 1,
            false => self.totals.channels -= 1,
        }
        entry
    }

    /// When [`Hub::sweep`] has something to do.
    pub fn next_sweep(&self) -> Option<Millis> {
        let expiry = self.lifecycle.next_due();
        match (expiry, self.sweep_at) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// Removes what has expired: stored messages, idle channels, deleted channels, the trash.
    pub fn sweep(&mut self, now: Now) {
        let mut due = std::mem::take(&mut self.due);
        self.lifecycle.advance(now.monotonic, &mut due);
        for key in due.drain(..) {
            self.expire(ChannelId(key), now.monotonic);
        }
        self.due = due;
        if self.sweep_at.is_some_and(|at| at <= now.monotonic) {
            self.sweep_at = None;
            self.sweep_deleted(now.monotonic);
            let freed = self.trash.empty(now.monotonic);
            self.account.release(freed);
            if let Some(next) = self.trash.next() {
                self.request_sweep(next);
            }
        }
    }

    fn expire(&mut self, channel: ChannelId, now: Millis) {
        let entry = &self.channels[channel.0 as usize];
        let expired = entry.history.expired(now);
        self.discard_oldest(channel, expired, now);
        let entry = &self.channels[channel.0 as usize];
        let is_over = self.idle_end(entry).is_some_and(|end| end <= now);
        if is_over && self.events_channel != Some(channel) {
            let entry = self.remove(channel);
            self.raise_named(EventKind::ChannelDestroyed, entry.name.clone());
            let until = grid(now + TRASH_TIME);
            let cost = account::channel_cost(&entry.name);
            self.account.move_to_trash(&mut self.trash, until, 0, 1, cost);
            self.request_sweep(until);
        } else {
            self.schedule(channel, now);
        }
    }

    fn sweep_deleted(&mut self, now: Millis) {
        let until = grid(now + TRASH_TIME);
        for deleted in std::mem::take(&mut self.deleted) {
            self.totals.channels_in_delete -= 1;
            self.totals.stored -= deleted.messages;
            self.account.move_to_trash(&mut self.trash, until, deleted.messages, 1, deleted.bytes);
            self.request_sweep(until);
            self.raise_named(EventKind::ChannelDestroyed, deleted.name);
        }
    }

    /// The end of a channel that nobody uses: none while it has members or stored messages.
    fn idle_end(&self, entry: &Channel) -> Option<Millis> {
        if !entry.members.is_empty() || !entry.history.is_empty() {
            return None;
        }
        let since = match self.settings.counts_end_of_subscription {
            true => entry.last_activity,
            false => entry.last_use,
        };
        Some(since + self.settings.channel_idle_ttl)
    }

    /// Sets the channel's next moment.
    fn schedule(&mut self, channel: ChannelId, now: Millis) {
        let entry = &self.channels[channel.0 as usize];
        let due = match entry.history.next_expiry() {
            Some(expiry) => grid(expiry),
            None if self.events_channel == Some(channel) => Millis::NEVER,
            None => self.idle_end(entry).map_or(Millis::NEVER, |end| end.max(now)),
        };
        self.lifecycle.set(channel.0, due);
    }

    fn discard_oldest(&mut self, channel: ChannelId, count: usize, now: Millis) {
        if count == 0 {
            return;
        }
        let bytes = self.channels[channel.0 as usize].history.drop_oldest(count);
        if self.events_channel != Some(channel) {
            self.totals.stored -= count;
        }
        self.discard(count, bytes, now);
    }

    fn discard(&mut self, messages: usize, bytes: usize, now: Millis) {
        let until = grid(now + TRASH_TIME);
        self.account.move_to_trash(&mut self.trash, until, messages, 0, bytes);
        self.request_sweep(until);
    }

    fn request_sweep(&mut self, at: Millis) {
        self.sweep_at = Some(self.sweep_at.map_or(at, |earlier| earlier.min(at)));
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

    /// Messages that the channel has stored.
    pub fn stored_count(&self, channel: ChannelId) -> usize {
        self.channels[channel.0 as usize].history.len()
    }

    /// What is known of a channel.
    pub fn info(&self, channel: ChannelId, now: Now) -> ChannelInfo<'_> {
        let entry = &self.channels[channel.0 as usize];
        ChannelInfo {
            name: &entry.name,
            published: entry.published,
            stored: entry.history.len(),
            subscriptions: entry.members.len(),
            idle: now.monotonic.since(entry.last_activity),
        }
    }

    /// All live channels, in the order in which they were made.
    pub fn channels(&self) -> Vec<ChannelId> {
        let mut all: Vec<(u64, ChannelId)> = self
            .channels
            .iter()
            .map(|(key, entry)| (entry.serial, ChannelId(key as u32)))
            .collect();
        all.sort_unstable();
        all.into_iter().map(|(_, channel)| channel).collect()
    }

    /// Live channels, without making a list of them.
    pub fn channel_count(&self) -> usize {
        self.channels.len()
    }

    /// Channels with at least one subscription.
    pub fn active_channel_count(&self) -> usize {
        self.channels.iter().filter(|(_, entry)| !entry.members.is_empty()).count()
    }

    /// Sums over the whole hub.
    pub fn totals(&self) -> Totals {
        Totals {
            messages_in_trash: self.trash.messages(),
            channels_in_trash: self.trash.channels(),
            ..self.totals
        }
    }

    /// Bytes in the memory account.
    pub fn accounted_bytes(&self) -> usize {
        self.account.used()
    }

    /// Checks what must hold between two calls; for tests.
    ///
    /// # Panics
    /// Something does not hold.
    pub fn assert_consistent(&self) {
        let mut subscriptions = 0;
        let mut stored = 0;
        let mut accounted = self.trash.bytes();
        for (key, entry) in &self.channels {
            let channel = ChannelId(key as u32);
            assert_eq!(
                self.names.get(&entry.name),
                Some(&channel),
                "the index finds every channel"
            );
            subscriptions += entry.members.len();
            self.members.assert_consistent(channel, &entry.members);
            let is_events = self.events_channel == Some(channel);
            if !is_events {
                stored += entry.history.len();
            }
            accounted += account::channel_cost(&entry.name);
            accounted += entry.history.cost();
            let needs_timer = !entry.history.is_empty() || entry.members.is_empty() && !is_events;
            assert_eq!(
                self.lifecycle.is_set(channel.0),
                needs_timer,
                "a channel's end is scheduled"
            );
        }
        for deleted in &self.deleted {
            stored += deleted.messages;
            accounted += deleted.bytes;
        }
        assert_eq!(self.names.len(), self.channels.len(), "the index holds live channels only");
        assert_eq!(self.members.len(), subscriptions, "subscriptions and members agree");
        assert_eq!(self.totals.subscriptions, subscriptions, "subscriptions are counted");
        assert_eq!(self.totals.stored, stored, "stored messages are counted");
        assert_eq!(
            self.account.used(),
            accounted + self.members.subscriber_count() * account::SUBSCRIBER_COST,
            "every accounted byte is in use"
        );
        assert!(self.trash.next().is_none() || self.sweep_at.is_some(), "the trash is emptied");
    }
}

/// The first moment of the sweeps' grid that is not before this one.
fn grid(at: Millis) -> Millis {
    Millis(at.0.div_ceil(SWEEP.0).saturating_mul(SWEEP.0))
}

/// The first moment of the grid after this one.
fn next_sweep(now: Millis) -> Millis {
    grid(now + Millis(1))
}

#[cfg(test)]
mod tests;
