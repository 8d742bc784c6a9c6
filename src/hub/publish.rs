//! Publishing in two steps: a message is stamped, which decides its place in the order, and stored.
//! Apart, so that another node may stamp a message that is stored here.

use super::{ChannelId, Full, Hub, Maker, SubscriberId, account, retention};
use crate::message::{Message, Position};
use crate::time::{Millis, Now};
use std::rc::Rc;

/// A message as the publisher sends it.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The payload: any bytes. Shared by the messages of all channels that it is published to.
    pub text: Rc<[u8]>,
    /// Whether the text is JSON.
    pub is_json: bool,
    /// Value of the `Event-Id` header.
    pub event_id: Option<Rc<[u8]>>,
    /// Value of the `Event-Type` header.
    pub event_type: Option<Rc<[u8]>>,
    /// Whether it is stored for later subscribers.
    pub storing: Storing,
    /// How long it is stored at most; none, or longer than the channel's messages: as those.
    pub ttl: Option<Millis>,
    /// On whose behalf it is published.
    pub maker: Maker,
    /// A subscriber that does not get it when it is published: its sender.
    pub except: Option<SubscriberId>,
}

/// Whether a message is stored for later subscribers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Storing {
    /// It is not.
    #[default]
    Never,
    /// It is in channels with a history of their own (`[[history]]`).
    InHistories,
    /// It is, in any channel.
    Always,
}

impl Storing {
    /// [`Storing::Always`] or [`Storing::Never`].
    pub fn always_if(is_stored: bool) -> Storing {
        if is_stored { Storing::Always } else { Storing::Never }
    }
}

/// What orders a message among others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Per channel, from 1.
    pub id: i64,
    /// Publication time in whole seconds since 1970.
    pub time: u64,
    /// Orders the messages of one second over the whole server, from 1.
    pub tag: u32,
    /// Orders all messages of the server, from 1.
    pub position: Position,
}

impl Hub {
    /// Stamps a message and stores it if [`Hub::stores`]. The caller fans it out to the
    /// members. An event that does not fit into the memory account is not stored.
    ///
    /// # Errors
    /// The memory account is full; nothing has changed.
    pub fn publish(
        &mut self,
        channel: ChannelId,
        draft: &Draft,
        now: Now,
    ) -> Result<Rc<Message>, Full> {
        let stamp = self.stamp(channel, now);
        self.store(channel, draft, stamp, now)
    }

    /// The stamp of a message that is published to the channel now. Nothing changes: it is taken
    /// once the message is passed to [`Hub::store`].
    ///
    /// Section 1.1: tags order the messages of one second over the whole server. If the clock is
    /// set back, time stays the same and tags continue.
    pub fn stamp(&self, channel: ChannelId, now: Now) -> Stamp {
        let entry = &self.channels[channel.0 as usize];
        let second = now.unix_seconds();
        let (time, tag) = if second > self.last_time {
            (second, 1)
        } else {
            (self.last_time, self.last_tag.saturating_add(1))
        };
        Stamp {
            id: i64::try_from(entry.published + 1).unwrap_or(i64::MAX),
            time,
            tag,
            position: self.last_position.next(),
        }
    }

    /// Takes a stamped message: charges it, stores it if [`Hub::stores`], and counts it. Its
    /// stamp must be later than those of all messages before it.
    ///
    /// # Panics
    /// The stamp is not later.
    ///
    /// # Errors
    /// The memory account is full; nothing has changed.
    pub fn store(
        &mut self,
        channel: ChannelId,
        draft: &Draft,
        stamp: Stamp,
        now: Now,
    ) -> Result<Rc<Message>, Full> {
        assert!(stamp.position > self.last_position, "positions only grow");
        let cost = account::cost(&draft.text, &draft.event_id, &draft.event_type);
        // The eviction that makes room for the message must not remove this channel.
        self.keep(channel, now);
        let is_event = self.events_channel == Some(channel);
        let mut is_stored =
            self.stores(channel, draft) && (!is_event || self.charge_event(cost, now));
        let mut is_charged = !is_event && (is_stored || self.account.charges_trash());
        if is_charged && let Err(full) = self.charge_message(cost, draft.maker, now) {
            if self.settings.refuses_when_full {
                return Err(full);
            }
            is_stored = self.make_room(cost, draft.maker, now);
            self.unstored_count += u64::from(!is_stored);
            is_charged = is_stored;
        }
        (self.last_time, self.last_tag) = (stamp.time, stamp.tag);
        self.last_position = stamp.position;
        self.rates.count(channel, draft.text.len(), now.monotonic);
        self.unmark_evictable(channel);
        let excess_count_max = self.excess_count_max();
        let entry = &mut self.channels[channel.0 as usize];
        entry.published = stamp.id.unsigned_abs();
        entry.touch_use(now.monotonic);
        let message = Rc::new(Message {
            id: stamp.id,
            time: stamp.time,
            tag: stamp.tag,
            position: stamp.position,
            channel: entry.name.clone(),
            shares_text: Rc::strong_count(&draft.text) > 1,
            text: draft.text.clone(),
            is_json: draft.is_json,
            event_id: draft.event_id.clone(),
            event_type: draft.event_type.clone(),
        });
        if !is_event {
            self.totals.published += 1;
        }
        if is_stored {
            let retention = self.settings.retention(entry.policy);
            let ttl = draft.ttl.filter(|ttl| *ttl < retention.age);
            let expires = now.monotonic + ttl.unwrap_or(retention.age);
            let memory = entry.history.memory();
            entry.history.push(message.clone(), expires, ttl.is_some());
            self.history_bytes += entry.history.memory() - memory;
            if !is_event {
                self.totals.stored += 1;
            }
            let excess = entry.history.excess(&retention, excess_count_max);
            self.discard_oldest(channel, excess, now.monotonic);
            self.place_history(channel, true);
            self.schedule(channel, now.monotonic);
        } else {
            entry.floor = stamp.position;
            self.discard(1, if is_charged { cost } else { 0 }, now.monotonic);
        }
        self.mark_if_evictable(channel);
        Ok(message)
    }

    /// Takes a position for a message of a channel that does not exist and is not created. It
    /// counts as a message of a channel that was removed, so that a client that resumes there has a
    /// gap.
    pub fn publish_to_none(&mut self) -> Position {
        self.last_position = self.last_position.next();
        self.floor = self.last_position;
        self.last_position
    }

    /// Whether the channel stores this message, if there is memory for it.
    pub fn stores(&self, channel: ChannelId, draft: &Draft) -> bool {
        let policy = self.channels[channel.0 as usize].policy;
        let is_wanted = match draft.storing {
            Storing::Never => false,
            Storing::InHistories => policy.is_some(),
            Storing::Always => true,
        };
        is_wanted && draft.ttl != Some(Millis(0)) && {
            let cost = account::cost(&draft.text, &draft.event_id, &draft.event_type);
            self.settings.retention(policy).bytes_max.is_none_or(|max| cost <= max)
        }
    }

    /// Whether a channel of this name, which does not exist, would store messages of this kind.
    pub fn would_store(&self, name: &[u8], storing: Storing) -> bool {
        match storing {
            Storing::Never => false,
            Storing::InHistories => retention::policy_for(name, &self.settings.policies).is_some(),
            Storing::Always => true,
        }
    }

    /// The cursor of a subscriber that has seen every message published so far: before the
    /// first message of this second, as in the module, or after the last message if the clock
    /// was set back since then.
    pub fn time_and_tag(&self, now: Now) -> (u64, u32) {
        let second = now.unix_seconds();
        if self.last_time > second { (self.last_time, self.last_tag) } else { (second, 0) }
    }
}
