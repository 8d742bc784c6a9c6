//! Subscriptions, linked both ways: from a channel to its subscribers (an array for fan-out) and
//! from a subscriber to its channels (a list through one shared slab), so that the cost of leaving
//! does not depend on the number of members.

use super::{ChannelId, SubscriberId};
use slab::Slab;
use std::collections::HashMap;

const NONE: u32 = u32::MAX;

/// The head of a subscriber's list of subscriptions; no heap allocation.
#[derive(Debug, PartialEq, Eq)]
pub struct Subscriptions {
    first: u32,
}

impl Default for Subscriptions {
    fn default() -> Subscriptions {
        Subscriptions { first: NONE }
    }
}

impl Subscriptions {
    /// Whether the subscriber has no subscriptions.
    pub fn is_empty(&self) -> bool {
        self.first == NONE
    }
}

/// An entry in a channel's list of subscribers.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// The subscriber.
    pub subscriber: SubscriberId,
    subscription: u32,
}

/// A subscription that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// The channel that was left.
    pub channel: ChannelId,
    /// Position in the channel's list.
    pub position: usize,
    /// The subscriber that was moved to that position; a pass over the list may have to
    /// visit it again.
    pub moved: Option<SubscriberId>,
}

#[derive(Debug)]
struct Subscription {
    channel: ChannelId,
    /// Position in the channel's list.
    position: u32,
    /// The subscriber's next subscription.
    next: u32,
}

#[derive(Debug, Default)]
pub(super) struct Members {
    subscriptions: Slab<Subscription>,
    subscriber_count: usize,
    /// How often the channel was named, for subscriptions whose path names it more than once.
    repeats: HashMap<u32, u32>,
}

impl Members {
    pub(super) fn len(&self) -> usize {
        self.subscriptions.len()
    }

    pub(super) fn shrink(&mut self) {
        self.subscriptions.shrink_to_fit();
        self.repeats.shrink_to_fit();
    }

    pub(super) fn subscriber_count(&self) -> usize {
        self.subscriber_count
    }

    /// Appends to both lists, one entry however often the channel was named.
    pub(super) fn add(
        &mut self,
        subscriber: SubscriberId,
        subscriptions: &mut Subscriptions,
        channel: ChannelId,
        times: u32,
        members: &mut Vec<Member>,
    ) {
        let position = u32::try_from(members.len()).expect("fewer members than 2^32");
        let key = self.subscriptions.insert(Subscription { channel, position, next: NONE });
        let key = u32::try_from(key).expect("fewer subscriptions than 2^32");
        members.push(Member { subscriber, subscription: key });
        if times > 1 {
            self.repeats.insert(key, times);
        }
        if subscriptions.is_empty() {
            self.subscriber_count += 1;
            subscriptions.first = key;
            return;
        }
        let mut last = subscriptions.first;
        while self.subscriptions[last as usize].next != NONE {
            last = self.subscriptions[last as usize].next;
        }
        self.subscriptions[last as usize].next = key;
    }

    pub(super) fn first_channel(&self, subscriptions: &Subscriptions) -> Option<ChannelId> {
        self.subscriptions.get(subscriptions.first as usize).map(|first| first.channel)
    }

    pub(super) fn only_channel(&self, subscriptions: &Subscriptions) -> Option<ChannelId> {
        let first = self.subscriptions.get(subscriptions.first as usize)?;
        (first.next == NONE && self.times(subscriptions.first) == 1).then_some(first.channel)
    }

    /// How often the subscriber named the channel of this subscription.
    fn times(&self, key: u32) -> u32 {
        if self.repeats.is_empty() { 1 } else { self.repeats.get(&key).copied().unwrap_or(1) }
    }

    /// Moves the subscription to this channel to the front of the list.
    pub(super) fn bring_to_front(
        &mut self,
        subscriptions: &mut Subscriptions,
        channel: ChannelId,
    ) -> Option<()> {
        let (mut previous, mut key) = (NONE, subscriptions.first);
        loop {
            let entry = self.subscriptions.get(key as usize)?;
            let next = entry.next;
            if entry.channel == channel {
                if previous != NONE {
                    self.subscriptions[previous as usize].next = next;
                    self.subscriptions[key as usize].next = subscriptions.first;
                    subscriptions.first = key;
                }
                return Some(());
            }
            (previous, key) = (key, next);
        }
    }

    /// Removes the first subscription; `members` is its channel's list. Returns the position in
    /// that list, the subscriber that was moved there, and how often the channel was named.
    pub(super) fn remove_first(
        &mut self,
        subscriptions: &mut Subscriptions,
        members: &mut Vec<Member>,
    ) -> (usize, Option<SubscriberId>, u32) {
        let times = self.times(subscriptions.first);
        if times > 1 {
            self.repeats.remove(&subscriptions.first);
        }
        let removed = self.subscriptions.remove(subscriptions.first as usize);
        subscriptions.first = removed.next;
        if subscriptions.is_empty() {
            self.subscriber_count -= 1;
        }
        let position = removed.position as usize;
        members.swap_remove(position);
        let moved = members.get(position).map(|moved| {
            self.subscriptions[moved.subscription as usize].position = removed.position;
            moved.subscriber
        });
        (position, moved, times)
    }

    /// The subscriber's channels, and how often it named each.
    pub(super) fn channels(
        &self,
        subscriptions: &Subscriptions,
    ) -> impl Iterator<Item = (ChannelId, u32)> {
        let mut key = subscriptions.first;
        std::iter::from_fn(move || {
            let entry = self.subscriptions.get(key as usize)?;
            let times = self.times(key);
            key = entry.next;
            Some((entry.channel, times))
        })
    }

    /// How often these members named their channel, not counting once each.
    pub(super) fn repeats_of(&self, members: &[Member]) -> u32 {
        members.iter().map(|member| self.times(member.subscription) - 1).sum()
    }

    pub(super) fn assert_consistent(&self, channel: ChannelId, members: &[Member]) {
        for (position, member) in members.iter().enumerate() {
            let entry = &self.subscriptions[member.subscription as usize];
            assert_eq!(entry.channel, channel, "a member points to its channel");
            assert_eq!(entry.position as usize, position, "a subscription has its position");
        }
    }
}
