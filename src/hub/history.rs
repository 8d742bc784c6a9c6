//! The stored messages of one channel, and which of them a subscriber requests
//! (push-stream spec, section 9).

use super::account::{memory_cost, message_cost};
use super::neighbours::Neighbours;
use super::retention::Retention;
use super::short_lived::ShortLived;
use crate::message::{Message, Position};
use crate::time::{Millis, Moment, Now};
use std::collections::VecDeque;
use std::rc::Rc;

/// Which of one channel's stored messages a subscriber requests.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resume<'a> {
    /// The last messages, this many. If above 0, the other fields are ignored.
    pub backtrack: u32,
    /// Everything after this position. If present, the fields below are ignored.
    pub after: Option<Position>,
    /// Everything after a point in time.
    pub since: Option<Since>,
    /// Everything after the message with this event id.
    pub event_id: Option<&'a [u8]>,
}

/// A place in the order of all messages, by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since {
    /// Seconds since 1970.
    pub time: u64,
    /// Tag within that second; `None`: every message of that second has been seen.
    pub tag: Option<u32>,
}

/// Which messages of a history are requested.
pub(super) struct Requested {
    /// Ids of the first and the last one; `None`: nothing that is stored.
    pub(super) ids: Option<(i64, i64)>,
    /// Whether others that the client may have missed are not stored.
    pub(super) has_gap: bool,
}

/// Stored messages, oldest first. A channel without stored messages has no heap allocation for
/// them: most channels have none, and every inline byte counts.
#[derive(Debug, Default)]
pub(super) struct History(Option<Box<Messages>>);

#[derive(Debug, Default)]
struct Messages {
    stored: VecDeque<Stored>,
    /// Their cost in the memory account.
    cost: usize,
    /// The part of it that is the text of messages of other channels.
    shared_bytes: usize,
    links: Links,
    short_lived: ShortLived,
    /// No stored message expires later.
    last_expiry: Moment,
    gaps: Gaps,
}

/// What has left a history from the middle: replays in progress may be about to send it.
#[derive(Clone, Copy, Debug, Default)]
struct Gaps {
    /// Number of messages, modulo 2^32.
    count: u32,
    /// The highest of their ids.
    newest: i64,
}

/// Messages that have been removed from a history.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Removed {
    pub(super) count: usize,
    /// Their cost in the memory account.
    pub(super) cost: usize,
    /// Position of the newest of them; [`Position::START`] without any.
    pub(super) newest: Position,
}

/// The place of a channel with stored messages in the order in which these give way.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// The list that it is in; `None`: none yet.
    pub(super) list: Option<List>,
    pub(super) neighbours: Neighbours,
}

/// The channels with stored messages, by whether they have subscribers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    /// They have none.
    Idle,
    /// They have some.
    Watched,
}

#[derive(Debug)]
struct Stored {
    expires: Moment,
    message: Rc<Message>,
}

impl History {
    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |messages| messages.stored.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The channel's place among those with stored messages; `None`: it has none.
    pub(super) fn links(&self) -> Option<&Links> {
        self.0.as_ref().map(|messages| &messages.links)
    }

    pub(super) fn links_mut(&mut self) -> Option<&mut Links> {
        self.0.as_mut().map(|messages| &mut messages.links)
    }

    /// Adds the newest message. Its publisher may have given it a shorter lifetime than the others
    /// have.
    pub(super) fn push(&mut self, message: Rc<Message>, expires: Moment, is_short_lived: bool) {
        let messages = self.0.get_or_insert_default();
        if is_short_lived || expires < messages.last_expiry {
            messages.short_lived.add(expires, message.id);
        }
        messages.last_expiry = messages.last_expiry.max(expires);
        let cost = message_cost(&message);
        messages.cost += cost;
        messages.shared_bytes += cost - memory_cost(&message);
        messages.stored.push_back(Stored { expires, message });
    }

    /// Number of expired messages, counted from the oldest and up to a maximum.
    pub(super) fn expired(&self, now: Moment, count_max: usize) -> usize {
        self.iter().take(count_max).take_while(|stored| stored.expires <= now).count()
    }

    /// When the oldest message expires.
    pub(super) fn next_expiry(&self) -> Option<Moment> {
        self.iter().next().map(|stored| stored.expires)
    }

    /// When the next message with a lifetime of its own expires, or one that a reload has given a
    /// shorter lifetime.
    pub(super) fn next_short_lived_expiry(&self) -> Option<Moment> {
        self.0.as_ref()?.short_lived.next_expiry()
    }

