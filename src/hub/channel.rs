//! The data of one channel.

use super::history::{History, Removed};
use super::members::Member;
use super::neighbours::Neighbours;
use super::retention::PolicyNumber;
use crate::message::{ChannelName, Position};
use crate::time::Moment;

#[derive(Debug)]
pub(super) struct Channel {
    pub(super) name: ChannelName,
    pub(super) members: Vec<Member>,
    pub(super) history: History,
    /// Number of messages ever published, which is also the id of the last one.
    pub(super) published: u64,
    /// Position of the newest message that is not in the history: it has left it, or was never
    /// stored. All messages after it are in the history; of those before it, some may be, too.
    pub(super) floor: Position,
    pub(super) is_wildcard: bool,
    /// The limits of its stored messages; none: those for all channels. What the API publishes is
    /// stored if it has one.
    pub(super) policy: Option<PolicyNumber>,
    /// Whether the rpushd API has published or subscribed here.
    pub(super) is_used_by_api: bool,
    /// Subscriptions of members that named the channel more than once, not counting one per member.
    pub(super) repeats: u32,
    /// Whether a visitor created it and the application has not used it since.
    pub(super) is_visitors: bool,
    /// Orders channels by creation.
    pub(super) serial: u64,
    pub(super) neighbours: Neighbours,
    /// Time of creation, of the last publication or of the last new subscription.
    pub(super) last_use: Moment,
    /// The same, or the last end of a subscription.
    pub(super) last_activity: Moment,
}

impl Channel {
    pub(super) fn new(name: ChannelName, serial: u64, floor: Position, now: Moment) -> Channel {
        Channel {
            name,
            members: Vec::new(),
            history: History::default(),
            published: 0,
            floor,
            is_wildcard: false,
            policy: None,
            is_used_by_api: false,
            repeats: 0,
            is_visitors: false,
            serial,
            neighbours: Neighbours::default(),
            last_use: now,
            last_activity: now,
        }
    }

    /// Whether it can be evicted without loss.
    pub(super) fn is_evictable(&self) -> bool {
        self.is_visitors && self.members.is_empty() && self.history.is_empty()
    }

    /// Removes the oldest stored messages.
    pub(super) fn drop_oldest(&mut self, count: usize) -> Removed {
        let removed = self.history.drop_oldest(count);
        self.raise_floor(&removed)
    }

    /// Removes expired messages behind the oldest one, up to a maximum.
    pub(super) fn remove_short_lived(&mut self, now: Moment, count_max: usize) -> Removed {
        let removed = self.history.remove_short_lived(now, count_max);
        self.raise_floor(&removed)
    }

    /// A message that was never stored may be later than one that was stored before it, and so may
    /// one that has left earlier.
    fn raise_floor(&mut self, removed: &Removed) -> Removed {
        self.floor = self.floor.max(removed.newest);
        *removed
    }

    /// Position of its last message, stored or not; its floor if it never had one.
    pub(super) fn newest(&self) -> Position {
        self.floor.max(self.history.last_position())
    }

    pub(super) fn touch_use(&mut self, now: Moment) {
        self.last_use = now;
        self.last_activity = now;
    }

    pub(super) fn touch(&mut self, now: Moment) {
        self.last_activity = now;
    }
}