    /// Number of oldest messages beyond these limits, up to a maximum.
    pub(super) fn excess(&self, retention: &Retention, count_max: usize) -> usize {
        let count = retention.messages_max.map_or(0, |max| self.len().saturating_sub(max as usize));
        let bytes_max = retention.bytes_max.unwrap_or(usize::MAX);
        let mut cost = self.cost();
        if count == 0 && cost <= bytes_max {
            return 0;
        }
        let oldest = self.iter().take(count_max).enumerate();
        oldest
            .take_while(|(index, stored)| {
                let is_beyond = *index < count || cost > bytes_max;
                cost -= message_cost(&stored.message);
                is_beyond
            })
            .count()
    }

    /// Removes expired messages behind the oldest one, which has not expired, up to a maximum.
    pub(super) fn remove_short_lived(&mut self, now: Moment, count_max: usize) -> Removed {
        let Some(messages) = &mut self.0 else { return Removed::default() };
        let mut places = Vec::new();
        while places.len() < count_max
            && let Some(id) = messages.short_lived.pop_expired(now)
        {
            let found = messages.stored.binary_search_by_key(&id, |stored| stored.message.id);
            places.extend(found.ok());
        }
        places.sort_unstable();
        let mut removed = Removed { count: places.len(), ..Removed::default() };
        for place in &places {
            let message = &messages.stored[*place].message;
            let cost = message_cost(message);
            removed.cost += cost;
            removed.newest = message.position;
            messages.cost -= cost;
            messages.shared_bytes -= cost - memory_cost(message);
            messages.gaps.count = messages.gaps.count.wrapping_add(1);
            messages.gaps.newest = messages.gaps.newest.max(message.id);
        }
        remove_places(&mut messages.stored, &places);
        if let Some(first) = messages.stored.front() {
            messages.short_lived.remove_older(first.message.id, messages.stored.len());
        }
        removed
    }

    /// Gives all messages at most this lifetime, counted from their publication.
    pub(super) fn limit_age(&mut self, age: Millis, now: Now) {
        let Some(messages) = &mut self.0 else { return };
        messages.short_lived = ShortLived::default();
        messages.last_expiry = Moment::START;
        for stored in &mut messages.stored {
            // The end of the second of publication, so that none expires early.
            let published = Millis::from_seconds(stored.message.time) + Millis(999);
            let expires = now.monotonic + (age - (Millis(now.unix.0) - published));
            if expires < stored.expires {
                stored.expires = expires;
            }
            if stored.expires < messages.last_expiry {
                messages.short_lived.add(stored.expires, stored.message.id);
            }
            messages.last_expiry = messages.last_expiry.max(stored.expires);
        }
    }

    /// The cost of all messages in the memory account.
    pub(super) fn cost(&self) -> usize {
        self.0.as_ref().map_or(0, |messages| messages.cost)
    }

    /// The memory of all messages: their cost without the text that other channels have, too.
    pub(super) fn memory(&self) -> usize {
        self.0.as_ref().map_or(0, |messages| {
            messages.cost - messages.shared_bytes + messages.short_lived.memory()
        })
    }

    /// Number of messages that have left it from the middle, modulo 2^32.
    pub(super) fn gap_count(&self) -> u32 {
        self.0.as_ref().map_or(0, |messages| messages.gaps.count)
    }

    /// Position of the newest message; [`Position::START`] without messages.
    pub(super) fn last_position(&self) -> Position {
        self.position_before(self.len())
    }

    /// Removes the oldest messages.
    pub(super) fn drop_oldest(&mut self, count: usize) -> Removed {
        let Some(messages) = &mut self.0 else { return Removed::default() };
        let count = count.min(messages.stored.len());
        let mut removed = Removed { count, ..Removed::default() };
        let mut memory = 0;
        for stored in messages.stored.drain(..count) {
            removed.cost += message_cost(&stored.message);
            memory += memory_cost(&stored.message);
            removed.newest = stored.message.position;
        }
        messages.cost -= removed.cost;
        messages.shared_bytes -= removed.cost - memory;
        match messages.stored.front() {
            Some(first) => {
                messages.short_lived.remove_older(first.message.id, messages.stored.len());
            }
            None => {
                assert_eq!(messages.cost, 0, "no cost is left without messages");
                self.0 = None;
            }
        }
        removed
    }

    /// Section 9.2: which messages are requested. `floor` is the channel's.
    pub(super) fn requested(&self, resume: &Resume<'_>, floor: Position) -> Requested {
        let (start, has_gap) = if resume.backtrack > 0 {
            (self.len().saturating_sub(resume.backtrack as usize), false)
        } else if let Some(position) = resume.after {
            let is_seen = |stored: &Stored| stored.message.position <= position;
            (self.stored().map_or(0, |stored| stored.partition_point(is_seen)), position < floor)
        } else if resume.since.is_some() || resume.event_id.is_some() {
            match self.start(resume) {
                Some(start) => (start, self.position_before(start) < floor),
                None => (self.len(), true),
            }
        } else {
            (self.len(), false)
        };
        let ids = self
            .stored()
            .and_then(|stored| Some((stored.get(start)?.message.id, stored.back()?.message.id)));
        Requested { ids, has_gap }
    }

    /// Index of the first message that was not seen yet. `None`: there is only an event id, and it
    /// is of no stored message. Messages are in order of time and tag, so only an event id needs a
    /// linear search.
    fn start(&self, resume: &Resume<'_>) -> Option<usize> {
        let Some(stored) = self.stored() else { return resume.since.map(|_| 0) };
        let by_time = resume
            .since
            .map(|since| stored.partition_point(|stored| !is_at_or_after(&stored.message, since)));
        let by_event = resume.event_id.and_then(|_| {
            let mut before = stored.range(..by_time.unwrap_or(stored.len()));
            before.position(|stored| has_event_id(&stored.message, resume))
        });
        let at = by_event.or(by_time)?;
        let is_seen = stored.get(at).is_some_and(|stored| is_seen(&stored.message, resume));
        Some(at + usize::from(is_seen))
    }

    /// Position of the last message before an index; [`Position::START`] if there is none.
    fn position_before(&self, index: usize) -> Position {
        let last = index.checked_sub(1).and_then(|last| self.stored()?.get(last));
        last.map_or(Position::START, |stored| stored.message.position)
    }

    /// The messages from one id to another, both included. `None`: the first is no longer stored,
    /// or another one may have left since there were `gap_count` gaps.
    pub(super) fn between(
        &self,
        first: i64,
        last: i64,
        gap_count: u32,
    ) -> Option<impl DoubleEndedIterator<Item = &Rc<Message>> + Clone> {
        let Messages { stored: messages, gaps, .. } = &**self.0.as_ref()?;
        if gaps.count != gap_count && gaps.newest >= first {
            return None;
        }
        let start = messages.binary_search_by_key(&first, |stored| stored.message.id).ok()?;
        let end = messages.partition_point(|stored| stored.message.id <= last);
        Some(messages.range(start..end.max(start)).map(|stored| &stored.message))
    }

    fn stored(&self) -> Option<&VecDeque<Stored>> {
        self.0.as_ref().map(|messages| &messages.stored)
    }

    /// Checks the invariants of one history; for tests.
    ///
    /// # Panics
    /// One of them does not hold.
    pub(super) fn assert_consistent(&self) {
        let Some(messages) = &self.0 else { return };
        assert!(!messages.stored.is_empty(), "a channel without messages has no heap for them");
        let positions = || self.iter().map(|stored| stored.message.position);
        assert!(positions().is_sorted_by(|one, next| one < next), "messages are in order");
        let cost: usize = self.iter().map(|stored| message_cost(&stored.message)).sum();
        assert_eq!(messages.cost, cost, "the cost of messages is counted");
        let next = self.iter().map(|stored| stored.expires).min();
        let known = self.next_expiry().into_iter().chain(self.next_short_lived_expiry()).min();
        assert_eq!(known, next, "the next message to expire is known");
        let last = self.iter().map(|stored| stored.expires).max();
        assert!(last <= Some(messages.last_expiry), "no message expires later");
        let entries_max = 2 * messages.stored.len() + 16;
        assert!(messages.short_lived.len() <= entries_max, "entries without message are removed");
    }

    fn iter(&self) -> impl Iterator<Item = &Stored> {
        self.0.iter().flat_map(|messages| messages.stored.iter())
    }
}

/// Removes the elements at these places, which are sorted.
fn remove_places(stored: &mut VecDeque<Stored>, places: &[usize]) {
    let Some(&first) = places.first() else { return };
    let mut left = first;
    let mut next = places.iter().copied().peekable();
    for place in first..stored.len() {
        if next.next_if_eq(&place).is_none() {
            stored.swap(left, place);
            left += 1;
        }
    }
    stored.truncate(left);
}

/// Whether the message is at this position or after it.
fn is_at_or_after(message: &Message, since: Since) -> bool {
    message.time > since.time
        || message.time == since.time && since.tag.is_some_and(|tag| message.tag >= tag)
}

/// Whether the message where the replay starts is itself the last one seen.
fn is_seen(message: &Message, resume: &Resume<'_>) -> bool {
    let by_time = resume
        .since
        .is_some_and(|since| message.time == since.time && since.tag == Some(message.tag));
    by_time || has_event_id(message, resume)
}

fn has_event_id(message: &Message, resume: &Resume<'_>) -> bool {
    resume.event_id.is_some_and(|wanted| message.event_id.as_deref() == Some(wanted))
}
